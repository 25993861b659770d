/** `wirepost forum` in a real terminal, with the real server. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, lacks, ServerProcess, temporaryDirectory } from "../../program.ts";
import { contentOf } from "../../client/transfer/server.ts";
import { Terminal } from "../terminal.ts";

const ignore = Deno.build.os === "windows" || await lacks("tmux");

/** What is asked for when a user has logged in. */
const COMMANDS = "Enter one of the following commands: CRT, MSG, DLT, EDT, LST, RDT, UPD, DWN, RMV, XIT: ";

const MIB = 1024 ** 2;

const quoted = (args: readonly string[]) => args.map((arg) => `'${arg}'`).join(" ");

/** The client as a shell's command. */
const client = (port: number, args: readonly string[]) =>
  quoted([...FROM_SOURCE, "forum", "127.0.0.1", `${port}`, ...args]);

/** A terminal. The shell that runs the command in it prints its exit code and the settings that it left behind. */
const inTerminal = (path: string, command: string) =>
  Terminal.open(
    `trap : INT; cd '${path}'; export XDG_STATE_HOME='${path}'; stty -a >before; ${command}; ` +
      `code=$?; stty -a >after; cmp before after && echo "left with $code"; read wait; echo "read $wait"; read wait`,
  );

/** A forum, and a directory for its users. */
async function forum() {
  const directory = await temporaryDirectory(), { path } = directory;
  const server = await ServerProcess.start(["forum", "0", "--memory"]);
  return {
    path,
    server,
    open: (...args: string[]) => inTerminal(path, client(server.port, args)),
    /** The same in a dumb terminal. */
    openDumb: () => inTerminal(path, `TERM=dumb ${client(server.port, [])}`),
    /** The same with standard output in a file. */
    openInto: (file: string) => inTerminal(path, `${client(server.port, [])} >${file}`),
    write: (name: string, content: Uint8Array) => Deno.writeFile(`${path}/${name}`, content),
    read: (name: string) => Deno.readFile(`${path}/${name}`),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Types a user's name and password, for a new account or one that is there. */
async function logIn(terminal: Terminal, name: string, password: string, isNew: boolean) {
  await terminal.shows("Enter username: ");
  await terminal.type(name);
  await terminal.shows(isNew ? `Enter new password for ${name}: ` : "Enter password: ");
  await terminal.type(password);
}

/** Waits for these lines. */
async function says(terminal: Terminal, ...lines: string[]) {
  for (const line of lines) await terminal.shows(`${line}\r`);
}

/** Gives a command when commands are asked for, and waits for the lines that it comes to. */
async function command(terminal: Terminal, line: string, ...answer: string[]) {
  await terminal.shows(COMMANDS);
  await terminal.type(line);
  await says(terminal, ...answer);
}

Deno.test("every command of the forum works in a terminal, which is restored", { ignore }, async () => {
  await using here = await forum();
  const content = contentOf(3 * MIB);
  await here.write("notes.txt", content);
  await using terminal = await here.open();
  await logIn(terminal, "yoda", "jedi Ω", true);
  await says(terminal, "Welcome to the forum");
  await command(terminal, "LST", "No threads to list");
  await command(terminal, "CRT thread0", "Thread thread0 created");
  await command(terminal, "RDT thread0", "Thread thread0 is empty");
  await command(terminal, "MSG thread0 5 Ω,   or more? ✓", "Message posted to thread0 thread");
  await command(terminal, "MSG thread0 second", "Message posted to thread0 thread");
  await command(terminal, "EDT thread0 2 the second", "The message has been edited");
  await command(terminal, "UPD thread0 notes.txt", "notes.txt uploaded to thread0 thread");
  await command(terminal, "LST", "The list of active threads:", "thread0");
  await command(
    terminal,
    "RDT thread0",
    "1 yoda: 5 Ω,   or more? ✓",
    "2 yoda: the second",
    "yoda uploaded notes.txt",
  );
  await command(terminal, "DLT thread0 1", "The message has been deleted");
  await command(terminal, "RDT thread0", "1 yoda: the second", "yoda uploaded notes.txt");
  await command(terminal, "DWN thread0 notes.txt", "Cannot save 'notes.txt': it exists already");
  await Deno.remove(`${here.path}/notes.txt`);
  await command(terminal, "DWN thread0 notes.txt", "notes.txt successfully downloaded");
  assertEquals(await here.read("notes.txt"), content);
  await command(terminal, "RMV thread0", "Thread thread0 removed");
  await command(terminal, "XIT", "Goodbye");
  await terminal.shows("left with 0");
  // and what is typed is seen again
  await terminal.type("hello");
  await terminal.shows("hello\r\nread hello");
  await here.server.logged("yoda exited");
});

Deno.test("in a terminal, a mistake is answered, and the prompt comes again", { ignore }, async () => {
  await using here = await forum();
  await using terminal = await here.open();
  await logIn(terminal, "yoda", "jedi", true);
  await command(terminal, "", "Invalid command");
  await command(terminal, "crt thread0", "Invalid command");
  await command(terminal, "CRT", "Incorrect syntax for CRT");
  await command(terminal, "CRT a b", "Incorrect syntax for CRT");
  await command(terminal, "DLT thread0 one", "Incorrect syntax for DLT");
  await command(terminal, "MSG thread0 hello", "Thread thread0 does not exist");
  await command(terminal, "CRT thread0", "Thread thread0 created");
  await command(terminal, "CRT thread0", "Thread thread0 exists");
  await command(terminal, "DLT thread0 1", "Message 1 does not exist");
  await command(terminal, "DWN thread0 none", "File does not exist in Thread thread0");
  await command(terminal, "UPD thread0 none", "Cannot send 'none': no such file or directory");
  await terminal.shows(COMMANDS);
  // Ctrl-D leaves as XIT does, without a `Goodbye`
  await terminal.type("", "C-d");
  await terminal.shows("left with 0");
  await here.server.logged("yoda exited");
});

Deno.test("the history of names is separate", { ignore }, async () => {
  await using here = await forum();
  await using terminal = await here.open();
  await logIn(terminal, "yoda", "jedi", true);
  await command(terminal, "XIT", "Goodbye");
  await terminal.shows("left with 0");
  await using again = await here.open();
  await logIn(again, "yoda", "sith", false);
  await says(again, "Invalid password");
  await again.shows("Enter username: ");
  await again.type("", "Up");
  await again.shows("yoda");
  await again.type("");
  await again.shows("Enter password: ");
  // a prompt for a password has no history at all
  await again.type("", "Up");
  await again.type("jedi");
  await says(again, "Welcome to the forum");
});

Deno.test(
  "a name without an account gets one with a given password only if --new is given",
  { ignore },
  async () => {
    await using here = await forum();
    await Deno.writeTextFile(`${here.path}/password`, "jedi\n");
    await using terminal = await here.open("--user", "yoda", "--password-file", "password");
    await says(terminal, "Cannot log in as 'yoda': no account has this name");
    await logIn(terminal, "yoda", "jedi", true);
    await says(terminal, "Welcome to the forum");
  },
);

Deno.test(
  "a terminal that can't move its cursor shows prompts, answers, and no sequences",
  { ignore },
  async () => {
    await using here = await forum();
    await here.write("notes.txt", contentOf(MIB));
    await using terminal = await here.openDumb();
    await logIn(terminal, "yoda", "jedi-master", true);
    await says(terminal, "Welcome to the forum");
    for (
      const [typed, answer] of [
        ["CRT thread0", "Thread thread0 created"],
        ["crt thread1", "Invalid command"],
        ["MSG thread1 hello", "Thread thread1 does not exist"],
        ["UPD thread0 notes.txt", "notes.txt uploaded to thread0 thread"],
        ["RDT thread0", "yoda uploaded notes.txt"],
      ] as const
    ) await command(terminal, typed, answer);
    await terminal.shows(COMMANDS);
    await terminal.type("", "C-c");
    await terminal.shows("left with 130");
    await here.server.logged("yoda exited");
    // before it, Deno itself writes
    const written = terminal.written.slice(terminal.written.indexOf("Enter username: "));
    assertEquals(["\x1b", "jedi", "master"].filter((text) => written.includes(text)), []);
  },
);

Deno.test("prompts are visible if results are redirected", { ignore }, async () => {
  await using here = await forum();
  await using terminal = await here.openInto("results");
  await logIn(terminal, "yoda", "jedi", true);
  await says(terminal, "Welcome to the forum");
  await command(terminal, "CRT thread0");
  await command(terminal, "RDT nope", "Thread nope does not exist");
  await terminal.shows(COMMANDS);
  await terminal.type("XIT");
  await terminal.shows("left with 1");
  assertEquals(await Deno.readTextFile(`${here.path}/results`), "Thread thread0 created\nGoodbye\n");
});

Deno.test(
  "text that is typed after a password is not lost, also if results are redirected",
  { ignore },
  async () => {
    await using here = await forum();
    await using terminal = await here.openInto("results");
    await logIn(terminal, "yoda", "jedi", true);
    await terminal.type("CRT thread0");
    await terminal.type("LST");
    await terminal.type("XIT");
    await terminal.shows("left with 0");
    assertEquals(
      await Deno.readTextFile(`${here.path}/results`),
      "Thread thread0 created\nThe list of active threads:\nthread0\nGoodbye\n",
    );
  },
);

Deno.test("closing the terminal leaves the forum", { ignore }, async () => {
  await using here = await forum();
  {
    await using terminal = await here.open();
    await logIn(terminal, "yoda", "jedi", true);
    await terminal.shows(COMMANDS);
  }
  await here.server.logged("yoda exited");
});

Deno.test(
  "after a wrong password the name is asked for again, and no password is shown",
  { ignore },
  async () => {
    await using here = await forum();
    await using first = await here.open();
    await logIn(first, "yoda", "jedi-master", true);
    await says(first, "Welcome to the forum");
    await using second = await here.open();
    await second.shows("Enter username: ");
    await second.type("yoda");
    await says(second, "yoda has already logged in");
    await command(first, "XIT", "Goodbye");
    await first.shows("left with 0");
    await logIn(second, "yoda", "sith-lord", false);
    await says(second, "Invalid password");
    await logIn(second, "yoda", "jedi-master", false);
    await says(second, "Welcome to the forum");
    await second.shows(COMMANDS);
    // nor does the history of commands give it, or a name
    await second.type("", "Up");
    await second.type("LST");
    await says(second, "LST", "No threads to list");
    await second.shows(COMMANDS);
    await second.type("", "Up");
    await second.type("", "Up");
    await second.type("");
    await says(second, "LST", "No threads to list");
    for (const screen of [await first.screen(), await second.screen()]) {
      assertMatch(screen, /Enter (?:new )?password.*: ?\n/);
      assertEquals(/sith|lord|jedi|master/.test(screen), false, screen);
    }
  },
);

Deno.test("the password for a single command is not shown either", { ignore }, async () => {
  await using here = await forum();
  await using terminal = await here.open("--user", "yoda", "--new", "CRT", "thread0");
  await terminal.shows("Enter new password for yoda: ");
  await terminal.type("jedi-master");
  await says(terminal, "Thread thread0 created");
  await terminal.shows("left with 0");
  const screen = await terminal.screen();
  assertEquals(screen.includes("jedi"), false, screen);
});

Deno.test("a transfer shows its progress, and erases the line when it is done", { ignore }, async () => {
  await using here = await forum();
  await here.write("big", contentOf(96 * MIB));
  await using terminal = await here.open();
  await logIn(terminal, "yoda", "jedi", true);
  await command(terminal, "CRT thread0", "Thread thread0 created");
  await terminal.shows(COMMANDS);
  await terminal.type("UPD thread0 big");
  const up = await terminal.shows("big uploaded to thread0 thread\r");
  assertMatch(up, /(?:checking )?big \[#* *\] \d+ % of 96 MiB/);
  await Deno.rename(`${here.path}/big`, `${here.path}/sent`);
  await terminal.shows(COMMANDS);
  await terminal.type("DWN thread0 big");
  const down = await terminal.shows("big successfully downloaded\r");
  assertMatch(down, /big \[#* *\] \d+ % of 96 MiB/);
  await terminal.shows(COMMANDS);
  const screen = await terminal.screen();
  assertEquals(screen.includes("% of"), false, screen);
});

for (const once of [false, true]) {
  Deno.test(
    `Ctrl-C ends an upload ${once ? "of a single command" : "at the prompt"}, and the name is free`,
    { ignore },
    async () => {
      await using here = await forum();
      // sparse: far more than is sent while a key is pressed
      using file = await Deno.create(`${here.path}/big`);
      await file.truncate(4096 * MIB);
      await Deno.writeTextFile(`${here.path}/password`, "jedi\n");
      const user = ["--user", "yoda", "--password-file", "password"];
      await using terminal = await here.open(...user, "--new", ...once ? ["CRT", "thread0"] : []);
      if (once) await terminal.shows("left with 0");
      else {
        await command(terminal, "CRT thread0", "Thread thread0 created");
        await terminal.shows(COMMANDS);
      }
      await using other = once ? await here.open(...user, "UPD", "thread0", "big") : undefined;
      const uploading = other ?? terminal;
      if (!once) await terminal.type("UPD thread0 big");
      await uploading.shows("big [");
      await uploading.type("", "C-c");
      await uploading.shows("left with 130");
      await here.server.logged("yoda exited");
      await using again = await here.open(...user, "RDT", "thread0");
      await says(again, "Thread thread0 is empty");
    },
  );
}

Deno.test("Ctrl-C leaves at every prompt", { ignore }, async () => {
  await using here = await forum();
  for (const place of ["name", "password", "command"]) {
    await using terminal = await here.open();
    await terminal.shows("Enter username: ");
    if (place !== "name") {
      await terminal.type("yoda");
      await terminal.shows("password");
    }
    if (place === "command") {
      await terminal.type("jedi");
      await terminal.shows(COMMANDS);
      await terminal.type("MSG half a", "Left");
    }
    await terminal.type("", "C-c");
    await terminal.shows("left with 130");
  }
});
