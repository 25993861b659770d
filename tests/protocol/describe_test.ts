/** What datagrams, frames and lines are called for those who watch. */

import { assert, assertEquals } from "@std/assert";
import { ANNOUNCED_TEXTS, ANNOUNCEMENT } from "../../protocol/announced.ts";
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
import {
  describeDroppedSeal,
  describeLogin,
  describeLoginAnswer,
  describeSealToClient,
  describeSealToServer,
} from "../../protocol/describe/seal.ts";
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

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

/** A client's datagram of the original wire, decoded or not. */
function describeOriginal(datagram: Uint8Array): Described {
  const request = decodeOriginalRequest(datagram, MAX_DATAGRAM_BYTES);
  return typeof request === "string" ? describeFault(datagram, request) : describeOriginalRequest(request);
}

/** A description in one line, as `wirepost watch --texts` prints it. */
function line({ what, text, why, rule }: Described): string {
  return [what, ...text === undefined ? [] : [`"${text}"`], ...why === undefined ? [] : [`${why} (${rule})`]]
    .join(" | ");
}

const lines = (of: readonly Described[]) => of.map(line);

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

const SESSION = "VcQX0h8MDeicdWCQaYz0TA", COOKIE = "01a1fe14235f924b0543e00dabf1";
const TOKEN = "eca43648c5ecc233";

Deno.test("each request of a session is described, and what asks for a challenge", () => {
  const requests = [
    "put,1,bob,alice,1500,,5 Ω",
    "put,2,,,,60000,x",
    `ack,3,${TOKEN},1 2`,
    `back,4,${TOKEN},7`,
    `fail,5,${TOKEN},1000,5,exit 3,1`,
    `extend,6,${TOKEN},30000`,
    `begin,7,${TOKEN},1`,
    "skip,8",
    "part,9,abc",
    "put,10,b\tb,alice,,,x",
    "lease,1,bob,1,30000,5000",
    "lease,2,bob,64,30000,0,ahead",
    "got,1",
    "cancel,1",
    "stat,3,",
    "info,4,bob",
    "peek,5,bob,0",
    "peek,6,,17",
    "bye",
  ];
  const datagram = bytes([`P1> ${SESSION} 57c3cc1d ${COOKIE} 1`, ...requests].join("\n"));
  const expected = [
    "put 1: into 'bob' from 'alice', in 1.5 s, 4 bytes | \"5 Ω\"",
    'put 2: into the shared queue, for 60 s, 1 byte | "x"',
    "ack 3: messages 1 2 done",
    "back 4: releases message 7",
    "fail 5: message 1 failed (exit 3), again in 1 s, at most 5 attempts",
    "extend 6: a lease by 30 s",
    "begin 7: begins with message 1",
    "skip 8: withdraws a request",
    'part 9: the beginning of a text, 3 bytes | "abc"',
    "request 10, which can't be carried out | bad receiver (session.md section 11)",
    "lease 1: up to 1 message from 'bob' for 30 s, waits 5 s",
    "lease 2: up to 64 messages from 'bob' for 30 s, ahead",
    "got 1: its messages have arrived",
    "cancel 1: waits no longer",
    "stat 3: counts of all mailboxes",
    "info 4: what runs, and whether 'bob' has an account",
    "peek 5: shows 'bob'",
    "peek 6: shows the shared queue behind message 17",
    "bye: the client needs nothing more",
  ];
  assertEquals(lines(describeRequests(datagram)), expected.map((one) => `session VcQX0h… ${one}`));
  assertEquals(lines(describeSealedRequests(SESSION, bytes("1\nskip,1"), "carol")), [
    "'carol' sealed: session VcQX0h… skip 1: withdraws a request",
  ]);
  assertEquals(lines(describeRequests(bytes(`P1> ${SESSION} - - 1`))), [
    "session VcQX0h… begins: it has no start ID and no cookie yet",
  ]);
});

