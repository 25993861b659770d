import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodePublicKey } from "../../protocol/key_text.ts";
import { parley, ServerProcess, temporaryDirectory } from "../program.ts";

/** Runs the program in a directory, with a state directory of its own there. */
function runner(cwd: string) {
  return (command: string, options: { password?: string; input?: string } = {}) => {
    const { password, input } = options;
    const env = {
      XDG_STATE_HOME: `${cwd}/state`,
      ...password === undefined ? {} : { PARLEY_PASSWORD: password },
    };
    return parley(command.split(" "), { cwd, env, ...input === undefined ? {} : { input } });
  };
}

Deno.test("accounts are managed in the data directory, and through the server that has it open", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  const set = (name: string) => run(`account set-password ${name} --new-password-file new`);
  // made beside the server, each covers the mailbox too
  const listed = async () => {
    const lines = (await run("account list")).out.trimEnd().split("\n");
    return lines.map((line) => /^(\S+) +forum, mailbox$/.exec(line)?.[1]);
  };
  await Deno.writeTextFile(`${directory.path}/new`, "endor\n");
  await Deno.writeTextFile(`${directory.path}/credentials.txt`, "yoda wise@!@\nhan falcon\n\nr2d2 bee,p");
  assertEquals(await run("account import credentials.txt"), { code: 0, out: "3 accounts added\n", err: "" });
  const again = await run("account import credentials.txt");
  assertEquals([again.code, again.out], [0, "0 accounts added\n"]);
  assertStringIncludes(again.err, "'yoda' has an account, which was kept");
  assertEquals((await run("account add leia", { password: "organa" })).code, 0);
  assertEquals(await listed(), ["han", "leia", "r2d2", "yoda"]);
  assertEquals(await set("leia"), { code: 0, out: "", err: "" });
  assertEquals(await set("jabba"), {
    code: 1,
    out: "",
    err: "parley account: Cannot set the password of 'jabba': no account has this name\n",
  });
  {
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
    const receive = async (name: string, password: string) =>
      (await run(`receive --as ${name} --server ${server.address}`, { password })).code;
    assertEquals([await receive("leia", "endor"), await receive("leia", "organa")], [3, 1]);
    assertEquals(await set("yoda"), { code: 0, out: "", err: "" });
    assertEquals([await receive("yoda", "endor"), await receive("yoda", "wise@!@")], [3, 1]);
    assertStringIncludes((await set("jabba")).err, "no account has this name");
    assertEquals(await listed(), ["han", "leia", "r2d2", "yoda"]);
    assertEquals((await run("account add luke,s", { password: "force" })).code, 0);
    const twice = await run("account add luke,s", { password: "force" });
    assertEquals(twice, {
      code: 1,
      out: "",
      err: "parley account: Cannot add 'luke,s': the name has an account\n",
    });
    assertEquals((await run("account remove han")).code, 0);
    const none = await run("account remove han");
    assertEquals(none.code, 1);
    assertStringIncludes(none.err, "no account has this name");
    assertEquals(await listed(), ["leia", "luke,s", "r2d2", "yoda"]);
  }
  assertEquals(await listed(), ["leia", "luke,s", "r2d2", "yoda"]);
  const none = await run("account remove han");
  assertEquals(none, {
    code: 1,
    out: "",
    err: "parley account: Cannot remove 'han': no account has this name\n",
  });
  // the key and the database are for their owner, and no password is anywhere
  const mode = (await Deno.stat(`${directory.path}/parley-data/seal-key`)).mode! & 0o777;
  assertEquals(mode, 0o600);
  for await (const { name } of Deno.readDir(`${directory.path}/parley-data`)) {
    const bytes = await Deno.readFile(`${directory.path}/parley-data/${name}`);
    const text = new TextDecoder("latin1").decode(bytes);
    for (const password of ["wise@!@", "falcon", "bee,p", "organa", "force", "endor"]) {
      assert(!text.includes(password), name);
    }
  }
});

