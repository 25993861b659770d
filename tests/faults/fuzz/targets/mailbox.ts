/** The mailbox's original wire, and the datagrams of sessions. */

import {
  decodeOriginalReply,
  decodeOriginalRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  encodePut,
  encodeTake,
  MAX_DATAGRAM_BYTES,
  messageLength,
  ORIGINAL_FAULTS,
  utf8Length,
} from "../../../../protocol/mailbox.ts";
import {
  decodeInfo,
  encodeInfo,
  encodeMailboxRequest,
  type UnorderedMailboxRequest,
} from "../../../../protocol/session/mailbox_requests.ts";
import { encodeForumAnswer, encodeForumRequest, type ForumAnswer } from "../../../../protocol/forum.ts";
import { decodeServiceAnswer, decodeServiceRequest } from "../../../../protocol/session/service_requests.ts";
import {
  decodeAnswers,
  decodeRequests,
  decodeSealedRequests,
  encodeAnswer,
  encodeRequests,
  lineLength,
  MAX_SESSION_DATAGRAM_BYTES,
  packAnswers,
  type SessionAnswer,
} from "../../../../protocol/session.ts";
import {
  describeControlAnswer,
  describeFault,
  describeOriginalReply,
  describeOriginalRequest,
} from "../../../../protocol/describe/original.ts";
import {
  describeAnswers,
  describeRequests,
  describeSealedAnswers,
  describeSealedRequests,
} from "../../../../protocol/describe/session.ts";
import { type Bytes, holds, isSame, type Target, textOf } from "../engine/target.ts";
import { checkDescribed, isBounded } from "./bounds.ts";

/** Encodes what was decoded, where the wire has one form for it. */
function checkOriginalRequest(input: Bytes) {
  const request = decodeOriginalRequest(input);
  if (typeof request === "string") {
    holds(request in ORIGINAL_FAULTS, () => `no fault is called ${request}`);
    checkDescribed(describeFault(input, request), input);
    return;
  }
  isBounded(request, input);
  checkDescribed(describeOriginalRequest(request), input);
  if (request.kind === "control") return;
  if (request.kind === "put") {
    const { mailbox, sender, text, bytes } = request;
    holds(bytes === utf8Length(text) && bytes === messageLength(text), () => `${bytes} bytes`);
    isSame(decodeOriginalRequest(encodePut(mailbox, sender, text), 2048), request, "put");
    const reply = encodeMail(mailbox, { sender, time: 0, text });
    holds(reply.length <= MAX_DATAGRAM_BYTES, () => `its reply has ${reply.length} bytes`);
    const { kind, mail } = decodeOriginalReply(reply) as { kind: string; mail: { text: string } };
    isSame([kind, mail.text], ["mail", text], "its reply");
  } else isSame(decodeOriginalRequest(encodeTake(request.mailbox)), request, "take");
}

function checkOriginalReply(input: Bytes) {
  const reply = decodeOriginalReply(input);
  checkDescribed(describeOriginalReply(input, "bob"), input);
  checkDescribed(describeControlAnswer(textOf(input)), input);
  if (reply === undefined) return;
  isBounded(reply, input);
  if (reply.kind === "none") {
    isSame(decodeOriginalReply(encodeNone(reply.shared ? "" : "bob")), reply, "none");
  }
  if (reply.kind === "control" && !reply.text.endsWith("\0")) {
    isSame(decodeOriginalReply(encodeControl(reply.text)), reply, "control");
  }
}

