/** The forum's prompt for people, in a real terminal of both sizes, with a server in this process. */

import { assertEquals } from "@std/assert";
import { FROM_SOURCE, lacks, temporaryDirectory } from "../../program.ts";
import { withServer } from "../../server/serve.ts";
import { Terminal } from "../terminal.ts";

const ignore = Deno.build.os === "windows" || await lacks("tmux");

const quoted = (args: readonly string[]) => args.map((arg) => `'${arg}'`).join(" ");

/** A pager that shows the first line of a text and what is typed; Ctrl-C is its own. */
const PAGER = `trap 'echo interrupted' INT
IFS= read -r line; echo "pager: $line"
until IFS= read -r typed </dev/tty; do :; done
echo "pager read $typed"
`;

/** One that Ctrl-C ends. */
const ENDING_PAGER = `trap 'echo stopped; exit' INT
IFS= read -r line; echo "pager: $line"
IFS= read -r typed </dev/tty
`;

/** `wirepost forum` of the mailbox at `port`, in a terminal. */
function open(path: string, port: number, size: { columns: number; rows: number }, ...args: string[]) {
  const command = quoted([...FROM_SOURCE, "forum", "--server", `127.0.0.1:${port}`, ...args]);
  const env = `export XDG_STATE_HOME='${path}' PAGER='sh ./pager'`;
  return Terminal.open(
    `trap : INT; cd '${path}'; ${env}; stty -a >before; ${command}; code=$?; stty -a >after; ` +
      `cmp before after && echo "left with $code"; read wait`,
    size,
  );
}

for (const size of [{ columns: 80, rows: 24 }, { columns: 200, rows: 50 }]) {
  Deno.test(
    `wirepost forum is easy to use in a terminal of ${size.columns} columns and ${size.rows} rows`,
    { ignore },
    () =>
      withServer({ ports: { mailbox: 0, forum: 0 } }, async (server) => {
        await using directory = await temporaryDirectory();
        const { path } = directory, port = server.addresses[0]!.port;
        await Deno.writeTextFile(`${path}/pager`, PAGER);
        await Deno.writeTextFile(`${path}/notes.txt`, "one line\n");
        await using terminal = await open(path, port, size, "--as", "yoda");
        const types = async (text: string, holds: string) => {
          await terminal.type(text);
          await terminal.holds(holds);
        };
        await terminal.holds("There is no account 'yoda' yet. Make it? [y/N] |");
        await types("y", "\nNew password: |");
        await types("jedi", "\nThe same again: |");
        await types("jedi", "\nThe account 'yoda' was made.\nWelcome to the forum at 127.0.0.1:");
        await terminal.holds(". 'help' shows the commands.\nyoda> |");
        await types(
          "help",
          "\nTITLE and FILE have no spaces. Up and Ctrl-R bring back earlier commands.\nyoda> |",
        );
        await types("crt thread0", "\nThread thread0 created\nyoda> |");
        await types("msg thread0 漢字, 👩‍👧 and more", "\nMessage posted to thread0 thread\nyoda> |");
        // each TAB completes a word
        await terminal.type("up", "Tab");
        await terminal.type("t", "Tab");
        await terminal.type("n", "Tab");
        await terminal.holds("\nyoda> upd thread0 notes.txt|");
        await terminal.type("");
        await terminal.holds("\nnotes.txt uploaded to thread0 thread\nyoda> |");
        await types("rdt thread0", "\nyoda uploaded notes.txt\nyoda> |");
        await terminal.type("", "C-r");
        await terminal.holds("\n(search) : |");
        await terminal.type("crt", "Left");
        await terminal.holds("\nyoda> |crt thread0");
        await terminal.type("", "C-k");
        await types("open thread0", "\nUnknown command 'open': 'help' shows the commands\nyoda> |");
        // more than one screen
        const commands = Array.from({ length: size.rows }, (_, i) => `MSG thread0 number ${i}\n`).join("");
        await terminal.paste(commands);
        await terminal.holds(`number ${size.rows - 1}\nMessage posted to thread0 thread\nyoda> |`);
        await types("rdt thread0", "\npager: 1 yoda: 漢字");
        await terminal.type("", "C-c");
        await terminal.holds("interrupted");
        await types("enough", "\npager read enough\nyoda> |");
        await Deno.writeTextFile(`${path}/pager`, ENDING_PAGER);
        await types("rdt thread0", "rdt thread0\npager: 1 yoda: 漢字, 👩‍👧 and more\n|");
        await terminal.type("", "C-c");
        await terminal.holds("stopped\nyoda> |");
        await types("quit", "\nGoodbye\nleft with 0");
        // a single command is shown so too
        await Deno.writeTextFile(`${path}/password`, "jedi\n");
        const user = ["--as", "yoda", "--password-file", "password"];
        await Deno.writeTextFile(`${path}/pager`, PAGER);
        await using single = await open(path, port, size, ...user, "rdt", "thread0");
        await single.holds("pager: 1 yoda: 漢字");
        await single.type("", "C-c");
        await single.holds("interrupted");
        await single.type("enough");
        await single.holds("\npager read enough\nleft with 0");
      }),
  );
}

Deno.test("without a server, wirepost forum asks for nothing", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  await using terminal = await open(directory.path, port, { columns: 80, rows: 24 }, "--timeout", "100ms");
  const shown = await terminal.shows("left with 1");
  assertEquals([shown.includes(`127.0.0.1:${port}`), /name:|password/i.test(shown)], [true, false], shown);
});
