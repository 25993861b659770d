/** Clients of the channels that have announced themselves, beside those that have not. */

import { assertEquals, assertLess } from "@std/assert";
import {
  ANNOUNCEMENT,
  decodeAnnounced,
  MAX_MEMBER_NAMES,
  MAX_PAGE_BYTES,
} from "../../../../protocol/channels/announced.ts";
import { CHANNELS_TEXTS } from "../../../../protocol/channels.ts";
import { decodeFrame, encodeFrames, FRAME_BYTES, FrameDecoder } from "../../../../protocol/syntax/frame.ts";
import { DEFAULT_HUB_LIMITS } from "../../../../server/hub_service.ts";
import { obtainSeed, randomNumbers } from "../../../faults/form.ts";
import { temporaryDirectory } from "../../../program.ts";
import { FramePeer } from "../../../stream.ts";
import { withServer } from "../../serve.ts";
import { converse, type Writes } from "./conversation.ts";

const NOT_VALID = "is not a valid control message. Valid messages are /create, /list, and /join.";

const rows: Readonly<Record<string, string>> = {
  // channels.md 8.2
  "a client that has not announced itself gets what the original answers": `
    Alice > Alice
    Alice > /who
    Alice < /who ${NOT_VALID}
    Alice > /history 20
    Alice < /history 20 ${NOT_VALID}
    Alice > /history since a1 3
    Alice < /history since a1 3 ${NOT_VALID}
    Alice > //hello
    Alice < //hello ${NOT_VALID}
    Alice > /wirepost 1
    Alice < /wirepost 1 ${NOT_VALID}
    Alice > /wirepost\\n2
    Alice < /wirepost\\n2 ${NOT_VALID}
    Alice > /create tea
    Alice > /wirepost\\n1
    Alice < /wirepost\\n1 ${NOT_VALID}
  `,
  // channels.md 8.1, 8.4, 8.5
  "two announced clients and one of the original in one channel": `
    Alice > Alice
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > /create tea
    Alice < STX channel ID 0 tea
    Bob > Bob
    Bob > /wirepost\\n1
    Bob < STX wirepost 1 Bob
    Bob > /join tea
    Bob < STX channel ID 0 tea
    Alice < STX joined Bob
    Carol > Carol
    Carol > /join tea
    Alice < STX joined Carol
    Bob < STX joined Carol
    Alice > 5 Ω, or more? ✓
    Alice < STX sent 1 TIME
    Bob < STX message 1 TIME 5 Alice 5 Ω, or more? ✓
    Carol < [Alice] 5 Ω, or more? ✓
    Carol > hi
    Alice < STX message 2 TIME 5 Carol hi
    Bob < STX message 2 TIME 5 Carol hi
    Bob > ␣
    Alice < STX message 3 TIME 3 Bob
    Bob < STX sent 3 TIME
    Carol < [Bob]
    Bob > one\\ntwo
    Alice < STX message 4 TIME 3 Bob one
    Alice < STX message 5 TIME 3 Bob two
    Bob < STX sent 4 TIME
    Bob < STX sent 5 TIME
    Carol < [Bob] one
    Carol < [Bob] two
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > /list
    Alice < tea
    Alice > /create tea
    Alice < Room tea already exists, so cannot be created.
    Alice > /sing
    Alice < /sing ${NOT_VALID}
    Alice > /history
    Alice < /history ${NOT_VALID}
    Bob > /join tea
    Alice < STX left Bob
    Alice < STX joined Bob
    Carol < Bob has left
    Carol < Bob has joined
    Bob < STX channel ID 5 tea
    Bob close
    Alice < STX left Bob
    Carol < Bob has left
  `,
  // channels.md 8.7, 8.8, 8.10, 8.11
  "who is there, and what was said": `
    Alice > Alice
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > /who
    Alice < Not currently in any channel. Must join a channel before sending messages.
    Alice > /history 20
    Alice < Not currently in any channel. Must join a channel before sending messages.
    Alice > hello
    Alice < Not currently in any channel. Must join a channel before sending messages.
    Alice > /create tea
    Alice < STX channel ID 0 tea
    Alice > /history 20
    Alice < STX history ID 0 0
    Bob > B b
    Bob > /join tea
    Alice < STX joined B b
    Alice > /who
    Alice < STX members 2
    Alice < STX member Alice
    Alice < STX member B b
    Bob > one
    Alice < STX message 1 TIME 3 B b one
    Alice > two
    Alice < STX sent 2 TIME
    Bob < [Alice] two
    Alice > /history 20
    Alice < STX history ID 2 2
    Alice < STX message 1 TIME 3 B b one
    Alice < STX message 2 TIME 5 Alice two
    Alice > /history 1
    Alice < STX history ID 1 2
    Alice < STX message 2 TIME 5 Alice two
    Alice > /history since {ID} 1
    Alice < STX history ID 1 2
    Alice < STX message 2 TIME 5 Alice two
    Alice > /history since {ID} 2
    Alice < STX history ID 0 2
    Alice > /history since other 1
    Alice < STX history ID 3 2
    Alice < STX gap
    Alice < STX message 1 TIME 3 B b one
    Alice < STX message 2 TIME 5 Alice two
  `,
  // channels.md 8.5
  "a message that is longer than a frame has parts with one number": `
    Alice > Alice
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > /create tea
    Alice < STX channel ID 0 tea
    Bob > Bob
    Bob > /join tea
    Alice < STX joined Bob
    Bob > ${"y".repeat(200)}
    Alice < STX part 1 TIME 3 Bob ${"y".repeat(169)}
    Alice < STX message 1 TIME 3 Bob ${"y".repeat(31)}
    Alice > /history 1
    Alice < STX history ID 1 1
    Alice < STX part 1 TIME 3 Bob ${"y".repeat(169)}
    Alice < STX message 1 TIME 3 Bob ${"y".repeat(31)}
  `,
  // channels.md 8.9
  "an announced client can say what begins with a slash": `
    Alice > Alice
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > //hello
    Alice < Not currently in any channel. Must join a channel before sending messages.
    Alice > /create tea
    Alice < STX channel ID 0 tea
    Bob > Bob
    Bob > /join tea
    Alice < STX joined Bob
    Alice > //join milk\\n/who
    Alice < STX sent 1 TIME
    Alice < STX sent 2 TIME
    Bob < [Alice] /join milk
    Bob < [Alice] /who
    Alice > //
    Alice < STX sent 3 TIME
    Bob < [Alice] /
  `,
  // channels.md 8.3
  "nobody can send what looks like an announced client's": `
    Alice > Alice
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 Alice
    Alice > /create tea
    Alice < STX channel ID 0 tea
    Bob > \x02sent 1 2
    Bob > /join tea
    Alice < STX joined \ufffdsent 1 2
    Bob > \x02gap
    Alice < STX message 1 TIME 11 \ufffdsent 1 2 \ufffdgap
    Carol > Carol
    Carol > \x02gap
    Carol < Not currently in any channel. Must join a channel before sending messages.
    Carol > /join \x02gap
    Carol < No channel named \ufffdgap exists. Try '/create \ufffdgap'?
    Carol > /create \x02gap
    Carol > /list
    Carol < tea\\n\ufffdgap
  `,
};