export const ORIGINAL: Target = {
  name: "original",
  covers: ["protocol/"],
  words: [
    ...[
      "F, ",
      "R, ",
      "for, ",
      "req",
      "A, ",
      "N, ",
      "nxt, ",
      "X",
      "xxx",
      ",",
      ", ",
      " ",
      "\t",
      "\n",
      "\r\n",
      "admin",
    ],
    ...[
      "2026-01-31T00:00:00.000Z",
      "ok",
      "error",
      "events",
      "challenge",
      "stop",
      "x".repeat(64),
      "€".repeat(22),
    ],
  ],
  seeds: [
    ...[
      "F, bob, alice, Hello, world",
      "R, bob",
      "for, all",
      "req",
      "A, challenge",
      "A, ok, more",
      "X",
      "xxx",
    ],
    ...[
      "N, 2026-01-31T00:00:00.000Z, alice, Hello",
      "nxt, 2026-01-31 00:00, all",
      "nxt, all",
      "f,b,a,ä€😀\r\n\0",
    ],
  ],
  maxBytes: 1400,
  shortInputs: 3000,
  maxMs: 250,
  run(input) {
    checkOriginalRequest(input);
    checkOriginalReply(input);
  },
};

const REQUESTS = [
  ...[
    "put,1,bob,alice,,,hi",
    "put,2,,,1000,60000,ä",
    "part,3,text",
    "skip,4",
    "bye",
    "ack,5,0123456789abcdef,1 2",
  ],
  ...["back,6,0123456789abcdef,1", "begin,7,0123456789abcdef,1", "fail,8,0123456789abcdef,1000,3,broken,1 2"],
  ...["extend,9,0123456789abcdef,5000", "lease,1,bob,64,30000,1000", "lease,1,bob,1,30000,0,ahead", "got,1"],
  ...[
    "cancel,1",
    "stat,2,bob",
    "info,3,bob",
    "peek,4,bob,0",
    "CRT,1,title",
    "MSG,2,title a text",
    "DLT,3,title 1",
  ],
  ...["EDT,4,title 1 text", "LST,1,0", "LST,1,5", "RDT,2,#7,title", "RMV,5,title", "DWN,4,title a.txt"],
  `UPD,3,0,11,${"0".repeat(64)},title a.txt`,
  "UPD,3,1,11,-,title a.txt",
];

const ANSWERS = [
  ...[
    "ok,1",
    "ok,1-7",
    "have,2-3",
    "lost,4,1 2",
    "lost,4,",
    "bad,5,bad receiver",
    "full,6,1000 messages",
    "storage,7",
  ],
  ...[
    "no,1,denied",
    "unknown",
    "busy",
    "ending",
    "login",
    "owned",
    "none,1",
    "denied,1",
    "pending,1",
    "got,1",
  ],
  ...["msg,1,1,2,0123456789abcdef,7,1,1700000000000,alice,5,hello", "piece,1,1,2,llo", "stat,1,messages 3"],
  ...["info,1,mailbox 21001,account mailbox,auth required", "seen,1,0,7,ready,1,1700000000000,alice,5,hello"],
  ...[
    "more,1,7",
    "last,1,7",
    "title,1,0,7,title",
    "line,1,0,7,1,1700000000000,2,5,yoda hello",
    "rest,1,7,2,2,llo",
  ],
  ...["file,1,0,7,1700000000000,11,yoda a.txt", "next,1,7", "end,1,0", "stored,1"],
  `upload,1,${"A".repeat(22)},${"B".repeat(43)}`,
  `ticket,1,${"A".repeat(22)},11,${"0".repeat(64)}`,
];

const HEADER = `P1> ${"A".repeat(22)} 00000001 ${"1".repeat(28)} 1`;

const SESSION_WORDS = [
  ...[
    "P1> ",
    "P1< ",
    "A".repeat(22),
    "00000001",
    "1".repeat(28),
    "-",
    " ",
    ",",
    "\n",
    "0123456789abcdef",
    "1 2 3",
  ],
  ...[...REQUESTS, ...ANSWERS].map((line) => /^\w+,?/.exec(line)![0]),
];

/** A request is the same when it is encoded and decoded again. */
function checkRequest(request: object) {
  const { kind } = request as { kind: string };
  if (["put", "part", "skip", "bad", "bye", "ack", "back", "begin", "fail", "extend"].includes(kind)) return;
  const isForum = kind === kind.toUpperCase();
  const line = isForum
    ? encodeForumRequest(request as Parameters<typeof encodeForumRequest>[0])
    : encodeMailboxRequest(request as UnorderedMailboxRequest);
  isSame(decodeServiceRequest(kind, line), request, line);
}

