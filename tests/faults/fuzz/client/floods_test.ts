/** Servers that never stop sending: a client holds no more of it than it needs. */

import { assertLess } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RequestSocket } from "../../../../client/mailbox/control/request_socket.ts";
import { MailboxSession } from "../../../../client/mailbox/mailbox_session.ts";
import { connectRoom } from "../../../../client/room.ts";
import { encodeFrames } from "../../../../protocol/syntax/frame.ts";
import { encodeAnswers } from "../../../../protocol/session.ts";
import { Clock } from "../../../simulation/clock.ts";
import { Random } from "../../../simulation/random.ts";
import { FULL, report } from "../../form.ts";
import { type Bytes, bytesOf, textOf } from "../engine/target.ts";
import { turn } from "../server/datagram_server.ts";
import { startChat } from "./chat.ts";
import { CLIENT_COMMANDS } from "./commands.ts";
import { patched } from "./patched.ts";

/** Bytes of a flood, and those of them that may be held at its end: what grows with the flood is over that. */
const FLOOD_BYTES = (FULL ? 256 : 8) * 1024 * 1024, MAX_HELD_BYTES = 3 * 1024 * 1024;

/** Bytes that a client may keep of answers that nobody waits for yet, and of the pieces of a lease. */
const MAX_ANSWERS_BYTES = 8 * 1024 * 1024, MAX_PIECES_BYTES = 16 * 1024 * 1024;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** What is alive. */
function heldBytes(): number {
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** A server's end that sends `begin`, and then what `next` gives, until so many bytes were read. */
function endless(begin: Bytes, next: (i: number) => Bytes) {
  let sent = 0, i = 0, piece = begin, isClosed = false;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const { promise: closed, resolve: end } = Promise.withResolvers<null>();
  const stream = {
    over,
    async read(buffer: Uint8Array): Promise<number | null> {
      // so that what was read is dealt with, as it is with a socket
      if (i % 64 === 0) await turn();
      if (isClosed) throw new Deno.errors.BadResource("closed");
      if (sent >= FLOOD_BYTES) {
        resolve();
        return await closed;
      }
      if (piece.length === 0) piece = next(i++);
      const length = Math.min(buffer.length, piece.length);
      buffer.set(piece.subarray(0, length));
      piece = piece.subarray(length);
      sent += length;
      return length;
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    setNoDelay() {},
    close() {
      isClosed = true;
      resolve();
      end(null);
    },
  };
  return stream;
}

const frames = (...texts: string[]) => new Uint8Array(texts.flatMap((text) => [...encodeFrames(text)]));
const ANNOUNCED = frames("\x02wirepost 1 Eve", "\x02wirepost 1 Eve", "\x02channel a1 7 tea");
const long = "x".repeat(150);

const CHATS: Readonly<Record<string, [begin: Bytes, next: (i: number) => Bytes]>> = {
  "messages of ever new members": [ANNOUNCED, (i) => frames(`[Bob${i}] ${long}`, `Bob${i} has joined`)],
  "a page that never ends": [
    frames("\x02wirepost 1 Eve", "\x02channel a1 7 tea", "\x02history a1 9999999999999999 7"),
    (i) => frames(`\x02message ${i} 0 3 Bob ${long}`),
  ],
  "pages with nothing but gaps": [ANNOUNCED, () => frames("\x02history a1 201 7", "\x02gap 4")],
  "parts of a message without its end": [ANNOUNCED, (i) => frames(`\x02part ${i} 0 3 Bob ${long}`)],
  "ever new channels": [ANNOUNCED, (i) => frames(`\x02channel a1 7 tea${i}`)],
  "confirmations of what was not sent": [ANNOUNCED, (i) => frames(`\x02sent ${i} 0`)],
  "ever new pages": [
    ANNOUNCED,
    (i) => frames("\x02history a1 1 99999999", `\x02message ${i} 0 3 Bob x`, "\x02wirepost 1 Eve"),
  ],
  "members without an end": [
    ANNOUNCED,
    (i) => frames("\x02members 99999999", `\x02member Bob${i}`, `\x02joined B${i}`),
  ],
};

for (const [what, [begin, next]] of Object.entries(CHATS)) {
  Deno.test(`a chat that is sent ${what} holds no more than before`, async () => {
    const stream = endless(begin, next);
    const { tty, ended } = await startChat("channels", () => Promise.resolve(stream));
    const before = heldBytes();
    await stream.over;
    await checkHeld(before, what);
    tty.type(bytesOf("\x03"));
    await ended;
  });
}

for (
  const [what, next] of [["a line without an end", () => new Uint8Array(65_536).fill(0x78)], [
    "lines without an end",
    () => bytesOf(`${"y".repeat(60_000)}\n`),
  ]] as const
) {
  Deno.test(`a client of the room that is sent ${what} holds no more than before`, async () => {
    const stream = endless(new Uint8Array(), next);
    using _ = patched({ connect: () => Promise.resolve(stream) });
    const room = await connectRoom({ port: 1 }), before = heldBytes();
    void (async () => {
      for await (const _ of room);
    })().catch(() => {});
    await stream.over;
    await checkHeld(before, what);
    room.close();
  });
}

Deno.test("answers that nobody asked for, as long as datagrams can be, are not all kept", async () => {
  let receive: (datagram: Uint8Array) => void = () => {};
  const channel = { send: () => Promise.resolve(), close: () => Promise.resolve() };
  const socket = new RequestSocket(
    { hostname: "10.0.0.1", port: 1 },
    undefined,
    (received) => {
      receive = received;
      return channel;
    },
  );
  const before = heldBytes();
  for (let sent = 0, i = 0; sent < 4 * FLOOD_BYTES; sent += 60_000) {
    receive(bytesOf(`N, x, ${i++}, ${"z".repeat(60_000)}`));
  }
  await checkHeld(before, "answers", MAX_ANSWERS_BYTES);
  await socket.close();
});

Deno.test("a session that is sent pieces of messages without an end holds no more than before", async () => {
  const clock = new Clock(), random = new Random(1);
  let asked = "";
  const session = new MailboxSession({
    monotonicClock: clock.now,
    setTimer: clock.setTimer,
    random: random.bytes,
    send: (datagram) => void (asked = textOf(datagram)),
  });
  const lease = session.lease("bob", { max: 64, wait: 1000 }).catch(() => {});
  await clock.run(10);
  const header = { session: asked.split(" ")[1]!, startId: "00000001", cookie: "", done: 0 };
  session.received(encodeAnswers({ ...header, cookie: "000000000001" + "1".repeat(16) }, []));
  await clock.run(10);
  const tag = /lease,(\d+)/.exec(asked)?.[1] ?? "1", before = heldBytes();
  for (let i = 0; i < 4 * FLOOD_BYTES / 1024; i++) {
    session.received(encodeAnswers(header, [`piece,${tag},${1 + i % 64},${i % 65_000},${"p".repeat(1000)}`]));
  }
  await checkHeld(before, "pieces", MAX_PIECES_BYTES);
  await clock.run(100_000);
  await lease;
});

Deno.test({
  name: "a chat in a pipe gives up a server that takes its connection and says nothing",
  // it is waited for as long as for a log-in
  ignore: !FULL,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await CLIENT_COMMANDS.run(bytesOf("chat\ninfo,$t,channels 55555\ntcp-silent"));
    await CLIENT_COMMANDS.end!();
  },
});

async function checkHeld(before: number, what: string, max = MAX_HELD_BYTES) {
  // what waits to be shown is shown
  for (let i = 0; i < 50; i++) await turn();
  const held = heldBytes() - before;
  report(`${what}: ${(held / 1024 / 1024).toFixed(1)} MiB held of ${FLOOD_BYTES / 1024 / 1024}`);
  assertLess(held, max);
}
