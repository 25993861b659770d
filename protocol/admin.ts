/**
 * Proof that a control message comes from an administrator. `protocol/admin.md` is the
 * specification.
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";

/** How long a nonce is good for, in milliseconds (admin.md 2.1). */
export const NONCE_LIFETIME_MS = 30_000;

/**
 * Asks for a nonce. The spaces at its end let the datagram be a third of the answer: an address that has not shown that
 * it receives anything is sent no more than 3 times what came from it (RFC 9000, section 8; admin.md 3.2).
 */
export const CHALLENGE = "challenge   ";

/** HEX of `A, NONCE, HEX, command`: HMAC-SHA-256 (RFC 2104) of NONCE "," command under the secret, in lower case. */
export function proof(secret: Uint8Array, nonce: string, command: string): string {
  return createHmac("sha256", secret).update(`${nonce},${command}`).digest("hex");
}

/** Whether `hex` is the proof of this command, in a time that does not depend on where it differs. */
export function isProof(hex: string, secret: Uint8Array, nonce: string, command: string): boolean {
  const given = new TextEncoder().encode(hex.toLowerCase());
  const wanted = new TextEncoder().encode(proof(secret, nonce, command));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** What a muted client is sent, once (admin.md 7.9). */
export const MUTED_TEXT = "You are muted: nobody gets what you send";

/** What an administrator does with an account: `account, ACTION, NAME[, VALUE]`, with a verifier or a role. */
export const ACCOUNT_ACTIONS = ["add", "confirm", "set-password", "role", "remove"] as const;
export type AccountAction = typeof ACCOUNT_ACTIONS[number];

/** Begins the word of `account, list` that says at which network a client has made the account. */
export const MADE_AT = "at:";

/** Why an account is not changed: each code with the text of its answer, `error, TEXT`. */
export const ACCOUNT_REFUSALS = {
  exists: "the name has an account",
  unknown: "no account has this name",
  full: "there are as many accounts as there may be",
  "apart full": "its mailbox holds more than can be set apart; have it received, or clear it, first",
  reserved: "the mailbox of this name is no account's",
  storage: "cannot write to disk",
} as const;
/** Why an account was not changed, as a key of {@linkcode ACCOUNT_REFUSALS}. */
export type AccountRefusal = keyof typeof ACCOUNT_REFUSALS;

/** The same of a token. */
export const TOKEN_REFUSALS = {
  full: "the account has as many tokens as it may have",
  unknown: "the account has no such token",
} as const;

/** The code of a refusal that was answered with this text; undefined for any other error. */
export function accountRefusal(text: string): AccountRefusal | undefined {
  const codes = Object.keys(ACCOUNT_REFUSALS) as AccountRefusal[];
  return codes.find((code) => ACCOUNT_REFUSALS[code] === text);
}
