/**
 * The mailbox service: answers the original wire on its sockets, and keeps what it is given in the store.
 *
 * @module
 */

import { formatAddress } from "../protocol/address.ts";
import {
  ADMIN,
  decodeOriginalRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  type OriginalRequest,
  SHARED_QUEUE,
} from "../protocol/mailbox.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import { isSessionDatagram, MAX_SESSION_DATAGRAM_BYTES, NOT_CONFIRMED } from "../protocol/session.ts";
import type { ServiceRequest } from "../protocol/service_requests.ts";
import type { Accounts } from "./service/accounts.ts";
import type { SessionStartTimes } from "./wire/session/start_times.ts";
import type { Networks } from "./quota/address.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import { holderAt } from "./quota/holder.ts";
import { type Log, quoted } from "./report/log.ts";
import { refusedLogin } from "./wire/session/login.ts";
import type { Metrics, RefusedReason, SessionTable } from "./report/metrics.ts";
import { readDatagrams } from "./net/datagrams.ts";
import { Replies } from "./net/reply_queue.ts";
import { SealService } from "./wire/session/seal.ts";
import { MailboxRequests } from "./wire/session/mailbox/mailbox_requests.ts";
import { SessionService } from "./wire/session/session_service.ts";
import type { TableUsage } from "./quota/fair_table.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { uptime } from "./clock/uptime.ts";
import type { Rounds } from "./net/rounds.ts";

/** A mailbox as it is named in log lines. */
export function mailboxName(mailbox: string): string {
  return mailbox === SHARED_QUEUE ? "the shared queue" : `mailbox ${quoted(mailbox)}`;
}

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
  rounds: Rounds;
  metrics: Metrics;
  log: Log;
  /** Gives sessions their beginning. */
  startTimes: SessionStartTimes;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Where a request came from, and where its reply goes. */
interface Client {
  address: Deno.NetAddr;
  replies: Replies;
}

/** The same for sessions, which remember it. */
interface SessionAddress {
  hostname: string;
  port: number;
  client: Client;
}

export class MailboxService {
  readonly #options: MailboxServiceOptions;
  readonly #replies: Replies[] = [];
  readonly #reading: Promise<void>[] = [];
  readonly #controls = new Set<Promise<void>>();
  readonly #requests: MailboxRequests;
  readonly #sessions: SessionService<SessionAddress>;
  readonly #seals: SealService<SessionAddress>;
  #stopping = false;

  /** Begins to read. */
  constructor(options: MailboxServiceOptions) {
    this.#options = options;
    const { accounts } = options;
    const common = {
      ...options,
      send: (datagram: Uint8Array<ArrayBuffer>, { client }: SessionAddress) =>
        client.replies.send(datagram, client.address),
      // one that is set forgets nobody, and makes nobody wait
      monotonicClock: uptime.now,
      setTimer(ms: number, callback: () => void) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
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
    accounts.watchMailboxes((name) => this.#requests.review(name));
    accounts.heedWaits((mailbox) => this.#requests.isAwaited(mailbox));
    for (const socket of options.sockets) {
      const replies = new Replies(socket, () => options.metrics.add("send failed"));
      this.#replies.push(replies);
      this.#reading.push(readDatagrams(socket, replies, {
        maxBytes: Math.max(options.maxDatagram, MAX_SESSION_DATAGRAM_BYTES),
        rounds: options.rounds,
        metrics: options.metrics,
        stopping: () => this.#stopping,
        received: (datagram, address) => this.#received(datagram, { address, replies }),
      }));
    }
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
    this.#stopping = true;
    await this.#options.store.idle();
    await Promise.all(this.#controls);
    this.#sessions.close();
    this.#seals.close();
    await Promise.all(this.#replies.map((replies) => replies.sent()));
    for (const socket of this.#options.sockets) socket.close();
    await Promise.all(this.#reading);
  }

  #received(datagram: Uint8Array, from: Client) {
    const { metrics, originalFrom, maxDatagram } = this.#options;
    metrics.add("received");
    if (this.#stopping) return;
    const { hostname, port } = from.address;
    if (isSealDatagram(datagram)) return this.#seals.received(datagram, { hostname, port, client: from });
    if (isSessionDatagram(datagram)) {
      if (!this.#sessions.received(datagram, { hostname, port, client: from })) this.#drop("malformed", from);
      return;
    }
    if (!originalFrom.has(hostname)) return this.#drop("address not answered", from);
    const request = decodeOriginalRequest(datagram, maxDatagram);
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

  #put({ mailbox, sender, text, bytes }: OriginalRequest & { kind: "put" }, from: Client) {
    const { store, metrics, wallClock } = this.#options;
    // who has an account says who he is: this wire can't
    if (this.#isOwned(sender)) return this.#drop("sender has an account", from);
    const owner = holderAt(from.address.hostname);
    const put = { kind: "put", mailbox, sender, time: wallClock(), text: text, bytes, owner } as const;
    const taken = store.submit(put, (outcome) => {
      if (outcome !== "stored") return this.#drop(outcome, from);
      metrics.add("stored");
      this.#tell(from, () => `put ${bytes} bytes into ${mailboxName(mailbox)}`);
    }, false);
    if (!taken) this.#drop("overload", from);
  }

  #take({ mailbox }: OriginalRequest & { kind: "take" }, from: Client) {
    const { store, metrics, timestamps } = this.#options;
    if (this.#isOwned(mailbox)) {
      from.replies.send(encodeNone(mailbox), from.address);
      return this.#drop("account", from);
    }
    const taken = store.submit({ kind: "take", mailbox }, (outcome) => {
      if (outcome === "storage") return this.#drop(outcome, from);
      const none = outcome === "empty" || outcome === "too long";
      metrics.add(none ? "empty" : "forwarded");
      if (outcome === "too long" || !none && outcome.overtakes) metrics.add("too long for a reply");
      from.replies.send(none ? encodeNone(mailbox) : encodeMail(mailbox, outcome, timestamps), from.address);
      this.#tell(from, () => `took ${none ? "nothing" : "a message"} from ${mailboxName(mailbox)}`);
    });
    if (!taken) this.#drop("overload", from);
  }

  async #control(text: string, bytes: number, from: Client) {
    const { address, replies } = from;
    this.#options.metrics.add("control");
    let answer: string | undefined;
    try {
      answer = await this.#options.admin.answer(text, formatAddress(address), bytes);
    } catch (error) {
      answer = `error, ${(error as Error).message}`;
    }
    if (answer === undefined) return this.#drop("unproved", from);
    replies.send(encodeControl(answer), address);
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
