/**
 * Requests for messages: which one is given a mailbox's next, and what becomes of those that could not be sent.
 * http.md 8.4, 8.7.
 *
 * Invariant: what the store gives to a request whose client is gone goes back at once, uncounted.
 *
 * @module
 */

import { LOG_IN_FIRST } from "../../../../protocol/session.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import { isLoopback } from "../../../quota/address.ts";
import { LOOPBACK } from "../../../quota/fair_table.ts";
import type { Environment } from "../../../quota/uptime.ts";
import type { Limit } from "../../../report/limit.ts";
import type { Mailboxes, MailboxReceivers } from "../../../service/mailboxes.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { Again } from "../../../store/requests/again.ts";
import type { Leased, LeasedMessage, LeaseOutcome } from "../../../store/requests/lease.ts";
import type { HttpClient } from "../exchange.ts";

/** How long a message that is taken may be on its way to its client, in milliseconds: no longer than a client may stall. */
const TAKEN_MS = 120_000;

/** Most bytes of text that are taken at once, unless the first message is longer. */
const MAX_TAKEN_BYTES = 1024 * 1024;

/** Requests that wait, in all and of one network. */
const MAX_WAITING = 10_000, MAX_NETWORK_WAITING = 2000;

/** Milliseconds between two looks for waits that are over: none has a timer of its own. */
const EXPIRE_INTERVAL_MS = 100;

/** What a request asks for. */
export interface Wanted {
  readonly mailbox: string;
  readonly max: number;
  /** Milliseconds. */
  readonly waitMs: number;
  /** How long they are leased, in milliseconds; undefined to take them. */
  readonly leaseMs: number | undefined;
}

/** A message that was given, and the session and the token of its lease. */
export interface GivenMessage extends LeasedMessage {
  readonly session: string;
  readonly token: string;
  readonly tag: number;
}

/** A request for messages. */
interface Receive extends Wanted {
  readonly client: HttpClient;
  /** Names its leases in the store; random. */
  readonly session: string;
  readonly waitUntil: number;
  state: "at store" | "waiting" | "over";
  settle(given: readonly GivenMessage[] | Refusal): void;
}

export interface HttpReceiversOptions extends Pick<Environment, "monotonicClock" | "random"> {
  store: Pick<GroupCommit, "submit">;
  mailboxes: Mailboxes;
}

export class HttpReceivers implements MailboxReceivers {
  readonly #options: HttpReceiversOptions;
  /** Those that wait, by mailbox, the one that has waited longest first. */
  readonly #waiting = new Map<string, Set<Receive>>();
  readonly #waitingOfNetwork = new Map<string, number>();
  #waitingCount = 0;
  /** Mailboxes for which the first in line is asking the store. */
  readonly #serving = new Set<string>();
  /** By mailbox, how many requests are with the store. */
  readonly #atStore = new Map<string, number>();
  readonly #expiring: ReturnType<typeof setInterval>;

  constructor(options: HttpReceiversOptions) {
    this.#options = options;
    options.mailboxes.serve(this);
    this.#expiring = setInterval(() => this.#expire(), EXPIRE_INTERVAL_MS);
  }