const FORUM_ANSWERS = ["title", "line", "rest", "file", "next", "end", "upload", "ticket", "stored"];
const SESSION_ANSWERS = [
  "ok",
  "have",
  "lost",
  "bad",
  "full",
  "storage",
  "no",
  "unknown",
  "busy",
  "ending",
  "login",
  "owned",
];

function checkAnswer(answer: object) {
  const { kind } = answer as { kind: string };
  if (kind === "info") {
    const info = decodeInfo((answer as { values: string }).values);
    isSame(decodeInfo(encodeInfo(info)).account, info.account, "info");
  }
  const line = FORUM_ANSWERS.includes(kind)
    ? encodeForumAnswer(answer as ForumAnswer)
    : SESSION_ANSWERS.includes(kind)
    ? encodeAnswer(answer as SessionAnswer)
    : undefined;
  if (line === undefined) return;
  const datagram = new TextEncoder().encode(`P1< ${"A".repeat(22)} - - 1\n${line}`);
  if (datagram.length > MAX_SESSION_DATAGRAM_BYTES || line.includes("\n")) return;
  isSame(decodeAnswers<object>(datagram, decodeServiceAnswer)?.answers, [answer], line);
}

export const SESSION_DATAGRAMS: Target = {
  name: "session_datagrams",
  covers: ["protocol/"],
  words: SESSION_WORDS,
  seeds: [
    ...REQUESTS.map((line) => `${HEADER}\n${line}`),
    ...ANSWERS.map((line) => `P1< ${"A".repeat(22)} 00000001 - 1\n${line}`),
    `P1> ${"A".repeat(22)} - - 1`,
    `1\n${REQUESTS.slice(0, 6).join("\n")}`,
  ],
  maxBytes: 1300,
  shortInputs: 3000,
  maxMs: 250,
  run(input) {
    const asked = decodeRequests<object>(input, decodeServiceRequest);
    if (asked !== undefined) {
      isBounded(asked, input);
      for (const request of asked.requests) checkRequest(request);
      const again = decodeRequests<object>(encodeRequests(asked.header, []), decodeServiceRequest);
      isSame(again?.header, asked.header, "header");
    }
    const sealed = decodeSealedRequests<object>(input, decodeServiceRequest);
    for (const request of sealed?.requests ?? []) checkRequest(request);
    const answered = decodeAnswers<object>(input, decodeServiceAnswer);
    if (answered !== undefined) {
      isBounded(answered, input);
      for (const answer of answered.answers) checkAnswer(answer);
    }
    // with watch, each datagram is described
    for (const what of [describeRequests(input), describeAnswers(input)]) checkDescribed(what, input);
    checkDescribed(describeSealedRequests("A".repeat(22), input, "alice"), input);
    checkDescribed(describeSealedAnswers("A".repeat(22), input, "alice"), input);
  },
};

/** Lines alone, which in a session that is sealed or not are never longer than a datagram; here they may be. */
export const SESSION_LINES: Target = {
  name: "session_lines",
  covers: ["protocol/"],
  words: SESSION_WORDS,
  seeds: [...REQUESTS, ...ANSWERS],
  maxBytes: 65_536,
  shortInputs: 1500,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const line = textOf(input), kind = line.split(",", 1)[0]!;
    const request = decodeServiceRequest(kind, line), answer = decodeServiceAnswer(kind, line);
    if (request !== undefined) isBounded(request, input), checkRequest(request);
    if (answer !== undefined) isBounded(answer, input), checkAnswer(answer);
    const lines = line.split("\n"), header = { session: "A".repeat(22), startId: "", cookie: "", done: 1 };
    if (!lines.every((line) => lineLength(line) <= 1000)) return;
    const packed = packAnswers(header, lines);
    for (const { length } of packed) holds(length <= MAX_SESSION_DATAGRAM_BYTES, () => `${length} bytes`);
    const bodies = packed.map((datagram) => textOf(datagram.subarray(datagram.indexOf(0x0a) + 1)));
    isSame(bodies.join("\n"), lines.join("\n"), "packed");
  },
};
