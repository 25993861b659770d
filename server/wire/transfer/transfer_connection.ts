import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import {
  describeTransferAnswer,
  describeTransferEnd,
  describeTransferLine,
} from "../../../protocol/describe/transfer.ts";
import {
  encodeTransferAnswer,
  MAX_REQUEST_BYTES,
  type RefusalCode,
  type TransferAnswer,
} from "../../../protocol/transfer.ts";
import type { TurnQueue } from "../../net/fairness.ts";
import type { DownloadGrant } from "../../service/tickets.ts";
import { plainAddress } from "../../quota/address.ts";
import { ThroughputMeter } from "../../net/throughput_meter.ts";
import type { Environment } from "../../quota/uptime.ts";
import { Traffic } from "../../report/clients.ts";
import type { Metrics } from "../../report/metrics.ts";
import { type Seen, type Tap, UNWATCHED } from "../../report/watch.ts";

/**
 * Milliseconds for the first line, without a byte in either direction, and for reading on after the last answer
 * (transfer.md 1.2, 1.3, 1.6).
 */
const FIRST_LINE_MS = 10_000, IDLE_MS = 30_000, DRAIN_MS = 2000;

/** Milliseconds between two `wait` (transfer.md 1.4). */
const WAIT_INTERVAL_MS = 5000;

/** The clock and timers of a connection. */
export type Timers = Pick<Environment, "monotonicClock" | "setTimer">;

/** What all transfers share. */
export interface TransferContext {
  readonly metrics: Metrics;
  readonly turns: TurnQueue;
  /** Logs that there was no room for an upload, or that a content could not be read; the error names the file. */
  failed(error: Error): void;
  /** Counts and logs that a content is not what was stored. */
  damaged(grant: DownloadGrant): void;
}

/** The connection ended before its transfer did. */
export class TransferAborted extends Error {
  override name = "TransferAborted";

