/**
 * Control messages: the proof that they need, and their answers. `protocol/admin.md` is the
 * specification.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { isProof, NONCE_LIFETIME_MS } from "../../../protocol/admin.ts";
import { trimSpaces, utf8Length } from "../../../protocol/mailbox.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";

/** Who sends a control command: its address is proved. */
export interface AdminClient {
  /** Address and port. */
  readonly address: string;
  /** Sends a datagram with this text behind `A, `. Never waits. */
  send(text: string): void;
}

/** A control command. */
export interface AdminCommand {
  /** Its name and arguments as `help` shows them: `list[, AFTER]`; alternatives of the arguments stand behind ` | `. */
  usage: string;
  /** Whether the last argument may hold commas, which come as further arguments. */
  lastHasCommas?: true;
  /** Whether the answer is rows instead of fields, because they may hold commas. */
  rows?: true;
  /**
   * Takes the trimmed arguments, as many as `usage` says, and returns the fields or rows of the answer.
   *
   * @throws {Error} An argument is wrong, or the command failed: the message is the answer.
   */
  run(args: string[], client: AdminClient): Promise<string[]> | string[];
}

export interface AdminOptions extends Pick<Environment, "monotonicClock" | "random"> {
  /** Key of the proofs; without one every command is refused. */
  secret: Uint8Array | undefined;
  commands: readonly AdminCommand[];
  /** Called for a command with a wrong proof, with the address that it came from. */
  onWrongProof?(from: string): void;
}

/**
 * Answers that are kept until their nonce expires: more than it takes to list 100,000 mailboxes (admin.md section 5).
 */
const MAX_ANSWERS = 16_384;

/** Hexadecimal digits of a nonce: when it expires, randomness, and the server's authentication of both and the address. */
const NONCE = /^([0-9a-f]{12})[0-9a-f]{8}[0-9a-f]{16}$/;

interface Answered {
  command: string;
  expiresMs: number;
  answer: Promise<string>;
}

/**
 * An address that has not shown that it receives anything is sent at most this many times its bytes (RFC 9000, 8;
 * admin.md 3.1).
 */
const MAX_AMPLIFICATION = 3;

/** What stands before every answer. */
const BEGIN = "A, ";

/** Longest answer: with `A, ` it fits into a datagram of the original wire. */
const MAX_ANSWER_BYTES = 1021;

/** The secret of control messages under a seal (admin.md 8.2). */
const SEALED_SECRET = new Uint8Array(0);

/** What a command is proved with, and who may use its nonce. */
interface Proof {
  nonce: string;
  hex: string;
  secret: Uint8Array;
  holder: string;
}

