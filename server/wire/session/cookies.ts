import { pbkdf2Sync } from "node:crypto";
import { startTimeOf } from "../../../protocol/session.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import type { Environment } from "../../quota/uptime.ts";
import { type SessionStartTimes, startTimeDigits } from "./start_times.ts";

/** A proof is valid in the minute in which it was given, and in the next one (session.md 4.7). */
const MINUTE_MS = 60_000;

/** Hexadecimal digits of a proof, the last of which shows whether its minute is even or odd. */
const PROOF_DIGITS = 16;

/** Bytes of the longest text of a proof, and those of a proof that are used. */
const MAX_TEXT_BYTES = 256, PROOF_BYTES = PROOF_DIGITS / 2;

const encoder = new TextEncoder();

/**
 * HMAC-SHA-256 (RFC 2104) under one key, of the text with a counter behind it: that is what PBKDF2 computes in its first
 * iteration (RFC 8018, 5.2). A stranger has one computed with each datagram: node:crypto's `createHmac` takes almost twice as
 * long for a short text, and leaves an object that only a full garbage collection clears away.
 */
class Hmac {
  readonly #key: Uint8Array;
  readonly #text = new Uint8Array(MAX_TEXT_BYTES);

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Its first bytes, in hexadecimal digits. */
  digits(text: string): string {
    const { written } = encoder.encodeInto(text, this.#text);
    return pbkdf2Sync(this.#key, this.#text.subarray(0, written), 1, PROOF_BYTES, "sha256").toString("hex");
  }
}

/**
 * What proves that a client receives what is sent to its address. The server keeps nothing for a proof that it gave.
 *
 * Invariant: each check computes one HMAC, however wrong the proof is.
 */
export class AddressProofs {
  readonly #hmac: Hmac;
  readonly #monotonicClock: () => number;

  constructor({ random, monotonicClock }: Pick<Environment, "random" | "monotonicClock">) {
    this.#hmac = new Hmac(random(32));
    this.#monotonicClock = monotonicClock;
  }

  /** The proof of this minute, for the name of a session or handshake at an address. */
  give(name: string, address: Address): string {
    return this.#proof(name, address, this.#minute);
  }

  isValid(proof: string, name: string, address: Address): boolean {
    if (proof.length !== PROOF_DIGITS) return false;
    const minute = this.#minute, isOdd = parseInt(proof.at(-1)!, 16) & 1;
    return proof === this.#proof(name, address, (minute & 1) === isOdd ? minute : minute - 1);
  }

  get #minute(): number {
    return Math.floor(this.#monotonicClock() / MINUTE_MS);
  }

  #proof(name: string, { hostname, port }: Address, minute: number): string {
    const digits = this.#hmac.digits(`${name} ${hostname} ${port} ${minute}`);
    const last = parseInt(digits[PROOF_DIGITS - 1]!, 16) & ~1 | minute & 1;
    return digits.slice(0, PROOF_DIGITS - 1) + last.toString(16);
  }
}

/** The cookies of sessions: a start time, and a proof (session.md 4.7, 4.8). */
export class SessionCookies {
  readonly #proofs: AddressProofs;
  readonly #startTimes: SessionStartTimes;

  constructor(proofs: AddressProofs, startTimes: SessionStartTimes) {
    this.#proofs = proofs;
    this.#startTimes = startTimes;
  }

  /** The cookie for a session at an address. Its start time is that of the cookie that was presented, or now. */
  give(session: string, address: Address, presented: string): string {
    const started = startTimeOf(presented) || startTimeDigits(this.#startTimes.next());
    return started + this.#proofs.give(session, address);
  }

  /** Whether a cookie proves the address. Its start time is not proved: a client that changes it harms only itself. */
  isValid(cookie: string, session: string, address: Address): boolean {
    return this.#proofs.isValid(cookie.slice(startTimeOf(cookie).length), session, address);
  }
}
