import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** Runs the program in a directory, with a state directory of its own there. */
function runner(cwd: string) {
  return (command: string, options: { password?: string; input?: string } = {}) => {
    const { password, input } = options;
    const env = {
      XDG_STATE_HOME: `${cwd}/state`,
      ...password === undefined ? {} : { WIREPOST_PASSWORD: password },
    };
    return wirepost(command.split(" "), { cwd, env, ...input === undefined ? {} : { input } });
  };
}

/** The paths of all files below a directory. */
function* filesIn(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* filesIn(`${directory}/${name}`);
    else yield `${directory}/${name}`;
  }
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
  assertEquals(await run("account import credentials.txt"), {
    code: 1,
    out: "",
    err:
      "wirepost account: No server has kept anything in parley-data: start one there once, or give its --data " +
      "or --server\n",
  });
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name).toSorted(), [
    "credentials.txt",
    "new",
  ]);
  await (await ServerProcess.start(["mailbox", "0"], { cwd: directory.path })).end();
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
    err: "wirepost account: Cannot set the password of 'jabba': no account has this name\n",
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
      err: "wirepost account: Cannot add 'luke,s': the name has an account\n",
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
    err: "wirepost account: Cannot remove 'han': no account has this name\n",
  });
  // the key and the database are for their owner, and no password is anywhere
  const mode = (await Deno.stat(`${directory.path}/parley-data/seal-key`)).mode! & 0o777;
  assertEquals(mode, 0o600);
  for (const name of filesIn(`${directory.path}/parley-data`)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(name));
    for (const password of ["wise@!@", "falcon", "bee,p", "organa", "force", "endor"]) {
      assert(!text.includes(password), name);
    }
  }
});

/** Makes a data directory, as a server does when it starts for the first time. */
async function serveOnce(directory: string) {
  await using server = await ServerProcess.start(["mailbox", "0", "--data", `${directory}/parley-data`]);
  assertEquals((await server.end()).code, 0);
}

Deno.test("each good line of a file of credentials is imported, and each bad one is named", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await serveOnce(directory.path);
  const path = `${directory.path}/c.txt`;
  const lines = (...lines: string[]) => Deno.writeTextFile(path, lines.join("\n"));
  const bad = ["han", "a b\u0007c", "h\u00e4n solo", "yoda again", `x${" ".repeat(9000)}y`];
  await lines("\ufeffyoda wise@!@", ...bad, "", "admin of all\r", "  luke\tskywalker  ");
  const said = [
    "line 2: Missing the password of 'han'",
    "line 3: Cannot use the password: it has control characters or others that nobody sees",
    "line 4: Cannot use 'hän' as a name",
    "line 5: Cannot use 'yoda' a second time",
    "line 6: the line is too long",
  ].map((text) => `wirepost account: c.txt, ${text}\n`);
  const first = await run("account import c.txt");
  assertEquals(first, { code: 1, out: "3 accounts added\n", err: said.join("") });
  assertEquals(
    (await run("account list")).out,
    "admin  forum\nluke   forum, mailbox\nyoda   forum, mailbox\n",
  );
  // the same again keeps them
  const again = await run("account import c.txt");
  assertEquals([again.code, again.out], [1, "0 accounts added\n"]);
  for (const [number, name] of [[1, "yoda"], [8, "admin"], [9, "luke"]]) {
    assertStringIncludes(again.err, `c.txt, line ${number}: '${name}' has an account, which was kept\n`);
  }
  // as an older editor writes "ä"
  await Deno.writeFile(path, new Uint8Array([...new TextEncoder().encode("hans w"), 0xe4, 10]));
  const latin = "wirepost account: c.txt, line 1: the line is not UTF-8\n";
  assertEquals(await run("account import c.txt"), { code: 1, out: "0 accounts added\n", err: latin });
  const add = await run("account add hans --password-file c.txt");
  assertEquals(add.err, "wirepost account: Cannot read the password in c.txt: it is not UTF-8\n");
  await lines("hans solo", "yoda other");
  assertEquals((await run("account import c.txt")).code, 0);
  const names = (await run("account list")).out.split("\n").map((line) => line.split(" ")[0]);
  assertEquals(names, ["admin", "hans", "luke", "yoda", ""]);
});

