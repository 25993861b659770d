/** What datagrams, frames and lines are called for those who watch. */

import { assert, assertEquals } from "@std/assert";
import { ANNOUNCED_TEXTS, ANNOUNCEMENT } from "../../protocol/channels/announced.ts";
import { CHANNELS_TEXTS } from "../../protocol/channels.ts";
import {
  describeFrame,
  describeFrames,
  describeName,
  describeRoomLine,
  describeRoomLines,
} from "../../protocol/describe/hub.ts";
import {
  describeControlAnswer,
  describeFault,
  describeOriginalReply,
  describeOriginalRequest,
} from "../../protocol/describe/original.ts";
import { describeDroppedSeal, describeLogin, describeLoginAnswer } from "../../protocol/describe/seal.ts";
import { describeSealToClient, describeSealToServer } from "../../protocol/describe/seal.ts";
import {
  describeAnswers,
  describeRequests,
  describeSealedAnswers,
  describeSealedRequests,
} from "../../protocol/describe/session.ts";
import { describeTransferAnswer, describeTransferLine } from "../../protocol/describe/transfer.ts";
import { decodeOriginalRequest, encodeMail, encodeNone, MAX_DATAGRAM_BYTES } from "../../protocol/mailbox.ts";
import { ROOM_LINES, roomPrefix } from "../../protocol/room.ts";
import { concatBytes } from "../../protocol/syntax/bytes.ts";
import { encodeFrames } from "../../protocol/syntax/frame.ts";
import type { Described } from "../../protocol/watch.ts";

import { bytes, COOKIE, line, lines, SESSION, TOKEN } from "./described.ts";

/** A client's datagram of the original wire, decoded or not. */
function describeOriginal(datagram: Uint8Array): Described {
  const request = decodeOriginalRequest(datagram, MAX_DATAGRAM_BYTES);
  return typeof request === "string" ? describeFault(datagram, request) : describeOriginalRequest(request);
}

Deno.test("datagrams of the original wire are described", () => {
  const rows: [string, string][] = [
    ["F, bob, alice, 5 Ω", "F: put into 'bob' from 'alice', 4 bytes | \"5 Ω\""],
    ["for, x", 'for: put into the shared queue, 1 byte | "x"'],
    ["R, bob's", "R: take from 'bob\\'s'"],
    ["req", "req: take from the shared queue"],
    ["A, challenge   ", "A: asks for a nonce"],
    ["A, 0123, 4567, Count, bob", "A: command 'count'"],
    ["A, my secret", "A: a command without a proof"],
    ["A, a, b, S3CRET!", "A: a command that has no name"],
  ];
  for (const [datagram, expected] of rows) assertEquals(line(describeOriginal(bytes(datagram))), expected);
  assertEquals(describeOriginal(bytes("F, bob, alice, x")).names, ["bob", "alice"]);
  assertEquals(describeOriginal(bytes("for, x")).names, []);
});

Deno.test("what is no datagram of the original wire is described with what is wrong, and its rule", () => {
  const rows: [string, string, string][] = [
    ["F; bob", "'F; bob', 6 bytes", "no comma after the type (mailbox.md 1.1)"],
    ["", "'', 0 bytes", "it is empty (mailbox.md section 1)"],
    [
      "F, bob",
      "'F, bob', 6 bytes",
      "sender and text are missing: F, RECEIVER, SENDER, TEXT (mailbox.md section 1)",
    ],
    [
      "R, a, b",
      "'R, a, b', 7 bytes",
      "more than one field after the type: R, RECEIVER (mailbox.md section 1)",
    ],
    ["R,", "'R,', 2 bytes", "the receiver is missing (mailbox.md section 1)"],
    [
      `F, ${"x".repeat(65)}, alice, hi`,
      "'F, xxxxx…', 79 bytes",
      "the receiver's ID is longer than 64 bytes (mailbox.md section 7)",
    ],
    ["N, now, bob, hi", "'N, now, …', 15 bytes", "it is a reply, and a server answers none (mailbox.md 3.2)"],
    ["F, bob, admin, hi", "'F, bob, …', 17 bytes", "nobody sends as 'admin' (mailbox.md 1.4)"],
  ];
  for (const [datagram, what, why] of rows) {
    assertEquals(line(describeOriginal(bytes(datagram))), `${what} | "${datagram}" | ${why}`);
  }
  const { refused } = describeOriginal(bytes("F; bob"));
  assertEquals(refused, "unknown type");
});

Deno.test("replies of the original wire are described", () => {
  const mail = { sender: "alice", time: 0, text: "hi" };
  assertEquals(
    line(describeOriginalReply(encodeMail("bob", mail), "bob")),
    "N: message for 'bob' from 'alice', 2 bytes | \"hi\"",
  );
  assertEquals(
    line(describeOriginalReply(encodeMail("", mail), "")),
    'nxt: message of the shared queue, 2 bytes | "hi"',
  );
  assertEquals(line(describeOriginalReply(encodeNone("bob"), "bob")), "X: no message in 'bob'");
  assertEquals(line(describeOriginalReply(encodeNone(""), "")), "xxx: no message in the shared queue");
  assertEquals(line(describeControlAnswer("ok, 0123456789abcdef")), "A: ok, 20 bytes");
  assertEquals(
    line(describeControlAnswer("error, wrong proof")),
    "A: error | wrong proof (admin.md section 6)",
  );
  assert(line(describeControlAnswer(`error, ${"x".repeat(900)}`)).length < 300);
});

