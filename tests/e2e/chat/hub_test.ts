/** `wirepost serve channels` and `wirepost serve room`: their data, their limits, and other programs as clients. */

import { assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import {
  FROM_SOURCE,
  lacks,
  netcat,
  runCommand,
  ServerProcess,
  temporaryDirectory,
  wirepost,
} from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

Deno.test("serve runs the services that are named, each on its port", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["room", "0", "mailbox", "0", "channels", "0"], {
    cwd: directory.path,
  });
  const [channels, room] = [await server.ready("channels"), await server.ready("room")];
  using alice = await FramePeer.named("Alice", channels);
  await alice.send("/create room");
  assertEquals(await alice.settle(), []);
  using bob = await LinePeer.connect(room);
  assertEquals(await alice.next(), `127.0.0.1:${bob.port} has joined`);
  const running = JSON.parse(await Deno.readTextFile(`${directory.path}/parley-data/server.json`));
  assertEquals(running.services, {
    mailbox: [`127.0.0.1:${server.port}`],
    channels: [`127.0.0.1:${channels}`],
    room: [`127.0.0.1:${room}`],
    http: [`127.0.0.1:${server.port}`],
  });
  const begun = performance.now();
  assertEquals((await server.end()).code, 0);
  assertLess(performance.now() - begun, 30_000);
  assertEquals(server.out.split("\n"), [
    `mailbox listening on udp 127.0.0.1:${server.port}`,
    `channels listening on tcp 127.0.0.1:${channels}`,
    `room listening on tcp 127.0.0.1:${room}`,
    `http listening on tcp 127.0.0.1:${server.port}`,
    "",
  ]);
  assertStringIncludes(server.err, " info channels - 0 messages in 0 channels in parley-data\n");
  assertStringIncludes(server.err, `\nChat server started on port ${room}\n`);
  assertStringIncludes(server.err, `\nClient (127.0.0.1, ${bob.port}) connected\n`);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  // channels.md 2.5
  Deno.test(`channels and their messages survive ${signal} and a restart`, async () => {
    await using data = await temporaryDirectory();
    const args = ["channels", "0", "--data", data.path];
    {
      await using server = await ServerProcess.start(args);
      using alice = await FramePeer.named("Alice", server.port);
      await alice.send("/create tea", "/create Ω✓", "/join tea");
      await alice.send(...Array.from({ length: 1500 }, (_, i) => `message ${i}`));
      assertEquals(await alice.settle(), []);
      assertEquals((await server.end(signal)).code, 0);
    }
    await using server = await ServerProcess.start(args);
    await server.logged(` info channels - 1000 messages in 2 channels in ${data.path}\n`);
    using bob = await FramePeer.named("Bob", server.port);
    await bob.send("/list", "/join tea");
    // as on a fresh server, until somebody creates it
    assertEquals(await bob.next(), "No channel named tea exists. Try '/create tea'?");
    const channels = await wirepost(["admin", "channels", "--data", data.path]);
    assertEquals(channels.out, " members  channel\n       0  tea\n       0  Ω✓\n");
    await bob.send("/create Ω✓", "/create tea", "/list", "/create tea");
    assertEquals(await bob.next(), "Ω✓\ntea");
    assertEquals(await bob.next(), "Room tea already exists, so cannot be created.");
    assertEquals((await server.end(signal)).code, 0);
    // what was said there before was kept all the time
    await using again = await ServerProcess.start(args);
    await again.logged(` info channels - 1000 messages in 2 channels in ${data.path}\n`);
  });
}

// room.md 4.4
Deno.test("the channel 'room' beside a room can be joined after a restart, and is listed once it had a member", async () => {
  await using data = await temporaryDirectory();
  for (let start = 0; start < 3; start++) {
    await using server = await ServerProcess.start(["channels", "0", "room", "0", "--data", data.path]);
    using alice = await FramePeer.named("Alice", server.port);
    await alice.send("/list");
    assertEquals(await alice.settle(), []);
    await alice.send(start === 1 ? "/create room" : "/join room", "/list", "hello");
    assertEquals(await alice.settle(), ["room"]);
    assertEquals((await server.end()).code, 0);
  }
});

