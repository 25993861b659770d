/**
 * Sends messages to a mailbox server and receives them, on the original wire: with no more than that wire can promise.
 * A datagram that the network loses is a message lost, whichever way it goes.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectOriginalMailbox } from "./original_mailbox.ts";
 *
 * await using mailbox = await connectOriginalMailbox({ port: 21001 });
 * await mailbox.send("bob", "alice", "How are you?");
 * const mail = await mailbox.receive("bob");
 * console.log(mail?.sender, mail?.text); // alice How are you?
 * ```
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { lookup } from "node:dns/promises";
import {
  ADMIN,
  checkId,
  decodeOriginalReply,
  encodeControl,
  encodePut,
  encodeTake,
  isMessage,
  type Mail,
  MAILBOX_PORT,
  maxMessage,
  type OriginalReply,
  PUTS_BEFORE_CHECK,
  SHARED_QUEUE,
  utf8Length,
} from "../protocol/mailbox.ts";
import { CHALLENGE, proof } from "../protocol/admin.ts";
import { lookupError } from "./stream/address.ts";

export { type Mail, SHARED_QUEUE };

export interface OriginalMailboxOptions {
  /** Name or address of the server. */
  hostname?: string;
  /** Its UDP port. */
  port?: number;
  /** Milliseconds without an answer after which the server counts as not there. */
  timeout?: number;
}

/** The server refuses a control command. */
export class RefusedCommandError extends Error {
  override name = "RefusedCommandError";
}

/** The server did not answer within the time-out. */
export class NoAnswerError extends Error {
  override name = "NoAnswerError";
}

/**
 * Wait before a request is repeated, in milliseconds; doubled each time, up to the last: RFC 8085, section 3.1.1, has a
 * sender that knows no round-trip time begin no lower than this and back off.
 */
const FIRST_RETRY = 500, LAST_RETRY = 2000;

/** Wait before a command is sent again that the server is too busy for, in milliseconds. */
const BUSY_PAUSE = 200;

/** The answer to a challenge: `ok, ` and a nonce. */
const CHALLENGED = /^ok, [0-9a-f]{36}$/i;

/** Looks the server up and makes ready to talk to it. Nothing is sent yet. */
export async function connectOriginalMailbox(options: OriginalMailboxOptions = {}): Promise<OriginalMailbox> {
  const { hostname = "127.0.0.1", port = MAILBOX_PORT, timeout = 5000 } = options;
  let address: string;
  try {
    ({ address } = await lookup(hostname, { order: "ipv4first" }));
  } catch (error) {
    throw lookupError(hostname, error);
  }
  return new OriginalMailbox({ transport: "udp", hostname: address, port }, timeout);
}

/**
 * A connection to a mailbox server: a socket for sending, and one for each mailbox that is received from, because a
 * reply does not say which mailbox it is from. Calls of one method are to be awaited before the next.
 *
 * Whoever receives asks for what is {@linkcode late} before closing: the server has removed those messages already.
 */
export class OriginalMailbox implements AsyncDisposable {
  readonly #server: Deno.NetAddr;
  readonly #timeout: number;
  readonly #askers = new Map<string, Asker>();
  #sender: Asker | undefined;
  /** A mailbox that nobody puts anything into: its `X` tells that the server has read what was sent before. */
  readonly #nobody = `nobody-${crypto.randomUUID()}`;
  /** Messages sent of which it is not known whether the server has read them. */
  #unpaced = 0;
  /** Whether the last flush had no answer, and nothing was sent since. */
  #gone = false;

  /** @ignore */
  constructor(server: Deno.NetAddr, timeout: number) {
    this.#server = server;
    this.#timeout = timeout;
  }

