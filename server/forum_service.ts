/**
 * The forum, put together: commands in sealed sessions over UDP, and files over TCP on the same port number.
 * `protocol/forum.md` and `protocol/transfer.md` are the specification.
 *
 * @module
 */

import { alreadyLoggedIn, CONSOLE_BEGIN, failedLogin } from "../protocol/forum_text.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import type { ServiceRequest } from "../protocol/service_requests.ts";
import { MAX_SESSION_DATAGRAM_BYTES, type SessionRequest } from "../protocol/session.ts";
import { setTimer, uptime } from "./quota/uptime.ts";
import { DatagramSocket } from "./net/datagram_socket.ts";
import type { SocketPolling } from "./net/fairness.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import type { Log } from "./report/log.ts";
import type { Metrics, SessionTable } from "./report/metrics.ts";
import type { Accounts } from "./service/accounts.ts";
import { Forum } from "./service/forum.ts";
import { DEFAULT_FILE_LIMITS, type FileLimits } from "./store/files/file_quota.ts";
import type { ContentFiles } from "./store/files/files.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits } from "./store/limits.ts";
import { ForumRequests } from "./wire/session/forum/forum_requests.ts";
import { refusedLogin } from "./wire/session/login.ts";
import { SealWire } from "./wire/session/seal_wire.ts";
import { SessionWire } from "./wire/session/session_wire.ts";
import type { SessionStartTimes } from "./wire/session/start_times.ts";
import { MAX_TRANSFERS } from "./wire/transfer/slots.ts";
import { MAX_CONNECTIONS, TransferWire } from "./wire/transfer/transfer.ts";

/** Milliseconds between two searches for uploads that were not continued. */
const EXPIRY_INTERVAL_MS = 10 * 60 * 1000;

/** Limits of the forum. */
export interface ForumServiceLimits {
  threads: ForumLimits;
  files: FileLimits;
  transfers: TransferLimits;
}

/** Limits of the file transfer, inclusive. */
export interface TransferLimits {
  /** TCP connections in all. */
  connections: number;
  /** Transfers at the same time. */
  transfers: number;
}

export const DEFAULT_FORUM_SERVICE_LIMITS: Readonly<ForumServiceLimits> = {
  threads: DEFAULT_FORUM_LIMITS,
  files: DEFAULT_FILE_LIMITS,
  transfers: { connections: MAX_CONNECTIONS, transfers: MAX_TRANSFERS },
};

export interface ForumServiceOptions {
  /** The sockets that it listens on, and closes. */
  sockets: readonly Deno.DatagramConn[];
  listeners: readonly Deno.TcpListener[];
  store: GroupCommit;
  accounts: Accounts;
  /** The server's own key. */
  sealKey: SealKey;
  /** The files that it serves, and closes. */
  files: ContentFiles;
  limits: TransferLimits;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  /** Dates new sessions. */
  startTimes: SessionStartTimes;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** A client's address, and the socket that it uses. */
interface ForumAddress {
  hostname: string;
  port: number;
  address: Deno.NetAddr;
  socket: DatagramSocket;
}

export class ForumService {
  readonly #options: ForumServiceOptions;
  readonly #sockets: DatagramSocket[];
  readonly #sessions: SessionWire<ForumAddress>;
  readonly #seals: SealWire<ForumAddress>;
  readonly #expiry: ReturnType<typeof setInterval>;
  readonly #transfers: TransferWire;

  /** Starts to read and to accept. */
  constructor(options: ForumServiceOptions) {
    this.#options = options;
    const { log, metrics, limits, files } = options;
    const console = (line: string) => log.console("forum", line, true);
    const common = {
      ...options,
      // not the wall clock: setting it must not end a session, or make a client wait
      monotonicClock: uptime.now,
      setTimer,
      send: (datagram: Uint8Array<ArrayBuffer>, { address, socket }: ForumAddress) =>
        socket.send(datagram, address),
    };
    const forum = new Forum(common);
    options.accounts.onEvent((name, what) => {
      if (what !== "added") forum.tickets.revoke(name);
    });
    this.#expiry = setInterval(() => files.expire(), EXPIRY_INTERVAL_MS);
    this.#transfers = new TransferWire({
      ...common,
      tickets: forum.tickets,
      max: limits.transfers,
      maxConnections: limits.connections,
    });
    this.#sessions = new SessionWire({
      ...common,
      handler: new ForumRequests(forum, console),
      onRequest: ({ kind }: SessionRequest | ServiceRequest) => metrics.add(`forum ${kind}`),
    });
    this.#seals = new SealWire({
      ...common,
      service: "forum",
      key: options.sealKey,
      oneSession: true,
      sessions: this.#sessions,
      onDropped: (reason) => metrics.add(`refused ${reason}`),
      onUser: (user, what) => console(what === "in" ? `${user} successful login` : `${user} exited`),
      onRefused: (name, why, from) => {
        log.warn(refusedLogin("forum", name, why, from));
        if (why === "wrong password") console(failedLogin(name));
        else if (why === "the name is active") console(alreadyLoggedIn(name));
      },
    });
    for (const line of CONSOLE_BEGIN) log.console("forum", line);
    this.#sockets = options.sockets.map((socket) =>
      new DatagramSocket(socket, {
        polling: options.polling,
        metrics,
        maxBytes: MAX_SESSION_DATAGRAM_BYTES,
        onDatagram: (datagram, address, socket) => this.#received(datagram, address, socket),
      })
    );
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [...this.#sessions.tables, ...this.#seals.tables];
  }

  #received(datagram: Uint8Array, address: Deno.NetAddr, socket: DatagramSocket) {
    const { metrics } = this.#options, { hostname, port } = address;
    metrics.add("received");
    const from = { hostname, port, address, socket };
    if (isSealDatagram(datagram)) return this.#seals.received(datagram, from);
    if (!this.#sessions.received(datagram, from)) metrics.add("refused malformed");
  }

  /** Accepts nothing more, answers what was accepted, and closes the sockets. */
  async close() {
    clearInterval(this.#expiry);
    for (const socket of this.#sockets) socket.stop();
    await this.#transfers.close();
    await this.#options.store.idle();
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
    await this.#options.files.close();
  }
}
