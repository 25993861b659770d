/**
 * The seal around a session's datagrams: handshake and sealed datagrams. `protocol/seal.md` is the specification.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto";
import type { DirectionKey } from "./seal/keys.ts";
import { MAX_SESSION_DATAGRAM_BYTES } from "./session.ts";
import { toBase64url } from "./syntax/binary_text.ts";
import { keyFromBase64url } from "./syntax/key_text.ts";

/**
 * Most datagrams in each direction under one handshake, and after how many the client makes a new one (seal.md 4.4).
 */
export const MAX_NUMBER = 2 ** 28, RENEW_NUMBER = 2 ** 27;

/** After how long the client makes a new handshake, and the server forgets the one before (seal.md 4.4, 4.13). */
export const RENEW_MS = 3_600_000, MAX_AGE_MS = 2 * RENEW_MS;

/** Bytes of the tag after a ciphertext. */
const TAG = 16;

/** How far a number may be below the highest one that was opened (seal.md 4.5). */
const WINDOW = 1024;

const CIPHER = "aes-256-gcm";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type Bytes = Uint8Array<ArrayBuffer>;

/** The header of a sealed datagram. `startId` and `cookie` are empty if there is none. */
export interface SealHeader {
  id: string;
  startId: string;
  cookie: string;
}

/** The rest of a datagram. What is sealed is opened by {@linkcode Opener}. */
export type SealToServer = { kind: "hello"; key: Bytes } | { kind: "sealed"; number: number };
export type SealToClient =
  | { kind: "challenge" | "unknown" | "busy" }
  | { kind: "hello"; key: Bytes; server: Bytes; confirm: Bytes }
  | { kind: "sealed"; number: number };

/** Whether these bytes begin as a sealed datagram does: `S1>` or `S1<`. */
export function isSealDatagram(datagram: Uint8Array): boolean {
  return datagram[0] === 0x53 && datagram[1] === 0x31 && (datagram[2] === 0x3e || datagram[2] === 0x3c);
}

/** Whether what was sealed is a control message (seal.md 4.11): `A,`. */
export function isControl(plain: Uint8Array): boolean {
  return plain[0] === 0x41 && plain[1] === 0x2c;
}

const HEADER = /^S1([<>]) ([\w-]{22}) ([0-9a-f]{8}|-) ([0-9a-f]{16}|-) (\S+)$/;
const HELLO = /^hello,([\w-]{43})$/;
const HELLO_ANSWER = /^hello,([\w-]{43}),([\w-]{43}),([\w-]{43})$/;
const NUMBER = /^[1-9]\d{0,8}$/;

/** A client's datagram; undefined if it is none. */
export function decodeSealToServer(
  datagram: Uint8Array,
): { header: SealHeader; body: SealToServer } | undefined {
  const parsed = parse(datagram, ">");
  if (parsed === undefined) return undefined;
  const { header, word, number } = parsed;
  if (number !== undefined) return { header, body: { kind: "sealed", number } };
  const key = fromBase64url(HELLO.exec(word)?.[1]);
  return key && { header, body: { kind: "hello", key } };
}

/** A server's datagram; undefined if it is none. */
export function decodeSealToClient(
  datagram: Uint8Array,
): { header: SealHeader; body: SealToClient } | undefined {
  const parsed = parse(datagram, "<");
  if (parsed === undefined) return undefined;
  const { header, word, number } = parsed;
  if (header.startId === "" || (header.cookie !== "") !== (word === "challenge")) return undefined;
  if (number !== undefined) return { header, body: { kind: "sealed", number } };
  if (word === "challenge" || word === "unknown" || word === "busy") return { header, body: { kind: word } };
  const match = HELLO_ANSWER.exec(word);
  const [key, server, confirm] = [1, 2, 3].map((i) => fromBase64url(match?.[i]));
  return key && server && confirm && { header, body: { kind: "hello", key, server, confirm } };
}

function parse(datagram: Uint8Array, direction: "<" | ">") {
  if (datagram.length > MAX_SESSION_DATAGRAM_BYTES) return undefined;
  const end = datagram.indexOf(0x0a), head = end < 0 ? datagram : datagram.subarray(0, end);
  // a header is ASCII, and not longer than the answer to a hello
  if (head.length > 256 || head.some((byte) => byte >= 0x80)) return undefined;
  const match = HEADER.exec(decoder.decode(head));
  if (match === null || match[1] !== direction) return undefined;
  const word = match[5]!, given = (field: string) => field === "-" ? "" : field;
  const sealed = NUMBER.test(word);
  if (sealed !== end >= 0 || sealed && datagram.length < end + 1 + TAG) return undefined;
  const header = { id: match[2]!, startId: given(match[3]!), cookie: given(match[4]!) };
  return { header, word, number: sealed ? Number(word) : undefined };
}

/** A client's `hello`. */
export function encodeHello(header: SealHeader, key: Uint8Array): Bytes {
  return encoder.encode(`${head(">", header)} hello,${toBase64url(key)}`);
}

/** The server's answer to it. */
export function encodeHelloAnswer(
  header: SealHeader,
  key: Uint8Array,
  own: Uint8Array,
  confirm: Uint8Array,
): Bytes {
  return encoder.encode(`${head("<", header)} hello,${[key, own, confirm].map(toBase64url).join(",")}`);
}

