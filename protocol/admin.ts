/**
 * Proof that a control message comes from an administrator. `protocol/README.md`, "Administration", is the
 * specification.
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";

/** How long a nonce is good for, in milliseconds. */
export const NONCE_LIFETIME_MS = 30_000;

/**
 * Asks for a nonce. The spaces at its end let the datagram be a third of the answer: an address that has not shown that
 * it receives anything is sent no more than 3 times what came from it (RFC 9000, section 8).
 */
export const CHALLENGE = "challenge   ";

/** HEX of `A, NONCE, HEX, command`: HMAC-SHA-256 (RFC 2104) of NONCE "," command under the secret, in lower case. */
export function proof(secret: Uint8Array, nonce: string, command: string): string {
  return createHmac("sha256", secret).update(`${nonce},${command}`).digest("hex");
}

/** Whether `hex` is the proof of this command, in a time that tells nothing about where it differs. */
export function isProof(hex: string, secret: Uint8Array, nonce: string, command: string): boolean {
  const given = new TextEncoder().encode(hex.toLowerCase());
  const wanted = new TextEncoder().encode(proof(secret, nonce, command));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
