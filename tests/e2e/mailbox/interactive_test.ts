/** `wirepost mailbox`, typed and piped. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, lacks, Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { Terminal } from "../terminal.ts";

/** Times differ from day to day. */
function normal(out: string): string {
  return out.replace(/^\d\d:\d\d:\d\d /gm, "TIME ");
}

Deno.test("wirepost mailbox obeys the lines of a pipe, as one person and as several", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const input = [
    "/as alice",
    "/to bob",
    "5 Ω, or more? ✓",
    "",
    "//as it is",
    "/as bob",
    "/receive",
    "/r",
    "/quit",
    "never read",
  ].join("\n");
  const { code, out, err } = await wirepost(["mailbox", "--server", server.address], { input });
  assertEquals([code, err], [0, ""]);
  assertEquals(
    normal(out),
    "TIME alice: 5 Ω, or more? ✓\nTIME alice: /as it is\nno more messages\nno more messages\n",
  );
});

Deno.test("wirepost mailbox shows what is there before a pipe's end, and acknowledges it", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const options = ["--server", server.address];
  assertEquals(
    (await wirepost(["send", "bob", "one", "x".repeat(3000), "--from", "alice", ...options])).code,
    0,
  );
  const { out } = await wirepost(["mailbox", "--as", "bob", ...options], { input: "" });
  assertEquals(normal(out), `TIME alice: one\nTIME alice: ${"x".repeat(3000)}\n`);
  assertEquals((await wirepost(["receive", "bob", ...options])).code, 3);
});

Deno.test("wirepost mailbox --basic asks for each message on the original wire", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const lines = ["/as alice", "/to bob", "one", "two", "three", "/as bob", "/r", "/all", "/receive", "/quit"];
  const { code, out, err } = await wirepost(["mailbox", "--basic", "--server", server.address], {
    input: lines.join("\n"),
  });
  assertEquals([code, err], [0, ""]);
  assertEquals(normal(out), "TIME alice: one\nTIME alice: two\nTIME alice: three\nno message\n");
});

Deno.test("wirepost mailbox goes on after a mistake in a pipe, and exits with 1 in the end", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const wrong = {
    "hello": "Missing sender or receiver: /as ID, /to ID",
    "/receive": "Missing receiver: /as ID",
    "/as a,b":
      "Cannot use 'a,b' as an ID: expected 1 to 64 bytes with no comma, no control character, no space at an end",
    "/as admin": "Cannot send as 'admin': the name is the administrator's",
    "/sing": "Unknown command '/sing': /help shows the commands",
  };
  const input = [...Object.keys(wrong), "/as alice", "/to bob", "a\x07b", "stored\n"].join("\n");
  const { code, out, err } = await wirepost(["mailbox", "--server", server.address], { input });
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

/** The program in a terminal. The shell that started it prints its exit code. */
function open(server: ServerProcess, ...options: string[]): Promise<Terminal> {
  const args = [...FROM_SOURCE, "mailbox", "--server", server.address, ...options];
  return Terminal.open(
    `trap : INT; ${args.map((arg) => `'${arg}'`).join(" ")}; echo "left with $?"; read wait`,
  );
}

Deno.test("wirepost mailbox in a terminal prompts, and Ctrl-D leaves it", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using terminal = await open(server);
  await terminal.shows("/help shows the commands.");
  await terminal.shows("? → ?: ");
  await terminal.type("/as alice");
  await terminal.shows("alice → ?: ");
  await terminal.type("/to bob");
  await terminal.shows("alice → bob: ");
  await terminal.type("it's 5 Ω, or more? ✓");
  await terminal.shows("alice → bob: ");
  await terminal.type("/sing");
  await terminal.shows("Unknown command '/sing': /help shows the commands");
  await terminal.shows("alice → bob: ");
  await terminal.type("/as bob");
  await terminal.shows("alice: it's 5 Ω, or more? ✓");
  await terminal.shows("bob → bob: ");
  await terminal.type("/r");
  await terminal.shows("no more messages");
  await terminal.type("/re", "Tab");
  await terminal.type("");
  await terminal.shows("no more messages");
  await terminal.shows("bob → bob: ");
  await terminal.type("/to al", "Tab");
  await terminal.type("");
  await terminal.shows("bob → alice: ");
  await terminal.type("/hepl");
  await terminal.shows("Unknown command '/hepl': did you mean '/help'?");
  await terminal.type("/help");
  await terminal.shows("/receive     receive all messages that are there (/r)");
  await terminal.shows("bob → alice: ");
  await terminal.type("", "C-d");
  // a mistake in a terminal does not count as a failure
  await terminal.shows("left with 0");
});