  /** @param code What the client is sent; undefined if its side ended the connection. */
  constructor(readonly code: RefusalCode | undefined) {
    super(code ?? "gone");
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LF = 0x0a, CR = 0x0d;

/** A connection of the file transfer: its lines, its content, and its time limits. */
export class TransferConnection {
  /** Until it shows a ticket, it makes room for a new connection, so that idle ones keep no transfer out. */
  isReplaceable = true;
  readonly hostname: string;
  readonly port: number;
  /** Whose transfer it is, once the ticket has shown that. */
  user: string | undefined;
  readonly #tap: Tap;
  /** What was read and written, with lines. */
  readonly traffic: Traffic;
  readonly #socket: Deno.TcpConn;
  readonly #timers: Timers;
  readonly #throughput: ThroughputMeter;
  /** What was read with a line and stands behind it. */
  #buffered: Uint8Array = new Uint8Array(0);
  #aborted: TransferAborted | undefined;
  /** Rejects the pending read. */
  #rejectRead: ((aborted: TransferAborted) => void) | undefined;
  #reading: Promise<unknown> | undefined;
  #isWriting = false;
  /** How many pieces of work the client waits for. */
  #working = 0;
  #maxIdleMs = FIRST_LINE_MS;
  #deadline: number;
  #isEnding = false;
  #isKicked = false;
  #isClosed = false;
  #stopTimer: () => void;

  /**
   * @param tap What it reads and writes is reported there.
   * @param traffic What it reads and writes is counted there.
   */
  constructor(socket: Deno.TcpConn, timers: Timers, tap: Tap = UNWATCHED, traffic: Traffic = new Traffic()) {
    this.#socket = socket;
    this.traffic = traffic;
    this.#tap = tap;
    const { hostname, port } = socket.remoteAddr as Deno.NetAddr;
    this.hostname = plainAddress(hostname);
    this.port = port;
    this.#timers = timers;
    this.#throughput = new ThroughputMeter(timers.monotonicClock());
    this.#deadline = timers.monotonicClock() + FIRST_LINE_MS;
    this.#stopTimer = timers.setTimer(WAIT_INTERVAL_MS, () => this.#tick());
  }

  /** Bytes that moved within the last 10 to 20 s; Infinity for a younger connection, or one whose client waits. */
  get recentBytes(): number {
    return this.#working > 0 ? Infinity : this.#throughput.lately(this.#timers.monotonicClock());
  }

  /**
   * The next line; null if the client ended its side, undefined if it is longer than 80 bytes or not UTF-8.
   *
   * @throws {TransferAborted} The connection ended.
   */
  async line(): Promise<string | null | undefined> {
    const line = await this.#line();
    if (line !== null) this.#see("in", () => describeTransferLine(line));
    return line;
  }

  async #line(): Promise<string | null | undefined> {
    const buffer = new Uint8Array(MAX_REQUEST_BYTES + 1);
    for (let length = 0; length < buffer.length;) {
      const read = await this.read(buffer.subarray(length));
      if (read === null) return null;
      const end = buffer.indexOf(LF, length);
      length += read;
      if (end < 0) continue;
      this.#buffered = concatBytes(buffer.subarray(end + 1, length), this.#buffered);
      this.#maxIdleMs = IDLE_MS;
      this.#extendDeadline();
      try {
        return decoder.decode(buffer.subarray(0, buffer[end - 1] === CR ? end - 1 : end));
      } catch {
        return undefined;
      }
    }
    return undefined;
  }

  /**
   * Reads what comes next.
   *
   * @returns How many bytes, or null if the client ended its side.
   * @throws {TransferAborted} The connection ended.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#buffered.length === 0) return await this.#receive(buffer);
    const bytes = this.#buffered.subarray(0, buffer.length);
    this.#buffered = this.#buffered.subarray(bytes.length);
    buffer.set(bytes);
    return bytes.length;
  }

  /**
   * Writes all of it.
   *
   * @throws {TransferAborted} The connection ended.
   */
  async write(bytes: Uint8Array) {
    this.throwIfAborted();
    this.#isWriting = true;
    try {
      for (let at = 0; at < bytes.length;) {
        const written = await this.#socket.write(bytes.subarray(at));
        at += written;
        this.traffic.sent(0, written);
        this.#moved(written);
      }
    } catch {
      throw this.#aborted ??= new TransferAborted(undefined);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * Writes an answer.
   *
   * @throws {TransferAborted} The connection ended.
   */
  async answer(answer: TransferAnswer) {
    this.#see("out", () => describeTransferAnswer(answer));
    await this.write(encodeTransferAnswer(answer));
  }

  #see(direction: "in" | "out", describe: () => Seen) {
    const { user } = this, names = user === undefined ? {} : { names: [user] };
    if (this.#tap.isOn) this.#tap.see(direction, this, () => ({ ...describe(), ...names }));
  }

  /** Waits for the server's own work. Meanwhile the client is sent a `wait` every 5 s. */
  async work<T>(work: Promise<T>): Promise<T> {
    this.#working++;
    try {
      return await work;
    } finally {
      this.#working--;
      this.#extendDeadline();
    }
  }

  /**
   * For work during which nothing is read or written.
   *
   * @throws {TransferAborted} The connection ended.
   */
  throwIfAborted() {
    if (this.#aborted) throw this.#aborted;
  }

  /** Ends the transfer from outside: pending and further reads and writes throw {@linkcode TransferAborted}. */
  abort(code: RefusalCode) {
    if (this.#aborted || this.#isEnding) return;
    const aborted = this.#aborted = new TransferAborted(code);
    // a client that does not read would not read an answer either
    if (this.#isWriting) return this.close();
    this.#rejectRead?.(aborted);
  }

  /** Sends the last answer, if there is one, and closes when the client has, or after 2 s. */
  async end(answer: TransferAnswer | undefined) {
    if (this.#isClosed) return;
    this.#isEnding = true;
    this.#deadline = this.#timers.monotonicClock() + DRAIN_MS;
    this.#stopTimer();
    this.#stopTimer = this.#timers.setTimer(DRAIN_MS, () => this.close());
    try {
      if (answer !== undefined) {
        this.#see("out", () => describeTransferAnswer(answer));
        this.traffic.sent(1, await this.#socket.write(encodeTransferAnswer(answer)));
      }
      await this.#socket.closeWrite();
      await this.#reading;
      const rest = new Uint8Array(65_536);
      while (await this.#socket.read(rest) !== null);
    } catch {
      // the client is gone
    }
    this.close();
  }

  /** Closes it for the administrator. */
  kick() {
    this.#isKicked = true;
    this.close();
  }

  /** Why it is closed, if neither its client nor its transfer has ended it. */
  #whyClosed(): "kicked" | "files connections displaced" | undefined {
    if (this.#isKicked) return "kicked";
    const isServed = this.#reading !== undefined && !this.#isEnding && !this.#aborted;
    return isServed && this.isReplaceable ? "files connections displaced" : undefined;
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { receivedBytes, sentBytes } = this.traffic, why = this.#whyClosed();
    this.#see("out", () => describeTransferEnd(receivedBytes, sentBytes, why));
    this.#stopTimer();
    this.#rejectRead?.(this.#aborted ??= new TransferAborted(undefined));
    this.#socket.close();
  }

  #receive(buffer: Uint8Array): Promise<number | null> {
    if (this.#aborted) return Promise.reject(this.#aborted);
    return new Promise((resolve, reject) => {
      this.#rejectRead = reject;
      this.#reading = this.#socket.read(buffer).then((read) => {
        this.traffic.received(0, read ?? 0);
        this.#moved(read ?? 0);
        resolve(read);
      }, () => reject(this.#aborted ??= new TransferAborted(undefined)));
    });
  }

  #moved(bytes: number) {
    this.#throughput.add(bytes, this.#timers.monotonicClock());
    this.#extendDeadline();
  }

  /** The first line has its time as a whole, however it comes. */
  #extendDeadline() {
    if (!this.#isEnding && this.#maxIdleMs !== FIRST_LINE_MS) {
      this.#deadline = this.#timers.monotonicClock() + this.#maxIdleMs;
    }
  }

  #tick() {
    if (this.#working > 0 && !this.#isWriting && !this.#aborted) {
      this.#extendDeadline();
      this.answer({ kind: "wait" }).catch(() => {});
    }
    const left = this.#deadline - this.#timers.monotonicClock();
    if (left <= 0) return this.abort(this.#maxIdleMs === FIRST_LINE_MS ? "malformed" : "silence");
    this.#stopTimer = this.#timers.setTimer(Math.min(left, WAIT_INTERVAL_MS), () => this.#tick());
  }
}

/** The answer that a transfer does not happen, or not to its end. */
export function refusal(code: RefusalCode, text = ""): TransferAnswer {
  return { kind: "no", code, text };
}