Deno.test("a file of credentials with a bad line is not imported at all", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  const path = `${directory.path}/c.txt`;
  for (const bad of ["han", "a b\u0007c", "h\u00e4n solo", "admin x", "yoda again"]) {
    await Deno.writeTextFile(path, `yoda wise\n${bad}\n`);
    const { code, err } = await run("account import c.txt");
    assertEquals(code, 1);
    assertStringIncludes(err, "c.txt, line 2: Cannot use");
  }
  // as an older editor writes "ä"
  await Deno.writeFile(path, new Uint8Array([...new TextEncoder().encode("yoda w"), 0xe4]));
  assertEquals(
    (await run("account import c.txt")).err,
    "parley account: Cannot read c.txt: it is no UTF-8\n",
  );
  const add = await run("account add yoda --password-file c.txt");
  assertEquals(add.err, "parley account: Cannot read the password in c.txt: it is no UTF-8\n");
  assertEquals((await run("account list")).out, "");
});

Deno.test("send and receive log in with --as, from anywhere", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const at = `--server ${server.address}`;
  await Deno.writeTextFile(`${directory.path}/password`, "organa\n");
  assertEquals(await run(`account add leia ${at}`, { password: "organa" }), { code: 0, out: "", err: "" });
  const twice = await run(`account add leia ${at}`, { password: "other" });
  assertEquals(twice.err, "parley account: Cannot add 'leia': the name has an account\n");
  assertEquals((await run(`account add han ${at}`, { password: "falcon" })).code, 0);

  assertEquals((await run(`send leia hi --as han ${at}`, { password: "falcon" })).code, 0);
  assertEquals((await run(`send leia --as han ${at}`, { password: "falcon", input: "1\n2\n" })).code, 0);
  for (const denied of [`receive leia ${at}`, `receive leia --as han ${at}`]) {
    const { code, err } = await run(denied, { password: "falcon" });
    assertEquals([code, err], [
      1,
      "parley receive: Cannot receive for 'leia': the name has an account, and only its owner may\n",
    ]);
  }
  const received = await run(`receive --as leia --all --json --password-file password ${at}`);
  assertEquals(received.out.split("\n").filter(Boolean).map((line) => JSON.parse(line).from), [
    "han",
    "han",
    "han",
  ]);
  const forged = await run(`send bob hi --from leia ${at}`);
  assertEquals(forged.err, "parley send: The server refuses it: sender has an account\n");
  const wrong = await run(`receive --as leia --follow ${at}`, { password: "wrong" });
  assertEquals([wrong.code, wrong.err], [
    1,
    "parley receive: Cannot log in as 'leia': the password is wrong\n",
  ]);
  await Deno.writeTextFile(`${directory.path}/new`, "alderaan\n");
  const set = (password: string) =>
    run(`account set-password leia --new-password-file new ${at}`, { password });
  assertStringIncludes((await set("wrong")).err, "Cannot log in as 'leia': the password is wrong");
  assertEquals(await set("organa"), { code: 0, out: "", err: "" });
  assertEquals((await run(`receive --as leia ${at}`, { password: "organa" })).code, 1);
  await Deno.writeTextFile(`${directory.path}/new`, "organa\n");
  assertEquals((await set("alderaan")).code, 0);
  const unasked = await run(`account set-password leia --password-file password ${at}`);
  assertStringIncludes(unasked.err, "give --new-password-file or set PARLEY_NEW_PASSWORD");
  for (
    const usage of ["account set-password leia --password-file new", "account add x --new-password-file new"]
  ) {
    assertEquals((await run(usage)).code, 2);
  }
  const none = await run(`receive --as leia ${at}`);
  assertEquals(none.code, 1);
  assertStringIncludes(none.err, "give --password-file or set PARLEY_PASSWORD");
  for (const usage of [`send bob hi --as leia --from han ${at}`, `send bob hi --as leia --basic`]) {
    assertEquals((await run(usage)).code, 2);
  }
  const key = /server's key is (\S+)/.exec(server.err)![1]!;
  assertEquals((await run(`receive --as leia --server-key ${key} ${at}`, { password: "organa" })).code, 3);
  const other = encodePublicKey(new Uint8Array(32));
  const refused = await run(`receive --as leia --server-key ${other} ${at}`, { password: "organa" });
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, `has the key ${key}, but was to have ${other}`);
  const known = await Deno.readTextFile(`${directory.path}/state/parley/known-servers`);
  assertEquals(known, `127.0.0.1:${server.port} ${key}\n`);
});
