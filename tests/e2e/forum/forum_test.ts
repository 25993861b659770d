import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exchanges, TRANSCRIPTS } from "../../server/store/forum/forum_transcripts.ts";
import { FROM_SOURCE, lacks, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { ForumUser } from "./user.ts";
import { Terminal } from "../terminal.ts";

/** What the console says when it begins, but for the server's key. */
const BEGIN = [
  "===== Server is running =====",
  "===== Waiting for connection request from clients...=====",
  "Waiting for clients",
];

/** Password of every user here. */
const PASSWORD = "of great Age";

/** Transcripts about files. Each user has a directory with `notes.txt` and `other.txt`. */
const FILES = `
    yoda> CRT a
    Thread a created
    yoda> UPD a notes.txt
    notes.txt uploaded to a thread
    yoda> MSG a look at this
    Message posted to a thread
    yoda> UPD a ./other.txt
    other.txt uploaded to a thread
    hans> RDT a
    yoda uploaded notes.txt
    1 yoda: look at this
    yoda uploaded other.txt
    hans> UPD a notes.txt
    File notes.txt exists in Thread a
    hans> UPD b notes.txt
    Thread b does not exist
    hans> UPD a missing.txt
    Cannot send 'missing.txt': no such file or directory
    hans> CRT b
    Thread b created
    hans> UPD b notes.txt
    notes.txt uploaded to b thread
    hans> DWN a missing.txt
    File does not exist in Thread a
    hans> DWN c there.txt
    Thread c does not exist
    hans> DWN a notes.txt
    Cannot save 'notes.txt': it exists already
    hans> DLT a 2
    Message 2 does not exist
    yoda> DLT a 1
    The message has been deleted
    yoda> RDT a
    yoda uploaded notes.txt
    yoda uploaded other.txt
    hans> RMV a
    The thread was created by another user and cannot be removed
    yoda> RMV a
    Thread a removed
    yoda> DWN a there.txt
    Thread a does not exist
    yoda> CRT a
    Thread a created
    yoda> DWN a there.txt
    File does not exist in Thread a
    yoda> UPD a notes.txt
    notes.txt uploaded to a thread`;

/** Users that have logged in, each in a separate directory. */
class Users implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #port: number;
  readonly #users = new Map<string, { user: ForumUser; directory: string }>();

  constructor(port: number) {
    this.#port = port;
  }

  async of(name: string): Promise<{ user: ForumUser; directory: string }> {
    const known = this.#users.get(name);
    if (known !== undefined) return known;
    const { path: directory } = this.#stack.use(await temporaryDirectory());
    for (const file of ["notes", "other"]) {
      await Deno.writeTextFile(`${directory}/${file}.txt`, `${file} of ${name}\n`);
    }
    const user = this.#stack.use(new ForumUser(this.#port, directory));
    await user.say(name, 0);
    assertEquals(await user.say(PASSWORD, 1), ["Welcome to the forum"]);
    this.#users.set(name, { user, directory });
    return { user, directory };
  }

  /** Everybody leaves, and nothing else is printed. */
  async leave() {
    for (const { user } of this.#users.values()) {
      assertEquals(await user.say("XIT", 1), ["Goodbye"]);
      const { out, err } = await user.end();
      assertEquals([out, err], ["", ""]);
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** What the console has said since it began. */
function consoleOf({ out }: ServerProcess): string[] {
  return out.split("\n").slice(0, -1);
}

for (
  const [name, transcript] of Object.entries({ ...TRANSCRIPTS, "UPD and DWN, as users see them": FILES })
) {
  Deno.test(`in a pipe: ${name}`, async () => {
    await using server = await ServerProcess.start(["forum", "0", "--memory"]);
    await using users = new Users(server.port);
    for (const { user, typed, told } of exchanges(transcript)) {
      assertEquals(await (await users.of(user)).user.say(typed, told.length), told, `${user}> ${typed}`);
    }
    await users.leave();
  });
}

// forum.md 5.2
Deno.test("names and passwords are asked for until they are right", async () => {
  await using server = await ServerProcess.start(["forum", "0", "--memory"]);
  await using directory = await temporaryDirectory();
  const open = () => new ForumUser(server.port, directory.path);
  await using first = open();
  await using second = open();
  assertEquals(await first.say("yoda/", 1), [
    "Cannot use 'yoda/' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-",
  ]);
  await first.say("", 0);
  await first.say("yoda", 0);
  // one that can't be a password
  assertEquals(await first.say("", 1), ["Invalid password"]);
  await first.say("yoda", 0);
  assertEquals(await first.say("jedi", 1), ["Welcome to the forum"]);

  // one that is active, before its password is asked for: the next line is a name
  assertEquals(await second.say("yoda", 1), ["yoda has already logged in"]);
  await second.say("hans", 0);
  assertEquals(await second.say("falcon", 1), ["Welcome to the forum"]);

  // what was posted stays, and the name is free at once
  await first.say("CRT a", 1);
  await first.say("MSG a here I was", 1);
  assertEquals(await first.say("XIT", 1), ["Goodbye"]);
  assertEquals(await first.end(), { code: 0, out: "", err: "" });
  await using third = open();
  await third.say("yoda", 0);
  assertEquals(await third.say("Jedi", 1), ["Invalid password"]);
  await third.say("yoda", 0);
  assertEquals(await third.say("jedi", 1), ["Welcome to the forum"]);
  assertEquals(await third.say("EDT a 1 here I am", 1), ["The message has been edited"]);
  assertEquals(await second.say("RDT a", 1), ["1 yoda: here I am"]);
  // the end of a pipe is a XIT, and not one of the mistakes
  assertEquals(await third.end(), { code: 0, out: "", err: "" });
  await second.say("LST x", 1);
  assertEquals((await second.end()).code, 1);
  await using fourth = open();
  await fourth.say("hans", 0);
  assertEquals(await fourth.end(), { code: 0, out: "", err: "" });
  assertEquals(consoleOf(server).filter((line) => /log|exit/.test(line)), [
    "yoda successful login",
    "yoda has already logged in",
    "hans successful login",
    "yoda exited",
    "yoda failed login",
    "yoda successful login",
    "yoda exited",
    "hans exited",
  ]);
});

// forum.md 4.2, 4.3, 4.4
Deno.test("the server's console shows each command and its outcome", async () => {
  await using server = await ServerProcess.start(["forum", "0", "--memory"]);
  await using users = new Users(server.port);
  const { user, directory } = await users.of("yoda");
  await Deno.writeFile(`${directory}/big`, new Uint8Array(3_000_000).map((_, i) => i % 251));
  const said: string[] = [...BEGIN, "yoda successful login"];
  const say = async (typed: string, result?: string, lines = 1) => {
    await user.say(typed, lines);
    said.push(`yoda issued ${typed.slice(0, 3)} command`);
    if (result === undefined) return;
    said.push(result);
    // a download has ended here before the server knows
    await server.logged(said.slice(-2).join("\n"));
  };
  await say("LST", "No threads to list");
  await say("CRT thread0", "Thread thread0 created");
  await say("CRT thread0", "Thread thread0 exists");
  await say("RDT thread0", "Thread thread0 is empty");
  await say("MSG thread0 hello", "Message posted to thread0 thread");
  await say("EDT thread0 1 hello, all", "The message has been edited");
  await say("EDT thread0 2 x", "Message 2 does not exist");
  await say("RDT thread0");
  await say("RDT thread1", "Thread thread1 does not exist");
  await say("UPD thread0 big", "big uploaded to thread0 thread");
  await say("UPD thread0 notes.txt", "notes.txt uploaded to thread0 thread");
  await say("UPD thread0 big", "File big exists in Thread thread0");
  await Deno.rename(`${directory}/big`, `${directory}/sent`);
  await say("DWN thread0 big", "big successfully downloaded");
  await say("DWN thread0 other", "File does not exist in Thread thread0");
  await say("DLT thread0 1", "The message has been deleted");
  await say("LST", undefined, 2);
  await say("RMV thread0", "Thread thread0 removed");
  // what the client knows to be wrong does not get that far
  await user.say("RMV", 1);
  await users.leave();
  await server.logged("yoda exited\n");
  assertEquals(consoleOf(server), [...said, "yoda exited"]);
  assertEquals(await Deno.readFile(`${directory}/big`), await Deno.readFile(`${directory}/sent`));
  const { mode, size } = await Deno.stat(`${directory}/big`);
  assertEquals([mode! & 0o111, size], [0, 3_000_000]);
});

Deno.test("each command works as one command line", async () => {
  await using server = await ServerProcess.start(["forum", "0", "--memory"]);
  await using directory = await temporaryDirectory();
  const cwd = directory.path;
  await Deno.writeTextFile(`${cwd}/secret`, "jedi\n");
  await Deno.writeTextFile(`${cwd}/notes.txt`, "what I know\n");
  const run = (name: string, command: string[], options: string[] = ["--password-file", "secret"]) =>
    wirepost(["forum", "127.0.0.1", `${server.port}`, "--user", name, ...options, ...command], {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: "falcon" },
    });
  const done = async (command: string, out: string) =>
    assertEquals(await run("yoda", command.split(" ")), { code: 0, out, err: "" }, command);
  const refused = async (command: string, text: string, code = 1) => {
    const { err, ...result } = await run("yoda", command.split(" "));
    assertEquals(result, { code, out: "" }, command);
    assertStringIncludes(err, `wirepost forum: ${text}\n`);
  };
  await refused("LST", "Cannot log in as 'yoda': no account has this name");
  await done("LST --new", "No threads to list\n");
  await done("CRT thread0", "Thread thread0 created\n");
  await refused("CRT thread0", "Thread thread0 exists");
  await done("RDT thread0", "Thread thread0 is empty\n");
  await done("MSG thread0 a text of words", "Message posted to thread0 thread\n");
  // one argument of the shell is as it was typed, and one with a dash is text
  const shown = await run("yoda", ["MSG", "thread0", "  two  spaces", "--json"]);
  assertEquals(shown, { code: 0, out: `{"result":"Message posted to thread0 thread"}\n`, err: "" });
  await done("EDT thread0 1 better words", "The message has been edited\n");
  await refused("EDT thread0 3 x", "Message 3 does not exist");
  await refused("EDT thread1 1 x", "Thread thread1 does not exist");
  await done("RDT thread0", "1 yoda: better words\n2 yoda:   two  spaces\n");
  await done("RDT thread0 --from 2", "2 yoda:   two  spaces\n");
  await refused("RDT thread0 --from 3", "Message 3 does not exist");
  const [line] = (await run("yoda", ["RDT", "thread0", "--json"])).out.split("\n");
  const { time, ...entry } = JSON.parse(line!);
  assertEquals(entry, { number: 1, user: "yoda", text: "better words" });
  assert(!Number.isNaN(Date.parse(time)));
  await done("LST", "The list of active threads:\nthread0\n");
  await done("LST --json", `{"title":"thread0"}\n`);
  await done("UPD thread0 notes.txt", "notes.txt uploaded to thread0 thread\n");
  await refused("UPD thread0 notes.txt", "File notes.txt exists in Thread thread0");
  await refused("DWN thread0 notes.txt", "Cannot save 'notes.txt': it exists already");
  await Deno.writeTextFile(`${cwd}/notes.txt`, "something else\n");
  await done("DWN thread0 notes.txt --force", "notes.txt successfully downloaded\n");
  assertEquals(await Deno.readTextFile(`${cwd}/notes.txt`), "what I know\n");
  await refused("DWN thread0 other.txt", "File does not exist in Thread thread0");
  // another user, with the password in the environment
  const others = async (command: string, err: string) =>
    assertEquals((await run("hans", command.split(" "), ["--new"])).err, err, command);
  await others(
    "DLT thread0 1",
    "wirepost forum: The message belongs to another user and cannot be deleted\n",
  );
  await others(
    "EDT thread0 1 x",
    "wirepost forum: The message belongs to another user and cannot be edited\n",
  );
  await others(
    "RMV thread0",
    "wirepost forum: The thread was created by another user and cannot be removed\n",
  );
  await done("DLT thread0 1", "The message has been deleted\n");
  await done("RMV thread0", "Thread thread0 removed\n");
  await refused("RMV thread0", "Thread thread0 does not exist");
  await done("XIT", "Goodbye\n");
  await refused("RDT", "Incorrect syntax for RDT", 2);
  await refused("rdt thread0", "Invalid command", 2);
  await refused("DWN thread0 ../notes.txt", "Incorrect syntax for DWN", 2);
  const wrong = await run("yoda", ["LST"], []);
  assertEquals([wrong.code, wrong.err], [
    1,
    "wirepost forum: Cannot log in as 'yoda': the password is wrong\n",
  ]);
  await using user = new ForumUser(server.port, cwd);
  await user.say("yoda", 0);
  await user.say("jedi", 1);
  await refused("LST", "yoda has already logged in");
});

Deno.test({
  name: "on a terminal each value is asked for, and passwords are not shown",
  ignore: await lacks("tmux"),
  async fn() {
    await using server = await ServerProcess.start(["forum", "0", "--memory"]);
    await using directory = await temporaryDirectory();
    const command = `cd ${directory.path} && XDG_STATE_HOME=${directory.path} ` +
      `${FROM_SOURCE.join(" ")} forum 127.0.0.1 ${server.port}; cat`;
    await using terminal = await Terminal.open(command);
    const asked = "Enter one of the following commands: CRT, MSG, DLT, EDT, LST, RDT, UPD, DWN, RMV, XIT: ";
    await terminal.shows("Enter username: ");
    await terminal.type("yoda");
    await terminal.shows("Enter new password for yoda: ");
    await terminal.type("jedi");
    await terminal.shows("Welcome to the forum");
    await terminal.shows(asked);
    {
      await using other = await Terminal.open(command);
      const greeting = "===== Please type any message you want to send to server: =====\n\n";
      await other.holds(`${greeting}Enter username: |`);
      await other.type("yoda");
      await other.holds("Enter username: yoda\nyoda has already logged in\nEnter username: |");
      await other.type("hans");
      await other.shows("Enter new password for hans: ");
      await other.type("falcon");
      await other.holds(`Welcome to the forum\n${greeting}${asked}|`);
      assert(!(await other.screen()).includes("falcon"));
    }
    await terminal.type("CRT thread0");
    await terminal.shows("Thread thread0 created");
    await terminal.shows(asked);
    await terminal.type("help");
    await terminal.shows("Invalid command");
    await terminal.shows(asked);
    assert(!(await terminal.screen()).includes("jedi"));
    await terminal.type("XIT");
    await terminal.shows("Goodbye");
  },
});
