import { assertEquals, assertMatch } from "@std/assert";
import { DEFAULT_HUB_LIMITS } from "../../../../server/hub_service.ts";
import { FramePeer, LinePeer } from "../../../stream.ts";
import { converse, type Writes } from "./conversation.ts";
import { withServer } from "../../serve.ts";

const rows: Readonly<Record<string, string>> = {
  "frame members and room members see each other in their own ways": `
    a enter
    Alice > Alice
    Alice > /list
    Alice > /create room
    a < [Alice] entered room
    Alice > /list
    Alice < room
    b enter
    a < [127.0.0.1:{b}] entered room
    Alice < 127.0.0.1:{b} has joined
    Alice > hello
    a < \\r<Alice> hello
    b < \\r<Alice> hello
    b > 5 Ω ✓
    a < \\r<('127.0.0.1', {b})> 5 Ω ✓
    Alice < [127.0.0.1:{b}] 5 Ω ✓
    Bob > Bob
    Bob > /create room
    Bob < Room room already exists, so cannot be created.
    Bob > /join room
    a < [Bob] entered room
    b < [Bob] entered room
    Alice < Bob has joined
    Bob > /create tea
    a < Client Bob is offline
    b < Client Bob is offline
    Alice < Bob has left
    Alice close
    a < Client Alice is offline
    b < Client Alice is offline
  `,
  "the room can be joined before it is listed": `
    a enter
    Alice > Alice
    Alice > /list
    Alice > /join room
    a < [Alice] entered room
    a > hello
    Alice < [127.0.0.1:{a}] hello
    Alice > /list
    Alice < room
    Bob > Bob
    Bob > /create room
    Bob < Room room already exists, so cannot be created.
  `,
  "a room's line that is longer than a frame comes in several": `
    a enter
    Alice > Alice
    Alice > /create room
    a < [Alice] entered room
    a > ${"✓".repeat(100)}
    Alice < [127.0.0.1:{a}] ${"✓".repeat(60)}
    Alice < [127.0.0.1:{a}] ${"✓".repeat(40)}
  `,
  "a client of the channels that is named like a client of the room is shown otherwise": `
    a enter
    Mimic > ('127.0.0.1', {a})
    Mimic > /join room
    a < [~('127.0.0.1', {a})] entered room
    Mimic > hello
    a < \\r<~('127.0.0.1', {a})> hello
    Bob > 127.0.0.1:{a}
    Bob > /join room
    a < [~127.0.0.1:{a}] entered room
    Mimic < ~127.0.0.1:{a} has joined
    Bob > hello
    a < \\r<~127.0.0.1:{a}> hello
    Mimic < [~127.0.0.1:{a}] hello
    Carol > ('127.0.0.1', {a})> hello
    Carol > /join room
    a < [~('127.0.0.1', {a})> hello] entered room
    Mimic < ~('127.0.0.1', {a})> hello has joined
    Bob < ~('127.0.0.1', {a})> hello has joined
    Dora > (127.0.0.1, {a})
    Dora > /join room
    a < [~(127.0.0.1, {a})] entered room
    Mimic < ~(127.0.0.1, {a}) has joined
    Bob < ~(127.0.0.1, {a}) has joined
    Carol < ~(127.0.0.1, {a}) has joined
    Dora close
    a < Client ~(127.0.0.1, {a}) is offline
    Mimic < ~(127.0.0.1, {a}) has left
    Bob < ~(127.0.0.1, {a}) has left
    Carol < ~(127.0.0.1, {a}) has left
  `,
  "no client can make a line that looks like another's, on either wire": `
    a enter
    Alice > Al\\nice
    Alice > /create room
    a < [Al\ufffdice] entered room
    Alice > hello\\n<('127.0.0.1', 1)> I am another\\x1b
    a < \\r<Al\ufffdice> hello
    a < \\r<Al\ufffdice> <('127.0.0.1', 1)> I am another\ufffd
    a > hello\\r[Carol] I am Carol
    Alice < [127.0.0.1:{a}] hello
    Alice < [127.0.0.1:{a}] [Carol] I am Carol
  `,
};

