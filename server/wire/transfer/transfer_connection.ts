import { concatBytes } from "../../../protocol/bytes.ts";
import {
  encodeTransferAnswer,
  MAX_REQUEST_BYTES,
  type RefusalCode,
  type TransferAnswer,
} from "../../../protocol/transfer.ts";
import { ThroughputMeter } from "../../net/throughput_meter.ts";

/** Milliseconds for the first line, without a byte either way, and for reading on after the last answer. */
const LINE_TIME = 10_000, SILENCE = 30_000, DRAIN_TIME = 2000;

/** Milliseconds between two `wait`. */
const WAIT_INTERVAL = 5000;

/** Time, as a connection needs it. */
export interface Timers {
  /** Milliseconds that never go back. */
  monotonicClock(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** The connection ended before its transfer did. */
export class TransferAborted extends Error {
  override name = "Cut";
  /** What the client is told; undefined where it went by itself. */
  readonly code: RefusalCode | undefined;

  constructor(code: RefusalCode | undefined) {
    super(code ?? "gone");
    this.code = code;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LF = 0x0a;

/** A connection of the file transfer: its lines, its bytes, and when it has been silent for too long. */
export class TransferConnection {
  /** Whether it has shown a valid ticket. */
  hasTicket = false;
  readonly #socket: Deno.TcpConn;
  readonly #timers: Timers;
  readonly #pace: ThroughputMeter;
  /** What came behind a line. */
  #early: Uint8Array = new Uint8Array(0);
  #cut: TransferAborted | undefined;
  /** Ends the read that somebody waits for. */
  #interrupt: ((abort: TransferAborted) => void) | undefined;
  #reading: Promise<unknown> | undefined;
  #isWriting = false;
  /** How many things the client waits for. */
  #working = 0;
  #limit = LINE_TIME;
  #deadline: number;
  #ending = false;
  #isClosed = false;
  #stopTimer: () => void;

  constructor(socket: Deno.TcpConn, timers: Timers) {
    this.#socket = socket;
    this.#timers = timers;
    this.#pace = new ThroughputMeter(timers.monotonicClock());
    this.#deadline = timers.monotonicClock() + LINE_TIME;
    this.#stopTimer = timers.setTimer(WAIT_INTERVAL, () => this.#tick());
  }

  /** One that has shown no ticket makes room for a new connection, so idle connections keep no transfer out. */
  get isReplaceable(): boolean {
    return !this.hasTicket;
  }

  /** Bytes that moved within the last 10 to 20 s; Infinity for one that is younger, or whose client has to wait. */
  get lately(): number {
    return this.#working > 0 ? Infinity : this.#pace.lately(this.#timers.monotonicClock());
  }

  /**
   * The next line; undefined where there is none of at most 80 bytes of UTF-8, null where the client ended its side.
   *
   * @throws {TransferAborted} The connection ended, or was cut.
   */
  async line(): Promise<string | null | undefined> {
    const buffer = new Uint8Array(MAX_REQUEST_BYTES + 1);
    for (let length = 0; length < buffer.length;) {
      const read = await this.read(buffer.subarray(length));
      if (read === null) return null;
      const end = buffer.subarray(length, length + read).indexOf(LF);
      length += read;
      if (end < 0) continue;
      const line = length - read + end;
      this.#early = concatBytes(buffer.subarray(line + 1, length), this.#early);
      this.#limit = SILENCE;
      this.#touch();
      try {
        return decoder.decode(buffer.subarray(0, buffer[line - 1] === 0x0d ? line - 1 : line));
      } catch {
        return undefined;
      }
    }
    return undefined;
  }

  /**
   * Reads what comes next.
   *
   * @returns How many bytes, or null where the client ended its side.
   * @throws {TransferAborted} The connection ended, or was cut.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#early.length === 0) return await this.#receive(buffer);
    const bytes = this.#early.subarray(0, buffer.length);
    this.#early = this.#early.subarray(bytes.length);
    buffer.set(bytes);
    return bytes.length;
  }

  /**
   * Writes all of it.
   *
   * @throws {TransferAborted} The connection ended, or was cut.
   */
  async write(bytes: Uint8Array) {
    if (this.#cut) throw this.#cut;
    this.#isWriting = true;
    try {
      for (let at = 0; at < bytes.length;) {
        const written = await this.#socket.write(bytes.subarray(at));
        at += written;
        this.#pace.add(written, this.#timers.monotonicClock());
        this.#touch();
      }
    } catch {
      throw this.#cut ??= new TransferAborted(undefined);
    } finally {
      this.#isWriting = false;
    }
  }

  /** Waits for what the server does, and tells the client every 5 s that it does. */
  async work<T>(work: Promise<T>): Promise<T> {
    this.#working++;
    try {
      return await work;
    } finally {
      this.#working--;
      this.#touch();
    }
  }

  /** Ends the transfer from outside: whoever reads or writes gets a {@linkcode TransferAborted}. */
  abort(code: RefusalCode) {
    if (this.#cut || this.#ending) return;
    const cut = this.#cut = new TransferAborted(code);
    // one that takes nothing can't be told anything either
    if (this.#isWriting) return this.close();
    this.#interrupt?.(cut);
  }

  /** Sends the last answer, where there is one, and closes when the client has, or after 2 s. */
  async end(answer: TransferAnswer | undefined) {
    if (this.#isClosed) return;
    this.#ending = true;
    this.#deadline = this.#timers.monotonicClock() + DRAIN_TIME;
    this.#stopTimer();
    this.#stopTimer = this.#timers.setTimer(DRAIN_TIME, () => this.close());
    try {
      if (answer !== undefined) await this.#socket.write(encodeTransferAnswer(answer));
      await this.#socket.closeWrite();
      await this.#reading;
      const rest = new Uint8Array(65_536);
      while (await this.#socket.read(rest) !== null);
    } catch {
      // it is gone
    }
    this.close();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTimer();
    this.#interrupt?.(this.#cut ??= new TransferAborted(undefined));
    this.#socket.close();
  }

  #receive(buffer: Uint8Array): Promise<number | null> {
    if (this.#cut) return Promise.reject(this.#cut);
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      this.#reading = this.#socket.read(buffer).then((read) => {
        this.#pace.add(read ?? 0, this.#timers.monotonicClock());
        this.#touch();
        resolve(read);
      }, () => reject(this.#cut ??= new TransferAborted(undefined)));
    });
  }

  /** Something moves. The first line has its time as a whole, however it comes. */
  #touch() {
    if (!this.#ending && this.#limit !== LINE_TIME) {
      this.#deadline = this.#timers.monotonicClock() + this.#limit;
    }
  }

  #tick() {
    if (this.#working > 0 && !this.#isWriting && !this.#cut) {
      this.#touch();
      this.write(encodeTransferAnswer({ kind: "wait" })).catch(() => {});
    }
    const left = this.#deadline - this.#timers.monotonicClock();
    if (left <= 0) return this.abort(this.#limit === LINE_TIME ? "malformed" : "silence");
    this.#stopTimer = this.#timers.setTimer(Math.min(left, WAIT_INTERVAL), () => this.#tick());
  }
}

/** Why a transfer is not done, or not to its end. */
export function refusal(code: RefusalCode, text = ""): TransferAnswer {
  return { kind: "no", code, text };
}