  limits(): Limit[] {
    const ofNetwork = this.#waitingOfNetwork.values().reduce((most, count) => Math.max(most, count), 0);
    return [
      { name: "http requests waiting", used: this.#waitingCount, limit: MAX_WAITING },
      { name: "http requests waiting per address", used: ofNetwork, limit: MAX_NETWORK_WAITING },
    ];
  }

  /**
   * Asks for messages. Resolves to none when the wait is over.
   *
   * @param onCancel Is given what withdraws the request, for when the client is gone.
   * @throws {Refusal} `busy`, `overload`, `storage`, or because of an account.
   */
  receive(
    client: HttpClient,
    wanted: Wanted,
    onCancel: (cancel: () => void) => void,
  ): Promise<readonly GivenMessage[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly GivenMessage[]>();
    const { monotonicClock, random } = this.#options;
    const receive: Receive = {
      ...wanted,
      client,
      session: random(8).toHex(),
      waitUntil: monotonicClock() + wanted.waitMs,
      state: "at store",
      settle: (given) => given instanceof Refusal ? reject(given) : resolve(given),
    };
    onCancel(() => this.#cancel(receive));
    // others have waited for longer
    if (this.#serving.has(wanted.mailbox) && wanted.waitMs > 0) this.#wait(receive);
    else this.#ask(receive);
    return promise;
  }

  /** Asks the store for messages; `then` is called with whether there were any. */
  #ask(receive: Receive, then?: (hadMessages: boolean) => void) {
    const { mailbox, max, leaseMs, session, client, waitMs } = receive;
    const subscribe = waitMs > 0 || this.#waiting.has(mailbox);
    const common = { kind: "lease", session, ...chargedTo(client), mailbox } as const;
    // a lease has an ID for each of its messages: each is acknowledged by itself
    const requests = leaseMs === undefined
      ? [{ ...common, tag: 1, max, maxBytes: MAX_TAKEN_BYTES, duration: TAKEN_MS, taken: true, subscribe }]
      : Array.from({ length: max }, (_, i) => {
        return {
          ...common,
          tag: i + 1,
          max: 1,
          maxBytes: 1,
          duration: leaseMs,
          subscribe: subscribe && i === 0,
        };
      });
    this.#atStore.set(mailbox, (this.#atStore.get(mailbox) ?? 0) + 1);
    const given: GivenMessage[] = [];
    let left = requests.length, refused: "busy" | "storage" | "overload" | undefined;
    const answered = (outcome: Exclude<LeaseOutcome, Again> | "overload", tag: number) => {
      if (typeof outcome === "object") given.push(...messagesOf(outcome, session, tag));
      else if (outcome !== "empty") refused ??= outcome;
      if (--left > 0) return;
      const count = this.#atStore.get(mailbox)! - 1;
      if (count > 0) this.#atStore.set(mailbox, count);
      else this.#atStore.delete(mailbox);
      this.#settle(receive, given, refused);
      then?.(given.length > 0);
      if (subscribe && given.length === 0) this.#options.mailboxes.unsubscribe(mailbox);
    };
    for (const request of requests) {
      const isTaken = this.#options.store.submit(request, (outcome) => answered(outcome, request.tag));
      if (!isTaken) answered("overload", request.tag);
    }
  }

  #settle(
    receive: Receive,
    given: readonly GivenMessage[],
    refused: "busy" | "storage" | "overload" | undefined,
  ) {
    const { state, client, mailbox, waitUntil } = receive;
    const denied = this.#denial(client, mailbox);
    if (state === "over" || denied !== undefined) {
      this.giveBack(given);
      if (state !== "over") this.#end(receive, denied!);
    } else if (given.length > 0) {
      this.#end(receive, given);
    } else if (refused !== undefined) {
      this.#end(receive, new Refusal(refused, undefined, { retryAfter: 1 }));
    } else if (this.#options.monotonicClock() < waitUntil) this.#wait(receive);
    else this.#end(receive, []);
  }

  /** Why its client may not have messages of the mailbox, which an account may have begun to cover. */
  #denial({ account }: HttpClient, mailbox: string): Refusal | undefined {
    const why = this.#options.mailboxes.refuseRead(account, mailbox);
    return why === undefined ? undefined : accessRefusal(why, account);
  }

  #end(receive: Receive, given: readonly GivenMessage[] | Refusal) {
    receive.state = "over";
    receive.settle(given);
  }

