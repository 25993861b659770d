import { assertEquals } from "@std/assert";
import { type Key, KeyDecoder } from "../../../client/terminal/line_editor/keys/keys.ts";

const encoder = new TextEncoder();

/** Keys as they are written here: text in quotes. */
function named(keys: Key[]): string {
  // what reads cut apart is one text again
  return keys.map((key) => "text" in key ? JSON.stringify(key.text) : key.key).join(" ").replaceAll(
    '" "',
    "",
  );
}

const KEYS: Readonly<Record<string, string>> = {
  "a": '"a"',
  "5 Ω, or more? ✓ 漢 👩‍👧": '"5 Ω, or more? ✓ 漢 👩‍👧"',
  "\r": "enter",
  "\n": "enter",
  "a\r\nb\r\rc\n": '"a" enter "b" enter enter "c" enter',
  "a\tb": '"a" tab "b"',
  "\x12\x07": "search cancel",
  "\x7f\x08": "backspace backspace",
  "\x01\x05\x02\x06": "home end left right",
  "\x0b\x15\x17\x19": "kill-to-end kill-to-start kill-space-word yank",
  "\x10\x0e\x0c": "up down clear",
  "\x03\x04\x1a": "interrupt end-of-input suspend",
  "\x00\x1c\x1f": "",
  "\x1b[A\x1b[B\x1b[C\x1b[D": "up down right left",
  "\x1bOA\x1bOB\x1bOC\x1bOD\x1bOH\x1bOF": "up down right left home end",
  "\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~": "home end home end home end",
  "\x1b[3~\x1b[3;5~": "delete kill-word-right",
  "\x1b[1;5C\x1b[1;5D\x1bf\x1bb\x1bd\x1b\x7f":
    "word-right word-left word-right word-left kill-word-right kill-word-left",
  // nobody knows these, and nothing of them is text
  "\x1b[15~\x1b[1;2P\x1b[?1;2c\x1b[<0;1;2Mx\x1bOPy\x1bz": '"xy"',
  "\x1b[200~one\r\ntwo\nthree\tfour\x1b[201~\r": '"one" enter "two" enter "three\\tfour" enter',
  // a paste orders nothing
  "\x1b[200~a\x03\x04\x1b[Ab\x1bfc\x15\x1b[201~d\x03": '"abcd" interrupt',
  // a sequence that does not end swallows no Ctrl-C
  "\x1b[\x03\x1b\x03\x1bO\x03a": 'interrupt interrupt interrupt "a"',
  [`\x1b[${"1;".repeat(1000)}Aa`]: '"a"',
  // C1 characters, which some terminals obey
  "a\x9bAb\x85": '"aAb"',
};

Deno.test("KeyDecoder reads the keys that terminals send, whole and split at every byte", () => {
  for (const [bytes, keys] of Object.entries(KEYS)) {
    const all = encoder.encode(bytes);
    assertEquals(named(new KeyDecoder().decode(all)), keys, JSON.stringify(bytes));
    const decoder = new KeyDecoder();
    const single = [...all].flatMap((byte) => decoder.decode(new Uint8Array([byte])));
    assertEquals(named(single), keys, `${JSON.stringify(bytes)}, byte by byte`);
  }
});

Deno.test("KeyDecoder makes U+FFFD of what is not UTF-8", () => {
  assertEquals(
    named(new KeyDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62]))),
    '"a\ufffd\ufffdb"',
  );
});

Deno.test("KeyDecoder takes an ESC for a key if nothing follows in time", () => {
  const decoder = new KeyDecoder();
  assertEquals(named([...decoder.decode(encoder.encode("a\x1b")), ...decoder.endEscape()]), '"a" escape');
  assertEquals([decoder.isEscaping, decoder.endEscape()], [false, []]);
  assertEquals(named(decoder.decode(encoder.encode("b\x1b[A\x1b["))), '"b" up');
  // a sequence that has begun is none
  assertEquals([decoder.isEscaping, named(decoder.decode(encoder.encode("B")))], [false, "down"]);
  decoder.decode(encoder.encode("\x1b[200~\x1b"));
  assertEquals(decoder.isEscaping, false);
});