Deno.test("frames of the channels are described", () => {
  const alice = { name: "Alice", channel: "tea" };
  assertEquals(line(describeName("Alice")), "name 'Alice'");
  const rows: [string, string][] = [
    ["/create tea", "'Alice' /create: channel 'tea'"],
    ["/join tea and more", "'Alice' /join: channel 'tea'"],
    ["/list", "'Alice' /list: asks for the channels"],
    ["/dance with me", "'Alice' '/dance w…': no control message, 14 bytes | \"/dance with me\""],
    [ANNOUNCEMENT, "'Alice' /wirepost: announces itself"],
    ["/who", "'Alice' /who: asks who is there"],
    ["/history 20", "'Alice' /history: asks for the last 20 messages"],
  ];
  for (const [text, what] of rows) assertEquals(line(describeFrame(text, true, alice)), what);
  assertEquals(line(describeFrame("hello", false, alice)), "'Alice' message, 5 bytes in 'tea' | \"hello\"");
  assertEquals(
    line(describeFrame("/x", false, { ...alice, channel: "" })),
    "'Alice' message, 2 bytes in no channel | \"/x\"",
  );

  const rule = "(channels.md 2.2)",
    { joined, left, alreadyExists, unknownCommand, inNoChannel } = CHANNELS_TEXTS;
  const sent: [Uint8Array, string][] = [
    [encodeFrames("hi", "[Bob] "), "message of 'Bob', 2 bytes | \"hi\""],
    [encodeFrames(joined("Bob")), "note: 'Bob' has joined"],
    [encodeFrames(left("Bob")), "note: 'Bob' has left"],
    [encodeFrames(alreadyExists("tea")), `answer | Room tea already exists, so cannot be created. ${rule}`],
    [encodeFrames(inNoChannel), `answer | ${inNoChannel} ${rule}`],
    [
      encodeFrames(unknownCommand("/x")),
      `answer | "${unknownCommand("/x")}" | it is not a valid control message ${rule}`,
    ],
    [encodeFrames("tea\ncoffee"), 'list, 10 bytes | "tea\ncoffee"'],
    [
      encodeFrames("hi", ANNOUNCED_TEXTS.prefix("message", 41, 1, "Bob")),
      "message 41 of 'Bob', 2 bytes | \"hi\"",
    ],
    [encodeFrames(ANNOUNCED_TEXTS.entered("5f01", 41, "tea")), "entered 'tea', last message 41"],
    [encodeFrames(ANNOUNCED_TEXTS.gap(3)), "gap: 3 messages missing"],
  ];
  assertEquals(
    lines(describeFrames(concatBytes(...sent.map(([frames]) => frames)))),
    sent.map(([, what]) => what),
  );
});

Deno.test("lines of the room are described", () => {
  const address = { hostname: "127.0.0.1", port: 60602 }, speaker = { name: "127.0.0.1:60602", address };
  const alice = { name: "Alice" };
  assertEquals(line(describeRoomLine("hi", speaker.name)), 'line, 2 bytes | "hi"');
  const text = [
    `${roomPrefix(speaker)}hi\n`,
    `${roomPrefix(alice)}hello\n`,
    ROOM_LINES.entered(speaker),
    ROOM_LINES.offline(speaker),
    ROOM_LINES.offline(alice),
    ROOM_LINES.tooLong(4096),
  ].join("");
  const described = describeRoomLines(bytes(text));
  assertEquals(lines(described), [
    "line of ('127.0.0.1', 60602), 2 bytes | \"hi\"",
    'line of Alice, 5 bytes | "hello"',
    "note: 127.0.0.1:60602 entered",
    "note: (127.0.0.1, 60602) is offline",
    "note: Alice is offline",
    "answer | A line must have at most 4096 bytes: yours was not sent (room.md 1.5)",
  ]);
  assertEquals(described[0]!.names, ["127.0.0.1:60602"]);
  assertEquals(described[3]!.names, ["127.0.0.1:60602"]);
});

