/**
 * Accepts clients on streams, within limits, and keeps watch over them.
 *
 * @module
 */

import { formatAddress } from "../../protocol/address.ts";
import { acceptAll } from "./accept.ts";
import { plainAddress } from "../quota/address.ts";
import { Connection, type Stream } from "./connection.ts";
import { ConnectionCounter } from "./limits.ts";
import type { Log } from "../report/log.ts";
import type { Metrics, StreamService } from "../report/metrics.ts";
import { ChunkJoiner, type SendLimits } from "./send_queue.ts";
import type { PendingTotal } from "../quota/pending.ts";
import type { Rounds } from "./rounds.ts";

/** Milliseconds between two looks at clients that take nothing. */
const WATCH = 1000;

/** Milliseconds that a stop gives clients to take what they were sent. */
const LAST_WORDS = 1000;

/** A socket that others connect to. Deno's listeners are such ones, those of TLS too. */
export interface StreamListener {
  readonly addr: Deno.Addr;
  accept(): Promise<
    Stream & { remoteAddr: Deno.Addr; setNoDelay?(on: boolean): void; setKeepAlive?(on: boolean): void }
  >;
  close(): void;
}

export interface ListenerOptions {
  /** The service: what its counts and log lines begin with. */
  name: StreamService;
  /** Where it listens; it closes them. */
  sockets: readonly StreamListener[];
  counter: ConnectionCounter;
  limits: SendLimits;
  total: PendingTotal;
  rounds: Rounds;
  metrics: Metrics;
  log: Log;
  /** Whole milliseconds of a clock that is never set back. */
  monotonicClock(): number;
  /** Serves one client until it is gone. The connection is closed, and nothing of it left, when this resolves. */
  serve(connection: Connection): Promise<void>;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #joiner = new ChunkJoiner();
  readonly #accepting: Promise<void>[];
  readonly #watching: ReturnType<typeof setInterval>;
  readonly #stopped = Promise.withResolvers<void>();
  /** Which limit the last client met, until one is accepted again. */
  #refusing: string | undefined;

  /** Begins to accept. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#accepting = options.sockets.map((socket) => this.#accept(socket));
    this.#watching = setInterval(() => {
      this.#joiner.clear();
      for (const connection of this.#connections.keys()) connection.check();
    }, WATCH);
  }

  get connections(): Iterable<Connection> {
    return this.#connections.keys();
  }

  /** Accepts no more, lets clients take what they were sent, and closes them. */
  async close() {
    this.#stopped.resolve();
    for (const socket of this.#options.sockets) socket.close();
    await Promise.all(this.#accepting);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_WORDS));
    const connections = [...this.#connections];
    await Promise.race([Promise.all(connections.map(([connection]) => connection.sent())), late]);
    clearTimeout(timer);
    clearInterval(this.#watching);
    for (const [connection] of connections) connection.close();
    await Promise.all(connections.map(([, served]) => served));
  }

  #accept(socket: StreamListener): Promise<void> {
    const { metrics, name, log } = this.#options;
    return acceptAll({
      socket,
      accepted: (stream) => this.#accepted(stream),
      onGone: () => metrics.add(`${name} gone before accepted`),
      onExhausted(error, isFirst) {
        metrics.add(`${name} accept failed`);
        if (!isFirst) return;
        const what = `cannot accept a client: ${error.message}; trying again`;
        log.warn({ service: name, what, kind: "a client that can't be accepted" });
      },
      stopped: this.#stopped.promise,
      setTimer(ms, callback) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    });
  }

  #accepted(stream: Awaited<ReturnType<StreamListener["accept"]>>) {
    const { name, counter, limits, total, rounds, metrics, log, monotonicClock, serve } = this.#options;
    const { hostname, port } = stream.remoteAddr as Deno.NetAddr;
    const outcome = counter.add(hostname);
    if (outcome !== "added") {
      stream.close();
      metrics.add(`${name} ${outcome}`);
      if (this.#refusing !== outcome) {
        const what = `${outcome}: further clients are refused`;
        log.warn({ service: name, peer: formatAddress({ hostname, port }), what, kind: outcome });
      }
      this.#refusing = outcome;
      return;
    }
    this.#refusing = undefined;
    metrics.add(`${name} connections`);
    try {
      stream.setNoDelay?.(true);
      // of one whose machine or network has gone, nothing else would tell while nothing is sent to it
      stream.setKeepAlive?.(true);
    } catch {
      // it is gone already, which reading from it will tell
    }
    const connection = new Connection({
      stream,
      hostname: plainAddress(hostname),
      port,
      limits,
      joiner: this.#joiner,
      total,
      rounds,
      monotonicClock,
    });
    const served = serve(connection).finally(() => {
      connection.close();
      counter.remove(hostname);
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, served);
  }
}
