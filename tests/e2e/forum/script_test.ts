/** The forum for scripts: commands in a pipe and on the command line, their output and exit codes. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  ENTER_COMMAND,
  ENTER_PASSWORD,
  ENTER_USERNAME,
  SEND_TO_SERVER,
  WELCOME,
} from "../../../protocol/forum/forum_text.ts";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { ForumUser } from "./user.ts";

/** A forum with an account `yoda`, and a directory for the commands of this user. */
async function forum() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const server = stack.use(await ServerProcess.start(["forum", "0", "--memory"]));
  const run = (args: string[], input?: string, password = "") =>
    wirepost(["forum", "127.0.0.1", `${server.port}`, ...args], {
      cwd: path,
      env: { XDG_STATE_HOME: path, WIREPOST_PASSWORD: password },
      ...input === undefined ? {} : { input },
    });
  await Deno.writeTextFile(`${path}/password`, "jedi\n");
  const user = ["--user", "yoda", "--password-file", "password"];
  assertEquals((await run([...user, "--new", "CRT", "thread0"])).code, 0);
  return {
    path,
    server,
    run,
    user,
    yoda: (...words: string[]) => run([...user, ...words]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

// forum.md 5.6
Deno.test("in a pipe, results go to standard output, errors to standard error, and the exit code is 1", async () => {
  await using here = await forum();
  const input = "MSG thread0 one\nRDT nope\nlst\nRDT thread0\n";
  assertEquals(await here.run(here.user, input), {
    code: 1,
    out: "Message posted to thread0 thread\n1 yoda: one\n",
    err: "Thread nope does not exist\nInvalid command\n",
  });
  assertEquals(await here.run(here.user, "LST\nXIT\nCRT more\n"), {
    code: 0,
    out: "The list of active threads:\nthread0\nGoodbye\n",
    err: "",
  });
  // the last line may lack its end, and a text as long as it may be does not pass for a longer one
  const longest = "é".repeat(32_500);
  assertEquals(await here.run(here.user, `MSG thread0 ${longest}\nMSG thread0 ${longest}x\nDLT thread0 1`), {
    code: 1,
    out: "Message posted to thread0 thread\nThe message has been deleted\n",
    err: "The text is too long: at most 65000 bytes\n",
  });
  assertEquals(
    (await here.run([...here.user, "--from", "2"], "MSG thread0 two\nRDT thread0\n")).out,
    "Message posted to thread0 thread\n2 yoda: two\n",
  );
});

Deno.test("with --json the commands of a pipe print only objects", async () => {
  await using here = await forum();
  const input =
    "MSG thread0 5 Ω\nRDT nope\nCRT more\nRDT more\nLST\nRDT thread0\nUPD more password\nRDT more\n";
  const { code, out, err } = await here.run([...here.user, "--json"], input);
  const objects = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const object of objects) {
    if ("time" in object) object.time = new Date(object.time).toISOString() === object.time;
  }
  assertEquals([code, objects, err], [1, [
    { result: "Message posted to thread0 thread" },
    { result: "Thread more created" },
    { title: "thread0" },
    { title: "more" },
    { number: 1, user: "yoda", text: "5 Ω", time: true },
    { result: "password uploaded to more thread" },
    { user: "yoda", file: "password", size: 5, time: true },
  ], "Thread nope does not exist\n"]);
});

Deno.test("a script that can't log in ends, and its commands become no names, passwords or accounts", async () => {
  await using here = await forum();
  const { port } = here.server;
  const refused = async (args: string[], password: string | undefined, err: string) =>
    assertEquals(await here.run(args, "hans\nsolo\nCRT a\n", password), {
      code: 1,
      out: "",
      err: `wirepost forum: ${err}\n`,
    });
  await refused(["--user", "yoda"], "sith", "Cannot log in as 'yoda': the password is wrong");
  await refused(["--user", "luke"], "sith", "Cannot log in as 'luke': no account has this name");
  assertEquals((await here.run(["--user", "luke", "--new"], "CRT a\n", "sith")).out, "Thread a created\n");
  await refused(
    ["--user", "r2", "--new"],
    undefined,
    "Cannot ask for a password: standard input is not a terminal; give --password-file or set WIREPOST_PASSWORD",
  );
  // without --user each is a line, and a password that belongs to another is not tried
  assertEquals(await here.run([], "yoda\njedi\nLST\n", "sith"), {
    code: 0,
    out: [
      SEND_TO_SERVER,
      "",
      `${ENTER_USERNAME}${ENTER_PASSWORD}${WELCOME}`,
      SEND_TO_SERVER,
      "",
      `${ENTER_COMMAND}The list of active threads:`,
      "thread0",
      "a",
      ENTER_COMMAND,
    ].join("\n"),
    err: "",
  });
  // a log-in that fails is a failure, unless another one follows
  assertEquals(await here.run([], "yoda\nsith\nCRT b\n", undefined), {
    code: 1,
    out: [
      SEND_TO_SERVER,
      "",
      `${ENTER_USERNAME}${ENTER_PASSWORD}Invalid password`,
      `${ENTER_USERNAME}Cannot use 'CRT b' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`,
      ENTER_USERNAME,
    ].join("\n"),
    err: "",
  });
  // with --json objects alone are results
  assertEquals(await here.run(["--json"], "yoda\nsith\nyoda\njedi\nLST\n", undefined), {
    code: 0,
    out: `{"title":"thread0"}\n{"title":"a"}\n`,
    err: "Invalid password\nWelcome to the forum\n",
  });
  await using yoda = new ForumUser(port, here.path, here.user);
  await yoda.say("LST", 3);
  await refused(here.user, undefined, "yoda has already logged in");
  assertEquals(here.server.out.match(/^\w+ successful login$/gm), [
    "yoda successful login",
    "luke successful login",
    "yoda successful login",
    "yoda successful login",
    "yoda successful login",
  ]);
});

Deno.test("an option of another command is wrong usage", async () => {
  const wrong = async (args: string[], error: string) =>
    assertEquals(await wirepost(["forum", "127.0.0.1", "1", ...args]), {
      code: 2,
      out: "",
      err: `wirepost forum: ${error}\nSee 'wirepost forum --help'\n`,
    });
  await wrong(["--user", "yoda", "LST", "--from", "2"], "--from is for RDT");
  await wrong(["--user", "yoda", "UPD", "a", "b", "--force"], "--force is for DWN");
  await wrong(["--password-file", "x"], "--password-file needs --as NAME");
  await wrong(["--new"], "--new needs --as NAME");
});

Deno.test("one sentence says why a file can't be read or saved, and the thread's reason comes first", async () => {
  await using here = await forum();
  const failed = async (words: string[], err: string) =>
    assertEquals(await here.yoda(...words), { code: 1, out: "", err: `wirepost forum: ${err}\n` });
  await Deno.mkdir(`${here.path}/a directory`);
  await Deno.writeTextFile(`${here.path}/a directory/notes.txt`, "5 Ω\n");
  await failed(["UPD", "thread0", "missing"], "Cannot send 'missing': no such file or directory");
  await failed(["UPD", "thread0", "/tmp"], "Cannot send '/tmp': it is not a file");
  await failed(["UPD", "thread0", "password/x"], "Cannot send 'password/x': not a directory");
  assertEquals((await runCommand(["mkfifo", `${here.path}/pipe`])).code, 0);
  await failed(["UPD", "thread0", "pipe"], "Cannot send 'pipe': it is not a file");
  // a path of the command line may have spaces, its last part not
  assertEquals(
    (await here.yoda("UPD", "thread0", "a directory/notes.txt")).out,
    "notes.txt uploaded to thread0 thread\n",
  );
  await failed(
    ["UPD", "thread0", "a directory"],
    "Cannot use 'a directory' as a file's name: expected 1 to 128 of A-Z a-z 0-9 ! @ # $ % . ? , _ -",
  );
  await failed(["DWN", "nope", "password"], "Thread nope does not exist");
  await failed(["DWN", "thread0", "password"], "File does not exist in Thread thread0");
  await Deno.writeTextFile(`${here.path}/notes.txt`, "mine\n");
  await failed(["DWN", "thread0", "notes.txt"], "Cannot save 'notes.txt': it exists already");
  assertEquals(await Deno.readTextFile(`${here.path}/notes.txt`), "mine\n");
  assertEquals(await here.run(["--user", "yoda", "--password-file", "missing", "LST"]), {
    code: 1,
    out: "",
    err: "wirepost forum: Cannot read the password in missing: no such file or directory\n",
  });
});

Deno.test("if the reader of the results ends, the client ends without a message", async () => {
  await using here = await forum();
  const lines = Array.from({ length: 1500 }, (_, i) => `MSG thread0 ${i} ${"x".repeat(100)}\n`).join("");
  assertEquals((await here.run(here.user, lines)).code, 0);
  const command = [...FROM_SOURCE, "forum", "127.0.0.1", `${here.server.port}`, ...here.user];
  const quoted = command.map((arg) => `'${arg}'`).join(" ");
  const options = { cwd: here.path, env: { XDG_STATE_HOME: here.path } };
  const once = await runCommand(["sh", "-c", `${quoted} RDT thread0 | head -n 1`], options);
  assertMatch(once.out, /^1 yoda: 0 x+\n$/);
  assertEquals([once.code, once.err], [0, ""]);
  const piped = await runCommand(["sh", "-c", `echo RDT thread0 | ${quoted} | head -n 1`], options);
  assertEquals(piped, once);
  // and the name is free at once
  assertEquals((await here.yoda("CRT", "more")).out, "Thread more created\n");
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  // forum.md 5.8
  Deno.test(
    `${signal} ends the client, and the name is free`,
    { ignore: Deno.build.os === "windows" },
    async () => {
      await using here = await forum();
      await using yoda = new ForumUser(here.server.port, here.path, here.user);
      await yoda.say("LST", 2);
      assertEquals(await yoda.kill(signal), { code, out: "", err: "" });
      assertEquals((await here.yoda("LST")).code, 0);
    },
  );
}

// forum.md 5.7
Deno.test("if a change gets no answer, the client says that it may have been carried out", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using here = await forum();
  await using yoda = new ForumUser(here.server.port, here.path, [...here.user, "--timeout", "2s"]);
  await yoda.say("LST", 2);
  Deno.kill(here.server.pid, "SIGSTOP");
  const lines = await yoda.say("MSG thread0 hello", 1);
  Deno.kill(here.server.pid, "SIGCONT");
  assertEquals(lines, [
    `wirepost forum: No answer from ${here.server.address} within 2 s: is the server running? MSG may have been carried out`,
  ]);
  assertEquals((await yoda.end()).code, 1);
});
