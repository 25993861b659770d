/** `wirepost watch`. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, lacks, Peer, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";
import { LinePeer } from "../stream.ts";
import { Terminal } from "./terminal.ts";

/** Runs `watch`; `begun` resolves when it watches. */
function startWatch(cwd: string, ...args: string[]) {
  const [program = "", ...before] = FROM_SOURCE;
  const child = new Deno.Command(program, {
    args: [...before, "watch", ...args],
    cwd,
    env: { WIREPOST_DATA: "parley-data" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const begun = Promise.withResolvers<void>();
  let err = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      err += text;
      if (err.includes("watching")) begun.resolve();
    }
    begun.reject(new Error(`watch ended: ${err}`));
  })();
  const out = new Response(child.stdout).text();
  return {
    child,
    begun: begun.promise,
    async ended() {
      const { code } = await child.status;
      await reading;
      return { code, out: await out, err };
    },
  };
}

Deno.test("watch shows what arrives and leaves, as lines and as objects, until it has as many as wanted", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "room", "0"], { cwd: directory.path });
  const room = await server.ready("room");
  const lines = startWatch(directory.path, "--service", "mailbox", "--texts", "--count", "5");
  const objects = startWatch(directory.path, "--json", "--name", "bob", "--count", "4");
  const endless = startWatch(directory.path, "--service", "room");
  await Promise.all([lines.begun, objects.begun, endless.begun]);

  using peer = new Peer(server.port);
  await peer.send("F; bob");
  await peer.send("F, bob, alice, hi \u202ethere");
  await peer.send("F, carol, alice, hi");
  assertMatch(await peer.ask("R, bob"), /^N/);
  await peer.send("F, bob");

  const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`, from = `127.0.0.1:${peer.port}`.padEnd(15);
  const shown = await lines.ended();
  assertEquals([shown.code, shown.err], [0, "wirepost watch: watching, Ctrl-C ends\n"]);
  const expected = [
    "→ 'F; bob', 6 bytes: F; bob: ignored: no comma after the type (mailbox.md 1.1)",
    "→ F: put into 'bob' from 'alice', 11 bytes: hi <U+202E>there",
    "→ F: put into 'carol' from 'alice', 2 bytes: hi",
    "→ R: take from 'bob'",
    "← N: message for 'bob' from 'alice', 11 bytes: hi <U+202E>there",
  ];
  assertEquals(
    shown.out.replaceAll(new RegExp(`^${time} `, "gm"), "").split("\n"),
    [...expected.map((line) => `${line[0]} mailbox  ${from} ${line.slice(2)}`), ""],
  );

  const { code, out } = await objects.ended();
  assertEquals(code, 0);
  const events = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ what }) => what), [
    "F: put into 'bob' from 'alice', 11 bytes",
    "R: take from 'bob'",
    "N: message for 'bob' from 'alice', 11 bytes",
    "'F, bob', 6 bytes",
  ]);
  const { time: at, ...last } = events[3];
  assertMatch(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(last, {
    direction: "in",
    service: "mailbox",
    peer: `127.0.0.1:${peer.port}`,
    what: "'F, bob', 6 bytes",
    refused: "malformed",
    why: "sender and text are missing: F, RECEIVER, SENDER, TEXT",
    rule: "mailbox.md section 1",
  });

  using one = await LinePeer.connect(room);
  using _ = await LinePeer.connect(room);
  // the server has both
  await one.next();
  await server.logged(" an administrator watches no longer\n", 2);
  endless.child.kill("SIGINT");
  const ended = await endless.ended();
  assertEquals(ended.code, 130);
  assertEquals(ended.out.match(/ → room .* connects\n/g)?.length, 2);
  await server.logged(" an administrator watches no longer\n", 3);
});

Deno.test("watch says what is wrong with its arguments, and that no server is there", async () => {
  await using directory = await temporaryDirectory();
  const run = async (...args: string[]) => {
    const { code, out, err } = await wirepost(["watch", ...args], { cwd: directory.path });
    assertEquals(out, "");
    return [code, err.split("\n")[0]];
  };
  assertEquals(await run("--service", "mail"), [
    2,
    "wirepost watch: Cannot read --service 'mail': expected mailbox, channels, room, forum, http, admin",
  ]);
  assertEquals(await run("--peer", "localhost"), [
    2,
    "wirepost watch: Cannot read --peer 'localhost': expected an IP address, or one with a port",
  ]);
  assertEquals(await run("bob"), [2, "wirepost watch: Unexpected argument 'bob'"]);
  const [code, err = ""] = await run();
  assertEquals(code, 1);
  // a server of somebody else may have the usual port
  assertMatch(
    `${err}`,
    /No server runs on this machine: 'wirepost serve' starts one|start the server there once/,
  );
});

const ignore = Deno.build.os === "windows" || await lacks("tmux");

Deno.test({
  name: "on a terminal of 80 columns, what does not fit stands below its column",
  ignore,
  async fn() {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
    const program = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
    await using terminal = await Terminal.open(
      `trap : INT; cd ${directory.path}; WIREPOST_DATA=parley-data NO_COLOR=1 ${program} watch; echo code $?; read x`,
      { columns: 80, rows: 24 },
    );
    await terminal.shows("watching, Ctrl-C ends; --texts shows texts too");
    using peer = new Peer(server.port);
    await peer.send("F, bob");
    await terminal.shows("1)");
    await terminal.type("", "C-c");
    await terminal.shows("code 130");
    const screen = (await terminal.screen()).split("\n");
    const from = `127.0.0.1:${peer.port}`.padEnd(15);
    assertEquals(screen[1]!.slice(13), `→ mailbox  ${from} 'F, bob', 6 bytes: ignored: sender and`);
    const below = screen.slice(2, 4);
    assertEquals(below, [
      `${" ".repeat(40)}text are missing: F, RECEIVER, SENDER,`,
      `${" ".repeat(40)}TEXT (mailbox.md section 1)`,
    ]);
  },
});

// watch.md 2.7
Deno.test({
  name: "an object of an event escapes on a terminal what JSON leaves as it is",
  ignore,
  async fn() {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
    const program = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
    await using terminal = await Terminal.open(
      `cd ${directory.path}; WIREPOST_DATA=parley-data ${program} watch --json --texts --count 1; read x`,
      { columns: 200, rows: 24 },
    );
    await terminal.shows("watching, Ctrl-C ends");
    using peer = new Peer(server.port);
    // U+009B begins a command of a terminal as ESC and [ do: this one clears the screen
    await peer.send("F; \x9b2J\u202ebob");
    await terminal.shows('"text":"F; ^[[2J<U+202E>bob"');
  },
});
