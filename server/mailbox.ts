/**
 * The mailbox service: answers the original wire on its sockets, and keeps what it is given in the store.
 *
 * @module
 */

import {
  decodeRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  type MailboxRequest,
  SHARED_QUEUE,
} from "../protocol/mailbox.ts";
import { isSealDatagram, type SealKey } from "../protocol/seal.ts";
import { isSessionDatagram, MAX_SESSION_DATAGRAM, type SessionRequest } from "../protocol/session.ts";
import type { Accounts } from "./accounts.ts";
import { formatAddress, type Networks } from "./address.ts";
import type { Admin } from "./admin.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { readDatagrams } from "./datagrams.ts";
import { Replies } from "./replies.ts";
import { SealService } from "./seal.ts";
import { SessionService } from "./session.ts";
import type { GroupCommit } from "./store/group.ts";
import { uptime } from "./uptime.ts";
import type { Rounds } from "./rounds.ts";

/** A mailbox as it is named in log lines. */
export function mailboxName(mailbox: string): string {
  return mailbox === SHARED_QUEUE ? "the shared queue" : `mailbox ${mailbox}`;
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
  /** Whether every request is logged. */
  logging: { requests: boolean };
  /** Milliseconds since 1970. */
  now(): number;
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
      clock: uptime.now,
      setTimer(ms: number, callback: () => void) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    };
    this.#sessions = new SessionService({
      ...common,
      onRequest: (request, { client }) => this.#note(request, client),
      refuse: (request, user) => this.#refuse(request, user),
    });
    this.#seals = new SealService({
      ...common,
      service: "mailbox",
      key: options.sealKey,
      sessions: this.#sessions,
      now: common.clock,
      onDropped: (reason, { client }) => this.#drop(reason, client),
      onUser: (user, what) => {
        options.metrics.add(`logged ${what}`);
        this.#tell(() => `${user} logged ${what}`);
      },
    });
    accounts.watch((name, what) => {
      if (what === "added") this.#sessions.review(name);
    });
    for (const socket of options.sockets) {
      const replies = new Replies(socket, () => options.metrics.add("send failed"));
      this.#replies.push(replies);
      this.#reading.push(readDatagrams(socket, replies, {
        maxBytes: Math.max(options.maxDatagram, MAX_SESSION_DATAGRAM),
        rounds: options.rounds,
        metrics: options.metrics,
        stopping: () => this.#stopping,
        received: (datagram, address) => this.#received(datagram, { address, replies }),
      }));
    }
  }

  /** There is a message in a mailbox that a session waits for. */
  ready(mailbox: string) {
    this.#sessions.ready(mailbox);
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
    const request = decodeRequest(datagram, maxDatagram);
    if (typeof request === "string") return this.#drop(request, from);
    switch (request.kind) {
      case "put":
        return this.#put(request, from);
      case "take":
        return this.#take(request, from);
      case "control": {
        const control = this.#control(request.text, from).finally(() => this.#controls.delete(control));
        this.#controls.add(control);
      }
    }
  }

  #put({ mailbox, sender, message, bytes }: MailboxRequest & { kind: "put" }, from: Client) {
    const { store, accounts, metrics, now } = this.#options;
    // who has an account says who he is: this wire can't
    if (accounts.has(sender)) return this.#drop("sender has an account", from);
    const put = { kind: "put", mailbox, sender, time: now(), message, bytes } as const;
    const taken = store.submit(put, (outcome) => {
      if (outcome !== "stored") return this.#drop(outcome, from);
      metrics.add("stored");
      this.#tell(() => `${formatAddress(from.address)} put ${bytes} bytes into ${mailboxName(mailbox)}`);
    }, false);
    if (!taken) this.#drop("overload", from);
  }

  #take({ mailbox }: MailboxRequest & { kind: "take" }, from: Client) {
    const { store, accounts, metrics, timestamps } = this.#options;
    if (accounts.has(mailbox)) {
      from.replies.send(encodeNone(mailbox), from.address);
      return this.#drop("account", from);
    }
    const taken = store.submit({ kind: "take", mailbox }, (outcome) => {
      if (outcome === "storage") return this.#drop(outcome, from);
      const none = outcome === "empty";
      metrics.add(none ? "empty" : "forwarded");
      from.replies.send(none ? encodeNone(mailbox) : encodeMail(mailbox, outcome, timestamps), from.address);
      this.#tell(() =>
        `${formatAddress(from.address)} took ${none ? "nothing" : "a message"} from ${mailboxName(mailbox)}`
      );
    });
    if (!taken) this.#drop("overload", from);
  }

  async #control(text: string, { address, replies }: Client) {
    this.#options.metrics.add("control");
    let answer: string;
    try {
      answer = await this.#options.admin.answer(text, formatAddress(address));
    } catch (error) {
      answer = `error, ${(error as Error).message}`;
    }
    replies.send(encodeControl(answer), address);
  }

  /** Why a session may not ask for this: what belongs to an account is for its owner. */
  #refuse(request: SessionRequest, user: string | undefined): string | undefined {
    const { accounts } = this.#options;
    switch (request.kind) {
      case "put":
        if (request.from === user || request.to === SHARED_QUEUE) return undefined;
        if (accounts.has(request.from)) return "sender has an account";
        return user === undefined ? undefined : "not your name";
      case "lease":
      case "stat":
        return request.mailbox !== user && accounts.has(request.mailbox) ? "not your mailbox" : undefined;
    }
  }

  /** Counts and tells a request of a session. */
  #note(request: SessionRequest, { address }: Client) {
    this.#options.metrics.add(`session ${request.kind}`);
    this.#tell(() => {
      const what = request.kind === "put"
        ? `put ${mailboxName(request.to)}`
        : request.kind === "lease"
        ? `lease ${mailboxName(request.mailbox)}`
        : request.kind;
      return `${formatAddress(address)} in a session: ${what}`;
    });
  }

  #drop(reason: string, { address }: Client) {
    this.#options.metrics.add(`refused ${reason}`);
    this.#tell(() => `${formatAddress(address)} sent what is refused: ${reason}`);
  }

  #tell(line: () => string) {
    if (this.#options.logging.requests) this.#options.log.line(line());
  }
}
