/**
 * The forum's service: commands in sealed sessions over UDP, and files over TCP on the same port number.
 * `protocol/README.md`, "Forum" and "Files", is the specification.
 *
 * @module
 */

import { alreadyLoggedIn, CONSOLE_BEGIN, failedLogin } from "../protocol/forum_text.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import type { ServiceRequest } from "../protocol/service_requests.ts";
import { MAX_SESSION_DATAGRAM_BYTES, type SessionRequest } from "../protocol/session.ts";
import type { Accounts } from "./service/accounts.ts";

import { DatagramSocket } from "./net/datagram_socket.ts";
import type { Log } from "./report/log.ts";
import { refusedLogin } from "./wire/session/login.ts";
import type { Metrics, SessionTable } from "./report/metrics.ts";
import type { SessionStartTimes } from "./wire/session/start_times.ts";
import { SealService } from "./wire/session/seal_service.ts";
import { SessionService } from "./wire/session/session_service.ts";
import { ForumRequests } from "./wire/session/forum/forum_requests.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import { type ContentFiles, DEFAULT_FILE_LIMITS, type FileLimits } from "./store/files/files.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits } from "./store/limits.ts";
import { MAX_CONNECTIONS, TransferService, type Upload } from "./wire/transfer/transfer.ts";
import { MAX_TRANSFERS } from "./wire/transfer/slots.ts";
import type { SocketPolling } from "./net/fairness.ts";
import { setTimer, uptime } from "./clock/uptime.ts";

/** Limits of the forum. */
export interface ForumServiceLimits {
  threads: ForumLimits;
  files: FileLimits;
  transfers: TransferLimits;
}

/** Limits of the file transfer; both are inclusive. */
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
  /** Where it listens; it closes them. */
  sockets: readonly Deno.DatagramConn[];
  listeners: readonly Deno.TcpListener[];
  store: GroupCommit;
  accounts: Accounts;
  /** The server's own key. */
  sealKey: SealKey;
  /** Where files are; it closes them. */
  files: ContentFiles;
  limits: TransferLimits;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  /** Gives sessions their beginning. */
  startTimes: SessionStartTimes;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Where a client is, and what sends to it. */
interface ForumAddress {
  hostname: string;
  port: number;
  address: Deno.NetAddr;
  socket: DatagramSocket;
}

export class ForumService {
  readonly #options: ForumServiceOptions;
  readonly #sockets: DatagramSocket[];
  readonly #sessions: SessionService<ForumAddress>;
  readonly #seals: SealService<ForumAddress>;
  readonly #transfers: TransferService;

  /** Begins to read and to accept. */
  constructor(options: ForumServiceOptions) {
    this.#options = options;
    const { log, metrics, limits } = options;
    const console = (line: string) => log.console("forum", line, true);
    const transfers = this.#transfers = new TransferService({
      ...options,
      monotonicClock: uptime.now,
      setTimer,
      max: limits.transfers,
      maxConnections: limits.connections,
      commit: (upload) => this.#attach(upload),
    });
    options.accounts.onEvent((name, what) => {
      if (what !== "added") transfers.revoke(name);
    });
    const send = (datagram: Uint8Array<ArrayBuffer>, { address, socket }: ForumAddress) =>
      socket.send(datagram, address);
    this.#sessions = new SessionService({
      ...options,
      handler: new ForumRequests({ ...options, transfer: transfers, console }),
      monotonicClock: uptime.now,
      send,
      setTimer,
      onRequest: ({ kind }: SessionRequest | ServiceRequest) => metrics.add(`forum ${kind}`),
    });
    this.#seals = new SealService({
      ...options,
      service: "forum",
      key: options.sealKey,
      oneSession: true,
      sessions: this.#sessions,
      // a clock that is set forgets nobody, and makes nobody wait
      monotonicClock: uptime.now,
      send,
      setTimer,
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

  /** Adds a file that has arrived to its thread. Where it is refused, the reason is the client's to put into words. */
  async #attach(upload: Upload): Promise<"stored" | string> {
    const { store, files, wallClock } = this.#options;
    try {
      const outcome = await store.ask({ kind: "attach", ...upload, time: wallClock() });
      if (outcome === "storage") throw new Error("the disk takes nothing");
      return outcome;
    } catch (error) {
      // no row names the content, and none will
      await files.remove(upload.content);
      throw error;
    }
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    for (const socket of this.#sockets) socket.stop();
    await this.#transfers.close();
    await this.#options.store.idle();
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
    await this.#options.files.close();
  }
}