Deno.test("a kept channel that an administrator removes begins again without its messages", async () => {
  await using data = await temporaryDirectory();
  const args = ["channels", "0", "--data", data.path];
  {
    await using server = await ServerProcess.start(args);
    using alice = await FramePeer.named("Alice", server.port);
    await alice.send("/create tea", "hello");
    assertEquals(await alice.settle(), []);
    assertEquals((await server.end()).code, 0);
  }
  {
    await using server = await ServerProcess.start(args);
    await server.logged(" info channels - 1 messages in 1 channels in ");
    const removed = await wirepost(["admin", "remove-channel", "tea", "--data", data.path]);
    assertEquals(removed.out, "0\n");
    assertEquals((await server.end()).code, 0);
  }
  await using server = await ServerProcess.start(args);
  await server.logged(" info channels - 0 messages in 0 channels in ");
});

Deno.test("--memory writes no file, and forgets the channels", async () => {
  await using directory = await temporaryDirectory();
  for (let i = 0; i < 2; i++) {
    await using server = await ServerProcess.start(["channels", "0", "--memory"], { cwd: directory.path });
    using alice = await FramePeer.named("Alice", server.port);
    await alice.send("/create tea");
    assertEquals(await alice.settle(), []);
    assertEquals((await server.end()).code, 0);
    assertStringIncludes(
      server.err,
      " info channels - channels and messages are kept in memory and end with this process",
    );
  }
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path)), []);
});

// admin.md 1.1, 4.2
Deno.test("admin lists channels and their members, and removes a channel, without a mailbox too", async () => {
  await using directory = await temporaryDirectory();
  const { path: cwd } = directory;
  await using server = await ServerProcess.start(["channels", "0", "room", "0"], { cwd });
  const room = await server.ready("room");
  const admin = async (...args: string[]) => {
    const { code, out, err } = await wirepost(["admin", ...args], { cwd });
    assertEquals([code, err], [0, ""], err);
    return out;
  };
  using alice = await FramePeer.named("Alice, A.", server.port);
  await alice.send("/create a,b", "/create tea");
  using bob = await FramePeer.named("Bob", server.port);
  assertEquals([await alice.settle(), await bob.settle()], [[], []]);
  using carol = await LinePeer.connect(room);
  await bob.send("/join room", "/list");
  assertEquals(await carol.next(), "[Bob] entered room");
  assertEquals(await admin("channels"), " members  channel\n       0  a,b\n       2  room\n       1  tea\n");
  assertEquals(
    await admin("members", "tea"),
    `address                name\n127.0.0.1:${alice.port}`.padEnd(28 + 23) + "Alice,A.\n",
  );
  assertEquals((await admin("members", "room")).split("\n").length, 4);
  assertEquals(await admin("remove-channel", "a,b"), "0\n");
  assertEquals(await admin("remove-channel", "tea"), "1\n");
  await alice.send("hello");
  assertEquals(
    await alice.next(),
    "Not currently in any channel. Must join a channel before sending messages.",
  );
  assertEquals(await admin("remove-channel", "room"), "1\n");
  assertEquals(await carol.next(), "Client Bob is offline");
  assertEquals(await admin("channels"), " members  channel\n       1  room\n");
  const none = await wirepost(["admin", "members", "tea"], { cwd });
  assertEquals(none, { code: 1, out: "", err: "wirepost admin: no channel named 'tea'\n" });
  const status = await admin("status");
  for (
    const line of ["channels 0", "members 1", "connections 3", "channels received 7", "room connections 1"]
  ) {
    assertStringIncludes(status, `\n${line}\n`);
  }
  assertEquals(await admin("stop"), "stopping\n");
  assertEquals((await server.ended()).code, 0);
});

