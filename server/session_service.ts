/**
 * What the mailbox and the forum share: sessions, with and without a seal, on UDP sockets.
 *
 * @module
 */

import { refusal } from "../protocol/describe/refusals.ts";
import { describeSealToClient, describeSealToServer } from "../protocol/describe/seal.ts";
import { describeAnswers, describeRequests } from "../protocol/describe/session.ts";
import { undecoded } from "../protocol/describe/words.ts";
import { isSealDatagram } from "../protocol/seal.ts";
import type { SealKey } from "../protocol/seal/keys.ts";
import { isSessionDatagram, MAX_SESSION_DATAGRAM_BYTES } from "../protocol/session.ts";
import { type Address, formatAddress } from "../protocol/syntax/address.ts";
import { MAX_UNHANDLED_BYTES } from "./net/datagram_queue.ts";
import { DatagramSocket, MAX_QUEUED_DATAGRAMS, REMOTE_DATAGRAMS_PER_SECOND } from "./net/datagram_socket.ts";
import type { SocketPolling } from "./net/fairness.ts";
import { isLoopback } from "./quota/address.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import type { Creations } from "./quota/creations.ts";
import { NetworkRate } from "./quota/network_rate.ts";
import type { Environment } from "./quota/uptime.ts";
import type { Clients } from "./report/clients.ts";
import type { Limit } from "./report/limit.ts";
import type { Log } from "./report/log.ts";
import type { Metrics, RefusedReason, SessionTable } from "./report/metrics.ts";
import type { Tap, Watch } from "./report/watch.ts";
import type { Accounts } from "./service/account/accounts.ts";
import type { Moderation } from "./service/moderation.ts";
import type { GroupCommit } from "./store/journaled/group.ts";
import type { DatagramClient } from "./wire/mailbox/original_wire.ts";
import { type LoginRefusal, refusedLogin } from "./wire/session/login.ts";
import { MAX_EARLY_BYTES } from "./wire/session/reorder_quota.ts";
import { SealWire, type SealWireOptions } from "./wire/session/seal_wire.ts";
import { SessionWire, type SessionWireOptions } from "./wire/session/session_wire.ts";
import type { SessionStartTimes } from "./wire/session/start_times.ts";

/** What the server hands to a service with sessions. Its monotonic clock doesn't go on while the process is stopped. */
export interface SharedOptions extends Environment {
  /** Where the service listens; it closes them. */
  sockets: readonly Deno.DatagramConn[];
  store: GroupCommit;
  accounts: Accounts;
  /** The server's own key. */
  sealKey: SealKey;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  watch: Watch;
  /** Bans and mutes. */
  moderation: Moderation;
  /** Where its sessions are listed. */
  clients: Clients;
  /** What addresses create. */
  creations?: Creations;
  /** Dates new sessions. */
  startTimes: SessionStartTimes;
  /** Datagrams of one address; undefined for {@linkcode REMOTE_DATAGRAMS_PER_SECOND}, and for no limit on this machine. */
  datagramsPerSecond: number | undefined;
}

/** A client, also as sessions remember it. */
export interface SessionPeer extends DatagramClient, Address {}

/** What one of the services does otherwise than the other. */
export interface SessionServiceOptions
  extends
    Pick<SessionWireOptions<SessionPeer>, "handler" | "onRequest">,
    Pick<SealWireOptions<SessionPeer>, "service" | "oneSession" | "reservedName" | "onUser" | "onControl"> {
  service: "mailbox" | "forum";
  /** Longest datagram that does not belong to a session. */
  maxBytes?: number;
  /** Takes a datagram that belongs to no session. */
  onOther(datagram: Uint8Array, from: SessionPeer): void;
  /** Called when a datagram, or a request in it, is refused. */
  onDropped(reason: RefusedReason, from: SessionPeer): void;
  /** Called when a log-in is refused, which is logged already. */
  onRefusedLogin?(name: string, why: LoginRefusal, from: SessionPeer): void;
}

/** How a control message may begin: `A`, `a`, a space. */
const CONTROL = [0x41, 0x61, 0x20];

export class SessionService {
  readonly #shared: SharedOptions;
  readonly #service: SessionServiceOptions;
  readonly #tap: Tap;
  readonly #rate: NetworkRate;
  readonly #sockets: DatagramSocket[];
  readonly #sessions: SessionWire<SessionPeer>;
  readonly #seals: SealWire<SessionPeer>;

