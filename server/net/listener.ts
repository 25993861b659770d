/**
 * Accepts connections on sockets, within limits, and keeps track of those that are served.
 *
 * Invariant: accepting pauses only while this machine has no resources for one more connection. Any other error concerns
 * a single connection, most often one whose client is gone again.
 *
 * @module
 */

import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { Log } from "../report/log.ts";
import type { ListenerName, Metrics } from "../report/metrics.ts";
import type { NetworkRate } from "../quota/network_rate.ts";
import type { SocketPolling } from "./fairness.ts";
import type { ConnectionSlots, SlotOutcome, SlottedConnection } from "./connection_slots.ts";

/** Errors of accept(2) that say that the system has run out of something. Deno gives them no class of their own. */
const EXHAUSTED = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Milliseconds until the next try after such an error; doubled each time, up to a second (channels.md 5.11). */
const FIRST_RETRY_MS = 5, LAST_RETRY_MS = 1000;

/** How a connection begins on a port where clients speak TLS (channels.md section 10). */
export interface Beginning {
  outcome:
    | "plain"
    | "tls"
    | "gone"
    | "tls failed"
    | "tls timed out"
    | "too many handshakes"
    | "plaintext refused";
  /** Why the handshake has failed. */
  why?: string;
}

/** What a connection needs of a socket; a TLS connection has it too. */
export interface Stream {
  readonly remoteAddr: Deno.Addr;
  /** Whether the client speaks TLS. */
  readonly isTls?: boolean;
  /** To be called before the first read or write, if it is there. Never rejects. */
  begin?(): Promise<Beginning>;
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Ends this side alone, where it can be: the client reads what was sent, though more of it comes. */
  closeWrite?(): Promise<void>;
  /** Of TLS it resolves when the client has been sent that this is the end, or can't be. */
  close(): void | Promise<void>;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
}

/** A socket that others connect to. Deno's listeners are such ones, also those of TLS. */
export interface StreamSocket<S extends Stream = Stream> {
  accept(): Promise<S>;
  close(): void;
}

export interface ListenerOptions<S extends Stream, C extends SlottedConnection> {
  /** Metrics begin with this name, log lines are about this service. */
  name: ListenerName;
  service: string;
  /** Where it listens; it closes them. */
  sockets: readonly StreamSocket<S>[];
  slots: ConnectionSlots;
  metrics: Metrics;
  log: Log;
  /** Makes a connection of the stream. If it gets no slot, the connection is closed and not served. */
  open(stream: S, address: Deno.NetAddr): C;
  /** Whether an address is banned; none is by default. Its connection is closed at once. */
  isBanned?(address: Deno.NetAddr): boolean;
  /** How often an address may connect; as often as it likes by default. */
  rate?: NetworkRate;
  /** Called for a connection that is closed at once. */
  onRefused?(reason: "banned" | "too fast", address: Deno.NetAddr): void;
  /** Called for each connection: whether it got a slot. */
  onSlot(outcome: SlotOutcome, address: Deno.NetAddr): void;
  /** Serves a connection to its end, and closes it. Never rejects. */
  serve(connection: C): Promise<void>;
  /** Connections that come without end are accepted no faster than the sockets are polled; by default they are. */
  polling?: Pick<SocketPolling, "due">;
  /** Waits `ms` milliseconds, or until the signal is aborted; the system's timer by default. */
  wait?(ms: number, signal: AbortSignal): Promise<void>;
}

export class Listener<S extends Stream, C extends SlottedConnection> {
  readonly #options: ListenerOptions<S, C>;
  readonly #served = new Map<C, Promise<void>>();
  readonly #accepting: Promise<void>[];
  readonly #stopped = new AbortController();

  /** Begins to accept. */
  constructor(options: ListenerOptions<S, C>) {
    this.#options = options;
    this.#accepting = options.sockets.map((socket) => this.#accept(socket));
  }

  get connections(): Iterable<C> {
    return this.#served.keys();
  }

  /** Accepts no more. */
  stop() {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    for (const socket of this.#options.sockets) socket.close();
  }

  /** Accepts no more; resolves when every connection has been served. */
  async close() {
    this.stop();
    await Promise.all(this.#accepting);
    await Promise.all(this.#served.values());
  }

  async #accept(socket: StreamSocket<S>) {
    const { name, service, metrics, log, polling, wait = waitFor } = this.#options,
      stopped = this.#stopped.signal;
    for (let retryMs = FIRST_RETRY_MS; !stopped.aborted;) {
      const polled = polling?.due;
      if (polled !== undefined) await polled;
      let stream: S;
      try {
        stream = await socket.accept();
      } catch (error) {
        if (stopped.aborted || error instanceof Deno.errors.BadResource) return;
        const { code = "", message } = error as Error & { code?: string };
        if (!EXHAUSTED.includes(code)) {
          metrics.add(`${name} gone before accepted`);
          // an error that comes back at once, again and again, would leave no time for anything else
          await nextTurn();
          continue;
        }
        metrics.add(`${name} accept failed`);
        if (retryMs === FIRST_RETRY_MS) {
          const what = `cannot accept a connection: ${message}; trying again`;
          log.warn({ service, what, kind: "a connection that cannot be accepted" });
        }
        await wait(retryMs, stopped);
        retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        continue;
      }
      retryMs = FIRST_RETRY_MS;
      this.#accepted(stream);
    }
  }

  #accepted(stream: S) {
    const { name, metrics, slots, rate, isBanned, onRefused, open, onSlot, serve } = this.#options;
    const address = stream.remoteAddr as Deno.NetAddr;
    const reason = isBanned?.(address)
      ? "banned"
      : rate?.take(address.hostname) === false
      ? "too fast"
      : undefined;
    if (reason !== undefined) {
      metrics.add(`${name} ${reason}`);
      onRefused?.(reason, address);
      stream.close();
      return;
    }
    // those that are refused come again at once: it takes as little as can be
    const full = slots.refusal(address.hostname);
    if (full !== undefined) {
      onSlot(full, address);
      stream.close();
      return;
    }
    try {
      stream.setNoDelay?.(true);
      // a client whose machine or network has gone is not noticed otherwise while nothing is sent to it
      stream.setKeepAlive?.(true);
    } catch {
      // it is gone already: reading fails
    }
    const connection = open(stream, address);
    const outcome = slots.take(address.hostname, connection);
    onSlot(outcome, address);
    if (outcome !== "taken" && outcome !== "replaced") return connection.close();
    const served = serve(connection).finally(() => {
      slots.release(connection);
      this.#served.delete(connection);
    });
    this.#served.set(connection, served);
  }
}

/** Resolves after `ms` milliseconds, or when the signal is aborted. */
export function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return pause(ms, undefined, { signal }).catch(() => {});
}
