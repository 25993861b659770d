/**
 * Measures a mailbox server on the original wire, or a bare echo for comparison, with a number of messages in flight.
 *
 * @module
 */

import { decodeOriginalReply, encodePut, encodeTake, PUTS_BEFORE_CHECK } from "../../../protocol/mailbox.ts";
import { type TimedLoadResult, timedResult } from "./result.ts";

export interface LoadOptions {
  server: Deno.NetAddr;
  /** Messages on their way at a time. */
  inFlight: number;
  /** Messages in all. */
  count: number;
  /**
   * `pass`: each message is put and taken at once. `take`: all are put first, and only the takes are measured. `echo`:
   * each is one datagram that the server sends back.
   */
  kind: "pass" | "take" | "echo";
  /** Called now and then with the number of messages that are through. */
  onProgress?: (done: number) => Promise<void>;
}

export interface OriginalLoadResult extends TimedLoadResult {
  /** Messages that were sent again, because something was lost. */
  resent: number;
}

/** Time without an answer after which a message counts as lost, and after which the server counts as gone. */
const MESSAGE_TIMEOUT_MS = 200;
const SERVER_TIMEOUT_MS = 5000;

const PADDING = "forty bytes or so of it";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One of the messages in flight. `since` is when it was sent, or 0 if there is none. */
interface Slot {
  datagrams: Uint8Array<ArrayBuffer>[];
  number: number;
  since: number;
}

/**
 * Passes `count` messages through the server and measures. Each counts once, also if it was sent again.
 *
 * @throws {Error} Nothing came for 5 s.
 */
export async function originalLoad(options: LoadOptions): Promise<OriginalLoadResult> {
  const run = new Run(options);
  try {
    if (options.kind === "take") await run.fill();
    return await run.measure();
  } finally {
    run.close();
  }
}

class Run {
  readonly #options: LoadOptions;
  readonly #socket: Deno.DatagramConn;
  readonly #buffer = new Uint8Array(2048);
  /** Prefix of its mailboxes' names, so that two runs don't meet. */
  readonly #name = `bench-${crypto.randomUUID().slice(0, 8)}`;
  readonly #slots: Slot[] = [];
  readonly #watch: ReturnType<typeof setInterval>;
  #started = 0;
  #resent = 0;
  #receivedAt = performance.now();
  #isTimedOut = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const hostname = options.server.hostname.includes(":") ? "::" : "0.0.0.0";
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#watch = setInterval(() => this.#resendLost(), MESSAGE_TIMEOUT_MS / 2);
  }

  /** Puts all messages into one mailbox. */
  async fill() {
    const { server, count } = this.#options;
    const nobody = encodeTake(`${this.#name}-nobody`);
    for (let number = 0; number < count; number++) {
      await this.#socket.send(encodePut(`${this.#name}-all`, "bench", `0 ${number} ${PADDING}`), server);
      if (number % PUTS_BEFORE_CHECK !== PUTS_BEFORE_CHECK - 1 && number !== count - 1) continue;
      await this.#socket.send(nobody, server);
      await this.#receive();
    }
  }

  async measure(): Promise<OriginalLoadResult> {
    const { inFlight, count, onProgress } = this.#options;
    const latencies = new Float64Array(count);
    const begin = performance.now();
    for (let i = 0; i < inFlight && this.#started < count; i++) await this.#start(i);
    for (let done = 0; done < count;) {
      const i = this.#answered(await this.#receive(), done);
      const slot = i === undefined ? undefined : this.#slots[i];
      if (i === undefined || slot === undefined) continue;
      latencies[done++] = this.#receivedAt - slot.since;
      slot.since = 0;
      if (this.#started < count) await this.#start(i);
      if (onProgress && done % 1024 === 0) await onProgress(done);
    }
    return { ...timedResult(latencies, performance.now() - begin), resent: this.#resent };
  }

  close() {
    clearInterval(this.#watch);
    if (!this.#isTimedOut) this.#socket.close();
  }

  async #start(i: number) {
    const number = this.#started++;
    const text = `${i} ${number} ${PADDING}`, mailbox = `${this.#name}-${i}`;
    const datagrams = {
      echo: () => [encoder.encode(text)],
      pass: () => [encodePut(mailbox, "bench", text), encodeTake(mailbox)],
      take: () => [encodeTake(`${this.#name}-all`)],
    }[this.#options.kind]();
    await this.#send(this.#slots[i] = { datagrams, number, since: 0 });
  }

  async #send(slot: Slot) {
    slot.since = performance.now();
    await this.#deliver(slot.datagrams);
  }

  async #deliver(datagrams: Uint8Array<ArrayBuffer>[]) {
    try {
      // one at a time: concurrent sends may overtake each other
      for (const datagram of datagrams) await this.#socket.send(datagram, this.#options.server);
    } catch {
      // sent again like a lost one
    }
  }

  async #receive(): Promise<Uint8Array> {
    try {
      const [datagram] = await this.#socket.receive(this.#buffer);
      this.#receivedAt = performance.now();
      return datagram;
    } catch (error) {
      if (this.#isTimedOut) throw new Error(`Cannot measure: nothing came for ${SERVER_TIMEOUT_MS / 1000} s`);
      throw error;
    }
  }

  /**
   * The slot that this datagram answers, unless it was answered before. A message that was sent again may be stored
   * twice: if its copy comes, the next message is taken at once.
   */
  #answered(datagram: Uint8Array, done: number): number | undefined {
    const { kind, inFlight } = this.#options;
    const reply = kind === "echo" ? undefined : decodeOriginalReply(datagram);
    if (kind !== "echo" && reply?.kind !== "mail") return undefined;
    // takes of one mailbox are answered in order
    if (kind === "take") return done % inFlight;
    const text = reply?.kind === "mail" ? reply.mail.text : decoder.decode(datagram);
    const [i = "", number] = text.split(" ", 2);
    const slot = this.#slots[Number(i)];
    if (slot === undefined || slot.since === 0) return undefined;
    if (slot.number === Number(number)) return Number(i);
    if (kind === "pass") this.#deliver(slot.datagrams.slice(1));
  }

  #resendLost() {
    const now = performance.now();
    if (now - this.#receivedAt > SERVER_TIMEOUT_MS) {
      this.#isTimedOut = true;
      clearInterval(this.#watch);
      this.#socket.close();
      return;
    }
    for (const slot of this.#slots) {
      if (slot.since === 0 || now - slot.since < MESSAGE_TIMEOUT_MS) continue;
      this.#resent++;
      this.#send(slot);
    }
  }
}