/** A server's reply without a seal. Only a `challenge` has a cookie. */
export function encodeSealReply(header: SealHeader, word: "challenge" | "unknown" | "busy"): Bytes {
  return encoder.encode(`${head("<", header)} ${word}`);
}

function head(direction: "<" | ">", { id, startId, cookie }: SealHeader): string {
  return `S1${direction} ${id} ${startId || "-"} ${cookie || "-"}`;
}

/** Seals the datagrams of one direction. */
export class Sealer {
  readonly #direction: "<" | ">";
  #key: DirectionKey | undefined;
  /** Number of the last datagram sealed. */
  number = 0;

  constructor(direction: "<" | ">", key: DirectionKey) {
    this.#direction = direction;
    this.#key = key;
  }

  /**
   * A sealed datagram, with the next number.
   *
   * @throws {RangeError} The key has sealed {@linkcode MAX_NUMBER} datagrams.
   * @throws {TypeError} The key was erased.
   */
  seal(header: SealHeader, plain: Uint8Array): Bytes {
    if (this.number >= MAX_NUMBER) throw new RangeError("Cannot seal a datagram: the key is used up");
    if (this.#key === undefined) throw new TypeError("Cannot seal a datagram: the key was erased");
    const number = ++this.number, { key, iv } = this.#key;
    const begin = `${head(this.#direction, header)} ${number}\n`;
    const datagram = new Uint8Array(begin.length + plain.length + TAG);
    // it is ASCII, and an encoder takes twice as long
    for (let i = 0; i < begin.length; i++) datagram[i] = begin.charCodeAt(i);
    const cipher = createCipheriv(CIPHER, key, nonce(iv, number));
    cipher.setAAD(datagram.subarray(0, begin.length));
    datagram.set(cipher.update(plain), begin.length);
    cipher.final();
    datagram.set(cipher.getAuthTag(), begin.length + plain.length);
    return datagram;
  }

  /** Nothing can be sealed any more. */
  erase() {
    erase(this.#key);
    this.#key = undefined;
  }
}

/** Overwrites a key that nothing is sealed or opened with any more (seal.md 4.14). */
function erase(key: DirectionKey | undefined) {
  key?.key.fill(0);
  key?.iv.fill(0);
}

/** Opens the datagrams of one direction, each once. */
export class Opener {
  #key: DirectionKey | undefined;
  /** The highest number opened. */
  #highest = 0;
  /** A bit for each number that was opened, at its remainder by {@linkcode WINDOW}. */
  #opened: Uint32Array | undefined;

  constructor(key: DirectionKey) {
    this.#key = key;
  }

  get highest(): number {
    return this.#highest;
  }

  /**
   * The content of the sealed datagram with this number.
   *
   * @returns Or why there is none. `twice`: it was opened before, or is too old to know that. `wrong`: it is not of this
   * seal, or the key was erased. `too often`: its number is over {@linkcode MAX_NUMBER}.
   */
  open(datagram: Uint8Array, number: number): Uint8Array | "twice" | "wrong" | "too often" {
    if (number > MAX_NUMBER) return "too often";
    if (number <= this.#highest - WINDOW || number <= this.#highest && this.#has(number)) return "twice";
    const plain = this.#key === undefined ? undefined : this.#decrypt(this.#key, datagram, number);
    if (plain === undefined) return "wrong";
    this.#mark(number);
    return plain;
  }

  /** Nothing opens any more. */
  erase() {
    erase(this.#key);
    this.#key = undefined;
  }

  #decrypt({ key, iv }: DirectionKey, datagram: Uint8Array, number: number): Uint8Array | undefined {
    const begin = datagram.indexOf(0x0a) + 1, end = datagram.length - TAG;
    const cipher = createDecipheriv(CIPHER, key, nonce(iv, number), { authTagLength: TAG });
    cipher.setAAD(datagram.subarray(0, begin));
    cipher.setAuthTag(datagram.subarray(end));
    const plain = cipher.update(datagram.subarray(begin, end));
    try {
      cipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }

  #has(number: number): boolean {
    const bit = number % WINDOW;
    return this.#opened !== undefined && (this.#opened[bit >> 5]! & 1 << (bit & 31)) !== 0;
  }

  #mark(number: number) {
    const opened = this.#opened ??= new Uint32Array(WINDOW / 32);
    // the numbers between were not opened
    if (number - this.#highest >= WINDOW) opened.fill(0);
    else {
      for (let n = this.#highest + 1; n < number; n++) {
        opened[n % WINDOW >> 5]! &= ~(1 << (n & 31));
      }
    }
    opened[number % WINDOW >> 5]! |= 1 << (number & 31);
    this.#highest = Math.max(this.#highest, number);
  }
}

/** Used for every datagram: a cipher takes a copy. */
const NONCE = new Uint8Array(12);

/** The direction's iv, combined with the number by exclusive or. It is valid until the next call. */
function nonce(iv: Uint8Array, number: number): Uint8Array {
  NONCE.set(iv);
  // a number has at most 29 bits
  for (let i = 0; i < 4; i++) NONCE[11 - i]! ^= number >>> 8 * i & 0xff;
  return NONCE;
}

/** Whether both are the same, in a time that does not depend on where they differ. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function fromBase64url(text: string | undefined): Bytes | undefined {
  return text === undefined ? undefined : keyFromBase64url(text);
}
