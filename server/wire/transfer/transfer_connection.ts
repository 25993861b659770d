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
import { TransferInput } from "../../../protocol/transfer/input.ts";
import {
  eraseTransferKeys,
  RecordWriter,
  type TransferKeys,
  WrongRecordError,
} from "../../../protocol/transfer/records.ts";
import type { TurnQueue } from "../../net/fairness.ts";
import type { Stream } from "../../net/listener.ts";
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

  /**
   * @param code What the client is sent; undefined if its side ended the connection.
   * @param isWrong Whether a record does not open.
   */
  constructor(readonly code: RefusalCode | undefined, readonly isWrong = false) {
    super(code ?? "gone");
  }
}

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
  readonly #socket: Stream;
  readonly #timers: Timers;
  readonly #throughput: ThroughputMeter;
  readonly #input = new TransferInput((buffer) => this.#receive(buffer));
  /** There if the transfer is sealed. */
  #writer: RecordWriter | undefined;
  #keys: TransferKeys | undefined;
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
  constructor(socket: Stream, timers: Timers, tap: Tap = UNWATCHED, traffic: Traffic = new Traffic()) {
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
    const line = await this.#opened(this.#input.line(MAX_REQUEST_BYTES));
    if (line !== null) this.#see("in", () => describeTransferLine(line));
    return line;
  }

  /**
   * The next bytes of content, `limit` at most, which stay as they are until the next call but one; null if the client
   * ended its side.
   *
   * @throws {TransferAborted} The connection ended.
   */
  async piece(limit: number): Promise<Uint8Array | null> {
    return await this.#opened(this.#input.piece(limit));
  }

  /** A record that does not open, or the end before the last one, ends the connection. */
  async #opened<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof TransferAborted) throw error;
      this.#aborted ??= new TransferAborted(undefined, error instanceof WrongRecordError);
      this.close();
      throw this.#aborted;
    }
  }

  /** From here on everything is in records, both ways. The keys are overwritten when they are used no more. */
  seal(keys: TransferKeys) {
    if (this.#isClosed) return eraseTransferKeys(keys);
    this.#keys = keys;
    this.#input.seal(keys.toServer);
    this.#writer = new RecordWriter(keys.toClient, (record) => this.#send(record));
  }

  /** The client has shown that it may: this user's transfer begins. */
  begin(user: string) {
    this.isReplaceable = false;
    this.user = user;
    this.#maxIdleMs = IDLE_MS;
    this.#extendDeadline();
  }

  /**
   * Writes all of it.
   *
   * @param isLast Whether nothing follows.
   * @throws {TransferAborted} The connection ended.
   */
  async write(bytes: Uint8Array, isLast = false) {
    try {
      await (this.#writer?.write(bytes, isLast) ?? this.#send(bytes));
    } catch (error) {
      // its keys are overwritten when it is closed
      throw this.#aborted ?? error;
    }
  }

  async #send(bytes: Uint8Array) {
    if (!this.#isEnding) this.throwIfAborted();
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
   * @param isLast Whether nothing follows.
   * @throws {TransferAborted} The connection ended.
   */
  async answer(answer: TransferAnswer, isLast = false) {
    this.#see("out", () => describeTransferAnswer(answer));
    await this.write(encodeTransferAnswer(answer), isLast);
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
        await this.answer(answer, true);
        this.traffic.sent(1, 0);
      }
      await this.#socket.closeWrite?.();
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
  #whyClosed(): "kicked" | "files connections displaced" | "files wrong record" | undefined {
    if (this.#isKicked) return "kicked";
    if (this.#aborted?.isWrong) return "files wrong record";
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
    this.#writer?.erase();
    this.#input.close();
    if (this.#keys !== undefined) eraseTransferKeys(this.#keys);
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
