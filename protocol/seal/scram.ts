/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) with channel binding: messages, proofs and verifiers. `protocol/accounts.md` is
 * the specification. Randomness comes from the caller.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { utf8Length } from "../mailbox.ts";
import { fromBase64, toBase64, toBase64url, toHex } from "../syntax/binary_text.ts";

/** Iterations for a new verifier, and the most that a client computes (seal.md 5.9). */
export const ITERATIONS = 600_000, MAX_ITERATIONS = 10_000_000;

/** The fewest iterations for a token, which has enough randomness not to be guessed (RFC 7677, section 4). */
export const TOKEN_ITERATIONS = 4096;

/** Bytes of a salt, and of randomness in a nonce. */
export const SALT_BYTES = 16, NONCE_BYTES = 18;

/** Longest password, in bytes. */
const MAX_PASSWORD_BYTES = 1024;

/**
 * The header of a message whose channel binding is the seal's. It keeps the name that the program once had
 * (seal.md 5.4).
 */
export const GS2_HEADER = "p=parley-seal-1,,";

const encoder = new TextEncoder();

type Bytes = Uint8Array<ArrayBuffer>;

/** What a server keeps instead of a password (RFC 5803). */
export interface Verifier {
  iterations: number;
  salt: Bytes;
  storedKey: Bytes;
  serverKey: Bytes;
}

/** What a client computes from its password. */
export interface ClientKeys {
  clientKey: Bytes;
  serverKey: Bytes;
}

/** Whether an account may have this name (seal.md 5.7). */
export function isName(name: string): boolean {
  return /^[A-Za-z0-9!@#$%.?,_-]{1,64}$/.test(name);
}

/** A token: its ID, and 128 bits of randomness in base64url (seal.md 5.15). */
const TOKEN = /^token-([0-9a-f]{8})-[A-Za-z0-9_-]{22}$/;

/** A token as its owner is shown it, once. @param random 20 bytes: 4 for the ID. */
export function tokenText(random: Uint8Array): string {
  const secret = toBase64url(random.subarray(4, 20));
  return `token-${toHex(random.subarray(0, 4))}-${secret}`;
}

/** The ID of a token; undefined if the text is a password. */
export function tokenId(text: string): string | undefined {
  return TOKEN.exec(text)?.[1];
}

/** A name as it travels: a saslname (RFC 5802, section 5.1). */
export function encodeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** The name in a saslname; undefined if it can't be one. */
export function decodeName(saslname: string): string | undefined {
  if (/=(?!2C|3D)|,/.test(saslname)) return undefined;
  const name = saslname.replaceAll("=2C", ",").replaceAll("=3D", "=");
  return isName(name) ? name : undefined;
}

/**
 * The password as it is hashed: the OpaqueString profile of RFC 8265, section 4.2 (seal.md 5.8).
 *
 * @throws {TypeError|RangeError} It can't be one.
 */
export function preparePassword(password: string): string {
  const prepared = password.replace(/\p{Zs}/gu, " ").normalize("NFC");
  if (prepared === "") throw new TypeError("Cannot use an empty password");
  if (/[\p{Cc}\p{Cn}\p{Co}\p{Cs}\p{DI}]/u.test(prepared)) {
    throw new TypeError("Cannot use the password: it has control characters or others that nobody sees");
  }
  if (utf8Length(prepared) > MAX_PASSWORD_BYTES) {
    throw new RangeError(`Cannot use the password: it is longer than ${MAX_PASSWORD_BYTES} bytes`);
  }
  return prepared;
}

/** SaltedPassword: PBKDF2 with HMAC-SHA-256, computed in another thread. */
export async function saltPassword(password: string, salt: Bytes, iterations: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(password), "PBKDF2", false, ["deriveBits"]);
  const derived = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(derived, key, 256));
}

export function clientKeysOf(saltedPassword: Uint8Array): ClientKeys {
  return { clientKey: hmac(saltedPassword, "Client Key"), serverKey: hmac(saltedPassword, "Server Key") };
}

export function verifierOf({ clientKey, serverKey }: ClientKeys, salt: Bytes, iterations: number): Verifier {
  return { iterations, salt, storedKey: sha256(clientKey), serverKey };
}

const BASE64 = "[A-Za-z0-9+/]+={0,2}";
const VERIFIER = new RegExp(`^SCRAM-SHA-256\\$([1-9]\\d{0,7}):(${BASE64})\\$(${BASE64}):(${BASE64})$`);

/** A verifier as it is sent and stored. */
export function encodeVerifier({ iterations, salt, storedKey, serverKey }: Verifier): string {
  return `SCRAM-SHA-256$${iterations}:${toBase64(salt)}$${toBase64(storedKey)}:${toBase64(serverKey)}`;
}