Deno.test(
  "wirepost mailbox shows a message when it comes, and stores what is typed",
  { ignore },
  async () => {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
    await using alice = await open(server, "--as", "alice", "--to", "bob");
    await using bob = await open(server, "--as", "bob", "--to", "alice");
    await alice.shows("alice → bob: ");
    await bob.shows("bob → alice: ");
    await alice.type("How are you?");
    await bob.shows("alice: How are you?");
    await bob.type("Fine.");
    await alice.shows("bob: Fine.");
    await alice.type("/quit");
    await alice.shows("left with 0");
    // it was acknowledged: nobody gets it again
    const { code } = await wirepost(["receive", "bob", "--server", server.address]);
    assertEquals(code, 3);
  },
);

Deno.test(
  "wirepost mailbox says that the server is gone, and that it is there again",
  { ignore },
  async () => {
    await using directory = await temporaryDirectory();
    const port = freePort();
    const start = () => ServerProcess.start(["mailbox", `${port}`, "--data", directory.path]);
    const first = await start();
    await using terminal = await open(first, "--as", "alice", "--to", "alice", "--timeout", "500ms");
    await terminal.shows("alice → alice: ");
    await terminal.type("before");
    await terminal.shows("alice: before");
    await first.end();
    await terminal.type("meanwhile");
    await terminal.shows(`No answer from 127.0.0.1:${port} within 0.5 s: is the server running?`);
    await using _ = await start();
    await terminal.shows("The server answers again");
    await terminal.type("after");
    await terminal.shows("alice: after");
  },
);

Deno.test("Ctrl-C leaves wirepost mailbox", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using terminal = await open(server, "--as", "alice", "--to", "bob");
  await terminal.shows("alice → bob: ");
  await terminal.type("half a line", "Space");
  await terminal.shows("half a line ");
  await terminal.type("", "C-c");
  await terminal.shows("left with 0");
});

Deno.test("wirepost mailbox --as NAME logs in, in a small and a large window", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path: cwd } = directory;
  await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
  const env = { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: "secret" };
  assertEquals((await wirepost(["account", "add", "alice"], { cwd, env })).code, 0);
  const mailbox = (columns: number, rows: number) => {
    const args = [...FROM_SOURCE, "mailbox", "--server", server.address, "--as", "alice", "--to", "bob"];
    return Terminal.open(
      `cd '${cwd}'; export XDG_STATE_HOME='${cwd}/state' WIREPOST_DATA=parley-data; ` +
        `${args.map((arg) => `'${arg}'`).join(" ")}; echo "left with $?"; read wait`,
      { columns, rows },
    );
  };
  await using small = await mailbox(80, 24);
  await small.holds("Password of alice: |");
  await small.type("guessed");
  await small.holds(
    "Password of alice:\nwirepost mailbox: Cannot log in as 'alice': the password is wrong\nleft with 1",
  );
  await using large = await mailbox(200, 50);
  await large.holds("Password of alice: |");
  await large.type("secret");
  await large.holds(
    "Password of alice:\n/help shows the commands. Tab completes them, and names.\nalice → bob: |",
  );
  const text = "a line that is longer than the window, with 漢字 in it, ".repeat(4).trim();
  const sent = await wirepost(["send", "alice", text, "--as", "bob", "--server", server.address], { cwd });
  assertEquals(sent.code, 0);
  await large.shows(` bob: ${text}`);
  assertMatch(await large.screen(), /^\d\d:\d\d:\d\d bob: a line .*\n.* in it,\nalice → bob: \|$/m);
  await large.type("", "C-d");
  await large.shows("left with 0");
});
