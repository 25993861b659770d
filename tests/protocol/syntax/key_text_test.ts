import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  decodePrivateKey,
  decodePublicKey,
  encodePrivateKey,
  encodePublicKey,
  KEY_BYTES,
} from "../../../protocol/syntax/key_text.ts";

/** A value of the specification's test vectors. */
function vector(name: string): string {
  const text = Deno.readTextFileSync(new URL("../../../protocol/seal.md", import.meta.url));
  return new RegExp(`^${name} += (.*)$`, "m").exec(text)![1]!;
}

/** Keys with every byte at every place, among them all that base64url begins with `-`. */
function* keys() {
  for (let byte = 0; byte < 256; byte++) {
    yield Uint8Array.from({ length: KEY_BYTES }, (_, i) => (byte + 37 * i) & 255);
  }
}

// seal.md 7.4
Deno.test("a server's keys are written as in the specification's test vectors", () => {
  const bytes = Uint8Array.fromHex(vector("static public")),
    secret = Uint8Array.fromHex(vector("static key"));
  assertEquals(encodePublicKey(bytes), vector("public text"));
  assertEquals(encodePrivateKey(secret), vector("private text"));
});

Deno.test("a server's key is one word that begins with a letter, and is read as it was written", () => {
  for (const key of keys()) {
    const text = encodePublicKey(key), secret = encodePrivateKey(key);
    assertMatch(text, /^[a-z][a-z0-9]{62}$/);
    assertMatch(secret, /^[a-z][a-z0-9]{63}$/);
    assertEquals([decodePublicKey(text), decodePrivateKey(secret)], [key, key]);
    assertEquals(decodePublicKey(text.toUpperCase()), key);
  }
});

// seal.md 7.5
Deno.test("keys as they were written before are still read", () => {
  for (const key of keys()) {
    assertEquals(decodePublicKey(key.toBase64({ alphabet: "base64url", omitPadding: true })), key);
    assertEquals(decodePrivateKey(key.toHex()), key);
  }
});

// seal.md 7.4
Deno.test("a key with one wrong character, or two that were exchanged, is refused by its checksum", () => {
  const word = "public1", text = encodePublicKey(Uint8Array.from({ length: KEY_BYTES }, (_, i) => 7 * i));
  const wrong = new Set<string>();
  for (let at = word.length; at < text.length; at++) {
    for (const other of "abcdefghijklmnopqrstuvwxyz234567") {
      wrong.add(text.slice(0, at) + other + text.slice(at + 1));
    }
    wrong.add(text.slice(0, at - 1) + text[at] + text[at - 1] + text.slice(at + 1));
  }
  wrong.delete(text);
  for (const other of wrong) {
    if (!other.startsWith(word)) continue;
    assertThrows(() => decodePublicKey(other), SyntaxError, "its checksum is wrong");
  }
});

Deno.test("a text that is no key is refused, and a private key is no public one", () => {
  const text = encodePublicKey(new Uint8Array(KEY_BYTES)),
    secret = encodePrivateKey(new Uint8Array(KEY_BYTES));
  const swapped = `public1${secret.slice("private1".length)}`;
  for (
    const wrong of ["", "-", text.slice(1), text.slice(0, -1), `${text}a`, ` ${text}`, `${text} `, secret]
  ) {
    assertThrows(() => decodePublicKey(wrong), SyntaxError, "expected 'public1' and 56 of a-z 2-7");
  }
  assertThrows(() => decodePublicKey(swapped), SyntaxError, "its checksum is wrong");
  // 43 characters, but the bits of the last one that belong to no byte are not zero
  for (const wrong of [`${"A".repeat(42)}B`, `${"A".repeat(42)}+`, `${"A".repeat(43)}=`]) {
    assertThrows(() => decodePublicKey(wrong), SyntaxError);
  }
  for (const wrong of ["", text, "0".repeat(63), secret.slice(0, -1)]) {
    assertThrows(() => decodePrivateKey(wrong), SyntaxError, "expected 'private1' and 56 of a-z 2-7");
  }
});
