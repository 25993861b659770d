/**
 * Channels and room under load and abuse: one client that never reads among many that do, and connections that come and go.
 * WIREPOST_FAULTS=full runs them at full size.
 */

import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeFrames, FRAME_BYTES } from "../../protocol/syntax/frame.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";
import { FramePeer, LinePeer } from "../stream.ts";
import { FULL, obtainSeed, randomNumbers, report, residentMiB } from "./form.ts";

const encoder = new TextEncoder();

/** A server with as many descriptors as there are. */
function start(args: readonly string[]): Promise<ServerProcess> {
  const [deno = "", ...rest] = FROM_SOURCE;
  const command = ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"', deno, ...rest];
  return ServerProcess.start(args, { command });
}

/** Reads messages numbered from 0 to the last one, and makes sure that each comes once and in order. */
async function receiveAll(
  conn: Deno.Conn,
  count: number,
  number: (bytes: Uint8Array, from: number) => number,
) {
  const buffer = new Uint8Array(65_536);
  let kept = 0, next = 0;
  while (next < count) {
    const length = await conn.read(buffer.subarray(kept));
    if (length === null) throw new Error(`closed behind message ${next - 1}`);
    const end = kept + length;
    let from = 0;
    for (; from + FRAME_BYTES <= end; from += FRAME_BYTES) {
      const got = number(buffer, from);
      if (got < 0) continue;
      if (got !== next) throw new Error(`expected message ${next}, got ${got}`);
      next++;
    }
    buffer.copyWithin(0, from, end);
    kept = end - from;
  }
}

// channels.md 5.1, 5.2
Deno.test("members of a channel get every message in order, and one that never reads is disconnected", async () => {
  const members = FULL ? 1000 : 100, count = 10_000;
  await using data = await temporaryDirectory();
  await using server = await start(["channels", "0", "--data", data.path]);
  using sender = await FramePeer.named("S", server.port);
  await sender.send("/create load");
  assertEquals(await sender.settle(), []);
  // a client that has its buffers filled and never reads: what the kernel takes for it is bounded
  using silent = await FramePeer.named("silent", server.port);
  await silent.send("/join load");
  assertEquals(await sender.next(), "silent has joined");
  const peers: FramePeer[] = [];
  try {
    for (let i = 0; i < members; i++) {
      const peer = await FramePeer.named(`m${i}`, server.port);
      peers.push(peer);
      await peer.send("/join load");
      assertEquals(await sender.next(), `m${i} has joined`);
    }
    const before = await residentMiB(server.pid);
    let peak = before;
    const watching = setInterval(async () => peak = Math.max(peak, await residentMiB(server.pid)), 500);
    // `[S] 00001234`, among notes about members
    const number = (bytes: Uint8Array, from: number) => {
      if (bytes[from] !== 0x5b || bytes[from + 1] !== 0x53) return -1;
      let n = 0;
      for (let i = from + 4; i < from + 12; i++) n = 10 * n + bytes[i]! - 0x30;
      return n;
    };
    const begun = performance.now();
    const received = peers.map((peer) => receiveAll(peer.conn, count, number));
    // the silent one costs so many bytes, whatever the kernel keeps for it
    const rest = "x".repeat(180);
    const sending = (async () => {
      for (let i = 0; i < count; i++) await sender.write(encodeFrames(`${`${i}`.padStart(8, "0")}${rest}`));
    })();
    await Promise.all([sending, ...received]);
    const seconds = (performance.now() - begun) / 1000;
    // what the kernel holds for the silent one is behind it; then its queue fills
    const more = encodeFrames("99999999" + rest);
    const hearing = peers.map((peer) => drain(peer.conn));
    while (!server.err.includes("'silent' is cut off")) {
      for (let i = 0; i < 100; i++) await sender.write(more);
      await turn();
    }
    clearInterval(watching);
    assertEquals(await sender.next(), "silent has left");
    const { out } = await wirepost(["admin", "status", "--data", data.path]);
    assertStringIncludes(out, "\nchannels cut off pending 1\n");
    assertStringIncludes(out, `\nmembers ${members + 1}\n`);
    assertEquals(server.err.match(/ is cut off: /g)?.length, 1);
    assertEquals((await server.end()).code, 0);
    await Promise.all(hearing);
    const rate = Math.round(members * count / seconds);
    report(
      `${members} members, ${rate} deliveries/s; ${Math.round(before)} MiB, at most ${Math.round(peak)} MiB`,
    );
    assertLess(peak, before + 200);
  } finally {
    for (const peer of peers) peer[Symbol.dispose]();
  }
});

/** Lets other sockets have their turn: writes that never block would not. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Reads until the end. */
async function drain(conn: Deno.Conn) {
  const buffer = new Uint8Array(65_536);
  while (await conn.read(buffer).catch(() => null) !== null);
}