Deno.test("each answer of a session is described, and a challenge", () => {
  const answers = [
    ["ok,1", "ok 1: done"],
    ["ok,1-3", "ok 1 to 3: done"],
    ["have,4", "have 4: arrived, not done yet"],
    [
      "seen,1,0,17,leased,1,1795264095073,alice,3,one",
      "seen 1: message 17 from 'alice', leased, 3 bytes | \"one\"",
    ],
    ["more,1,17", "more 1: there are messages behind 17"],
    ["last,1,17", "last 1: no message is behind 17"],
    [
      "lost,5,7",
      "lost 5: message 7 not this lease's any more | given out again, or removed (session.md section 11)",
    ],
    ["bad,6,bad sender", "bad 6 | bad sender (session.md section 11)"],
    ["full,7,full", "full 7: not done for the time being | full (session.md section 11)"],
    ["no,1,not confirmed", "no 1 | not confirmed (session.md section 11)"],
    ["denied,2", "denied 2 | the mailbox is another account's (accounts.md 2.1)"],
    [
      `msg,3,1,1,${TOKEN},7,2,1795264095073,alice,2,hi`,
      "msg 3: 1 of 1, message 7 from 'alice', attempt 2, 2 bytes | \"hi\"",
    ],
    ["piece,3,1,100,more", 'piece 3: of message 1, from byte 100, 4 bytes | "more"'],
    ["pending,4", "pending 4: waits for a message"],
    ["stat,5,messages 1,bytes 2", "stat 5: messages 1, bytes 2"],
    ["unknown", "unknown | the server does not know this session (session.md 8.9)"],
    ["login", "login | the session has no user (forum.md 1.7)"],
  ] as const;
  const body = `7\n${answers.map(([answer]) => answer).join("\n")}`;
  const expected = answers.map(([, what]) => `session VcQX0h… ${what}`);
  assertEquals(lines(describeAnswers(bytes(`P1< ${SESSION} 57c3cc1d - ${body}`))), expected);
  assertEquals(
    lines(describeSealedAnswers(SESSION, bytes(body), "carol")),
    expected.map((one) => `'carol' sealed: ${one}`),
  );
  assertEquals(lines(describeAnswers(bytes(`P1< ${SESSION} 57c3cc1d ${COOKIE} 0`))), [
    "session VcQX0h… challenge: a start ID and a cookie",
  ]);
});

Deno.test("a session's datagram that is malformed is described with the line that is", () => {
  const rows: [string, string][] = [
    ["P1> x", "its first line is not 'P1> SESSION START-ID COOKIE LOW'"],
    [`P1> ${SESSION} - - 1\nput,1,bob`, "line 2: 'put' with other fields than it has"],
    [`P1> ${SESSION} - - 1\nskip,1\ndance,2`, "line 3: no request is called 'dance'"],
    [`P1> ${SESSION} - - 1\n?`, "line 2 is no request"],
    [`P1> ${SESSION} - - 1\n`, "it ends with a line end"],
    [
      `P1> ${SESSION} - - 1\nput,1,bob,alice,,,${"x".repeat(1200)}`,
      "longer than 1200 bytes (session.md 1.1)",
    ],
  ];
  for (const [datagram, why] of rows) {
    assertEquals(lines(describeRequests(bytes(datagram))), [
      `a session's datagram, ${datagram.length} bytes | ${why} (session.md 1.5)`,
    ]);
  }
});

