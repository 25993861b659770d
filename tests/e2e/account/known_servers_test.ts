import { assertEquals, assertStringIncludes } from "@std/assert";
import { sealKey } from "../../../protocol/seal/keys.ts";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** A private key. Its public half in base64url begins with `-`, like one in 64: it would look like an option. */
function keyWithDash(): string {
  for (let i = 0;; i++) {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, i);
    if (sealKey(bytes).public[0]! >> 2 === 62) return bytes.toHex();
  }
}

// seal.md 7.8
Deno.test("a server with a new key is refused with the command that forgets the old one, ready to copy", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, path = `${cwd}/state/wirepost/known-servers`;
  const env = { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: "organa" };
  const run = (command: string) => wirepost(command.split(" "), { cwd, env });
  assertEquals(await run("known-servers list"), { code: 0, out: "", err: "" });
  const before = sealKey(new Uint8Array(32)).text,
    key = keyWithDash(),
    now = sealKey(Uint8Array.fromHex(key)).text;
  await Deno.writeTextFile(`${cwd}/key`, `${key}\n`);
  await using server = await ServerProcess.start(["mailbox", "0", "--data", "data", "--seal-key", "key"], {
    cwd,
  });
  await server.logged(`the server's key is ${now}\n`);
  assertEquals((await run("account add leia --data data")).code, 0);
  // as after a log-in to the server that was there before
  await Deno.mkdir(`${cwd}/state/wirepost`, { recursive: true });
  await Deno.writeTextFile(path, `127.0.0.1:${server.port} ${before}\n`);
  const receive = `receive --as leia --server ${server.address}`;
  const refused = await run(receive);
  assertEquals([refused.code, refused.err], [
    1,
    `wirepost receive: The server at ${server.address} has the key ${now}, but ${path} says ${before}: ` +
    `somebody may be in between; if it was given a new key, run: wirepost known-servers remove ${server.address}\n`,
  ]);
  const command = /run: wirepost (.*)\n/.exec(refused.err)![1]!;
  assertEquals(await run(command), { code: 0, out: "", err: "" });
  assertEquals((await run(receive)).code, 3);
  assertEquals((await run("known-servers list")).out, `${server.address} ${now}\n`);
  // the same key, given on the command line
  assertEquals((await run(`${receive} --server-key ${now}`)).code, 3);
  const mistyped = `${now.slice(0, -1)}${now.endsWith("a") ? "b" : "a"}`;
  assertEquals(
    (await run(`${receive} --server-key ${mistyped}`)).err.split("\n")[0],
    `wirepost receive: Cannot read --server-key '${mistyped}': ` +
      "its checksum is wrong: a character of it is not the right one",
  );
});

Deno.test("known-servers remove leaves the other lines as they are, and reports an unknown server", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/wirepost/known-servers`, key = "A".repeat(43);
  const run = (...args: string[]) =>
    wirepost(["known-servers", ...args], { env: { XDG_STATE_HOME: directory.path } });
  await Deno.mkdir(`${directory.path}/wirepost`);
  await Deno.writeTextFile(path, `# mine\na:1 ${key}\n[::1]:2 ${key}\nb:3 key\na:1 ${key}\n`);
  const list = await run("list"), now = encodePublicKey(new Uint8Array(32));
  assertEquals([list.code, list.out], [1, `a:1 ${now}\n[::1]:2 ${now}\na:1 ${now}\n`]);
  assertStringIncludes(list.err, `line 4 of ${path} has no key: expected 'public1'`);
  assertEquals((await run("remove", "A:1")).code, 0);
  assertEquals(await Deno.readTextFile(path), `# mine\n[::1]:2 ${key}\nb:3 key\n`);
  assertEquals((await run("remove", "[::1]:2")).code, 0);
  assertEquals(await Deno.readTextFile(path), "# mine\nb:3 key\n");
  assertEquals(await run("remove", "a:1"), {
    code: 1,
    out: "",
    err: `wirepost known-servers: Cannot remove a:1: it is not in ${path}\n`,
  });
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("known-servers are read from the directory of the program's former name", async () => {
  await using directory = await temporaryDirectory();
  const line = `a:1 ${encodePublicKey(new Uint8Array(32))}\n`;
  const run = (command: string) =>
    wirepost(["known-servers", ...command.split(" ")], { env: { XDG_STATE_HOME: directory.path } });
  await Deno.mkdir(`${directory.path}/parley`);
  await Deno.writeTextFile(`${directory.path}/parley/known-servers`, line);
  assertEquals(await run("list"), { code: 0, out: line, err: "" });
  assertEquals((await run("remove a:1")).code, 0);
  assertEquals(await run("list"), { code: 0, out: "", err: "" });
});

Deno.test("known-servers remove HOST forgets all servers of that host, and list --json prints objects", async () => {
  await using directory = await temporaryDirectory();
  const key = encodePublicKey(new Uint8Array(32));
  const servers = ["h:1", "h:21001", "other:21001", "[::1]:5"];
  await Deno.mkdir(`${directory.path}/wirepost`);
  await Deno.writeTextFile(
    `${directory.path}/wirepost/known-servers`,
    servers.map((server) => `${server} ${key}\n`).join(""),
  );
  const run = (...args: string[]) =>
    wirepost(["known-servers", ...args], { env: { XDG_STATE_HOME: directory.path } });
  assertEquals((await run("remove", "H")).code, 0);
  assertEquals((await run("remove", "[::1]:6")).code, 1);
  const { out } = await run("list", "--json");
  assertEquals(out, `{"server":"other:21001","key":"${key}"}\n{"server":"[::1]:5","key":"${key}"}\n`);
});
