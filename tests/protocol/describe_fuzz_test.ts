/** What hostile datagrams, frames and lines are called for those who watch: no mistake, and no event that is too long. */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { decodeOriginalRequest, MAX_DATAGRAM_BYTES } from "../../protocol/mailbox.ts";
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
import { describeTransferLine } from "../../protocol/describe/transfer.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import {
  decodeEvents,
  type Described,
  encodeEvent,
  encodeEvents,
  MAX_EVENTS_BYTES,
} from "../../protocol/watch.ts";

const INPUTS = 1500, SEED = 12345;

const ID = "A".repeat(22);

/** What each wire says. */
const SAID = [
  ...["F, bob, alice, hi", "for, x", "req", "R, bob", "N, alice, x", "X", "nxt, x", "A, challenge"],
  ...["A, 0123, 4567, count, bob", "A, ok, x", "A, error, not a filter: 'y'"],
  `P1> ${ID} 00000000 - 1\nput,1,bob,alice,0,,hello`,
  `P1> ${ID} 00000000 - 1\nlease,1,bob,10,30000,5000,ahead\npeek,2,bob,0\ninfo,3,bob\nstat,4,`,
  `P1> ${ID} 00000000 - 1\nack,1,2,3\nfail,4,1,oops,1000,5\nMSG,5,t,hello\nUPD,1,0,10,t,f`,
  `P1< ${ID} 00000000 - 5\nok,1-5\nbad,1,why\nmsg,1,1,1,5,3,1,alice,hello\nlast,1,3`,
  ...["first,1,n,,n=bob,r=abcdef", "final,2,c=biws,r=x,p=proof", "make,3,bob,4096,salt,k", "here"],
  ...["/wirepost\n1", "/who", "/history 5", "/history since abc 40", "/create tea", "[bob] hi"],
  ...["bob has joined", "\x02message 41 1790000000000 3 Bob hi", "\x02history 5f 1 41", "\x02gap 3"],
  ...["\r<('192.0.2.7', 5)> hi", "Client ('192.0.2.7', 5) is offline", "[x] entered room"],
  ...["upload ticket 0", "download ABC 5", "no busy x"],
].map((text) => new TextEncoder().encode(text));

/** What is put in between, up to 300 times. */
const PIECES = [
  ...["\0", "\x1b[2J", "\n", "\r", "\u0085", "\u202e", "😀", ",", ", ", "'", "\\", "P1> ", "\x02", "%00"],
  ...["__proto__", "constructor", "9999999999999999", "-1"],
].map((text) => new TextEncoder().encode(text));

function randomInputs(): Uint8Array<ArrayBuffer>[] {
  let seed = SEED;
  const random = (limit: number) => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * limit);
  };
  return Array.from({ length: INPUTS }, () => {
    if (random(8) === 0) return Uint8Array.from({ length: random(2000) }, () => random(256));
    let bytes = [...SAID[random(SAID.length)]!];
    for (let changes = random(5); changes >= 0; changes--) {
      const at = random(bytes.length + 1);
      const times = random(2) === 0 ? 1 : random(300), change = random(9);
      if (change < 3) bytes.splice(at, random(4));
      else if (change < 5) bytes = [...bytes, 10, ...SAID[random(SAID.length)]!];
      else {
        const piece = PIECES[random(PIECES.length)]!;
        bytes.splice(at, 0, ...Array.from({ length: times }, () => [...piece]).flat());
      }
    }
    return Uint8Array.from(bytes);
  });
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const member = { name: "bob", channel: "tea" };

/** Everything that the server describes. */
const DESCRIPTIONS: ((bytes: Uint8Array<ArrayBuffer>, text: string) => Described | Described[])[] = [
  (bytes) => {
    const request = decodeOriginalRequest(bytes, MAX_DATAGRAM_BYTES);
    return typeof request === "string" ? describeFault(bytes, request) : describeOriginalRequest(request);
  },
  (bytes) => describeOriginalReply(bytes, "bob"),
  (_, text) => describeOriginalRequest({ kind: "control", text }),
  (_, text) => describeControlAnswer(text),
  (_, text) => describeName(text),
  (_, text) => describeFrame(text, true, member),
  (bytes) => describeFrames(bytes),
  (_, text) => describeRoomLine(text, "bob"),
  (bytes) => describeRoomLines(bytes),
  (bytes) => describeSealToServer(bytes),
  (bytes) => describeSealToClient(bytes),
  (bytes) => describeDroppedSeal(bytes),
  (_, text) => describeLogin(ID, text, "bob"),
  (_, text) => describeLoginAnswer(ID, text, "bob"),
  (bytes) => describeRequests(bytes),
  (bytes) => describeAnswers(bytes),
  (bytes) => describeSealedRequests(ID, bytes, "bob"),
  (bytes) => describeSealedAnswers(ID, bytes, "bob"),
  (_, text) => describeTransferLine(text),
];

const AT = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "mailbox",
  peer: "[::1]:1",
} as const;

// watch.md 3.4
Deno.test("every event fits into a datagram and is read from it, also of hostile input", () => {
  for (const bytes of randomInputs()) {
    const text = decoder.decode(bytes);
    for (const describe of DESCRIPTIONS) {
      for (const { names: _, ...described } of [describe(bytes, text)].flat()) {
        const datagram = encodeEvents("01234567", 1, 0, [encodeEvent({ ...AT, ...described })]);
        assertLessOrEqual(utf8Length(datagram), MAX_EVENTS_BYTES - "A, ".length, datagram);
        assert(decodeEvents(datagram) !== undefined, datagram);
      }
    }
  }
});

// watch.md section 2
Deno.test("a reason is cut too, if it would not fit into a datagram in any other way", () => {
  const why = "\0".repeat(200),
    row = encodeEvent({ ...AT, what: "x".repeat(2000), text: "y", refused: "r", why });
  assertLessOrEqual(utf8Length(encodeEvents("01234567", 1, 0, [row])), MAX_EVENTS_BYTES);
  const [event] = decodeEvents(encodeEvents("01234567", 1, 0, [row]))!.events;
  assertEquals([event!.what, event!.text, event!.cut], ["", "", true]);
  assert(why.startsWith(event!.why!) && event!.why !== why && event!.why !== "");
});