Deno.test("the forum's requests and answers are described", () => {
  const requests = [
    ["CRT,1,t0", "CRT 1: make thread 't0'"],
    ["MSG,2,t0 hello", "MSG 2: post into thread 't0', 5 bytes | \"hello\""],
    ["EDT,3,t0 1 hi", "EDT 3: edit message 1 of thread 't0', 2 bytes | \"hi\""],
    ["DLT,4,t0 1", "DLT 4: delete message 1 of thread 't0'"],
    ["RMV,5,t0", "RMV 5: remove thread 't0'"],
    ["LST,1,0", "LST 1: list the threads"],
    ["RDT,2,#7,t0", "RDT 2: read thread 't0', from message 7"],
    ["UPD,3,0,11,-,t0 f.txt", "UPD 3: upload 'f.txt' of 11 bytes to thread 't0'"],
    ["DWN,4,t0 f.txt", "DWN 4: download 'f.txt' from thread 't0'"],
  ] as const;
  const body = bytes(`1\n${requests.map(([request]) => request).join("\n")}`);
  assertEquals(
    lines(describeSealedRequests(SESSION, body, "yoda")),
    requests.map(([, what]) => `'yoda' sealed: session VcQX0h… ${what}`),
  );
  const answers = [
    ["title,1,0,1,t0", "title 1: thread 't0'"],
    ["line,2,0,2,1,1767225600000,0,5,yoda hello", "line 2: message 1 of 'yoda', 5 bytes | \"hello\""],
    ["file,2,2,3,1767225600000,11,yoda f.txt", "file 2: 'f.txt' of 'yoda', 11 bytes"],
    ["end,2,3", "end 2: nothing more"],
  ] as const;
  assertEquals(
    lines(
      describeSealedAnswers(SESSION, bytes(`1\n${answers.map(([answer]) => answer).join("\n")}`), "yoda"),
    ),
    answers.map(([, what]) => `'yoda' sealed: session VcQX0h… ${what}`),
  );
});

Deno.test("handshakes and log-ins are described", () => {
  const id = "MAyclgO5Kks57TlYv5JAEQ", key = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo";
  const begin = `seal MAyclg… `;
  assertEquals(lines(describeSealToServer(bytes(`S1> ${id} - - hello,${key}`))), [
    `${begin}hello: begins a handshake, without a cookie yet`,
  ]);
  assertEquals(lines(describeSealToClient(bytes(`S1< ${id} 00000001 0123456789abcdef challenge`))), [
    `${begin}challenge: a start ID and a cookie`,
  ]);
  assertEquals(
    line(describeDroppedSeal(bytes(`S1> ${id} 00000001 - 5\n${"x".repeat(20)}`))),
    `${begin}datagram 5, 60 bytes`,
  );
  assertEquals(line(describeDroppedSeal(bytes("S1> x"))), "a seal's datagram, 5 bytes");
  const logins: [string, string][] = [
    ["first,1,p=parley-seal-1,,n=alice,r=rOprNGfwEbeRWgbNEkqO", "first: log-in as 'alice'"],
    [`first,1,${SESSION},p=parley-seal-1,,n=a=2Cb,r=rOprNGfwEbeRWgbNEkqO`, "first: log-in as 'a,b'"],
    [`final,2,${SESSION},c=cD1w,r=rOpr,p=OTXE`, "final: the proof of its password"],
    ["make,3,alice,SCRAM-SHA-256$600000:AAEC", "make: an account 'alice'"],
    ["change,4,SCRAM-SHA-256$600000:AAEC", "change: another password"],
    ["bye,5", "bye: logs out"],
    ["here", "here: still there"],
    ["dance", "nothing that can be read"],
  ];
  for (const [text, what] of logins) assertEquals(line(describeLogin(id, text, "")), begin + what);
  const rule = "(seal.md section 10)";
  const answers: [string, string][] = [
    ["first,1,r=rOpr,s=AAEC,i=600000", "first: what its proof has to be made with"],
    ["final,2,v=MtM4PzztRD8oZp", "final: logged in as 'alice'"],
    ["final,2,e=invalid-proof", `final | the password is wrong ${rule}`],
    ["none,1", `none | no account has this name ${rule}`],
    ["none,1,closed", `none | no account has this name, and only the administrator makes accounts ${rule}`],
    ["active,1", `active | the name is active in another session ${rule}`],
    ["wait,2,3000", `wait | asked too often: again in 3000 ms ${rule}`],
    ["refused,2,bad name", `refused | bad name ${rule}`],
    ["made,3,forum", "made: it is on disk"],
    ["bye,5", "bye"],
  ];
  for (const [text, what] of answers) {
    assertEquals(line(describeLoginAnswer(id, text, "alice")), begin + what);
  }
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