/** The verifier in a text; undefined if there is none, or one that no client would accept. */
export function decodeVerifier(text: string, fewest = ITERATIONS): Verifier | undefined {
  const match = VERIFIER.exec(text), iterations = Number(match?.[1]);
  const [salt, storedKey, serverKey] = [2, 3, 4].map((i) => fromBase64(match?.[i] ?? ""));
  if (salt?.length !== SALT_BYTES || storedKey?.length !== 32 || serverKey?.length !== 32) return undefined;
  if (iterations < fewest || iterations > MAX_ITERATIONS) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

/** client-first-message-bare. */
export function clientFirstBare(name: string, nonce: string, token?: string): string {
  return `n=${encodeName(name)},r=${nonce}${token === undefined ? "" : `,t=${token}`}`;
}

/** A client-first-message; undefined if it is none, or has another channel binding. */
export function parseClientFirst(
  message: string,
): { name: string; nonce: string; bare: string; token: string | undefined } | undefined {
  if (!message.startsWith(GS2_HEADER)) return undefined;
  const bare = message.slice(GS2_HEADER.length);
  const match = /^n=([^,]{1,192}),r=([\x21-\x2b\x2d-\x7e]{8,64})(?:,t=([0-9a-f]{8}))?$/.exec(bare);
  const name = decodeName(match?.[1] ?? "");
  return match && name !== undefined ? { name, nonce: match[2]!, bare, token: match[3] } : undefined;
}

export function serverFirst(nonce: string, { salt, iterations }: Verifier): string {
  return `r=${nonce},s=${toBase64(salt)},i=${iterations}`;
}

/** A server-first-message; undefined if it is none, or does not continue the client's nonce. */
export function parseServerFirst(
  message: string,
  clientNonce: string,
): { nonce: string; salt: Bytes; iterations: number } | undefined {
  const match = /^r=([\x21-\x2b\x2d-\x7e]{1,256}),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,7})$/.exec(message);
  const nonce = match?.[1] ?? "", salt = fromBase64(match?.[2] ?? "");
  // a server that chooses a shorter one could have computed the proofs of many passwords before
  if (salt?.length !== SALT_BYTES) return undefined;
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) return undefined;
  return { nonce, salt, iterations: Number(match![3]) };
}

/** client-final-message-without-proof. */
export function clientFinalBare(nonce: string, binding: Uint8Array, gs2Header = GS2_HEADER): string {
  const input = new Uint8Array([...encoder.encode(gs2Header), ...binding]);
  return `c=${toBase64(input)},r=${nonce}`;
}

/** A client-final-message; undefined if it is none. */
export function parseClientFinal(
  message: string,
): { bare: string; binding: string; nonce: string; proof: Bytes } | undefined {
  const match = /^(c=([A-Za-z0-9+/=]{1,256}),r=([\x21-\x2b\x2d-\x7e]{1,256})),p=([A-Za-z0-9+/]{43}=)$/.exec(
    message,
  );
  const proof = fromBase64(match?.[4] ?? "");
  if (match === null || proof === undefined) return undefined;
  return { bare: match[1]!, binding: match[2]!, nonce: match[3]!, proof };
}

/** AuthMessage: both proofs are computed over it. */
export function authMessage(clientFirstBare: string, serverFirst: string, clientFinalBare: string): string {
  return `${clientFirstBare},${serverFirst},${clientFinalBare}`;
}

/** The client's proof, in base64. */
export function clientProof({ clientKey }: ClientKeys, message: string): string {
  return toBase64(xor(clientKey, hmac(sha256(clientKey), message)));
}

/** Whether the proof was made with the password of this verifier. */
export function isClientProof(proof: Uint8Array, { storedKey }: Verifier, message: string): boolean {
  return timingSafeEqual(sha256(xor(proof, hmac(storedKey, message))), storedKey);
}

/** The server's proof: a server-final-message. */
export function serverFinal({ serverKey }: Pick<Verifier, "serverKey">, message: string): string {
  return `v=${toBase64(hmac(serverKey, message))}`;
}

/** Whether a server-final-message was made with the verifier of this password. */
export function isServerFinal(final: string, { serverKey }: ClientKeys, message: string): boolean {
  const given = encoder.encode(final), wanted = encoder.encode(serverFinal({ serverKey }, message));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function hmac(key: Uint8Array, text: string): Bytes {
  return Uint8Array.from(createHmac("sha256", key).update(text).digest());
}

function sha256(bytes: Uint8Array): Bytes {
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}

function xor(a: Uint8Array, b: Uint8Array): Bytes {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}
