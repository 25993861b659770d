import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const SERVE = ["serve", "mailbox", "0"];

// seal.md 7.2
Deno.test("a server that has accounts does not start without its key, and says what to do", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, path = `${cwd}/parley-data/seal-key`;
  const env = { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: "organa" };
  const run = (...args: string[]) => wirepost(args, { cwd, env });
  {
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    await server.end();
  }
  assertEquals((await run("account", "add", "leia")).code, 0);
  const key = await Deno.readTextFile(path);
  assertMatch(key, /^private1[a-z2-7]{56}\n$/);
  const broken = {
    missing: () => Deno.remove(path),
    empty: () => Deno.writeTextFile(path, ""),
  };
  for (const [what, breakIt] of Object.entries(broken)) {
    await breakIt();
    assertEquals(await run(...SERVE), {
      code: 1,
      out: "",
      err:
        `wirepost serve: Cannot start without the server's key: parley-data/seal-key is ${what}, and the clients ` +
        "of 1 account know the server by it. Restore the file from a backup; or start once with --new-seal-key, " +
        "which makes a new key: then each client refuses the server until its user runs " +
        "'wirepost known-servers remove HOST:PORT' or gives the new key\n",
    });
    // nothing was put in its place
    assertEquals((await Deno.readTextFile(path).catch(() => "")).length, 0);
    // nor does an account that is made meanwhile
    assertEquals((await run("account", "add", `of-${what}`)).code, 0);
    assertEquals((await run("account", "remove", `of-${what}`)).code, 0);
  }
  // a backup
  await Deno.writeTextFile(path, key);
  const login = (server: ServerProcess) => run("receive", "--as", "leia", "--server", server.address);
  let before: string;
  {
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    await server.logged("the server's key is public1");
    before = /server's key is (\S+)/.exec(server.err)![1]!;
    assertEquals((await login(server)).code, 3);
    await server.end();
  }
  assertEquals(await Deno.readTextFile(path), key);
  // or a new key, by an explicit order
  await Deno.remove(path);
  await using server = await ServerProcess.start(["mailbox", "0", "--new-seal-key"], { cwd });
  await server.logged("the server's key is public1");
  const now = /server's key is (\S+)/.exec(server.err)![1]!;
  assertEquals(now === before, false);
  // a client that knows the server of this address by the key that was lost
  await Deno.writeTextFile(`${cwd}/state/wirepost/known-servers`, `${server.address} ${before}\n`);
  assertStringIncludes((await login(server)).err, `has the key ${now}, but`);
  assertEquals((await run("known-servers", "remove", server.address)).code, 0);
  assertEquals((await login(server)).code, 3);
});

// seal.md 7.1
Deno.test("a key that is there is kept, with --new-seal-key too, and one that is damaged is refused", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, path = `${cwd}/parley-data/seal-key`;
  {
    // without accounts nobody knows the server, and it makes a key by itself
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    await server.end();
  }
  const key = await Deno.readTextFile(path);
  {
    await using server = await ServerProcess.start(["mailbox", "0", "--new-seal-key"], { cwd });
    await server.end();
  }
  assertEquals(await Deno.readTextFile(path), key);
  // as it was written before
  const older = "01".repeat(32);
  await Deno.writeTextFile(path, `${older}\n`);
  {
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    await server.end();
  }
  assertEquals(await Deno.readTextFile(path), `${older}\n`);
  const flipped = key[20] === "a" ? "b" : "a";
  await Deno.writeTextFile(path, key.slice(0, 20) + flipped + key.slice(21));
  assertEquals(await wirepost([...SERVE, "--new-seal-key"], { cwd }), {
    code: 1,
    out: "",
    err: "wirepost serve: Cannot use the key in parley-data/seal-key: " +
      "its checksum is wrong: a character of it is not the right one\n",
  });
  for (const option of ["--memory", "--seal-key=key"]) {
    assertEquals((await wirepost([...SERVE, "--new-seal-key", option], { cwd })).code, 2);
  }
});