export class Admin {
  readonly #options: AdminOptions;
  readonly #key: Uint8Array;
  readonly #answered = new Map<string, Answered>();

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#key = options.random(32);
  }

  /** How many commands are remembered, with its limit. */
  get limit(): Limit {
    return { name: "administrator's commands within 30 s", used: this.#answered.size, limit: MAX_ANSWERS };
  }

  /**
   * The answer to the text behind `A, ` in a datagram: `ok, …` or `error, …`. It never rejects. There is no answer if it
   * would be over 3 times the datagram, and no nonce has shown that the address receives anything.
   *
   * @param from Address and port of the sender. A nonce is valid for one.
   * @param bytes Length of the datagram.
   * @param send Sends further datagrams to the same address, with this text behind `A, `.
   * @param account The one under whose seal it came, if it did: that is the proof, and the secret is empty.
   */
  answer(
    text: string,
    from: string,
    bytes: number,
    send: AdminClient["send"] = () => {},
    account?: string,
  ): Promise<string> | string | undefined {
    const [nonce = "", hex = "", ...rest] = text.split(",");
    const secret = account === undefined ? this.#options.secret : SEALED_SECRET;
    // a nonce is valid for one address, and under a seal for one account there
    const holder = account === undefined ? from : `${from} ${account}`;
    if (secret !== undefined && rest.length > 0) {
      const command = trimSpaces(rest.join(","));
      const proof = { nonce: trimSpaces(nonce).toLowerCase(), hex: trimSpaces(hex), secret, holder };
      const answer = this.#prove(proof, command, { address: from, send });
      return typeof answer === "string" && !fits(answer, bytes) ? undefined : answer;
    }
    return this.#unproved(text, secret, holder).find((answer) => fits(answer, bytes));
  }

  /** Answers to anything but a command with a proof: the first that is short enough is sent. */
  #unproved(text: string, secret: Uint8Array | undefined, holder: string): string[] {
    if (secret === undefined) return ["error, administration is off", "error, off"];
    if (text.toLowerCase() !== "challenge") {
      return ["error, no proof: send 'A, challenge'", "error, no proof"];
    }
    const answer = `ok, ${this.#nonce(holder)}`;
    return [answer, `error, pad to ${Math.ceil((BEGIN.length + answer.length) / MAX_AMPLIFICATION)} bytes`];
  }

  #prove(
    { nonce, hex, secret, holder }: Proof,
    command: string,
    client: AdminClient,
  ): Promise<string> | string {
    const now = this.#options.monotonicClock();
    const expiresMs = parseInt(NONCE.exec(nonce)?.[1] ?? "", 16);
    if (Number.isNaN(expiresMs) || this.#authenticate(nonce.slice(0, 20), holder) !== nonce.slice(20)) {
      return "error, unknown nonce";
    }
    if (expiresMs <= now) return "error, nonce too old";
    if (!isProof(hex, secret, nonce, command)) {
      this.#options.onWrongProof?.(client.address);
      return "error, wrong proof";
    }

    // a repeated datagram is answered again and not performed again
    const answered = this.#answered.get(nonce);
    if (answered !== undefined) return answered.command === command ? answered.answer : "error, nonce used";
    for (const [nonce, { expiresMs }] of this.#answered) if (expiresMs <= now) this.#answered.delete(nonce);
    if (this.#answered.size >= MAX_ANSWERS) return "error, busy";
    const answer = this.#run(command, client);
    this.#answered.set(nonce, { command, expiresMs, answer });
    return answer;
  }

  async #run(text: string, client: AdminClient): Promise<string> {
    const [name = "", ...args] = text.split(",").map(trimSpaces);
    const command = this.#options.commands.find(({ usage }) => nameIn(usage) === name.toLowerCase());
    if (command === undefined) return `error, unknown command '${name}'`;
    if (!isCountFor(command, args.length)) return `error, usage: ${command.usage}`;
    try {
      return fit(await command.run(args, client), command.rows ? "\n" : ", ");
    } catch (error) {
      return `error, ${(error as Error).message}`;
    }
  }

  /** Nothing is stored for a nonce until it is used with a proof. */
  #nonce(holder: string): string {
    const expires = (this.#options.monotonicClock() + NONCE_LIFETIME_MS).toString(16).padStart(12, "0");
    const random = this.#options.random(4).toHex();
    return `${expires}${random}${this.#authenticate(expires + random, holder)}`;
  }

  #authenticate(text: string, holder: string): string {
    return createHmac("sha256", this.#key).update(`${text},${holder}`).digest("hex").slice(0, 16);
  }
}

function nameIn(usage: string): string {
  return usage.split(/[^a-z-]/, 1)[0]!;
}

/** Whether the command takes `count` arguments. */
function isCountFor({ usage, lastHasCommas }: AdminCommand, count: number): boolean {
  const countIn = (form: string) => form.split(",").length - 1;
  return usage.split(" | ").some((form, i) => {
    // the first alternative begins with the command's name, the others with an argument
    const ahead = i === 0 ? 0 : 1;
    const min = countIn(form.replace(/\[.*\]/, "")) + ahead, max = countIn(form) + ahead;
    return count >= min && (lastHasCommas || count <= max);
  });
}

/** Whether the answer may be sent to an address that has shown nothing but a datagram of `bytes` bytes. */
function fits(answer: string, bytes: number): boolean {
  return BEGIN.length + utf8Length(answer) <= MAX_AMPLIFICATION * bytes;
}

/** `ok` and the fields or rows, as many as an answer holds. */
function fit(parts: readonly string[], separator: string): string {
  let text = "ok", bytes = text.length;
  for (const part of parts) {
    bytes += separator.length + utf8Length(part);
    if (bytes > MAX_ANSWER_BYTES) break;
    text += separator + part;
  }
  return text;
}
