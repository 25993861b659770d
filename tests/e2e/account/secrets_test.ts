/**
 * Secrets in what is written: every command runs with known ones, right and wrong, and nothing of them is in any output,
 * log, error, status or file but their own.
 */

import { assert, assertEquals } from "@std/assert";
import { LinePeer } from "../../stream.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { Recorder } from "./recorder.ts";

const PASSWORD = "known-pass-7Qx", NEW_PASSWORD = "known-new-9Zk", WRONG = "known-wrong-3Lm";
const ADMIN_SECRET = "known-admin-secret-5Wv", WRONG_SECRET = "known-other-secret-8Tr";

Deno.test("no command writes a secret anywhere, whether it is right or wrong, and no server logs one", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, recorder = new Recorder(path);
  const files = {
    password: PASSWORD,
    "new-password": NEW_PASSWORD,
    wrong: WRONG,
    "data/secret": ADMIN_SECRET,
    people: `fay ${NEW_PASSWORD}\ngus ${WRONG}\u0007`,
    "other-secret": WRONG_SECRET,
  };
  await Deno.mkdir(`${path}/data`, { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, `${text}\n`, { mode: 0o600 });
  }
  const server = await ServerProcess.start([
    ...["mailbox", "0", "channels", "0", "room", "0", "forum", "0", "--data", "data"],
    ...["--log-level", "debug"],
  ], { cwd: path });
  const at = ["--server", server.address], forum = ["forum", "127.0.0.1", `${await server.ready("forum")}`];
  const login = ["--as", "dora", "--password-file", "password"];
  const sealKey = (await Deno.readTextFile(`${path}/data/seal-key`)).trim();
  /** Each command, with its exit code. */
  const commands: [code: number, ...args: string[]][] = [
    [0, "account", "add", "dora", "--password-file", "password", ...at],
    [1, "account", "add", "dora", "--password-file", "wrong", ...at],
    [1, "send", "bob", "hi", "--as", "dora", "--password-file", "wrong", ...at],
    [0, "send", "dora", "hi", ...login, ...at],
    [2, "send", "bob", "hi", ...login, "--server-key", "public1wrong", ...at],
    [0, "peek", "dora", ...login, "--json", ...at],
    [0, "receive", ...login, "--json", ...at],
    [1, "receive", "dora", "--as", "eve", ...at],
    [0, "mailbox", ...login, ...at],
    [0, "chat", "lounge", "--as", "eve", "--linger", "0s", ...at],
    [0, "chat", "lounge", ...login, "--linger", "0s", ...at],
    [1, "chat", "lounge", "--as", "dora", "--password-file", "wrong", "--linger", "0s", ...at],
    [0, "room", "127.0.0.1", `${await server.ready("room")}`, ...login],
    // its second line is none
    [1, "account", "import", "people", "--data", "data"],
    [0, "account", "role", "dora", "admin", "--data", "data"],
    [0, "account", "list", ...login, ...at],
    [0, ...forum, ...login, "CRT", "thread0"],
    [0, ...forum, ...login, "UPD", "thread0", "notes.txt"],
    [0, ...forum, ...login, "RDT", "thread0", "--json"],
    [1, ...forum, "--as", "dora", "--password-file", "wrong", "LST"],
    [0, "account", "set-password", "dora", ...login.slice(2), "--new-password-file", "new-password", ...at],
    [0, "send", "bob", "hi", "--as", "dora", "--password-file", "new-password", ...at],
    [0, "account", "list", "--data", "data"],
    [0, "account", "set-password", "dora", "--new-password-file", "password", "--data", "data"],
    [0, "status", "--limits", "--data", "data"],
    [0, "status", "--json", "--data", "data"],
    [0, "admin", "status", "--data", "data"],
    [0, "admin", "connections", "--data", "data"],
    [1, "admin", "list", "--secret-file", "other-secret", ...at],
    [1, "watch", "--count", "1", "--secret-file", "other-secret", ...at],
    [1, "status", "--secret-file", "nothing-here", ...at],
    [0, "known-servers", "list"],
    [0, "backup", "copy", "--data", "data"],
    [0, "completions", "bash"],
    [0, "help", "security"],
  ];
  await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");
  try {
    for (const [code, ...args] of commands) {
      const result = await recorder.run(args, {
        input: args[0] === "mailbox" ? "/to bob\nhello\n" : "hello\n",
      });
      assertEquals(result.code, code, `${args.join(" ")}: ${result.err}`);
    }
    // by hand, as far as somebody else in the room is shown it
    using other = await LinePeer.connect(await server.ready("room"));
    using dora = await LinePeer.connect(await server.ready("room"));
    await dora.send(`/login dora ${WRONG}`, `  /login dora ${WRONG} `, `/login dora ${PASSWORD}`, "the end");
    for (let said = ""; !said.includes("the end"); recorder.add("the room", said)) {
      said = await other.next() ?? "the end";
    }
    // from the environment, too
    for (const [code, password] of [[0, PASSWORD], [1, WRONG]] as const) {
      const env = { WIREPOST_PASSWORD: password };
      assertEquals((await recorder.run(["send", "bob", "hi", "--as", "dora", ...at], { env })).code, code);
    }
    assertEquals((await recorder.run(["account", "remove", "dora", "--data", "data"])).code, 0);
  } finally {
    await server.end();
  }
  recorder.add("the server's standard error", server.err);
  recorder.add("the server's standard output", server.out);
  assertEquals((await recorder.run(["check", "--data", "data"])).code, 0);
  assertEquals((await recorder.run(["restore", "copy", "--data", "restored"])).code, 0);
  assert(server.err.includes("wrong password"), "a wrong password was tried");
  assertEquals(recorder.found([PASSWORD, NEW_PASSWORD, WRONG, ADMIN_SECRET, WRONG_SECRET, sealKey]), []);
});

// who may look at the processes sees their arguments
Deno.test("no option takes a secret, only the file that it is in", async () => {
  for (const option of ["--password", "--secret", "--new-password", "--token"]) {
    const { code, out, err } = await wirepost(["send", "bob", "hi", option, PASSWORD]);
    assertEquals([code, out, err.includes(PASSWORD)], [2, "", false], option);
  }
});
