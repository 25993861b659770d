/**
 * Load for measuring a mailbox server, or a bare echo beside it, with a given number of messages in flight.
 *
 * @module
 */

import { decodeOriginalReply, encodePut, encodeTake, PUTS_BEFORE_CHECK } from "../../../protocol/mailbox.ts";

export interface LoadOptions {
  server: Deno.NetAddr;
  /** Messages that are on their way at a time. */
  inFlight: number;
  /** Messages in all. */
  count: number;
  /**
   * `pass`: each message is put and asked for at once. `take`: all are put first, and only the asking is measured.
   * `echo`: each is one datagram that the server sends back.
   */
  kind: "pass" | "take" | "echo";
  /** Is told from time to time how many messages are through. */
  onProgress?: (done: number) => Promise<void>;
}

export interface LoadResult {
  /** Milliseconds from the first datagram to the last answer. */
  elapsed: number;
  /** Messages a second. */
  rate: number;
  /** Milliseconds from sending to answer: half of them took no longer, and 99 of 100. */
  p50: number;
  p99: number;
  /** Messages that had to be sent again, because something was lost. */
  again: number;
}

/** Silence after which a message counts as lost, in milliseconds. */
const LOST = 200;

/** Silence of all after which the server counts as gone, in milliseconds. */
const SERVER_TIMEOUT_MS = 5000;

const PADDING = "forty bytes or so of it";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One of the messages in flight. `since` is when it was sent, or 0 while there is none. */
interface Slot {
  datagrams: Uint8Array<ArrayBuffer>[];
  number: number;
  since: number;
}

/**
 * Passes `count` messages through the server and measures. Each is counted once: what comes for a message that was sent
 * again already is not.
 *
 * @throws {Error} Nothing came for 5 s.
 */
export async function load(options: LoadOptions): Promise<LoadResult> {
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
  /** Begins the names of its mailboxes, so that two runs don't meet. */
  readonly #name = `bench-${crypto.randomUUID().slice(0, 8)}`;
  readonly #slots: Slot[] = [];
  readonly #watch: ReturnType<typeof setInterval>;
  #started = 0;
  #again = 0;
  #heard = performance.now();
  #gone = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const hostname = options.server.hostname.includes(":") ? "::" : "0.0.0.0";
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#watch = setInterval(() => this.#look(), LOST / 2);
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

  async measure(): Promise<LoadResult> {
    const { inFlight, count, onProgress } = this.#options;
    const took = new Float64Array(count);
    const begin = performance.now();
    for (let i = 0; i < inFlight && this.#started < count; i++) await this.#start(i);
    for (let done = 0; done < count;) {
      const i = this.#answered(await this.#receive(), done);
      const slot = i === undefined ? undefined : this.#slots[i];
      if (i === undefined || slot === undefined) continue;
      took[done++] = this.#heard - slot.since;
      slot.since = 0;
      if (this.#started < count) await this.#start(i);
      if (onProgress && done % 1024 === 0) await onProgress(done);
    }
    const elapsed = performance.now() - begin;
    took.sort();
    const at = (part: number) => took[Math.min(count - 1, Math.floor(count * part))]!;
    return { elapsed, rate: count / elapsed * 1000, p50: at(0.5), p99: at(0.99), again: this.#again };
  }

  close() {
    clearInterval(this.#watch);
    if (!this.#gone) this.#socket.close();
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
      // one after the other: several sends at a time may overtake each other
      for (const datagram of datagrams) await this.#socket.send(datagram, this.#options.server);
    } catch {
      // what can't be sent is sent again as what is lost is
    }
  }

  async #receive(): Promise<Uint8Array> {
    try {
      const [datagram] = await this.#socket.receive(this.#buffer);
      this.#heard = performance.now();
      return datagram;
    } catch (error) {
      if (this.#gone) throw new Error(`Cannot measure: nothing came for ${SERVER_TIMEOUT_MS / 1000} s`);
      throw error;
    }
  }

  /**
   * The slot that this datagram answers, unless it was answered before. A message that was sent again may have been
   * stored twice: then its copy comes instead of the one behind it, which is asked for at once.
   */
  #answered(datagram: Uint8Array, done: number): number | undefined {
    const { kind, inFlight } = this.#options;
    const reply = kind === "echo" ? undefined : decodeOriginalReply(datagram);
    if (kind !== "echo" && reply?.kind !== "mail") return undefined;
    // of one mailbox, takes are answered in their order
    if (kind === "take") return done % inFlight;
    const text = reply?.kind === "mail" ? reply.mail.text : decoder.decode(datagram);
    const [i = "", number] = text.split(" ", 2);
    const slot = this.#slots[Number(i)];
    if (slot === undefined || slot.since === 0) return undefined;
    if (slot.number === Number(number)) return Number(i);
    if (kind === "pass") this.#deliver(slot.datagrams.slice(1));
  }

  #look() {
    const now = performance.now();
    if (now - this.#heard > SERVER_TIMEOUT_MS) {
      this.#gone = true;
      clearInterval(this.#watch);
      this.#socket.close();
      return;
    }
    for (const slot of this.#slots) {
      if (slot.since === 0 || now - slot.since < LOST) continue;
      this.#again++;
      this.#send(slot);
    }
  }
}