Deno.test("admin lists more channels and members than one datagram holds", async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["channels", "0", "--data", data.path]);
  using alice = await FramePeer.named("Alice", server.port);
  const names = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(30, "Ω")).toSorted();
  await alice.send(...names.map((name) => `/create ${name}`), "/create all");
  assertEquals(await alice.settle(), []);
  const peers = await Promise.all(names.map((_, i) => FramePeer.named(`member ${i}`, server.port)));
  try {
    for (const peer of peers) await peer.send("/join all");
    for (const _ of peers) assertMatch((await alice.next())!, / has joined$/);
    const { out } = await wirepost(["admin", "channels", "--data", data.path]);
    assertEquals(out.trimEnd().split("\n").slice(2), names.map((name) => `       0  ${name}`));
    const members = await wirepost(["admin", "members", "all", "--data", data.path]);
    assertEquals(
      members.out.trimEnd().split("\n").slice(1).map((line) => line.slice(23)).toSorted(),
      ["Alice", ...names.map((_, i) => `member ${i}`)].toSorted(),
    );
  } finally {
    for (const peer of peers) peer[Symbol.dispose]();
  }
});

Deno.test("connections are limited in all and by address, and a refusal is counted and logged once", async () => {
  await using data = await temporaryDirectory();
  const args = ["channels", "0", "room", "0", "--data", data.path];
  await using server = await ServerProcess.start([
    ...args,
    "--max-connections",
    "3",
    "--address-connections",
    "2",
  ]);
  const room = await server.ready("room");
  using alice = await FramePeer.named("Alice", server.port);
  using bob = await LinePeer.connect(room);
  await alice.send("/join room");
  assertEquals(await bob.next(), "[Alice] entered room");
  for (let i = 0; i < 3; i++) {
    using refused = await FramePeer.connect(server.port);
    assertEquals(await refused.next(), undefined);
  }
  bob.conn.close();
  assertMatch((await alice.next())!, / has left$/);
  using carol = await FramePeer.named("Carol", server.port);
  assertEquals(await carol.settle(), []);
  const { out } = await wirepost(["admin", "status", "--data", data.path]);
  assertStringIncludes(out, "\nchannels too many connections of an address 3\n");
  const reports = server.err.match(
    / warn channels 127\.0\.0\.1:\d+ too many connections of an address: further clients are refused\n/g,
  );
  assertEquals(reports?.length, 1);
});

// channels.md 5.9
Deno.test("a refused frame or line changes nothing else", async () => {
  await using server = await ServerProcess.start(["channels", "0", "room", "0", "--memory"]);
  const room = await server.ready("room");
  using alice = await FramePeer.named("Alice", server.port);
  using bob = await LinePeer.connect(room);
  await alice.send("/join room");
  assertEquals(await bob.next(), "[Alice] entered room");
  await alice.send("/create room", "/join nowhere", "/quit", "1");
  assertEquals(
    [await alice.next(), await alice.next(), await alice.next()].map((text) => text?.slice(0, 20)),
    ["Room room already ex", "No channel named now", "/quit is not a valid"],
  );
  assertEquals(await bob.next(), "\r<Alice> 1");
  await bob.send("x".repeat(10_000), "2");
  assertMatch((await bob.next())!, /line/);
  assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] 2`);
  await alice.send("/list");
  assertEquals(await alice.next(), "room");
});

// channels.md 5.6
Deno.test("a client that sends too fast is read later, and nothing is lost", async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(
    ["channels", "0", "room", "0", "--data", data.path, "--message-rate", "100"],
  );
  const room = await server.ready("room");
  using alice = await FramePeer.named("Alice", server.port);
  using bob = await LinePeer.connect(room);
  await alice.send("/join room");
  assertEquals(await bob.next(), "[Alice] entered room");
  const begun = performance.now();
  const texts = Array.from({ length: 200 }, (_, i) => `${i}`);
  await Promise.all([alice.send(...texts), bob.send(...texts)]);
  for (const text of texts) {
    assertEquals(await bob.next(), `\r<Alice> ${text}`);
    assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] ${text}`);
  }
  // the second hundred takes a second
  assertEquals(performance.now() - begun >= 900, true);
  const { out } = await wirepost(["admin", "status", "--data", data.path]);
  assertMatch(out, /\nchannels slowed down \d+\n/);
  assertMatch(out, /\nroom slowed down \d+\n/);
});

