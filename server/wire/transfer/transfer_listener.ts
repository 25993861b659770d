/**
 * Accepts connections of the file transfer, within limits.
 *
 * @module
 */

import { acceptAll } from "../../net/accept.ts";
import { ConnectionRoom, type Guest } from "../../net/connection_room.ts";
import type { Log } from "../../report/log.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { Timers } from "./transfer_connection.ts";

/** Most connections: in all, and of one address. A transfer needs one; what is more is strangers. */
export const MAX_CONNECTIONS = 1024;
const MAX_ADDRESS_CONNECTIONS = 64;

export interface TransferListenerOptions extends Pick<Timers, "setTimer"> {
  /** Where it listens; it closes them. */
  sockets: readonly Deno.TcpListener[];
  /** Serves a connection to its end, which never rejects. */
  serve(socket: Deno.TcpConn): { connection: Guest; ended: Promise<void> };
  metrics: Metrics;
  log: Log;
  maxConnections?: number;
  maxAddressConnections?: number;
}

export class TransferListener {
  readonly #options: TransferListenerOptions;
  readonly #serving = new Set<Promise<void>>();
  readonly #room: ConnectionRoom;
  readonly #accepting: Promise<void>[];
  readonly #stopped = Promise.withResolvers<void>();
  #isStopping = false;

  /** Begins to accept. */
  constructor(options: TransferListenerOptions) {
    this.#options = options;
    this.#room = new ConnectionRoom({
      connections: options.maxConnections ?? MAX_CONNECTIONS,
      addressConnections: options.maxAddressConnections ?? MAX_ADDRESS_CONNECTIONS,
    });
    this.#accepting = options.sockets.map((socket) => this.#accept(socket));
  }

  /** Accepts no more; resolves when every connection has been served. */
  async close() {
    this.stop();
    await Promise.all(this.#accepting);
    await Promise.all(this.#serving);
  }

  /** Accepts no more. */
  stop() {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#stopped.resolve();
    for (const socket of this.#options.sockets) socket.close();
  }

  #accept(socket: Deno.TcpListener): Promise<void> {
    const { metrics, log, setTimer } = this.#options;
    return acceptAll({
      socket,
      accepted: (connection) => this.#accepted(connection),
      onGone: () => metrics.add("files gone before accepted"),
      onExhausted(error, isFirst) {
        metrics.add("files accept failed");
        if (!isFirst) return;
        const what = `cannot accept a file transfer: ${error.message}; trying again`;
        log.warn({ service: "forum", what, kind: "a file transfer that can't be accepted" });
      },
      stopped: this.#stopped.promise,
      setTimer,
    });
  }

  #accepted(socket: Deno.TcpConn) {
    const { serve, metrics } = this.#options;
    const { connection, ended } = serve(socket);
    const serving = ended.finally(() => {
      this.#serving.delete(serving);
      this.#room.leave(connection);
    });
    this.#serving.add(serving);
    const entered = this.#room.enter(socket.remoteAddr.hostname, connection);
    if (entered === "full") connection.close();
    if (entered !== "entered") {
      metrics.add(`files connections ${entered === "full" ? "refused" : "displaced"}`);
    }
  }
}
