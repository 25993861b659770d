/**
 * A server's keys as people see, copy and type them: one word that never begins with `-`, with a checksum.
 * seal.md section 7 is the specification. On the wire a key is written otherwise, see `seal.ts`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fromBase64url, fromHex, toBase64url, toHex } from "./binary_text.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes of a key of X25519. */
export const KEY_BYTES = 32;

/** How each kind of key begins. */
const PUBLIC = "public1", PRIVATE = "private1";

/** RFC 4648, section 6, in lower case. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Bytes of the checksum: with those of a key, a whole number of characters (seal.md 7.4). */
const CHECKSUM_BYTES = 3;

/** Characters after the first word: each stands for five bits. */
const CHARACTERS = (KEY_BYTES + CHECKSUM_BYTES) * 8 / 5;

/** A server's public key. */
export function encodePublicKey(key: Uint8Array): string {
  return encode(PUBLIC, key);
}

/**
 * The public key in a text, or in 43 characters of base64url, the older form.
 *
 * @throws {SyntaxError} There is none in it. The message says why, and does not contain the text.
 */
export function decodePublicKey(text: string): Bytes {
  const older = /^[\w-]{43}$/.test(text) ? keyFromBase64url(text) : undefined;
  return older ?? decode(PUBLIC, text);
}

/** The 32 bytes in 43 characters of base64url; undefined if it is not canonical. */
export function keyFromBase64url(text: string): Bytes | undefined {
  const key = fromBase64url(text);
  return toBase64url(key) === text ? key : undefined;
}

/** A server's private key. */
export function encodePrivateKey(key: Uint8Array): string {
  return encode(PRIVATE, key);
}

/**
 * The private key in a text, or in 64 hexadecimal digits, the older form.
 *
 * @throws {SyntaxError} There is none in it. The message says why, and does not contain the text.
 */
export function decodePrivateKey(text: string): Bytes {
  return /^[0-9a-fA-F]{64}$/.test(text) ? fromHex(text) : decode(PRIVATE, text);
}

function encode(word: string, key: Uint8Array): string {
  return word + base32(new Uint8Array([...key, ...checksum(word, key)]));
}

function decode(word: string, text: string): Bytes {
  const small = text.toLowerCase(), characters = small.slice(word.length);
  if (!small.startsWith(word) || characters.length !== CHARACTERS || !/^[a-z2-7]+$/.test(characters)) {
    throw new SyntaxError(`expected '${word}' and ${CHARACTERS} of a-z 2-7`);
  }
  const bytes = fromBase32(characters), key = bytes.slice(0, KEY_BYTES);
  const given = toHex(bytes.subarray(KEY_BYTES));
  if (given !== toHex(checksum(word, key))) {
    throw new SyntaxError("its checksum is wrong: a character of it is not the right one");
  }
  return key;
}

/** It covers the first word too, so that a private key is never accepted as a public one. */
function checksum(word: string, key: Uint8Array): Uint8Array {
  const digest = createHash("sha256").update(word).update(key).digest();
  return Uint8Array.from(digest.subarray(0, CHECKSUM_BYTES));
}

/** Bytes whose bits are a multiple of five. */
function base32(bytes: Uint8Array): string {
  const digits = BigInt(`0x${toHex(bytes)}`).toString(32).padStart(bytes.length * 8 / 5, "0");
  return digits.replace(/./g, (digit) => ALPHABET[parseInt(digit, 32)]!);
}

/** Characters of {@linkcode ALPHABET} whose bits are a multiple of eight. */
function fromBase32(text: string): Bytes {
  let number = 0n;
  for (const character of text) number = number * 32n + BigInt(ALPHABET.indexOf(character));
  return fromHex(number.toString(16).padStart(text.length * 5 / 4, "0"));
}