  /** Begins to read. */
  constructor(shared: SharedOptions, service: SessionServiceOptions) {
    this.#shared = shared;
    this.#service = service;
    const { polling, metrics, log } = shared, tap = this.#tap = shared.watch.tap(service.service);
    this.#rate = new NetworkRate({
      perSecond: shared.datagramsPerSecond,
      remotePerSecond: REMOTE_DATAGRAMS_PER_SECOND,
      monotonicClock: shared.monotonicClock,
    });
    const common = {
      ...shared,
      ...service,
      send: (datagram: Uint8Array<ArrayBuffer>, { address, socket }: SessionPeer) => {
        if (tap.isOn) tap.see("out", address, () => describeSent(datagram));
        socket.send(datagram, address);
      },
    };
    this.#sessions = new SessionWire({
      ...common,
      endLogin: (session) => this.#seals.end(session),
      onAhead: ({ address }) => {
        metrics.add("sessions ahead");
        const what = "a session knows more than the database: an older copy may have been put back";
        log.warn({ service: service.service, peer: formatAddress(address), what, kind: what });
      },
    });
    this.#seals = new SealWire({
      ...common,
      tap,
      key: shared.sealKey,
      sessions: this.#sessions,
      onRefused(name, why, from) {
        log.warn(refusedLogin(service.service, name, why, from));
        service.onRefusedLogin?.(name, why, from);
      },
    });
    this.#sockets = shared.sockets.map((socket) =>
      new DatagramSocket(socket, {
        polling,
        metrics,
        maxBytes: Math.max(service.maxBytes ?? 0, MAX_SESSION_DATAGRAM_BYTES),
        onDatagram: (datagram, address, socket) => this.#received(datagram, address, socket),
      })
    );
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [...this.#sessions.tables, ...this.#seals.tables];
  }

  /** Takes another rate from now on. */
  configure({ datagramsPerSecond: perSecond }: Pick<SharedOptions, "datagramsPerSecond">) {
    this.#rate.configure({ perSecond });
  }

  /** Limits beside those of its tables, with their use now. */
  limits(): Limit[] {
    const { burst: limit, fullest: used } = this.#rate, { service } = this.#service;
    return [
      { name: `${service} datagrams of an address`, option: "datagram-rate", used, limit },
      {
        name: `${service} bytes that are not handled yet`,
        used: this.#mostUnhandled,
        limit: MAX_UNHANDLED_BYTES,
      },
      { name: `${service} datagrams that wait`, used: this.#mostWaiting, limit: MAX_QUEUED_DATAGRAMS },
      { name: `${service} early bytes`, used: this.#sessions.earlyBytes, limit: 2 * MAX_EARLY_BYTES },
      ...this.#seals.limits(),
    ];
  }

  get #mostUnhandled(): number {
    return Math.max(0, ...this.#sockets.map(({ unhandledBytes }) => unhandledBytes));
  }

  get #mostWaiting(): number {
    return Math.max(0, ...this.#sockets.map(({ waiting }) => waiting));
  }

  #received(datagram: Uint8Array, address: Deno.NetAddr, socket: DatagramSocket) {
    this.#shared.metrics.add("received");
    const { hostname, port } = address, from = { hostname, port, address, socket };
    const refused = this.#refusalOf(datagram, hostname);
    if (refused !== undefined) {
      const describe = () => ({ ...undecoded(datagram), ...refusal(refused) });
      if (this.#tap.isOn) this.#tap.see("in", address, describe);
      return this.#service.onDropped(refused, from);
    }
    if (isSealDatagram(datagram)) return this.#receivedSeal(datagram, from);
    if (!isSessionDatagram(datagram)) return this.#service.onOther(datagram, from);
    if (this.#tap.isOn) this.#tap.see("in", address, () => describeRequests(datagram));
    if (!this.#sessions.received(datagram, from)) this.#service.onDropped("malformed", from);
  }

  /** Why a datagram is dropped before anything of it is read. */
  #refusalOf(datagram: Uint8Array, hostname: string): "banned" | "datagram rate" | undefined {
    if (this.#isBanned(datagram, hostname)) return "banned";
    return this.#rate.take(hostname) ? undefined : "datagram rate";
  }

  /** Whether a datagram is dropped because of a ban; those of an administrator on this machine are not. */
  #isBanned(datagram: Uint8Array, hostname: string): boolean {
    if (!this.#shared.moderation.isBannedAddress(hostname)) return false;
    return !isLoopback(hostname) || isSealDatagram(datagram) || !CONTROL.includes(datagram[0]!);
  }

  #receivedSeal(datagram: Uint8Array, from: SessionPeer) {
    if (this.#tap.isOn) this.#tap.see("in", from.address, () => describeSealToServer(datagram));
    this.#seals.received(datagram, from);
  }

  /** Reads no more. */
  stop() {
    for (const socket of this.#sockets) socket.stop();
  }

  /** Answers what was handled, and closes the sockets. */
  async close() {
    this.stop();
    await this.#shared.store.idle();
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}

/** What is sent without a seal; what is sealed was described before. */
function describeSent(datagram: Uint8Array) {
  return isSealDatagram(datagram) ? describeSealToClient(datagram) : describeAnswers(datagram);
}