for (const writes of ["a message a write", "a byte a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    Deno.test(`announced, ${writes}: ${row}`, () =>
      withServer({ ports: { channels: 0 } }, (server) => converse(server, conversation, writes)));
  }
}

// room.md 4.1
Deno.test("who is there, and what was said, in the room too", () =>
  withServer({ ports: { channels: 0, room: 0 } }, (server) =>
    converse(
      server,
      `
    a enter
    Alice > 127.0.0.1:{a}
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 ~127.0.0.1:{a}
    Alice > /join room
    a < [~127.0.0.1:{a}] entered room
    Alice < STX channel ID 0 room
    a > hello
    Alice < STX message 1 TIME 15 127.0.0.1:{a} hello
    Alice > /who
    Alice < STX members 2
    Alice < STX member 127.0.0.1:{a}
    Alice < STX member ~127.0.0.1:{a}
    Alice > //hello
    Alice < STX sent 2 TIME
    a < \\r<~127.0.0.1:{a}> /hello
    Alice > /history 9
    Alice < STX history ID 2 2
    Alice < STX message 1 TIME 15 127.0.0.1:{a} hello
    Alice < STX message 2 TIME 16 ~127.0.0.1:{a} /hello
  `,
    )));

/** An announced client in the channel `tea`, which it makes. */
async function announced(name: string, port: number, command = "/create tea"): Promise<FramePeer> {
  const peer = await FramePeer.named(name, port);
  await peer.send(ANNOUNCEMENT, command);
  assertEquals(await peer.next(), `\x02wirepost 1 ${name}`);
  assertEquals(decodeAnnounced((await peer.next())!)?.kind, "channel");
  return peer;
}

/** Asks, and gives the page and what follows it: the numbers of messages, and gaps. */
async function page(peer: FramePeer, query: string) {
  await peer.send(query);
  const head = decodeAnnounced((await peer.next())!);
  if (head?.kind !== "history") throw new Error(`No page: ${JSON.stringify(head)}`);
  const entries: (number | string)[] = [];
  let bytes = FRAME_BYTES;
  for (const text of await peer.settle()) {
    bytes += FRAME_BYTES;
    const one = decodeAnnounced(text);
    if (one?.kind === "gap") entries.push(`gap ${one.count ?? "?"}`);
    else if (one?.kind === "message") entries.push(one.number);
    else assertEquals(one?.kind, "part");
  }
  assertEquals(entries.length, head.entries);
  return { ...head, entries, bytes };
}

