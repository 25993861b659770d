/** `parley mailbox`, typed and piped. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FROM_SOURCE, lacks, parley, Peer, ServerProcess } from "../program.ts";
import { Terminal } from "./terminal.ts";

Deno.test("parley mailbox obeys the lines of a pipe, as one person and as several", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const input = [
    "/as alice",
    "/to bob",
    "5 Ω, or more? ✓",
    "",
    "//as it is",
    "/as bob",
    "/receive",
    "/all",
    "/r",
    "/quit",
    "never read",
  ].join("\n");
  const { code, out, err } = await parley(["mailbox", "--server", server.address], { input });
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out.replace(/^\d+:\d\d:\d\d(?: [AP]M)? /gm, "TIME "),
    "TIME alice: 5 Ω, or more? ✓\nTIME alice: /as it is\nno message\n",
  );
});

Deno.test("parley mailbox goes on after a mistake in a pipe, and exits with 1 in the end", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const wrong = {
    "hello": "Say first who you are and whom to write to: /as ID, /to ID",
    "/receive": "Say first who you are: /as ID",
    "/as a,b": "Cannot use 'a,b' as an ID",
    "/as admin": "Cannot write as 'admin': the name is the administrator's",
    "/sing": "Unknown command '/sing': /help tells the commands",
  };
  const input = [...Object.keys(wrong), "/as alice", "/to bob", "a\x07b", "stored\n"].join("\n");
  const { code, out, err } = await parley(["mailbox", "--server", server.address], { input });
  assertEquals([code, out], [1, ""]);
  assertEquals(err.split("\n"), [
    ...Object.values(wrong),
    "Cannot send a message with control characters other than TAB",
    "",
  ]);
  using peer = new Peer(server.port);
  assertStringIncludes(await peer.ask("R, bob"), ", alice, stored");
});

const ignore = Deno.build.os === "windows" || await lacks("tmux");

/** The program in a terminal; the shell that started it tells its exit code. */
function open(server: ServerProcess, ...options: string[]): Promise<Terminal> {
  const args = [...FROM_SOURCE, "mailbox", "--server", server.address, ...options];
  return Terminal.open(
    `trap : INT; ${args.map((arg) => `'${arg}'`).join(" ")}; echo "left with $?"; read wait`,
  );
}

Deno.test("parley mailbox in a terminal prompts, and Ctrl-D leaves it", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using terminal = await open(server);
  await terminal.shows("/help tells the commands.");
  await terminal.shows("? → ?: ");
  await terminal.type("/as alice");
  await terminal.shows("alice → ?: ");
  await terminal.type("/to bob");
  await terminal.shows("alice → bob: ");
  await terminal.type("it's 5 Ω, or more? ✓");
  await terminal.shows("alice → bob: ");
  await terminal.type("/sing");
  await terminal.shows("Unknown command '/sing': /help tells the commands");
  await terminal.shows("alice → bob: ");
  await terminal.type("/as bob");
  await terminal.shows("bob → bob: ");
  await terminal.type("/r");
  await terminal.shows("alice: it's 5 Ω, or more? ✓\r\nbob → bob: ");
  await terminal.type("/r");
  await terminal.shows("no message\r\nbob → bob: ");
  await terminal.type("/help");
  await terminal.shows("/receive     receive your next message (/r)");
  await terminal.shows("bob → bob: ");
  await terminal.type("", "C-d");
  // a mistake in a terminal is no failure
  await terminal.shows("left with 0");
});

Deno.test("Ctrl-C leaves parley mailbox, and says nothing", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using terminal = await open(server, "--as", "alice", "--to", "bob");
  await terminal.shows("alice → bob: ");
  await terminal.type("half a line", "Space");
  await terminal.shows("half a line ");
  await terminal.type("", "C-c");
  assertEquals(await terminal.shows("left with 130"), "^C");
});