// watch.md 2.3
Deno.test("no description has a secret in it, and none has a text where only its length may be shown", () => {
  const secrets = {
    nonce: "019c".repeat(9),
    proof: "5be0".repeat(16),
    cookie: COOKIE,
    session: SESSION,
    token: TOKEN,
    ticket: "4fJmX0b2TzWq7yR1sNcVbA",
    key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    mac: "2a2d".repeat(16),
    scram: "OTXEKluu0eswXV7cTXLkZEk7RWFxVcHH3IGOJG6Ncqk",
  };
  const { nonce, proof, cookie, session, token, ticket, key, mac, scram } = secrets;
  const hidden = "a text that nobody reads";
  const described: Described[] = [
    describeOriginal(bytes(`A, ${nonce}, ${proof}, account, add, bob, SCRAM-SHA-256$600000:${scram}`)),
    describeOriginal(bytes(`A, ${proof}`)),
    describeOriginal(bytes(`A, ${nonce}, ${proof}, ${proof}`)),
    describeControlAnswer(`ok, ${nonce}`),
    describeOriginal(bytes(`F, bob, alice, ${hidden}`)),
    describeOriginal(bytes(`F, bob, alice ${hidden}`)),
    ...describeRequests(
      bytes(`P1> ${session} 57c3cc1d ${cookie} 1\nput,1,bob,alice,,,${hidden}\nack,2,${token},1`),
    ),
    ...describeRequests(bytes(`P1> ${session} 57c3cc1d ${cookie} 1\n${token} ${hidden}`)),
    ...describeAnswers(bytes(`P1< ${session} 57c3cc1d ${cookie} 0`)),
    ...describeAnswers(bytes(`P1< ${session} 57c3cc1d - 0\nmsg,1,1,1,${token},1,1,1,alice,24,${hidden}`)),
    ...describeSealToServer(bytes(`S1> ${session} 57c3cc1d ${cookie.slice(12)} hello,${key}`)),
    describeDroppedSeal(bytes(`S1> ${session} 57c3cc1d ${cookie.slice(12)} 1\n${token}${token}`)),
    describeLogin(session, `final,2,${session},c=${scram},r=${key},p=${scram}=`, ""),
    describeLogin(session, `make,2,bob,SCRAM-SHA-256$600000:${scram}$${key}:${key}`, ""),
    describeLogin(session, `dance,2,${scram}`, ""),
    describeLoginAnswer(session, `first,1,r=${key},s=${scram},i=600000`, ""),
    describeLoginAnswer(session, `final,1,v=${scram}=`, "bob"),
    describeLoginAnswer(session, `refused,1,${scram}`, "bob"),
    ...describeSealedAnswers(
      session,
      bytes(`0\nupload,1,${ticket},${key}\nticket,2,${ticket},11,${mac}`),
      "bob",
    ),
    ...[`P1 upload ${ticket}`, `P1 download ${ticket} 0`, `P1 sum ${mac}`, `P1 upload ${ticket} x`].map((
      line,
    ) => describeTransferLine(line)),
    describeTransferAnswer({ kind: "from", offset: 6, hash: mac }),
    describeTransferAnswer({ kind: "stored", mac }),
    describeFrame(hidden, false, { name: "Alice", channel: "tea" }),
    describeFrame(`/x${hidden}`, true, { name: "Alice", channel: "tea" }),
    ...describeFrames(encodeFrames(hidden, "[Alice] ")),
    describeRoomLine(hidden, "127.0.0.1:1"),
    ...describeRoomLines(bytes(`\r<Alice> ${hidden}\n`)),
  ];
  for (const one of described) {
    const withText = JSON.stringify(one), { text: _, ...shown } = one;
    for (const [name, secret] of Object.entries(secrets)) {
      assert(!withText.includes(secret), `${name} in ${withText}`);
    }
    assert(!JSON.stringify(shown).includes("nobody reads"), withText);
  }
});

Deno.test("nothing that can arrive makes a description fail, and each is in one line of words", () => {
  const beginnings = [
    "",
    "F, ",
    "P1> ",
    `P1> ${SESSION} - - 1\n`,
    `P1> ${SESSION} - - 1\nput,1,`,
    "S1> ",
    "A, ",
    "1\n",
  ];
  let seed = 1;
  const random = (max: number) => (seed = seed * 48_271 % 2_147_483_647) % max;
  const words = [
    "bob",
    ",",
    ", ",
    "\n",
    " ",
    "1",
    "-",
    "\0",
    "\r",
    "[",
    "] ",
    "<",
    "> ",
    "lease",
    "ack",
    "first",
    "Ω",
    "\x02",
  ];
  for (let i = 0; i < 5000; i++) {
    const end = Array.from({ length: random(12) }, () => words[random(words.length)]).join("");
    const text = beginnings[random(beginnings.length)]! + end, datagram = bytes(text);
    if (random(4) === 0 && datagram.length > 0) datagram[random(datagram.length)] = random(256);
    const all = [
      describeOriginal(datagram),
      describeOriginalReply(datagram, "bob"),
      ...describeRequests(datagram),
      ...describeSealedRequests(SESSION, datagram, "carol"),
      ...describeAnswers(datagram),
      ...describeSealedAnswers(SESSION, datagram, "carol"),
      ...describeSealToServer(datagram),
      ...describeSealToClient(datagram),
      describeDroppedSeal(datagram),
      describeLogin(SESSION, text, ""),
      describeLoginAnswer(SESSION, text, "carol"),
      describeFrame(text, true, { name: "Alice", channel: "" }),
      ...describeFrames(datagram),
      ...describeRoomLines(datagram),
      describeTransferLine(text),
    ];
    for (const { what } of all) assert(what.length > 0 && what.length < 2500, JSON.stringify(text));
  }
});
