/**
 * A UDP socket whose datagrams are handled no faster than their replies can be sent.
 *
 * The system keeps 208 KiB for a socket. A flood of 20,000 small datagrams a second fills that in 14 ms, and then every
 * client's datagrams are dropped. Reading one takes a third of the time of handling it. So if more have come than are
 * handled at once, they are read first, and wait in a {@linkcode DatagramQueue} (session.md 10.10).
 *
 * Invariant: datagrams are sent in the order of the calls. Deno sends several that are not awaited in any order, even
 * backwards.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { setTimeout as pause } from "node:timers/promises";
import type { Metrics } from "../report/metrics.ts";
import { DatagramQueue } from "./datagram_queue.ts";
import type { SocketPolling } from "./fairness.ts";

/** Datagrams that may wait to be sent before the next one is handled. */
const MAX_WAITING_DATAGRAMS = 1024;

/**
 * Datagrams that are handled as they are read, in one turn of the event loop at most; and after how many of them the end of
 * the turn is waited for, to count anew: not after each, for that costs time.
 */
const MAX_AT_ONCE = 64, LOOK_AFTER = 16;

/**
 * Datagrams that are read, but not handled, while the other sockets are polled: as many as the system keeps of small ones. A
 * poll takes 5 ms and more while V8 collects garbage, piece by piece.
 */
const MAX_WHILE_POLLING = 277;

/**
 * Of those that were read before, how many are handled in one turn; and how many if `MANY_READ` or more were read in it: then
 * the system has more. Deno reads 128 in a turn at most.
 */
const MAX_OF_TURN = 128, FEW_OF_TURN = 32, MANY_READ = 64;

/**
 * Datagrams that may wait in all, with those that no datagram has asked for: what comes then is dropped, as the network may
 * drop it. Each request that may wait for the disk (`BACKLOG_REQUESTS`) finds room for its answer.
 */
export const MAX_QUEUED_DATAGRAMS = 65_536;

/** Milliseconds until the next try after a failed read; doubled each time, up to a second. */
const FIRST_RETRY_MS = 5, LAST_RETRY_MS = 1000;

/** Datagrams that one address on another machine may send to a service, after a burst of as many (session.md 10.8). */
export const REMOTE_DATAGRAMS_PER_SECOND = 20_000;

export interface DatagramSocketOptions {
  /** Longest datagram. Of one that is longer, `onDatagram` gets one byte more than this. */
  maxBytes: number;
  polling: SocketPolling;
  metrics: Metrics;
  /** Takes a datagram, whose bytes are valid until it returns. */
  onDatagram(datagram: Uint8Array, from: Deno.NetAddr, socket: DatagramSocket): void;
}

/** A datagram that waits to be sent. */
interface Outgoing {
  bytes: Uint8Array<ArrayBuffer>;
  to: Deno.NetAddr;
}

export class DatagramSocket {
  readonly #socket: Deno.DatagramConn;
  readonly #options: DatagramSocketOptions;
  readonly #reading: Promise<void>;
  /** What waits until those before it are sent. */
  #queue: Outgoing[] = [];
  #isSending = false;
  /** With those that are being sent. */
  #waiting = 0;
  #sent: PromiseWithResolvers<void> | undefined;
  #isStopped = false;
  /** What was read and is not handled yet, and whether it is being worked off: then nothing is handled as it is read. */
  readonly #unhandled = new DatagramQueue();
  #isBehind = false;
  #readWhilePolling = 0;
  /** Datagrams that were handled as they were read since they were last counted anew. */
  #atOnce = 0;
  /** Datagrams that were put into the queue in this turn. */
  #readInTurn = 0;

  /** Begins to receive. */
  constructor(socket: Deno.DatagramConn, options: DatagramSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reading = this.#readAll();
  }

  get address(): Deno.NetAddr {
    return this.#socket.addr as Deno.NetAddr;
  }

  /** Datagrams that wait to be sent. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What datagrams that were read and not handled yet count for, in bytes. */
  get unhandledBytes(): number {
    return this.#unhandled.bytes;
  }

  /** Never waits and never throws. */
  send(bytes: Uint8Array<ArrayBuffer>, to: Deno.NetAddr) {
    if (this.#waiting >= MAX_QUEUED_DATAGRAMS) return this.#options.metrics.add("send queue full");
    this.#waiting++;
    this.#queue.push({ bytes, to });
    if (!this.#isSending) void this.#sendAll();
  }

  /** Receives no more. What was read and is not handled yet is dropped. */
  stop() {
    this.#isStopped = true;
    this.#unhandled.clear();
  }

  /** Receives no more, sends what waits, and closes. */
  async close() {
    this.stop();
    await this.#allSent();
    this.#socket.close();
    await this.#reading;
  }

  async #readAll() {
    const { maxBytes, polling, metrics } = this.#options;
    // what fills the last byte was cut
    const buffer = new Uint8Array(maxBytes + 1);
    for (let retryMs = FIRST_RETRY_MS; !this.#isStopped;) {
      const polled = polling.due;
      this.#readWhilePolling = polled === undefined ? 0 : this.#readWhilePolling + 1;
      if (this.#readWhilePolling > MAX_WHILE_POLLING) {
        await polled;
        this.#readWhilePolling = 0;
      }
      let datagram: Uint8Array, from: Deno.Addr;
      try {
        [datagram, from] = await this.#socket.receive(buffer);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // on Windows: the receiver of an earlier reply is gone
        if (error instanceof Deno.errors.ConnectionReset) continue;
        metrics.add("read failed");
        await pause(retryMs);
        retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        continue;
      }
      if (!this.#isStopped) this.#received(datagram, from as Deno.NetAddr);
    }
  }

  #received(datagram: Uint8Array, from: Deno.NetAddr) {
    const { metrics, polling, onDatagram } = this.#options;
    if (
      !this.#isBehind && !polling.isPolling && this.#atOnce < MAX_AT_ONCE &&
      this.#waiting <= MAX_WAITING_DATAGRAMS
    ) {
      if (++this.#atOnce === LOOK_AFTER) setImmediate(() => this.#atOnce = 0);
      return onDatagram(datagram, from, this);
    }
    this.#readInTurn++;
    const dropped = this.#unhandled.push(datagram, from);
    if (dropped > 0) metrics.add("receive queue full", dropped);
    if (!this.#isBehind) void this.#catchUp();
  }

  /** Handles what was read, a few in each turn of the event loop: what comes meanwhile is read first. */
  async #catchUp() {
    const { polling, onDatagram } = this.#options;
    this.#isBehind = true;
    while (this.#unhandled.length > 0) {
      await polling.poll();
      if (this.#waiting > MAX_WAITING_DATAGRAMS) await this.#allSent();
      const count = this.#readInTurn < MANY_READ ? MAX_OF_TURN : FEW_OF_TURN;
      this.#readInTurn = 0;
      for (const { bytes, from } of this.#unhandled.take(count)) {
        // one of them may have stopped it
        if (!this.#isStopped) onDatagram(bytes, from, this);
      }
    }
    this.#isBehind = false;
  }

  async #allSent() {
    while (this.#waiting > 0) await (this.#sent ??= Promise.withResolvers()).promise;
  }

  async #sendAll() {
    this.#isSending = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      for (const { bytes, to } of batch) {
        try {
          await this.#socket.send(bytes, to);
        } catch {
          this.#options.metrics.add("send failed");
        }
        this.#waiting--;
      }
    }
    this.#isSending = false;
    this.#sent?.resolve();
    this.#sent = undefined;
  }
}
