/** Lines of the session that are read or measured without a list of their fields. */

import { assertEquals } from "@std/assert";
import { isMessage, messageLength, utf8Length } from "../../protocol/mailbox.ts";
import {
  decodeMailboxAnswer,
  encodeMailboxAnswer,
  type MailboxAnswer,
} from "../../protocol/mailbox_requests.ts";

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
