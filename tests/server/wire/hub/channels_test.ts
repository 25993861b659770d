import { assertEquals } from "@std/assert";
import { encodeFrames } from "../../../../protocol/syntax/frame.ts";
import { FramePeer } from "../../../stream.ts";
import { converse, type Writes } from "./conversation.ts";
import { withServer } from "../../serve.ts";

const x64 = "x".repeat(64), x65 = "x".repeat(65), long = "y".repeat(198);

/** What the original says, row by row. `/` is answered behind what came before it, and stands where there is no answer. */
const rows: Readonly<Record<string, string>> = {
  "a client that creates or joins gets nothing, and the members of the channel that it has joined": `
    Alice > Alice
    Alice > /create tea
    Alice > /
    Alice < / is not a valid control message. Valid messages are /create, /list, and /join.
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Carol > Carol C
    Carol > /join tea more
    Alice < Carol C has joined
    Bob < Carol C has joined
  `,
  "a message goes to the others in the channel, a blank one too": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Bob > 5 Ω, or more? ✓
    Alice < [Bob] 5 Ω, or more? ✓
    Alice > ␣/list
    Bob < [Alice]  /list
    Bob > ␣
    Alice < [Bob]
    Bob > line end\\n
    Alice < [Bob] line end
    Bob > tab\\tand spaces  within
    Alice < [Bob] tab\\tand spaces  within
  `,
  "NULs behind a text are padding, in names, commands and messages": `
    Alice > Alice\\0
    Alice > /create tea\\0\\0
    Alice > /list\\n\\0
    Alice < tea
    Bob > Bob${"\\0".repeat(197)}
    Bob > /join tea\\0
    Alice < Bob has joined
    Bob > hello\\n${"\\0".repeat(194)}
    Alice < [Bob] hello
    Bob > within\\0it\\0
    Alice < [Bob] within\ufffdit
    Bob > \\0
    Alice < [Bob]
  `,
  "who moves has left the one and joined the other": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /create coffee
    Bob > /list
    Bob < tea\\ncoffee
    Carol > Carol
    Carol > /join tea
    Alice < Carol has joined
    Carol > /join coffee
    Alice < Carol has left
    Bob < Carol has joined
    Carol > hello
    Bob < [Carol] hello
    Carol > /create water
    Bob < Carol has left
    Carol > /list
    Carol < tea\\ncoffee\\nwater
  `,
  "a client that joins its own channel has left, then joined": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Bob > /join tea
    Alice < Bob has left
    Alice < Bob has joined
    Alice > hello
    Bob < [Alice] hello
  `,
  "/list is answered with the names, and with nothing where there are none": `
    Alice > Alice
    Alice > /list
    Alice > /list more
    Alice > /create b
    Alice > /create a
    Alice > /list
    Alice < b\\na
    Alice > /list more
    Alice < b\\na
    Alice > /LIST
    Alice < /LIST is not a valid control message. Valid messages are /create, /list, and /join.
  `,
  "a command that fails is answered with the reason and changes nothing": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Bob > /create tea
    Bob < Room tea already exists, so cannot be created.
    Bob > /create
    Bob < /create command must be followed by the name of a channel to create
    Bob > /join
    Bob < /join command must be followed by the name of a channel to join.
    Bob > /join water
    Bob < No channel named water exists. Try '/create water'?
    Bob > /leave tea now
    Bob < /leave tea now is not a valid control message. Valid messages are /create, /list, and /join.
    Bob > /createx
    Bob < /createx is not a valid control message. Valid messages are /create, /list, and /join.
    Bob > I am still here
    Alice < [Bob] I am still here
  `,
  "a message of one in no channel is refused": `
    Alice > Alice
    Alice > hello
    Alice < Not currently in any channel. Must join a channel before sending messages.
    Alice > ␣
    Alice < Not currently in any channel. Must join a channel before sending messages.
  `,
  "who goes has left its channel, which stays": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Carol > Carol
    Carol > /list
    Carol < tea
    Carol close
    Bob close
    Alice < Bob has left
    Alice close
    Dora > Dora
    Dora > /list
    Dora < tea
    Dora > /create tea
    Dora < Room tea already exists, so cannot be created.
  `,
  "names need not be unique, may hold spaces, and may be empty": `
    Alice > A  B
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > A  B
    Bob > /join tea
    Alice < A  B has joined
    Carol > ␣
    Carol > /join tea
    Alice <  has joined
    Bob <  has joined
    Bob > hello
    Alice < [A  B] hello
    Carol < [A  B] hello
  `,
  "a name may fill its frame, and is shortened where it leaves too little room for text": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > ${"b".repeat(97)}
    Bob > /join tea
    Alice < ${"b".repeat(97)} has joined
    Bob > ${"y".repeat(101)}
    Alice < [${"b".repeat(97)}] ${"y".repeat(100)}
    Alice < [${"b".repeat(97)}] y
    Carol > ${"c".repeat(98)}
    Carol > /join tea
    Alice < ${"c".repeat(94)}… has joined
    Bob < ${"c".repeat(94)}… has joined
    Dora > ${"✓".repeat(66)}dd
    Dora > /join tea
    Alice < ${"✓".repeat(31)}… has joined
    Bob < ${"✓".repeat(31)}… has joined
    Carol < ${"✓".repeat(31)}… has joined
    Dora > hello
    Alice < [${"✓".repeat(31)}…] hello
    Bob < [${"✓".repeat(31)}…] hello
    Carol < [${"✓".repeat(31)}…] hello
    Carol close
    Alice < ${"c".repeat(94)}… has left
    Bob < ${"c".repeat(94)}… has left
    Dora < ${"c".repeat(94)}… has left
  `,
  "a channel's name has at most 64 bytes": `
    Alice > ${x64}
    Alice > /create ${x64}
    Alice > /create ${x65}
    Alice < The name of a channel must have at most 64 bytes.
    Alice > /join ${x65}
    Alice < The name of a channel must have at most 64 bytes.
    Alice > /list
    Alice < ${x64}
    Bob > Bob
    Bob > /join ${x64}
    Alice < Bob has joined
    Bob > hello
    Alice < [Bob] hello
  `,
  "what is over 200 bytes comes in further frames": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > Bob
    Bob > /join tea
    Alice < Bob has joined
    Bob > ${long}!
    Alice < [Bob] ${"y".repeat(194)}
    Alice < [Bob] yyyy!
    Bob > ${"✓".repeat(66)}
    Alice < [Bob] ${"✓".repeat(64)}
    Alice < [Bob] ✓✓
    Bob > /${"z".repeat(190)}
    Bob < /${"z".repeat(190)} is not a
    Bob <  valid control message. Valid messages are /create, /list, and /join.
  `,
  "no client can make a line that looks like another's": `
    Alice > Alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > B\\nob\\x1b
    Bob > /join tea
    Alice < B\ufffdob\ufffd has joined
    Bob > hello\\n[Carol] I am Carol\\r\\n\\r[Dora] and I am Dora
    Alice < [B\ufffdob\ufffd] hello
    Alice < [B\ufffdob\ufffd] [Carol] I am Carol
    Alice < [B\ufffdob\ufffd]
    Alice < [B\ufffdob\ufffd] [Dora] and I am Dora
    Bob > \\x1b[2J
    Alice < [B\ufffdob\ufffd] \ufffd[2J
    Bob > /create a\\x1bb
    Alice < B\ufffdob\ufffd has left
    Bob > /list
    Bob < tea\\na\ufffdb
  `,
};

for (const writes of ["a message a write", "a byte a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    // channels.md 2.2, 2.3
    Deno.test(`channels, ${writes}: ${row}`, () =>
      withServer({ ports: { channels: 0 } }, (server) => converse(server, conversation, writes)));
  }
}

// channels.md 1.5
Deno.test("a list that is longer than a frame is parted between two names", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    using alice = await FramePeer.named("Alice", server.addresses[0]!.port);
    const names = Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(i, "Ω"));
    await alice.send(...names.map((name) => `/create ${name}`).slice(0, 33));
    await alice.send("/list");
    const listed: string[] = [];
    while (listed.length < 33) listed.push(...(await alice.next())!.split("\n"));
    assertEquals(listed, names.slice(0, 33));
    assertEquals(await alice.settle(), []);
  }));

// channels.md 4.1
Deno.test("what is not UTF-8 is replaced, and a NUL too", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    using alice = await FramePeer.named("Alice", port);
    await alice.send("/create tea", "/list");
    assertEquals(await alice.next(), "tea");
    using bob = await FramePeer.named("Bob", port);
    await bob.send("/join tea");
    assertEquals(await alice.next(), "Bob has joined");
    const frame = encodeFrames("a?b?c?d");
    frame.set([0xff], 1), frame.set([0], 3), frame.set([0xe2], 5);
    await bob.write(frame);
    assertEquals(await alice.next(), "[Bob] a\ufffdb\ufffdc\ufffdd");
  }));

// channels.md 1.4
Deno.test("part of a frame is dropped with its client, and counted", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    using alice = await FramePeer.named("Alice", port);
    await alice.send("/create tea", "/list");
    assertEquals(await alice.next(), "tea");
    for (const length of [0, 1, 199]) {
      using bob = await FramePeer.named("Bob", port);
      await bob.send("/join tea");
      await bob.write(encodeFrames("never whole").subarray(0, length));
      assertEquals(await alice.next(), "Bob has joined");
      bob.conn.close();
      assertEquals(await alice.next(), "Bob has left");
    }
    assertEquals(await alice.settle(), []);
  }));

// channels.md 5.7
Deno.test("a client that sends no more still receives what it asked for", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    using alice = await FramePeer.named("Alice", server.addresses[0]!.port);
    await alice.send("/create tea", "/list");
    assertEquals(await alice.rest(), ["tea"]);
  }));
