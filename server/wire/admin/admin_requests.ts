/**
 * Control messages: who may send them, and what they do. `protocol/README.md`, "Administration", is the specification.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { isProof, NONCE_LIFETIME_MS } from "../../../protocol/admin.ts";
import { trimSpaces, utf8Length } from "../../../protocol/mailbox.ts";

/** A control command. Its arguments come trimmed, and as many as `min` and `max` say. */
export interface AdminCommand {
  name: string;
  /** Its arguments as `help` shows them. */
  usage: string;
  min: number;
  max: number;
  /** Whether its answer is rows, because what stands in one may hold commas. */
  rows?: true;
  /** Returns the fields or rows of the answer. Throws a RangeError whose message is the answer to a wrong argument. */
  run(args: string[]): Promise<string[]> | string[];
}

export interface AdminOptions {
  /** Key of the proofs; without one every command is refused. */
  secret: Uint8Array | undefined;
  commands: readonly AdminCommand[];
  /** Whole milliseconds of a clock that is never set back. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Is told of a command with a wrong proof, and where it came from. */
  onWrongProof?(from: string): void;
}

/**
 * Answers to commands that were proved, kept for as long as their nonce is good: as many as it takes to list 100,000
 * mailboxes, and more.
 */
const MAX_ANSWERS = 16_384;

/** Hexadecimal digits of a nonce: when it ends, randomness, and the server's own mark on both and on the address. */
const NONCE = /^([0-9a-f]{12})[0-9a-f]{8}[0-9a-f]{16}$/;

interface Answered {
  command: string;
  until: number;
  answer: Promise<string>;
}

/** Bytes for a byte that an address is sent that has not shown that it receives them (RFC 9000, section 8). */
const MOST_TIMES = 3;

/** What stands before every answer. */
const BEGIN = "A, ";

/** Longest answer in bytes, so that with "A, " it fits into a datagram of the original wire. */
export const MAX_ANSWER = 1021;

export class Admin {
  readonly #options: AdminOptions;
  readonly #key: Uint8Array;
  readonly #answered = new Map<string, Answered>();

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#key = options.random(32);
  }

  /**
   * The answer to what stands behind `A, ` in a datagram: `ok, …` or `error, …`. There is none where it would be more
   * than 3 times the datagram, and the address has not shown by a nonce of its own that it receives anything.
   *
   * @param from Address and port of the sender; a nonce is good for one.
   * @param bytes Those of the datagram.
   */
  answer(text: string, from: string, bytes: number): Promise<string> | string | undefined {
    const [nonce = "", hex = "", ...rest] = text.split(",");
    if (this.#options.secret !== undefined && rest.length > 0) {
      const command = trimSpaces(rest.join(","));
      const answer = this.#prove(trimSpaces(nonce).toLowerCase(), trimSpaces(hex), command, from);
      return typeof answer === "string" && !fits(answer, bytes) ? undefined : answer;
    }
    return this.#unproved(text, from).find((answer) => fits(answer, bytes));
  }

  /** The answers to what is no command, of which the first is given that is short enough. */
  #unproved(text: string, from: string): string[] {
    if (this.#options.secret === undefined) return ["error, administration is off", "error, off"];
    if (text.toLowerCase() !== "challenge") {
      return ["error, no proof: send 'A, challenge'", "error, no proof"];
    }
    const answer = `ok, ${this.#nonce(from)}`;
    return [answer, `error, pad to ${Math.ceil((BEGIN.length + answer.length) / MOST_TIMES)} bytes`];
  }

  #prove(nonce: string, hex: string, command: string, from: string): Promise<string> | string {
    const now = this.#options.monotonicClock();
    const until = parseInt(NONCE.exec(nonce)?.[1] ?? "", 16);
    if (Number.isNaN(until) || this.#mark(nonce.slice(0, 20), from) !== nonce.slice(20)) {
      return "error, unknown nonce";
    }
    if (until <= now) return "error, nonce too old";
    if (!isProof(hex, this.#options.secret!, nonce, command)) {
      this.#options.onWrongProof?.(from);
      return "error, wrong proof";
    }

    // a repeated datagram is answered again and not performed again
    const before = this.#answered.get(nonce);
    if (before !== undefined) return before.command === command ? before.answer : "error, nonce used";
    for (const [nonce, { until }] of this.#answered) if (until <= now) this.#answered.delete(nonce);
    if (this.#answered.size >= MAX_ANSWERS) return "error, busy";
    const answer = this.#run(command);
    this.#answered.set(nonce, { command, until, answer });
    return answer;
  }

  async #run(text: string): Promise<string> {
    const [name = "", ...args] = text.split(",").map(trimSpaces);
    const command = this.#options.commands.find((command) => command.name === name.toLowerCase());
    if (command === undefined) return `error, unknown command '${name}'`;
    if (args.length < command.min || args.length > command.max) return `error, usage: ${command.usage}`;
    try {
      return fit(await command.run(args), command.rows ? "\n" : ", ");
    } catch (error) {
      return `error, ${(error as Error).message}`;
    }
  }

  /** When it ends, randomness and the mark: nothing is kept for a nonce until it was used with a proof. */
  #nonce(from: string): string {
    const until = (this.#options.monotonicClock() + NONCE_LIFETIME_MS).toString(16).padStart(12, "0");
    const random = this.#options.random(4).toHex();
    return `${until}${random}${this.#mark(until + random, from)}`;
  }

  #mark(text: string, from: string): string {
    return createHmac("sha256", this.#key).update(`${text},${from}`).digest("hex").slice(0, 16);
  }
}

/** Whether the answer may be sent for a datagram of so many bytes from anywhere. */
function fits(answer: string, bytes: number): boolean {
  return BEGIN.length + utf8Length(answer) <= MOST_TIMES * bytes;
}

/** `ok` and the fields or rows, as many as an answer holds. */
function fit(parts: readonly string[], separator: string): string {
  let text = "ok", bytes = text.length;
  for (const part of parts) {
    bytes += separator.length + utf8Length(part);
    if (bytes > MAX_ANSWER) break;
    text += separator + part;
  }
  return text;
}