for (const writes of ["a message a write", "a byte a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    // room.md 4.2
    Deno.test(`channels and room, ${writes}: ${row}`, () =>
      withServer({ ports: { channels: 0, room: 0 } }, (server) => converse(server, conversation, writes)));
  }
}

Deno.test("a line of nothing but CRs is no flood for those in the channel", () =>
  withServer({ ports: { channels: 0, room: 0 } }, async (server) => {
    const [channels = 0, room = 0] = server.addresses.map(({ port }) => port);
    using alice = await FramePeer.named("Alice", channels);
    await alice.send("/join room");
    assertEquals(await alice.settle(), []);
    using flood = await LinePeer.connect(room);
    assertEquals(await alice.next(), `127.0.0.1:${flood.port} has joined`);
    const lines = 16, pieces = DEFAULT_HUB_LIMITS.maxLineBytes;
    const sending = flood.send(...new Array<string>(lines).fill("\r".repeat(pieces - 2) + "x"), "the last");
    for (let i = 0; i < lines * (pieces - 1); i++) {
      assertMatch((await alice.next())!, /^\[127\.0\.0\.1:\d+\]/);
    }
    assertEquals(await alice.next(), `[127.0.0.1:${flood.port}] the last`);
    await sending;
  }));

// room.md 4.5
Deno.test("without a room, 'room' is a name like any other", () =>
  withServer({ ports: { channels: 0 } }, (server) =>
    converse(
      server,
      `
    Alice > Alice
    Alice > /join room
    Alice < No channel named room exists. Try '/create room'?
    Alice > /create room
    Alice > /create room
    Alice < Room room already exists, so cannot be created.
  `,
    )));

Deno.test("one channel too many replaces one without members, if there is one", () =>
  withServer(
    { ports: { channels: 0, room: 0 }, hubLimits: { ...DEFAULT_HUB_LIMITS, maxChannels: 3, share: 100 } },
    (server) =>
      converse(
        server,
        `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /create coffee
    Bob > /list
    Bob < tea\\ncoffee
    Carol > Carol
    Carol > /create milk
    Carol < There are too many channels, so no other can be created.
    Bob > /join tea
    Alice < Bob has joined
    Carol > /create milk
    Carol > /list
    Carol < tea\\nmilk
    Bob > /join coffee
    Bob < No channel named coffee exists. Try '/create coffee'?
    a enter
    a > hello
    Alice > hello
    Bob < [Alice] hello
  `,
      ),
  ));

Deno.test("an address that has created its share of the channels gives up one of its own, and no other's", () =>
  withServer(
    { ports: { channels: 0 }, hubLimits: { ...DEFAULT_HUB_LIMITS, maxChannels: 8 } },
    (server) =>
      converse(
        server,
        `
    Alice > Alice
    Alice > /create tea
    Bob > Bob
    Bob > /create coffee
    Carol > Carol
    Carol > /create milk
    Carol < There are too many channels, so no other can be created.
    Bob > /join tea
    Alice < Bob has joined
    Carol > /create milk
    Carol > /list
    Carol < tea\\nmilk
  `,
      ),
  ));

// channels.md 5.3
Deno.test("where too much waits for all together, one that reads goes on and one that does not is cut off", () =>
  withServer(
    { ports: { channels: 0 }, hubLimits: { ...DEFAULT_HUB_LIMITS, maxPendingBytesInAll: 100_000 } },
    async (server, log) => {
      const { port } = server.addresses[0]!;
      using alice = await FramePeer.named("Alice", port);
      await alice.send("/create tea");
      assertEquals(await alice.settle(), []);
      using silent = await FramePeer.named("Silent", port);
      await silent.send("/join tea");
      assertEquals(await alice.next(), "Silent has joined");
      // it is answered more than it has sent, until the system takes no more of it
      const asked = new Array<string>(100).fill("/".padEnd(199, "x"));
      const sending = (async () => {
        for (;;) await silent.send(...asked);
      })().catch(() => {});
      assertEquals(await alice.next(), "Silent has left");
      await sending;
      const lines = log.filter((line) => line.includes(" is cut off: "));
      assertEquals(lines.length, 1);
      assertMatch(
        lines[0]!,
        / warn channels 127\.0\.0\.1:\d+ 'Silent' is cut off: too much waited to be sent to all clients/,
      );
    },
  ));
