/** What programs for the original forum see: standard output and the server's console, byte for byte. */

import { assert, assertEquals } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { ForumUser } from "./user.ts";

const SEND = "===== Please type any message you want to send to server: =====";
const COMMAND = "Enter one of the following commands: CRT, MSG, DLT, EDT, LST, RDT, UPD, DWN, RMV, XIT: ";

const DOWNLOADED = "notes.txt successfully downloaded";

/** A prompt, what is typed behind it, which a pipe does not show, and the lines that come of it. */
type Exchange = [prompt: string, typed: string, ...answers: string[]];

/** Logs in. The password is the name backwards. */
function login(name: string, isNew: boolean): Exchange[] {
  const password = [...name].reverse().join("");
  const prompt = isNew ? `Enter new password for ${name}: ` : "Enter password: ";
  return [["Enter username: ", name], [prompt, password, "Welcome to the forum", SEND, ""]];
}

/** Commands, each with its answer. */
const commands = (...all: [typed: string, ...answers: string[]][]): Exchange[] =>
  all.map(([typed, ...answers]) => [COMMAND, typed, ...answers]);

/** Has the client read what is typed, and compares all that it writes. */
async function converse(port: number, cwd: string, exchanges: readonly Exchange[], code = 0) {
  const out = [
    `${SEND}\n\n`,
    ...exchanges.map(([prompt, , ...answers]) => prompt + answers.map((line) => `${line}\n`).join("")),
  ];
  const result = await wirepost(["forum", "127.0.0.1", `${port}`], {
    cwd,
    env: { XDG_STATE_HOME: `${cwd}/state` },
    input: exchanges.map(([, typed]) => `${typed}\n`).join(""),
  });
  assertEquals(result, { code, out: out.join(""), err: "" });
}

/** All that yoda does, the `round`th time. */
function ofYoda(round: number): Exchange[] {
  const isNew = round === 1,
    earlier = Array.from({ length: round }, (_, i) => `${i + 1} yoda: round ${i + 1}`);
  return [
    ...isNew
      ? []
      : [["Enter username: ", "yoda"], ["Enter password: ", "YODA", "Invalid password"]] as Exchange[],
    ...login("yoda", isNew),
    ...commands(
      ["LST", ...isNew ? ["No threads to list"] : ["The list of active threads:", "kept"]],
      ["CRT kept", isNew ? "Thread kept created" : "Thread kept exists"],
      [`MSG kept round ${round}`, "Message posted to kept thread"],
      ["RDT kept", ...earlier],
      ["CRT thread0", "Thread thread0 created"],
      ["CRT thread0", "Thread thread0 exists"],
      ["RDT thread0", "Thread thread0 is empty"],
      ["MSG thread0 hello  there, all", "Message posted to thread0 thread"],
      ["MSG thread0 5 Ω, or more? ✓", "Message posted to thread0 thread"],
      ["UPD thread0 notes.txt", "notes.txt uploaded to thread0 thread"],
      ["UPD thread0 notes.txt", "File notes.txt exists in Thread thread0"],
      ["EDT thread0 2 better", "The message has been edited"],
      ["EDT thread0 9 better", "Message 9 does not exist"],
      ["DLT thread0 1", "The message has been deleted"],
      ["DLT thread0 one", "Incorrect syntax for DLT"],
      ["RDT thread0", "1 yoda: better", "yoda uploaded notes.txt"],
      ["RDT thread1", "Thread thread1 does not exist"],
      ["LST", "The list of active threads:", "kept", "thread0"],
      ["crt thread1", "Invalid command"],
      ["XIT", "Goodbye"],
    ),
  ];
}

/** All that hans does, while luke is there. */
function ofHans(isNew: boolean): Exchange[] {
  return [
    ["Enter username: ", "luke", "luke has already logged in"],
    ...login("hans", isNew),
    ...commands(
      ["DLT thread0 1", "The message belongs to another user and cannot be deleted"],
      ["EDT thread0 1 mine", "The message belongs to another user and cannot be edited"],
      ["RMV thread0", "The thread was created by another user and cannot be removed"],
      ["DWN thread0 notes.txt", DOWNLOADED],
      ["DWN thread0 none.txt", "File does not exist in Thread thread0"],
      ["XIT", "Goodbye"],
    ),
  ];
}

/** What the console says of commands that got to the server, in their order. */
function consoleOf(user: string, exchanges: readonly Exchange[]): string[] {
  return exchanges.filter(([prompt]) => prompt === COMMAND).flatMap(([, typed, result = ""]) => {
    const [command] = typed.split(" ");
    if (command === "XIT") return [`${user} exited`];
    if (/^Invalid|^Incorrect/.test(result)) return [];
    // what is read is not repeated there; when all of a file was sent, the client knows first
    const isRead = command === "LST" || command === "RDT";
    const isTold = isRead ? / is empty$|^No threads|not exist$/.test(result) : result !== DOWNLOADED;
    return [`${user} issued ${command} command`, ...isTold ? [result] : []];
  });
}

// forum.md 4.1, 5.1
Deno.test("a forum answers like the original, before and after each of two restarts", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, data = `${path}/data`;
  for (const name of ["yoda", "hans", "luke"]) await Deno.mkdir(`${path}/${name}`);
  await Deno.writeTextFile(`${path}/yoda/notes.txt`, "what I know\n");
  for (let round = 1; round <= 3; round++) {
    await using server = await ServerProcess.start(["forum", "0", "--data", data]);
    const { port } = server, isNew = round === 1;
    const yoda = ofYoda(round), hans = ofHans(isNew);
    await converse(port, `${path}/yoda`, yoda, 1);
    await using luke = new ForumUser(port, `${path}/luke`);
    await luke.say("luke", 0);
    assertEquals(await luke.say("skywalker", 1), ["Welcome to the forum"]);
    await converse(port, `${path}/hans`, hans, 1);
    assertEquals(await Deno.readTextFile(`${path}/hans/notes.txt`), "what I know\n");
    await Deno.remove(`${path}/hans/notes.txt`);
    assertEquals(await luke.say("XIT", 1), ["Goodbye"]);
    await luke.end();
    const last: Exchange[] = [
      ...login("yoda", false),
      ...commands(["RMV thread0", "Thread thread0 removed"], ["XIT", "Goodbye"]),
    ];
    await converse(port, `${path}/yoda`, last);
    await server.logged("Thread thread0 removed\nyoda exited\n");
    assertEquals((await server.end()).code, 0);
    const said = server.out.split("\n").slice(0, -1);
    assertEquals(said.slice(0, 3), [
      "===== Server is running =====",
      "===== Waiting for connection request from clients...=====",
      "Waiting for clients",
    ]);
    const first = said.findIndex((line) => line.startsWith("yoda "));
    assert(said.includes(DOWNLOADED));
    assertEquals(said.slice(first).filter((line) => line !== DOWNLOADED), [
      ...isNew ? [] : ["yoda failed login"],
      "yoda successful login",
      ...consoleOf("yoda", yoda),
      "luke successful login",
      "luke has already logged in",
      "hans successful login",
      ...consoleOf("hans", hans),
      "luke exited",
      "yoda successful login",
      ...consoleOf("yoda", last),
    ]);
  }
});
