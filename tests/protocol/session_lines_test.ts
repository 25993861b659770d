/** Lines of the session that are read or measured without a list of their fields. */

import { assertEquals } from "@std/assert";
import { isMessage, messageLength, utf8Length } from "../../protocol/mailbox.ts";
import {
  decodeMailboxAnswer,
  decodeMailboxRequest,
  encodeMailboxAnswer,
  type MailboxAnswer,
} from "../../protocol/session/mailbox_requests.ts";
import {
  decodeAnswers,
  lineLength,
  MAX_LINES_BYTES,
  MAX_SESSION_DATAGRAM_BYTES,
  packAnswers,
} from "../../protocol/session.ts";

const MESSAGE: MailboxAnswer = {
  kind: "msg",
  t: 3,
  i: 1,
  k: 2,
  token: "eca43648c5ecc233",
  id: 17,
  attempt: 1,
  time: 1_795_264_095_073,
  sender: "alice",
  length: 12,
  text: "5 Ω, or more",
};

// session.md 3.7
Deno.test("a msg is read as it was written, with commas in its text, or an empty sender or text", () => {
  for (const fields of [{}, { sender: "" }, { text: "" }, { text: ",,," }, { t: 999_999_999_999_999 }]) {
    const message = { ...MESSAGE, ...fields } as MailboxAnswer;
    assertEquals(decodeMailboxAnswer("msg", encodeMailboxAnswer(message)), message);
  }
});

// session.md 1.5
Deno.test("a line whose numbers are none, or that is too short, is no msg", () => {
  const fields = encodeMailboxAnswer(MESSAGE).split(",");
  for (const i of [1, 2, 3, 5, 6, 7, 9]) {
    for (const wrong of ["", "x", "-1", "1 ", " 1", "1.5", "1e3", "1234567890123456", "１"]) {
      const line = fields.with(i, wrong).join(",");
      assertEquals(decodeMailboxAnswer("msg", line), undefined, line);
    }
  }
  for (let count = 1; count < 11; count++) {
    const line = fields.slice(0, count).join(",");
    assertEquals(decodeMailboxAnswer("msg", line), undefined, line);
  }
});

Deno.test("the length of a message is that of its text in UTF-8; what can't be one has none", () => {
  for (const text of ["", "a", "\t", "Ω", "€", "😀", "a\u{a0}b", "\u{d7ff}\u{e000}\u{ffff}", "😀Ω\t€."]) {
    assertEquals(messageLength(text), utf8Length(text), text);
    assertEquals(messageLength(text), new TextEncoder().encode(text).length);
  }
  for (let unit = 0; unit < 0x10000; unit++) {
    const text = `a${String.fromCharCode(unit)}b`;
    const isOne = text.isWellFormed() && (unit === 9 || !/\p{Cc}/u.test(text));
    assertEquals(isMessage(text), isOne, unit.toString(16));
  }
  assertEquals(isMessage("\ud83d\ud83d\ude00"), false);
});

// session.md 2.3 and 1.6
Deno.test("a put is read alike whatever the one before it was", () => {
  const lines: [line: string, put: unknown][] = [];
  for (const [receiver, sender] of [["bob", "alice"], ["bob", "al"], ["", ""], ["bobalice", "x"]] as const) {
    for (const text of ["", "one", ",,,", "bob,alice,,,x", "5 Ω, or more"]) {
      const bytes = utf8Length(text);
      const put = { kind: "put", n: 7, receiver, sender, delay: 0, ttl: undefined, text, bytes };
      lines.push([`put,7,${receiver},${sender},,,${text}`, put]);
      lines.push([`put,7,${receiver},${sender},5,,${text}`, { ...put, delay: 5 }]);
      lines.push([`put,7,${receiver},${sender},,6,${text}`, { ...put, ttl: 6 }]);
      lines.push([`put,x,${receiver},${sender},,,${text}`, undefined]);
    }
    const bad = { kind: "bad", n: 7, reason: "not printable" };
    lines.push([`put,7,${receiver},${sender},,,a\u{7f}`, bad]);
  }
  for (const text of ["put,7,bob,alice,,", "put,7", "put,7,bob"]) lines.push([text, undefined]);
  lines.push(["put,7,bob,admin,,,x", { kind: "bad", n: 7, reason: "bad sender" }]);
  lines.push(["put,7, bob,alice,,,x", { kind: "bad", n: 7, reason: "bad receiver" }]);
  lines.push(["put,7,bob,alice,,z,x", { kind: "bad", n: 7, reason: "bad time" }]);
  for (const [before] of lines) {
    for (const [line, put] of lines) {
      decodeMailboxRequest("put", before);
      assertEquals(decodeMailboxRequest("put", line), put, `${line} behind ${before}`);
    }
  }
});

// session.md 1.1
Deno.test("answers are divided into datagrams that are as full as can be, in their order", () => {
  const header = { session: "A".repeat(22), startId: "00000001", cookie: "", done: 3 };
  for (const count of [0, 1, 9, 10, 11, 200]) {
    for (const length of [1, 40, 93, 94, 1000]) {
      const lines = Array.from({ length: count }, (_, i) => `stat,${i},Ω${"x".repeat(length)}`);
      const read: string[] = [], sizes: number[] = [];
      for (const datagram of packAnswers(header, lines)) {
        const decoded = decodeAnswers(datagram, (_, line) => line);
        assertEquals(decoded?.header, header);
        read.push(...decoded!.answers as string[]);
        sizes.push(datagram.length);
      }
      assertEquals(read, lines);
      assertEquals(sizes.every((size) => size <= MAX_SESSION_DATAGRAM_BYTES), true);
      const head = packAnswers(header, [])[0]!.length, longest = Math.max(0, ...lines.map(lineLength));
      const isFull = (size: number) => size - head + longest > MAX_LINES_BYTES;
      assertEquals(sizes.slice(0, -1).every(isFull), true, `${count} of ${length}: ${sizes}`);
    }
  }
});
