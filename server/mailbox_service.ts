/**
 * The mailbox service: answers the original wire on its sockets, and keeps what it is given in the store.
 *
 * @module
 */

import { formatAddress } from "../protocol/address.ts";
import {
  ADMIN,
  decodeRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  type MailboxRequest,
  SHARED_QUEUE,
} from "../protocol/mailbox.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import { isSessionDatagram, MAX_SESSION_DATAGRAM, NOT_CONFIRMED } from "../protocol/session.ts";
import type { ServiceRequest } from "../protocol/service_requests.ts";
import type { Accounts } from "./service/accounts.ts";
import type { Births } from "./wire/session/births.ts";
import type { Networks } from "./quota/address.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import { ownerAt } from "./quota/owner.ts";
import { type Log, mailboxName, quoted } from "./report/log.ts";
import { refusedLogin } from "./wire/session/login.ts";
import type { Metrics, RefusedReason, SessionTable } from "./report/metrics.ts";
import { DatagramSocket } from "./net/datagram_socket.ts";
import { SealService } from "./wire/session/seal.ts";
import { MailboxRequests } from "./wire/session/mailbox/mailbox_requests.ts";
import { SessionService } from "./wire/session/session_service.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { setTimer, uptime } from "./clock/uptime.ts";
import type { SocketPolling } from "./net/fairness.ts";

export interface MailboxServiceOptions {
  /** Where it listens; it closes them. */
  sockets: readonly Deno.DatagramConn[];
  store: GroupCommit;
  admin: Admin;
  accounts: Accounts;
  /** The server's own key. */
  sealKey: SealKey;
  /** Whom the original wire is answered for. */
  originalFrom: Networks;
  /** Whether the shared queue's replies carry the time (second generation) or not (first). */
  timestamps: boolean;
  /** Longest datagram of the original wire, in bytes. */
  maxDatagram: number;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  /** Gives sessions their beginning. */
  births: Births;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Where a request came from, and where its reply goes. */
interface Client {
  address: Deno.NetAddr;
  socket: DatagramSocket;
}

/** The same for sessions, which remember it. */
interface SessionAddress {
  hostname: string;
  port: number;
  client: Client;
}

export class MailboxService {
  readonly #options: MailboxServiceOptions;
  readonly #sockets: DatagramSocket[];
  readonly #controls = new Set<Promise<void>>();
  readonly #requests: MailboxRequests;
  readonly #sessions: SessionService<SessionAddress>;
  readonly #seals: SealService<SessionAddress>;

