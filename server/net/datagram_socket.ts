/**
 * A UDP socket that is read no faster than its replies can be sent.
 *
 * Invariant: datagrams are sent in the order of the calls. Deno sends several that are not awaited in any order, even
 * backwards.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Metrics } from "../report/metrics.ts";
import type { SocketPolling } from "./fairness.ts";

/** Datagrams that may wait to be sent before the next one is received. */
const MAX_WAITING_DATAGRAMS = 1024;

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

  /** Begins to receive. */
  constructor(socket: Deno.DatagramConn, options: DatagramSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reading = this.#read();
  }

  get address(): Deno.NetAddr {
    return this.#socket.addr as Deno.NetAddr;
  }

  /** Datagrams that wait to be sent. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Never waits and never throws. */
  send(bytes: Uint8Array<ArrayBuffer>, to: Deno.NetAddr) {
    if (this.#waiting >= MAX_QUEUED_DATAGRAMS) return this.#options.metrics.add("send queue full");
    this.#waiting++;
    this.#queue.push({ bytes, to });
    if (!this.#isSending) void this.#sendAll();
  }

  /** Receives no more. */
  stop() {
    this.#isStopped = true;
  }

  /** Receives no more, sends what waits, and closes. */
  async close() {
    this.stop();
    await this.#allSent();
    this.#socket.close();
    await this.#reading;
  }

  async #read() {
    const { maxBytes, polling, metrics, onDatagram } = this.#options;
    // what fills the last byte was cut
    const buffer = new Uint8Array(maxBytes + 1);
    for (let retryMs = FIRST_RETRY_MS; !this.#isStopped;) {
      const polled = polling.due;
      if (polled !== undefined) await polled;
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
      if (!this.#isStopped) onDatagram(datagram, from as Deno.NetAddr, this);
      if (this.#waiting > MAX_WAITING_DATAGRAMS) await this.#allSent();
    }
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