  #wait(receive: Receive) {
    const { mailbox, client: { network } } = receive;
    const ofNetwork = this.#waitingOfNetwork.get(network) ?? 0;
    if (this.#waitingCount >= MAX_WAITING || ofNetwork >= MAX_NETWORK_WAITING) {
      return this.#end(receive, new Refusal("busy", "too many requests wait", { retryAfter: 1 }));
    }
    receive.state = "waiting";
    const waiting = this.#waiting.get(mailbox);
    if (waiting === undefined) this.#waiting.set(mailbox, new Set([receive]));
    else waiting.add(receive);
    this.#waitingCount++;
    this.#waitingOfNetwork.set(network, ofNetwork + 1);
  }

  #stopWaiting(receive: Receive) {
    const { mailbox, client: { network } } = receive, waiting = this.#waiting.get(mailbox);
    if (!waiting?.delete(receive)) return;
    if (waiting.size === 0) this.#waiting.delete(mailbox);
    this.#waitingCount--;
    const ofNetwork = this.#waitingOfNetwork.get(network)! - 1;
    if (ofNetwork > 0) this.#waitingOfNetwork.set(network, ofNetwork);
    else this.#waitingOfNetwork.delete(network);
  }

  /** The client is gone: what the store still gives goes back. */
  #cancel(receive: Receive) {
    if (receive.state === "over") return;
    const isWaiting = receive.state === "waiting";
    receive.state = "over";
    this.#stopWaiting(receive);
    if (isWaiting) this.#options.mailboxes.unsubscribe(receive.mailbox);
  }

  isAwaited(mailbox: string): boolean {
    return this.#waiting.has(mailbox) || this.#atStore.has(mailbox);
  }

  ready(mailbox: string) {
    if (this.#serving.has(mailbox)) return;
    const receive = this.#waiting.get(mailbox)?.values().next().value;
    if (receive === undefined) return;
    this.#serving.add(mailbox);
    this.#stopWaiting(receive);
    receive.state = "at store";
    this.#ask(receive, (hadMessages) => {
      this.#serving.delete(mailbox);
      if (hadMessages) this.ready(mailbox);
    });
  }

  review(mailbox: string) {
    for (const receive of [...this.#waiting.get(mailbox) ?? []]) {
      const denied = this.#denial(receive.client, mailbox);
      if (denied === undefined) continue;
      this.#stopWaiting(receive);
      this.#end(receive, denied);
    }
  }

  /** The client has all of them: the leases run for all of their time. */
  confirm(given: readonly GivenMessage[]) {
    for (const { session, tag } of leasesOf(given)) {
      this.#options.store.submit({ kind: "confirm", session, tag }, () => {}, false);
    }
  }

  /** The client has them, or a part of them, and they were taken: they are removed. */
  remove(given: readonly GivenMessage[], account: string) {
    for (const { session, token, id } of given) {
      const settle = { kind: "settle", session, token, id, account, what: { kind: "ack" } } as const;
      this.#options.store.submit(settle, () => {}, false);
    }
  }

  /** The client has none of them: they are given out again, uncounted. */
  giveBack(given: readonly GivenMessage[]) {
    for (const { session, tag } of leasesOf(given)) {
      this.#options.store.submit({ kind: "release", session, tag }, () => {});
    }
  }

  #expire() {
    const now = this.#options.monotonicClock();
    for (const [mailbox, waiting] of this.#waiting) {
      for (const receive of waiting) {
        if (now < receive.waitUntil) continue;
        this.#stopWaiting(receive);
        this.#end(receive, []);
        this.#options.mailboxes.unsubscribe(mailbox);
      }
    }
  }

  /** Ends all waits: the server stops. */
  close() {
    clearInterval(this.#expiring);
    for (const waiting of [...this.#waiting.values()]) {
      for (const receive of [...waiting]) {
        this.#stopWaiting(receive);
        this.#end(receive, []);
      }
    }
  }
}

/** To whom what a client stores or leases is charged, as in sessions. */
export function chargedTo({ account, hostname, network }: HttpClient): { account: string; network: string } {
  return { account, network: isLoopback(hostname) ? LOOPBACK : network };
}

function messagesOf({ token, messages }: Leased, session: string, tag: number): GivenMessage[] {
  return messages.map((message) => ({ ...message, session, token, tag }));
}

/** One message of each lease. */
function leasesOf(given: readonly GivenMessage[]): Iterable<GivenMessage> {
  return new Map(given.map((message) => [message.token, message])).values();
}

/** What is answered to a client that may not do something with a mailbox or a name. */
export function accessRefusal(
  why: NonNullable<ReturnType<Mailboxes["refuseRead"]>>,
  account: string,
): Refusal {
  switch (why) {
    case "not your mailbox":
      return new Refusal(account === "" ? "account" : why);
    case "sender has an account":
    case "not your name":
    case "banned":
    case "muted":
      return new Refusal(why);
    case LOG_IN_FIRST:
      return new Refusal("no log-in");
    default:
      return new Refusal("not confirmed");
  }
}
