/**
 * The mailbox service: the original wire and sessions, with and without a seal, on the same sockets.
 *
 * @module
 */

import { formatAddress } from "../protocol/address.ts";
import { ADMIN } from "../protocol/mailbox.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import type { ServiceRequest } from "../protocol/service_requests.ts";
import { isSessionDatagram, MAX_SESSION_DATAGRAM_BYTES, type SessionRequest } from "../protocol/session.ts";
import { setTimer, uptime } from "./quota/uptime.ts";
import { DatagramSocket } from "./net/datagram_socket.ts";
import type { SocketPolling } from "./net/fairness.ts";
import type { Networks } from "./quota/address.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import { type Log, mailboxName, quoted } from "./report/log.ts";
import type { Metrics, RefusedReason, SessionTable } from "./report/metrics.ts";
import type { Accounts } from "./service/accounts.ts";
import type { Mailboxes } from "./service/mailboxes.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import { type DatagramClient, OriginalWire } from "./wire/mailbox/original_wire.ts";
import { refusedLogin } from "./wire/session/login.ts";
import { MailboxRequests } from "./wire/session/mailbox/mailbox_requests.ts";
import { SealWire } from "./wire/session/seal_wire.ts";
import { SessionWire } from "./wire/session/session_wire.ts";
import type { SessionStartTimes } from "./wire/session/start_times.ts";

export interface MailboxServiceOptions {
  /** Where it listens; it closes them. */
  sockets: readonly Deno.DatagramConn[];
  store: GroupCommit;
  mailboxes: Mailboxes;
  admin: Admin;
  accounts: Accounts;
  /** The server's own key. */
  sealKey: SealKey;
  /** Addresses for which the original wire is answered. */
  originalFrom: Networks;
  /** Whether the shared queue's replies carry the time (second generation) or not (first). */
  timestamps: boolean;
  /** Longest datagram of the original wire, in bytes. */
  maxDatagramBytes: number;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  startTimes: SessionStartTimes;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** A client, also as sessions remember it. */
interface Client extends DatagramClient {
  hostname: string;
  port: number;
}

export class MailboxService {
  readonly #options: MailboxServiceOptions;
  readonly #sockets: DatagramSocket[];
  readonly #original: OriginalWire;
  readonly #sessions: SessionWire<Client>;
  readonly #seals: SealWire<Client>;

  /** Begins to read. */
  constructor(options: MailboxServiceOptions) {
    this.#options = options;
    const { metrics, log } = options;
    const common = {
      ...options,
      send: (datagram: Uint8Array<ArrayBuffer>, { address, socket }: Client) =>
        socket.send(datagram, address),
      monotonicClock: uptime.now,
      setTimer,
    };
    this.#original = new OriginalWire({
      ...options,
      onRefused: (reason, from) => this.#refuse(reason, from),
      debug: (from, what) => this.#debug(from, what),
    });
    this.#sessions = new SessionWire({
      ...common,
      handler: new MailboxRequests(common),
      onRequest: (request: SessionRequest | ServiceRequest, from) => this.#count(request, from),
    });
    this.#seals = new SealWire({
      ...common,
      service: "mailbox",
      reservedName: ADMIN,
      key: options.sealKey,
      sessions: this.#sessions,
      onDropped: (reason, from) => this.#refuse(reason, from),
      onUser: (account, what, from) => {
        metrics.add(`logged ${what}`);
        this.#debug(from, () => `${quoted(account)} logged ${what}`);
      },
      onRefused: (name, why, from) => log.warn(refusedLogin("mailbox", name, why, from)),
    });
    this.#sockets = options.sockets.map((socket) =>
      new DatagramSocket(socket, {
        polling: options.polling,
        metrics,
        maxBytes: Math.max(options.maxDatagramBytes, MAX_SESSION_DATAGRAM_BYTES),
        onDatagram: (datagram, address, socket) => this.#received(datagram, address, socket),
      })
    );
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [...this.#sessions.tables, ...this.#seals.tables];
  }

  #received(datagram: Uint8Array, address: Deno.NetAddr, socket: DatagramSocket) {
    this.#options.metrics.add("received");
    const { hostname, port } = address, from: Client = { hostname, port, address, socket };
    if (isSealDatagram(datagram)) return this.#seals.received(datagram, from);
    if (!isSessionDatagram(datagram)) return this.#original.received(datagram, from);
    if (!this.#sessions.received(datagram, from)) this.#refuse("malformed", from);
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    for (const socket of this.#sockets) socket.stop();
    await this.#options.store.idle();
    await this.#original.close();
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  /** Counts a request of a session. */
  #count(request: SessionRequest | ServiceRequest, from: Client) {
    const { kind } = request;
    this.#options.metrics.add(`session ${kind}`);
    this.#debug(from, () => {
      if (kind === "put") return `in a session: put ${mailboxName(request.receiver)}`;
      if (kind === "lease") return `in a session: lease ${mailboxName(request.mailbox)}`;
      return `in a session: ${kind}`;
    });
  }

  #refuse(reason: RefusedReason, from: DatagramClient) {
    this.#options.metrics.add(`refused ${reason}`);
    this.#debug(from, () => `sent what is refused: ${reason}`);
  }

  #debug({ address }: DatagramClient, what: () => string) {
    const { log } = this.#options;
    if (log.isDebug) log.debug({ service: "mailbox", peer: formatAddress(address), what: what() });
  }
}