// seal.md 5.14
Deno.test("an account 'admin' is one of the forum, and gives and takes nothing at the mailbox", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path), data = `--data ${directory.path}/parley-data`;
  await serveOnce(directory.path);
  await Deno.writeTextFile(`${directory.path}/c.txt`, "admin of-all\n");
  assertEquals((await run("account import c.txt")).code, 0);
  const services = ["mailbox", "0", "forum", "0", "--data", `${directory.path}/parley-data`];
  await using server = await ServerProcess.start(services);
  const forum = (command: string) =>
    run(`forum 127.0.0.1 ${port} --user admin ${command}`, { password: "of-all" });
  const port = await server.ready("forum"), at = `--server ${server.address}`;
  assertEquals((await forum("CRT mine")).out, "Thread mine created\n");
  // anybody may write to the mailbox of that name, and read it, as before
  assertEquals((await run(`send admin hello --from luke ${at}`)).code, 0);
  assertEquals((await run(`send admin again --from luke --basic ${at}`)).code, 0);
  const refused = {
    code: 1,
    out: "",
    err: "wirepost receive: Cannot log in as 'admin': the server refuses it: bad name\n",
  };
  assertEquals(await run(`receive --as admin ${at}`, { password: "of-all" }), refused);
  assertEquals((await run(`receive admin ${at}`)).out, "hello\n");
  assertEquals((await run(`receive admin --basic ${at}`)).out, "again\n");
  assertEquals((await run(`send luke hi --from admin ${at}`)).code, 2);
  // nobody makes it at the mailbox either
  assertEquals((await run(`account remove admin ${data}`)).code, 0);
  const made = await run(`account add admin ${at}`, { password: "of-all" });
  assertEquals(made.err, "wirepost account: Cannot log in as 'admin': the server refuses it: bad name\n");
  assertEquals((await forum("LST --new")).out, "The list of active threads:\nmine\n");
});

Deno.test("send and receive log in with --as, from anywhere", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const at = `--server ${server.address}`;
  await Deno.writeTextFile(`${directory.path}/password`, "organa\n");
  assertEquals(await run(`account add leia ${at}`, { password: "organa" }), { code: 0, out: "", err: "" });
  const twice = await run(`account add leia ${at}`, { password: "other" });
  assertEquals(twice.err, "wirepost account: Cannot add 'leia': the name has an account\n");
  assertEquals((await run(`account add han ${at}`, { password: "falcon" })).code, 0);

  assertEquals((await run(`send leia hi --as han ${at}`, { password: "falcon" })).code, 0);
  assertEquals((await run(`send leia --as han ${at}`, { password: "falcon", input: "1\n2\n" })).code, 0);
  for (const denied of [`receive leia ${at}`, `receive leia --as han ${at}`]) {
    const { code, err } = await run(denied, { password: "falcon" });
    assertEquals([code, err], [
      1,
      "wirepost receive: Cannot receive for 'leia': the name has an account, and only its owner may\n",
    ]);
  }
  const received = await run(`receive --as leia --all --json --password-file password ${at}`);
  assertEquals(received.out.split("\n").filter(Boolean).map((line) => JSON.parse(line).sender), [
    "han",
    "han",
    "han",
  ]);
  const forged = await run(`send bob hi --from leia ${at}`);
  assertEquals(forged.err, "wirepost send: The server refuses it: sender has an account\n");
  const wrong = await run(`receive --as leia --follow ${at}`, { password: "wrong" });
  assertEquals([wrong.code, wrong.err], [
    1,
    "wirepost receive: Cannot log in as 'leia': the password is wrong\n",
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
  assertStringIncludes(unasked.err, "give --new-password-file or set WIREPOST_NEW_PASSWORD");
  for (
    const usage of ["account set-password leia --password-file new", "account add x --new-password-file new"]
  ) {
    assertEquals((await run(usage)).code, 2);
  }
  const none = await run(`receive --as leia ${at}`);
  assertEquals(none.code, 1);
  assertStringIncludes(none.err, "give --password-file or set WIREPOST_PASSWORD");
  for (const usage of [`send bob hi --as leia --from han ${at}`, `send bob hi --as leia --basic ${at}`]) {
    assertEquals((await run(usage)).code, 2);
  }
  const key = /server's key is (\S+)/.exec(server.err)![1]!;
  assertEquals((await run(`receive --as leia --server-key ${key} ${at}`, { password: "organa" })).code, 3);
  const other = encodePublicKey(new Uint8Array(32));
  const refused = await run(`receive --as leia --server-key ${other} ${at}`, { password: "organa" });
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, `has the key ${key}, but was to have ${other}`);
  const known = await Deno.readTextFile(`${directory.path}/state/wirepost/known-servers`);
  assertEquals(known, `127.0.0.1:${server.port} ${key}\n`);
});