// channels.md 8.7
Deno.test("page by page, everything that is kept is sent once, and no page is large", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    using alice = await announced("Alice", server.addresses[0]!.port);
    const sizes = Array.from({ length: 450 }, (_, i) => i % 3 === 0 ? 195 : i % 7);
    await alice.send(...sizes.map((size) => "x".repeat(size)));
    assertEquals((await alice.settle()).length, 450);
    const { history } = await page(alice, "/history 0"), seen: unknown[] = [];
    for (let after = 0, id = history, last = Infinity; after < last;) {
      const next = await page(alice, `/history since ${id} ${after}`);
      assertLess(next.bytes, MAX_PAGE_BYTES + 4 * FRAME_BYTES);
      assertEquals(next.entries.length > 0, true);
      seen.push(...next.entries);
      after = next.entries.at(-1) as number;
      ({ history: id, last } = next);
    }
    assertEquals(seen, sizes.map((_, i) => i + 1));
  }));

// channels.md 8.6, 8.8
Deno.test("over a restart the numbers go on, and what was dropped is a gap", async () => {
  await using directory = await temporaryDirectory();
  const options = {
    ports: { channels: 0 },
    data: directory.path,
    hubLimits: { ...DEFAULT_HUB_LIMITS, history: { ...DEFAULT_HUB_LIMITS.history, messages: 3 } },
  };
  let history = "";
  await withServer(options, async (server) => {
    using alice = await announced("Alice", server.addresses[0]!.port);
    await alice.send("one", "two");
    assertEquals((await alice.settle()).length, 2);
    const first = await page(alice, "/history 20");
    history = first.history;
    assertEquals([first.entries, first.last], [[1, 2], 2]);
  });
  await withServer(options, async (server) => {
    using alice = await announced("Alice", server.addresses[0]!.port);
    const again = await page(alice, `/history since ${history} 1`);
    assertEquals([again.history, again.entries, again.last], [history, [2], 2]);
    await alice.send("three", "four", "five", "six");
    await alice.settle();
    assertEquals((await page(alice, `/history since ${history} 2`)).entries, ["gap 1", 4, 5, 6]);
    assertEquals((await page(alice, `/history since ${history} 9`)).entries, ["gap ?", 4, 5, 6]);
  });
});

// channels.md 8.10
Deno.test("of many members some are named, and all are counted", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    using alice = await announced("Alice", port);
    using all = new DisposableStack();
    for (let i = 0; i < MAX_MEMBER_NAMES; i++) {
      const peer = all.use(await FramePeer.named(`${i}`, port));
      await peer.send("/join tea");
      assertEquals(await alice.next(), `\x02joined ${i}`);
    }
    await alice.send("/who");
    const [members, ...names] = await alice.settle();
    assertEquals([members, names.length], [`\x02members ${MAX_MEMBER_NAMES + 1}`, MAX_MEMBER_NAMES]);
  }));

// channels.md 8.2, 8.3, 8.11
Deno.test("random control messages of announced clients are answered, and others see only what they always did", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!, random = randomNumbers(obtainSeed());
    using alice = await announced("Alice", port);
    using bob = await FramePeer.named("Bob", port);
    await bob.send("/join tea");
    assertEquals(await alice.next(), "\x02joined Bob");
    const pieces = [
      ...[
        "/",
        "/",
        "/who",
        "/history",
        "/history ",
        "/wirepost",
        "\n",
        "1",
        "since",
        " ",
        "0",
        "99999999999999999",
      ],
      ...[
        "a1b2",
        "\x02",
        "message",
        "gap",
        "\0",
        "é",
        "\ud83d\ude00",
        "\u2028",
        "\x1b[2J",
        "-1",
        "1e9",
        "tea",
        "]",
      ],
    ];
    /** What Bob is to be answered: as by the original, in frames. */
    const answers: string[] = [];
    for (let i = 0; i < 3000; i++) {
      let text = "/";
      for (let n = random(6); n >= 0; n--) text += pieces[random(pieces.length)];
      const frame = encodeFrames(text).subarray(0, FRAME_BYTES);
      if (random(8) === 0) frame[random(text.length)] = random(256);
      const isAlice = random(4) > 0, said = decodeFrame(frame);
      // its answer ends what settle() gives
      if (said !== "/") await (isAlice ? alice : bob).write(frame);
      if (!isAlice && said !== "/" && said.startsWith("/")) {
        const expected = encodeFrames(CHANNELS_TEXTS.unknownCommand(said));
        answers.push(...new FrameDecoder().decode(expected));
      }
      if (i % 100 < 99) continue;
      for (const answer of await alice.settle()) {
        if (!answer.startsWith("\x02")) continue;
        assertEquals([answer, decodeAnnounced(answer) !== undefined], [answer, true]);
      }
      const answered = (await bob.settle()).filter((text) => !text.startsWith("[Alice]"));
      assertEquals(answered, answers.splice(0));
    }
    await alice.send("/create milk", "/join tea");
    await alice.settle();
    await bob.send("/join tea", "still here");
    const rest = await alice.settle();
    const isThere = (text: string) => text.startsWith("\x02message ") && text.endsWith(" 3 Bob still here");
    while (!rest.some(isThere)) rest.push((await alice.next())!);
  }));