Deno.test("python3 speaks both wires", { ignore: await lacks("python3") }, async (t) => {
  await using server = await ServerProcess.start(["channels", "0", "room", "0", "--memory"]);
  const room = await server.ready("room");
  const script = new URL("hub_client.py", import.meta.url).pathname;
  const { code, out, err } = await runCommand(["python3", script, `${server.port}`, `${room}`]);
  await t.step("every row of both tables", () => assertEquals([code, out, err], [0, "ok\n", ""]));
});

/** The option that ends `nc` with its input. */
const NETCAT_OPTIONS = { openbsd: ["-N"], traditional: ["-q", "0"], ncat: [] };
const nc = Deno.build.os === "linux" ? await netcat("openbsd", "traditional", "ncat") : undefined;

Deno.test("nc is a client of the room", { ignore: nc === undefined }, async () => {
  await using server = await ServerProcess.start(["room", "0", "--memory"]);
  using alice = await LinePeer.connect(server.port);
  await server.logged("connected\n");
  const said = runCommand(["nc", ...NETCAT_OPTIONS[nc!], "127.0.0.1", `${server.port}`], {
    input: "hello Ω\nfrom nc\n",
  });
  const entered = /^\[127\.0\.0\.1:(\d+)\] entered room$/.exec((await alice.next())!);
  const port = entered![1];
  assertEquals(await alice.next(), `\r<('127.0.0.1', ${port})> hello Ω`);
  assertEquals(await alice.next(), `\r<('127.0.0.1', ${port})> from nc`);
  assertEquals(await alice.next(), `Client (127.0.0.1, ${port}) is offline`);
  assertEquals(await said, { code: 0, out: "", err: "" });
});

// channels.md 5.12
Deno.test("TCP keep-alive probes a silent client", { ignore: Deno.build.os !== "linux" }, async () => {
  await using server = await ServerProcess.start(["room", "0", "--memory"]);
  using alice = await LinePeer.connect(server.port);
  await server.logged("connected\n");
  using bob = await LinePeer.connect(server.port);
  assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
  const { out } = await runCommand(["cat", "/proc/net/tcp"]);
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  // nothing was sent to Bob yet, so the only timer of its socket at the server (02) is keep-alive
  const socket = new RegExp(`:${hex(server.port)} 0100007F:${hex(bob.port)} 01 \\S+ (\\d\\d):`);
  assertEquals(socket.exec(out)?.[1], "02");
});

Deno.test(
  "the server continues when it runs out of descriptors",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using data = await temporaryDirectory();
    const [deno = "", ...rest] = FROM_SOURCE;
    const command = ["sh", "-c", 'ulimit -n 60; exec "$0" "$@"', deno, ...rest];
    await using server = await ServerProcess.start(["channels", "0", "--data", data.path], { command });
    const peers: FramePeer[] = [];
    try {
      // the kernel takes them, the server can't
      for (let i = 0; i < 80; i++) peers.push(await FramePeer.connect(server.port));
      await server.logged(" warn channels - cannot accept a connection: ");
      for (const peer of peers.splice(0, 70)) peer[Symbol.dispose]();
      for (const peer of peers) {
        await peer.send("Alice");
        assertEquals(await peer.settle(), []);
      }
    } finally {
      for (const peer of peers) peer[Symbol.dispose]();
    }
    assertEquals((await server.end()).code, 0);
  },
);