  /**
   * Sends a message. It resolves when the datagram is on its way; every 32 messages it first waits until the server has
   * read them, so that its socket is not overrun.
   *
   * @param to ID of the receiver, or {@linkcode SHARED_QUEUE}, where the sender is left out.
   * @param from ID of the sender, not `admin`.
   * @throws {TypeError} An ID or the message is not what the wire allows.
   * @throws {RangeError} The message is too long for a datagram of 1,024 bytes, to the server or from it.
   * @throws {NoAnswerError} The server is not there.
   */
  async send(to: string, from: string, message: string): Promise<void> {
    if (to !== SHARED_QUEUE) {
      checkId(to);
      checkId(from);
      if (from === ADMIN) throw new TypeError(`Cannot send as '${ADMIN}': the name is the administrator's`);
    }
    if (!isMessage(message)) {
      throw new TypeError("Cannot send a message with control characters other than TAB");
    }
    const bytes = utf8Length(message), max = maxMessage(to, from);
    if (bytes > max) throw new RangeError(`Cannot send a message of ${bytes} bytes: at most ${max} fit`);
    if (this.#unpaced >= PUTS_BEFORE_CHECK) await this.flush();
    this.#sender ??= new Asker(this.#server);
    await this.#sender.send(encodePut(to, from, message));
    this.#unpaced++;
    this.#gone = false;
  }

  /**
   * Waits until the server has read all that was sent and did arrive. It can't tell what was lost on the way.
   *
   * @throws {NoAnswerError} The server is not there.
   */
  async flush(): Promise<void> {
    if (this.#unpaced === 0) return;
    const sender = this.#sender ??= new Asker(this.#server);
    this.#gone = true;
    try {
      await sender.ask(encodeTake(this.#nobody), ({ kind }) => kind === "none", this.#timeout);
      this.#unpaced = 0;
      this.#gone = false;
    } finally {
      if (sender.open > 0) {
        // an `X` that is still to come must not answer the next question
        this.#sender = undefined;
        await sender.close();
      }
    }
  }

  /**
   * The next message for `id`, or undefined where there is none. A request without an answer is repeated: if it was the
   * answer that was lost, the message in it is lost, and the one behind it comes.
   *
   * @param id ID of the receiver, or {@linkcode SHARED_QUEUE}.
   * @param limit Milliseconds that the answer may take, where that is less than the time-out.
   * @throws {TypeError} It is no ID.
   * @throws {NoAnswerError} The server is not there.
   */
  async receive(id: string, limit = Infinity): Promise<Mail | undefined> {
    if (id !== SHARED_QUEUE) checkId(id);
    const asker = this.#asker(id);
    const answer = await asker.ask(encodeTake(id), isAnswerFor(id), Math.min(this.#timeout, limit));
    return answer.kind === "mail" ? answer.mail : undefined;
  }

  /** Messages that came for repeated requests after all: to be asked for before {@linkcode close}, or they are lost. */
  async late(id: string): Promise<Mail[]> {
    const answers = await this.#askers.get(id)?.late(FIRST_RETRY) ?? [];
    return answers.flatMap((answer) => answer.kind === "mail" ? [answer.mail] : []);
  }

  /**
   * Sends a control command with its proof and gives the fields or rows of the answer, without `ok`.
   *
   * @param secret The administrator's secret, as the server has it.
   * @throws {RefusedCommandError} The server answers with an error.
   * @throws {NoAnswerError} The server is not there.
   */
  async control(secret: Uint8Array, command: string): Promise<string[]> {
    const end = performance.now() + this.#timeout;
    for (;;) {
      try {
        return await this.#control(secret, command);
      } catch (error) {
        // it remembers as many commands as it can, each for 30 s: whoever lists very many is to go slower
        if (!(error instanceof RefusedCommandError) || error.message !== "busy") throw error;
        if (performance.now() > end) throw error;
        await pause(BUSY_PAUSE);
      }
    }
  }

  async #control(secret: Uint8Array, command: string): Promise<string[]> {
    // a nonce is bound to the address that asked for it: both questions come from one socket, and no others do
    await using asker = new Asker(this.#server);
    const ask = async (text: string, fits: (answer: string) => boolean) => {
      const answer = await asker.ask(
        encodeControl(text),
        (reply) => reply.kind === "control" && fits(reply.text),
        this.#timeout,
      );
      const { text: said } = answer as { text: string };
      const [state, ...fields] = said.split(said.startsWith("ok\n") ? "\n" : ", ");
      if (state !== "ok") throw new RefusedCommandError(fields.join(", "));
      return fields;
    };
    const [nonce = ""] = await ask(
      CHALLENGE,
      (text) => CHALLENGED.test(text) || text.startsWith("error, "),
    );
    // spaces around fields don't count on this wire, so the proof is of the command without them
    const proved = command.trim();
    // a repeated challenge may have a second answer, which comes late
    const order = `${nonce}, ${proof(secret, nonce, proved)}, ${proved}`;
    return await ask(order, (text) => !CHALLENGED.test(text));
  }

  #asker(name: string): Asker {
    let asker = this.#askers.get(name);
    if (asker === undefined) this.#askers.set(name, asker = new Asker(this.#server));
    return asker;
  }

  /**
   * Closes the sockets, after a last {@linkcode flush} where something was sent, unless that has just failed. Messages
   * that are {@linkcode late} and were not asked for are lost.
   *
   * @throws {NoAnswerError} The server is not there. The sockets are closed nevertheless.
   */
  async close(): Promise<void> {
    try {
      if (!this.#gone) await this.flush();
    } finally {
      await Promise.all([this.#sender, ...this.#askers.values()].map((asker) => asker?.close()));
      this.#sender = undefined;
      this.#askers.clear();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function isAnswerFor(id: string): (reply: OriginalReply) => boolean {
  const shared = id === SHARED_QUEUE;
  return (reply) => reply.kind !== "control" && reply.shared === shared;
}

/** Answers that are kept until they are asked for: more than a client that asks can be due. */
const MAX_ANSWERS = 4096;

/** One socket on which one question at a time is asked, and what came back that nobody waits for yet. */
class Asker implements AsyncDisposable {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;
  /** The server's address as replies name it: shortened, without its zone. */
  readonly #replier: string;
  readonly #reading: Promise<void>;
  #answers: OriginalReply[] = [];
  #open = 0;
  #wake: (() => void) | undefined;

  constructor(server: Deno.NetAddr) {
    this.#server = server;
    const v6 = server.hostname.includes(":");
    this.#replier = v6
      ? new URL(`http://[${server.hostname.replace(/%.*/, "")}]`).hostname.slice(1, -1)
      : server.hostname;
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: v6 ? "::" : "0.0.0.0", port: 0 });
    this.#reading = this.#read();
  }

  async #read() {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      let datagram: Uint8Array, from: Deno.NetAddr;
      try {
        [datagram, from] = await this.#socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
      } catch (error) {
        // Windows tells here that nobody listens where we sent to; the time-out will say so
        if (error instanceof Deno.errors.ConnectionReset) continue;
        return;
      }
      // anybody can send to this port
      if (from.hostname !== this.#replier || from.port !== this.#server.port) continue;
      const answer = decodeOriginalReply(datagram);
      if (answer === undefined || this.#answers.length >= MAX_ANSWERS) continue;
      this.#answers.push(answer);
      this.#wake?.();
    }
  }

  /** Questions that were sent and may still be answered. */
  get open(): number {
    return this.#open;
  }

  /** @throws {Error} There is no way to the server. */
  async send(datagram: Uint8Array<ArrayBuffer>) {
    try {
      await this.#socket.send(datagram, this.#server);
    } catch (error) {
      throw new Error(`Cannot send to ${this.#name}: ${(error as Error).message}`);
    }
  }

  get #name(): string {
    const { hostname, port } = this.#server;
    return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  }

  /**
   * Sends the question, again and again, until there is an answer that `fits`; mail that came late comes first.
   *
   * @throws {NoAnswerError} There is none within `timeout` milliseconds.
   * @throws {Error} There is no way to the server.
   */
  async ask(
    question: Uint8Array<ArrayBuffer>,
    fits: (reply: OriginalReply) => boolean,
    timeout: number,
  ): Promise<OriginalReply> {
    const mail = this.#next((answer) => answer.kind === "mail" && fits(answer));
    if (mail !== undefined) return mail;
    // what is left from before answers an earlier question
    this.#answers = [];
    const end = performance.now() + timeout;
    for (let retry = FIRST_RETRY;; retry = Math.min(2 * retry, LAST_RETRY)) {
      const left = end - performance.now();
      if (left <= 0) {
        throw new NoAnswerError(
          `No answer from ${this.#name} within ${timeout / 1000} s: is the server running?`,
        );
      }
      await this.send(question);
      this.#open++;
      const answer = await this.#wait(fits, Math.min(retry, left));
      if (answer !== undefined) return answer;
    }
  }

  /** The answers that are still due, as far as they come within `wait` milliseconds of each other. */
  async late(wait: number): Promise<OriginalReply[]> {
    const answers = this.#answers.splice(0), any = () => true;
    // no more than were asked for: a server may send without an end
    for (let due = this.#open - answers.length; due > 0; due--) {
      const answer = await this.#wait(any, wait);
      if (answer === undefined) break;
      answers.push(answer);
    }
    this.#open = 0;
    return answers;
  }

  async #wait(fits: (reply: OriginalReply) => boolean, ms: number): Promise<OriginalReply | undefined> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.#wake?.();
    }, ms);
    try {
      for (;;) {
        const answer = this.#next(fits);
        if (answer !== undefined || over) return answer;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  #next(fits: (reply: OriginalReply) => boolean): OriginalReply | undefined {
    const i = this.#answers.findIndex(fits);
    if (i < 0) return undefined;
    this.#open = Math.max(0, this.#open - 1);
    return this.#answers.splice(i, 1)[0];
  }

  async close() {
    this.#socket.close();
    await this.#reading;
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}
