/**
 * The keys of a seal: those of X25519, and what both sides derive in a handshake (protocol/seal.md, section 3).
 *
 * The handshake follows the pattern NX of the Noise Protocol Framework: an anonymous client sends an ephemeral key (`e`),
 * and the server answers with one of its own and its static key (`e, ee, s, es`). It is not compatible with Noise:
 * section 11 of the specification lists every difference.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { concatBytes } from "../syntax/bytes.ts";
import { encodePublicKey, KEY_BYTES } from "../syntax/key_text.ts";
import { fromHex, toBase64url } from "../syntax/binary_text.ts";

/** The DER of a key before its 32 bytes: RFC 8410. */
const PRIVATE_KEY = fromHex("302e020100300506032b656e04220420");
const PUBLIC_KEY = fromHex("302a300506032b656e032100");

type Bytes = Uint8Array<ArrayBuffer>;

/** A key pair of X25519. `text` is the public key as people see it. */
export interface SealKey {
  private: KeyObject;
  public: Bytes;
  text: string;
}

/** What both sides know after a handshake: Noise's `Split()`, with two keys more. */
export interface SealKeys {
  toServer: DirectionKey;
  toClient: DirectionKey;
  /** Proves that the server has its private key. */
  confirm: Bytes;
  /** The channel binding of the log-in. */
  binding: Bytes;
  /** The keys of transfers come from it (transfer.md 10.4). */
  files: Bytes;
}

export interface DirectionKey {
  /** Bytes, because Deno 2.6 takes no other key for a cipher. */
  key: Bytes;
  iv: Bytes;
}

/** A key pair for one handshake. Of what it was made from nothing stays in memory (seal.md 4.14). */
export function ephemeralKey(random: (bytes: number) => Uint8Array): SealKey {
  const bytes = random(KEY_BYTES), key = sealKey(bytes);
  bytes.fill(0);
  return key;
}

/** The key pair with this private key, of 32 bytes. */
export function sealKey(bytes: Uint8Array): SealKey {
  const der = Buffer.alloc(PRIVATE_KEY.length + KEY_BYTES);
  der.set(PRIVATE_KEY);
  der.set(bytes, PRIVATE_KEY.length);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const half = Uint8Array.from(
    createPublicKey(key as unknown as string).export({
      format: "der",
      type: "spki",
    }),
  ).slice(PUBLIC_KEY.length);
  return { private: key, public: half, text: encodePublicKey(half) };
}

/**
 * The secret that two keys agree on (RFC 7748, section 6.1); `DH()` in Noise.
 *
 * @throws {Error} It would be all zeros.
 */
function agree(key: SealKey, other: KeyObject): Uint8Array {
  const secret = diffieHellman({ privateKey: key.private, publicKey: other });
  // libraries differ in whether they refuse it
  if (secret.reduce((bits, byte) => bits | byte, 0) === 0) throw new Error("Cannot agree on zeros");
  return secret;
}

function publicKey(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from([...PUBLIC_KEY, ...bytes]), format: "der", type: "spki" });
}

/** The ID of the handshake that a client begins with this public key. */
export function sealId(client: Uint8Array): string {
  const hash = Uint8Array.from(createHash("sha256").update(client).digest());
  return toBase64url(hash.subarray(0, 16));
}

/** What each side knows before the keys: the prologue, in Noise. */
export interface Exchange {
  service: string;
  id: string;
  startId: string;
}

/**
 * The keys as the server computes them: `ee`, then `es`.
 *
 * @throws {Error} One of these secrets is zero.
 */
export function serverKeys(
  exchange: Exchange,
  ephemeral: SealKey,
  own: SealKey,
  client: Uint8Array,
): SealKeys {
  const other = publicKey(client), secrets = [agree(ephemeral, other), agree(own, other)] as const;
  return keysOf(exchange, client, ephemeral.public, own.public, secrets);
}

/**
 * The keys as the client computes them: `ee`, then `es`.
 *
 * @throws {Error} One of these secrets is zero.
 */
export function clientKeys(
  exchange: Exchange,
  ephemeral: SealKey,
  server: Uint8Array,
  own: Uint8Array,
): SealKeys {
  const secrets = [agree(ephemeral, publicKey(server)), agree(ephemeral, publicKey(own))] as const;
  return keysOf(exchange, ephemeral.public, server, own, secrets);
}

function keysOf(
  { service, id, startId }: Exchange,
  client: Uint8Array,
  server: Uint8Array,
  own: Uint8Array,
  [ee, es]: readonly [Uint8Array, Uint8Array],
): SealKeys {
  // the program was once called Parley: both labels keep that name for compatibility
  const transcript = createHash("sha256").update(`Parley seal 1\n${service}\n${id}\n${startId}\n`)
    .update(client).update(server).update(own).digest();
  const secrets = concatBytes(ee, es);
  const material = new Uint8Array(hkdfSync("sha256", secrets, transcript, "Parley seal 1 keys", 184));
  for (const used of [ee, es, secrets]) used.fill(0);
  let at = 0;
  // slices of one array, which takes less memory: a server has many handshakes
  const next = (bytes: number) => material.subarray(at, at += bytes);
  const toServer = next(KEY_BYTES), toClient = next(KEY_BYTES), toServerIv = next(12), toClientIv = next(12);
  const confirmKey = next(KEY_BYTES), confirm = createHmac("sha256", confirmKey).update(transcript).digest();
  confirmKey.fill(0);
  return {
    toServer: { key: toServer, iv: toServerIv },
    toClient: { key: toClient, iv: toClientIv },
    confirm: Uint8Array.from(confirm),
    binding: next(KEY_BYTES),
    files: next(KEY_BYTES),
  };
}