  /** Begins to read. */
  constructor(options: MailboxServiceOptions) {
    this.#options = options;
    const { accounts } = options;
    const common = {
      ...options,
      send: (datagram: Uint8Array<ArrayBuffer>, { client }: SessionAddress) =>
        client.socket.send(datagram, client.address),
      monotonicClock: uptime.now,
      setTimer,
    };
    this.#requests = new MailboxRequests({
      ...common,
      refuse: (request, user) => this.#refuse(request, user),
    });
    this.#sessions = new SessionService({
      ...common,
      handler: this.#requests,
      onRequest: (request, { client }) => this.#note(request as ServiceRequest, client),
    });
    this.#seals = new SealService({
      ...common,
      service: "mailbox",
      reserved: ADMIN,
      key: options.sealKey,
      sessions: this.#sessions,
      onDropped: (reason, { client }) => this.#drop(reason, client),
      onUser: (user, what, { client }) => {
        options.metrics.add(`logged ${what}`);
        this.#tell(client, () => `${quoted(user)} logged ${what}`);
      },
      onRefused: (name, why, from) => options.log.warn(refusedLogin("mailbox", name, why, from)),
    });
    accounts.onMailboxOwned((name) => this.#requests.review(name));
    accounts.setAwaited((mailbox) => this.#requests.isAwaited(mailbox));
    this.#sockets = options.sockets.map((socket) =>
      new DatagramSocket(socket, {
        polling: options.polling,
        metrics: options.metrics,
        maxBytes: Math.max(options.maxDatagram, MAX_SESSION_DATAGRAM),
        onDatagram: (datagram, address, socket) => this.#received(datagram, { address, socket }),
      })
    );
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [...this.#sessions.tables, ...this.#seals.tables];
  }

  /** There is a message in a mailbox that a session waits for. */
  ready(mailbox: string) {
    this.#requests.ready(mailbox);
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    for (const socket of this.#sockets) socket.stop();
    await this.#options.store.idle();
    await Promise.all(this.#controls);
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }

  #received(datagram: Uint8Array, from: Client) {
    const { metrics, originalFrom, maxDatagram } = this.#options;
    metrics.add("received");
    const { hostname, port } = from.address;
    if (isSealDatagram(datagram)) return this.#seals.received(datagram, { hostname, port, client: from });
    if (isSessionDatagram(datagram)) {
      if (!this.#sessions.received(datagram, { hostname, port, client: from })) this.#drop("malformed", from);
      return;
    }
    if (!originalFrom.has(hostname)) return this.#drop("address not answered", from);
    const request = decodeRequest(datagram, maxDatagram);
    if (typeof request === "string") return this.#drop(request, from);
    switch (request.kind) {
      case "put":
        return this.#put(request, from);
      case "take":
        return this.#take(request, from);
      case "control": {
        const control = this.#control(request.text, datagram.length, from).finally(() =>
          this.#controls.delete(control)
        );
        this.#controls.add(control);
      }
    }
  }

  #put({ mailbox, sender, text, bytes }: MailboxRequest & { kind: "put" }, from: Client) {
    const { store, metrics, wallClock } = this.#options;
    // who has an account says who he is: this wire can't
    if (this.#isOwned(sender)) return this.#drop("sender has an account", from);
    const owner = ownerAt(from.address.hostname);
    const put = { kind: "put", mailbox, sender, time: wallClock(), text: text, bytes, owner } as const;
    const taken = store.submit(put, (outcome) => {
      if (outcome !== "stored") return this.#drop(outcome, from);
      metrics.add("stored");
      this.#tell(from, () => `put ${bytes} bytes into ${mailboxName(mailbox)}`);
    }, false);
    if (!taken) this.#drop("overload", from);
  }

  #take({ mailbox }: MailboxRequest & { kind: "take" }, from: Client) {
    const { store, metrics, timestamps } = this.#options;
    if (this.#isOwned(mailbox)) {
      from.socket.send(encodeNone(mailbox), from.address);
      return this.#drop("account", from);
    }
    const taken = store.submit({ kind: "take", mailbox }, (outcome) => {
      if (outcome === "storage") return this.#drop(outcome, from);
      const none = outcome === "empty" || outcome === "too long";
      metrics.add(none ? "empty" : "forwarded");
      if (outcome === "too long" || !none && outcome.overtakes) metrics.add("too long for a reply");
      from.socket.send(none ? encodeNone(mailbox) : encodeMail(mailbox, outcome, timestamps), from.address);
      this.#tell(from, () => `took ${none ? "nothing" : "a message"} from ${mailboxName(mailbox)}`);
    });
    if (!taken) this.#drop("overload", from);
  }

  async #control(text: string, bytes: number, from: Client) {
    const { address, socket } = from;
    this.#options.metrics.add("control");
    const answer = await this.#options.admin.answer(text, formatAddress(address), bytes);
    if (answer === undefined) return this.#drop("unproved", from);
    socket.send(encodeControl(answer), address);
  }

  /** Whether the name is that of an account which covers the mailbox. */
  #isOwned(name: string): boolean {
    return this.#options.accounts.ownsMailbox(name);
  }

  /** Why a session may not ask for this: what belongs to an account is for its owner. */
  #refuse(request: ServiceRequest, user: string | undefined): string | undefined {
    switch (request.kind) {
      case "put":
        if (user !== undefined && !this.#isOwned(user)) return NOT_CONFIRMED;
        if (request.sender === user || request.receiver === SHARED_QUEUE) return undefined;
        if (this.#isOwned(request.sender)) return "sender has an account";
        return user === undefined ? undefined : "not your name";
      case "lease":
      case "stat":
        if (user !== undefined && !this.#isOwned(user)) return NOT_CONFIRMED;
        return request.mailbox !== user && this.#isOwned(request.mailbox) ? "not your mailbox" : undefined;
    }
  }

  /** Counts and tells a request of a session. */
  #note(request: ServiceRequest, client: Client) {
    this.#options.metrics.add(`session ${request.kind}`);
    this.#tell(client, () => {
      const what = request.kind === "put"
        ? `put ${mailboxName(request.receiver)}`
        : request.kind === "lease"
        ? `lease ${mailboxName(request.mailbox)}`
        : request.kind;
      return `in a session: ${what}`;
    });
  }

  #drop(reason: RefusedReason, client: Client) {
    this.#options.metrics.add(`refused ${reason}`);
    this.#tell(client, () => `sent what is refused: ${reason}`);
  }

  #tell({ address }: Client, what: () => string) {
    const { log } = this.#options;
    if (log.isDebug) log.debug({ service: "mailbox", peer: formatAddress(address), what: what() });
  }
}