// channels.md 5.2
Deno.test("a client that reads nothing is disconnected after a time", async () => {
  await using data = await temporaryDirectory();
  await using server = await start(
    ["channels", "0", "--data", data.path, "--stall", "1s", "--max-pending", "64MiB"],
  );
  using sender = await FramePeer.named("S", server.port);
  await sender.send("/create load");
  assertEquals(await sender.settle(), []);
  using silent = await FramePeer.named("silent", server.port);
  await silent.send("/join load");
  assertEquals(await sender.next(), "silent has joined");
  const frame = encodeFrames("x".repeat(190));
  while (!server.err.includes("'silent' is cut off")) {
    for (let i = 0; i < 100; i++) await sender.write(frame);
    await turn();
  }
  assertStringIncludes(server.err, "is cut off: it read nothing for 1 s\n");
  assertEquals(await sender.next(), "silent has left");
  const { out } = await wirepost(["admin", "status", "--data", data.path]);
  assertStringIncludes(out, "\nchannels cut off stalled 1\n");
});

// channels.md 5.3
Deno.test("many clients that ask for a long list and never read it cost little memory, and delay no message", async () => {
  const clients = FULL ? 3000 : 300, asks = 15;
  await using data = await temporaryDirectory();
  await using server = await start(["mailbox", "0", "channels", "0", "--data", data.path]);
  const channels = await server.ready("channels");
  using alice = await FramePeer.named("Alice", channels);
  await alice.send(...Array.from({ length: 1000 }, (_, i) => `/create ${`${i}`.padEnd(64, "x")}`));
  assertEquals(await alice.settle(), []);
  const before = await residentMiB(server.pid);
  const peers: FramePeer[] = [];
  using mailbox = new Peer(server.port);
  let longest = 0;
  /** Puts and takes a message. Meanwhile the server may answer one list, but not many. */
  const exchange = async () => {
    const begun = performance.now();
    await mailbox.send("F, bob, alice, hello");
    assertMatch(await mailbox.ask("R, bob"), /^N, .*, alice, hello$/);
    longest = Math.max(longest, performance.now() - begun);
  };
  try {
    for (let i = 0; i < clients; i++) {
      const peer = await FramePeer.connect(channels);
      peers.push(peer);
      await peer.send(`Client ${i}`, ...new Array<string>(asks).fill("/list"));
      if (i % 10 === 0) await exchange();
    }
    // until all have been answered, or cut off because they take nothing
    let peak = before;
    for (;;) {
      await exchange();
      peak = Math.max(peak, await residentMiB(server.pid));
      const { out } = await wirepost(["admin", "status", "--data", data.path]);
      const count = (name: string) => Number(new RegExp(`\\n${name} (\\d+)\\n`).exec(out)?.[1] ?? 0);
      const gone = clients + 1 - count("connections");
      if (count("channels received") - 1001 >= (clients - gone) * asks) break;
    }
    report(
      `${clients} clients that ask ${asks} times: ${Math.round(before)} MiB, at most ${
        Math.round(peak)
      } MiB; ` +
        `the slowest message took ${Math.round(longest)} ms`,
    );
    assertLess(peak, before + (FULL ? 150 : 40));
    assertEquals((await server.end()).code, 0);
  } finally {
    for (const peer of peers) peer[Symbol.dispose]();
  }
});

Deno.test("connections that come and go leave nothing behind", async () => {
  const connections = FULL ? 5000 : 500, rounds = FULL ? 10 : 3;
  const random = randomNumbers(obtainSeed());
  await using data = await temporaryDirectory();
  await using server = await start(["channels", "0", "room", "0", "--data", data.path]);
  const room = await server.ready("room");
  // Deno itself opens this directory with --allow-all alone
  const descriptors = async () => (await runCommand(["ls", `/proc/${server.pid}/fd`])).out.split("\n").length;
  const status = async () => (await wirepost(["admin", "status", "--data", data.path])).out;
  const linux = Deno.build.os === "linux";
  const opened = linux ? await descriptors() : 0;
  const figures: string[] = [];
  let first = 0, last = 0;
  for (let round = 0; round < rounds; round++) {
    const open: Deno.Conn[] = [];
    const close = () => open.splice(random(open.length), 1)[0]!.close();
    for (let i = 0; i < connections; i++) {
      const inRoom = random(4) === 0;
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: inRoom ? room : server.port });
      open.push(conn);
      const said = inRoom
        ? encoder.encode(`line\nand part of ${i}`)
        : new Uint8Array([...encodeFrames(`m${i}`), ...encodeFrames(`/create c${random(10)}`)]);
      // half of them end in the middle of a frame
      await conn.write(random(2) === 0 ? said : said.subarray(0, random(said.length))).catch(() => {});
      // few in the room at a time: each gets a line about each
      while (open.length > (FULL ? 500 : 100) || open.length > 0 && random(3) === 0) close();
    }
    while (open.length > 0) close();
    // the last one to come finds nobody
    for (;;) {
      const out = await status();
      if (/\nmembers 0\nconnections 0\n/.test(out)) break;
    }
    if (linux) assertEquals(await descriptors() <= opened + 2, true);
    last = await residentMiB(server.pid);
    // the heap takes its size in the first half
    if (round <= rounds >> 1) first = Math.max(first, last);
    figures.push(last.toFixed(0));
  }
  report(`${connections} connections a round: ${figures.join(", ")} MiB`);
  assertLess(last, first + (FULL ? 30 : 15));
  using alice = await FramePeer.named("Alice", server.port);
  using bob = await LinePeer.connect(room);
  await alice.send("/join room");
  assertEquals(await bob.next(), "[Alice] entered room");
  assert((await server.end()).success);
});
