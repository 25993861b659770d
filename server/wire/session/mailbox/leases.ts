/**
 * The leases of all sessions: which receiver is given a mailbox's next message, and whether its client confirms that.
 * `protocol/session.md`, sections 6 and 7, is the specification.
 *
 * @module
 */

import { encodeMailboxAnswer } from "../../../../protocol/session/mailbox_requests.ts";
import type { TableLimits, TableUsage } from "../../../quota/fair_table.ts";
import type { Environment } from "../../../quota/uptime.ts";
import type { MailboxReceivers } from "../../../service/mailboxes.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { Again } from "../../../store/requests/again.ts";
import { type Leased, type LeaseOutcome, UNCONFIRMED_LEASE_MS } from "../../../store/requests/lease.ts";
import type { SessionClient } from "../handler.ts";
import { FIRST_REPEAT_MS, type LeaseRequest, Receiver } from "./receiver.ts";
import { WaitingReceivers } from "./waiting_receivers.ts";

/** Tags of one session that are remembered (session.md section 10). */
const MAX_TAGS = 64;

/** A wait ends if its client has not asked for it again for so long. Clients do so every 5 s (session.md 7.2). */
const REFRESH_MS = 15_000;

/**
 * After how long a lease that is not confirmed goes to another receiver that waits: the probe time-out before a round
 * trip is known (RFC 9002, section 6.2.2; session.md 7.6).
 */
const SILENCE_MS = 1000;

/** A receiver whose client was silent for longer has its turn after the others (session.md 7.7). */
const OVERDUE_MS = 6000;

/** Receivers that are asked whether they still wait, when another one does not confirm its lease (session.md 7.5). */
const MAX_ASKED = 64;

export interface LeasesOptions extends Pick<Environment, "monotonicClock"> {
  store: Pick<GroupCommit, "submit">;
  /** Ends the store's reports of messages of a mailbox for which nobody waits, on any wire; by itself by default. */
  unsubscribe?(mailbox: string): void;
  /** Whether a client may not have messages of a mailbox. */
  isDenied?(client: SessionClient, mailbox: string): boolean;
  /** Limits of the receivers that wait. */
  limits?: TableLimits;
}

export class Leases implements MailboxReceivers {
  readonly #options: LeasesOptions;
  /** The receivers of each session by their tags, the oldest first. */
  readonly #bySession = new Map<SessionClient, Map<number, Receiver>>();
  readonly #waiting: WaitingReceivers;
  /** Mailboxes for which the first receiver in line is asking the store. */
  readonly #serving = new Set<string>();
  /** By mailbox, how many lease requests are with the store, and whether a message came that their answers may miss. */
  readonly #atStore = new Map<string, { requests: number; missed: boolean }>();
  /** The receivers whose clients have not confirmed their leases, by the tokens of these. */
  readonly #unconfirmed = new Map<string, Receiver>();
  /** By mailbox, the receiver that waited and has not confirmed its lease: meanwhile the others behind it wait. */
  readonly #blocking = new Map<string, Receiver>();

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#waiting = new WaitingReceivers(options.limits);
  }

  /** How many receivers wait, and whose. */
  get usage(): TableUsage {
    return this.#waiting.table.usage;
  }

  /** Tags of a session that are remembered, the oldest first. */
  tagsOf(client: SessionClient): number[] {
    return [...this.#bySession.get(client)?.keys() ?? []];
  }

  request(client: SessionClient, request: LeaseRequest) {
    const now = this.#options.monotonicClock(), { t, mailbox, wait } = request;
    let receivers = this.#bySession.get(client);
    const known = receivers?.get(t);
    if (known !== undefined) {
      known.requestedAt = now;
      if (known.state === "waiting") this.#waiting.table.use(known);
      return known.answer();
    }
    if (receivers === undefined) this.#bySession.set(client, receivers = new Map());
    if (!makeRoom(receivers) || this.#waiting.table.roomFor(client) === "full") {
      return client.answer({ kind: "busy" });
    }
    const receiver = new Receiver(client, request, now);
    receivers.set(t, receiver);
    if (this.#isInTurns(mailbox)) this.#wait(receiver);
    else this.#ask(receiver, wait > 0 || this.#waiting.has(mailbox));
  }

  /** Whether receivers of this mailbox are served in turn, so that none gets a later message first (session.md 7.4). */
  #isInTurns(mailbox: string): boolean {
    return this.#blocking.has(mailbox) || this.#serving.has(mailbox);
  }

  /**
   * Asks the store for messages.
   *
   * @param subscribe Whether the store is to report the next message if there is none.
   * @param then Called with whether there was a message, if only for a moment.
   */
  #ask(receiver: Receiver, subscribe: boolean, then?: (hadMessages: boolean) => void) {
    const { mailbox } = receiver.request;
    const atStore = this.#atStore.get(mailbox) ?? { requests: 0, missed: false };
    this.#atStore.set(mailbox, atStore);
    atStore.requests++;
    const answered = (hadMessages: boolean) => {
      const { missed } = atStore;
      atStore.missed = false;
      if (--atStore.requests === 0) this.#atStore.delete(mailbox);
      then?.(hadMessages);
      if (missed) this.ready(mailbox);
    };
    const taken = this.#options.store.submit(receiver.toStore(subscribe), (outcome) => {
      if (this.#settle(receiver, outcome) === "released") atStore.missed = true;
      answered(typeof outcome === "object");
      if (subscribe && outcome === "empty") this.#unsubscribe(mailbox);
    });
    if (!taken) {
      this.#forgetTag(receiver);
      answered(false);
    }
  }

  /** Takes the store's answer. Returns whether its messages were released at once. */
  #settle(receiver: Receiver, outcome: Exclude<LeaseOutcome, Again>): "released" | undefined {
    const { client, request } = receiver;
    if (receiver.state === "ended") {
      // it was cancelled meanwhile, or its session was removed
      if (typeof outcome !== "object") return undefined;
      this.#release(receiver);
      return "released";
    }
    if (typeof outcome === "object") {
      if (this.#options.isDenied?.(client, request.mailbox)) {
        // the mailbox was given to an account meanwhile
        this.#release(receiver);
        this.#deny(receiver);
      } else {
        this.#give(receiver, outcome);
      }
    } else if (outcome === "empty") {
      if (this.#options.monotonicClock() < receiver.waitUntil) this.#wait(receiver);
      else this.#end(receiver);
    } else {
      // its client repeats the request
      this.#forgetTag(receiver);
      if (outcome === "busy") client.answer({ kind: "busy" });
    }
    return undefined;
  }

  #give(receiver: Receiver, leased: Leased) {
    receiver.state = "given";
    receiver.leased = leased;
    receiver.givenAt = this.#options.monotonicClock();
    receiver.repeatAt = receiver.givenAt + receiver.repeatPauseMs;
    this.#unconfirmed.set(leased.token, receiver);
    if (receiver.hasWaited) this.#blocking.set(receiver.request.mailbox, receiver);
    receiver.answer();
  }

  #end(receiver: Receiver) {
    receiver.state = "ended";
    receiver.leased = undefined;
    receiver.answer();
  }

  #wait(receiver: Receiver) {
    if (this.#options.isDenied?.(receiver.client, receiver.request.mailbox)) return this.#deny(receiver);
    receiver.state = "waiting";
    receiver.hasWaited = true;
    const leaving = this.#waiting.table.roomFor(receiver.client);
    this.#waiting.add(receiver);
    if (leaving !== undefined && leaving !== "full") {
      // its client asks for it again
      this.#stopWaiting(leaving);
      this.#forgetTag(leaving);
    }
    receiver.answer();
  }

  #deny(receiver: Receiver) {
    receiver.state = "ended";
    this.#forgetTag(receiver);
    receiver.client.send(encodeMailboxAnswer({ kind: "denied", t: receiver.request.t }));
  }

  #forgetTag({ client, request }: Receiver) {
    this.#bySession.get(client)?.delete(request.t);
  }

  #stopWaiting(receiver: Receiver) {
    if (this.#waiting.remove(receiver)) this.#unsubscribe(receiver.request.mailbox);
  }

  /**
   * Ends the store's reports of messages if nobody waits. A request that is with the store counts: what it subscribes to
   * would be ended.
   */
  #unsubscribe(mailbox: string) {
    if (this.isAwaited(mailbox)) return;
    if (this.#options.unsubscribe !== undefined) return this.#options.unsubscribe(mailbox);
    this.#options.store.submit({ kind: "unsubscribe", mailbox }, () => {});
  }

  isAwaited(mailbox: string): boolean {
    return this.#waiting.has(mailbox) || this.#atStore.has(mailbox);
  }

  review(mailbox: string) {
    for (const receiver of this.#waiting.of(mailbox)) {
      if (!this.#options.isDenied?.(receiver.client, mailbox)) continue;
      this.#stopWaiting(receiver);
      this.#deny(receiver);
    }
  }

  /** Serves the receivers that wait in their turn, until one gets nothing. */
  ready(mailbox: string) {
    this.#serveNext(mailbox, OVERDUE_MS);
  }

  /** Serves the first receiver whose client was silent for no longer than this, or else the first. */
  #serveNext(mailbox: string, maxSilenceMs: number) {
    // it goes on when that lease is confirmed or released
    if (this.#blocking.has(mailbox)) return;
    const receiver = this.#waiting.next(mailbox, this.#options.monotonicClock() - maxSilenceMs);
    if (receiver === undefined || this.#serving.has(mailbox)) {
      const atStore = this.#atStore.get(mailbox);
      if (atStore !== undefined) atStore.missed = true;
      return;
    }
    this.#serving.add(mailbox);
    this.#waiting.remove(receiver);
    receiver.state = "at store";
    // others may begin to wait meanwhile
    this.#ask(receiver, true, (hadMessages) => {
      this.#serving.delete(mailbox);
      // there may be more, also if it was cancelled meanwhile and its messages are released
      if (hadMessages) return this.ready(mailbox);
      this.#waiting.moveToFront(receiver);
      this.#endWaits(mailbox);
    });
  }

  /** Ends the waits whose time was over while others were served: there is nothing for them either. */
  #endWaits(mailbox: string) {
    for (const receiver of this.#waiting.of(mailbox)) {
      if (this.#options.monotonicClock() < receiver.waitUntil) continue;
      this.#stopWaiting(receiver);
      this.#end(receiver);
    }
  }

  confirm(client: SessionClient, t: number) {
    const receiver = this.#bySession.get(client)?.get(t);
    if (receiver !== undefined) this.#confirmed(receiver);
    const answer = () => client.send(encodeMailboxAnswer({ kind: "got", t }));
    // the client goes on without it: it costs no sync by itself
    this.#options.store.submit({ kind: "confirm", session: client.id, tag: t }, answer, false);
  }

  /** The client has named this token: the messages of that lease have arrived. */
  used(client: SessionClient, token: string) {
    const receiver = this.#unconfirmed.get(token);
    if (receiver?.client === client) this.#confirmed(receiver);
  }

  #confirmed(receiver: Receiver) {
    this.#setConfirmed(receiver);
    this.#unblock(receiver, OVERDUE_MS);
  }

  #setConfirmed(receiver: Receiver) {
    receiver.isConfirmed = true;
    if (receiver.leased !== undefined) this.#unconfirmed.delete(receiver.leased.token);
  }

  #unblock(receiver: Receiver, maxSilenceMs: number) {
    const { mailbox } = receiver.request;
    if (this.#blocking.get(mailbox) !== receiver) return;
    this.#blocking.delete(mailbox);
    this.#serveNext(mailbox, maxSilenceMs);
  }

  cancel(client: SessionClient, t: number) {
    const receiver = this.#bySession.get(client)?.get(t);
    if (receiver === undefined) return client.send(encodeMailboxAnswer({ kind: "none", t }));
    if (receiver.state === "waiting") this.#stopWaiting(receiver);
    if (receiver.state === "given") this.#release(receiver);
    this.#end(receiver);
  }

  /** Releases the messages of a lease, for the receivers that wait. */
  #release(receiver: Receiver, maxSilenceMs = OVERDUE_MS) {
    const { client: { id }, request: { t } } = receiver;
    this.#setConfirmed(receiver);
    this.#options.store.submit({ kind: "release", session: id, tag: t }, () => {});
    this.#unblock(receiver, maxSilenceMs);
  }

  /**
   * Takes a lease that is not confirmed from its session. If the client was silent since, its waits end too; else they go
   * behind the others in line: with many waits it would block the mailbox for as many seconds (session.md 7.6).
   */
  #revoke(receiver: Receiver) {
    const { client, request: { mailbox }, givenAt } = receiver;
    this.#forgetTag(receiver);
    const isSilent = client.receivedAt <= givenAt;
    for (const other of this.#bySession.get(client)?.values() ?? []) {
      if (other.state !== "waiting") continue;
      if (isSilent) {
        this.#stopWaiting(other);
        this.#forgetTag(other);
      } else if (other.request.mailbox === mailbox) {
        this.#waiting.moveToEnd(other);
      }
    }
    // clients that are there have answered since they were asked
    this.#release(receiver, this.#options.monotonicClock() - givenAt - FIRST_REPEAT_MS);
  }

  /** Ends the waits of a session that is removed, and releases what it has not confirmed. */
  forget(client: SessionClient) {
    for (const receiver of this.#bySession.get(client)?.values() ?? []) {
      this.#stopWaiting(receiver);
      if (receiver.state === "given" && !receiver.isConfirmed) this.#release(receiver);
      // what the store still gives is released
      if (receiver.state === "at store") receiver.state = "ended";
    }
    this.#bySession.delete(client);
  }

  /** Repeats the answers that are not confirmed, or revokes their leases. To be called about every 100 ms. */
  repeat() {
    const now = this.#options.monotonicClock();
    for (const receiver of this.#unconfirmed.values()) {
      const silenceMs = now - receiver.givenAt;
      if (silenceMs >= UNCONFIRMED_LEASE_MS || silenceMs >= SILENCE_MS && this.#isBlockingOthers(receiver)) {
        this.#revoke(receiver);
        continue;
      }
      if (now < receiver.repeatAt) continue;
      if (receiver.repeatPauseMs === FIRST_REPEAT_MS) this.#askOthers(receiver);
      receiver.repeatPauseMs *= 2;
      receiver.repeatAt = now + receiver.repeatPauseMs;
      receiver.answer();
    }
  }

  /** Whether a receiver of another session waits behind this one. */
  #isBlockingOthers(receiver: Receiver): boolean {
    const { client, request: { mailbox } } = receiver;
    return this.#blocking.get(mailbox) === receiver &&
      this.#waiting.of(mailbox).values().some((other) => other.client !== client);
  }

  /** Asks the receivers behind this one whether they still wait, before one of them is given something. */
  #askOthers(receiver: Receiver) {
    const { mailbox } = receiver.request;
    if (this.#blocking.get(mailbox) !== receiver) return;
    for (const other of this.#waiting.of(mailbox).values().take(MAX_ASKED)) other.answer();
  }

  /** Ends the waits whose time is over, or that are not asked for any more. To be called about every second. */
  expire() {
    const now = this.#options.monotonicClock();
    for (const receiver of this.#waiting.all()) {
      const isForgotten = now - receiver.requestedAt > REFRESH_MS;
      const isOver = now >= receiver.waitUntil && !this.#isInTurns(receiver.request.mailbox);
      if (!isForgotten && !isOver) continue;
      this.#stopWaiting(receiver);
      if (isForgotten) this.#forgetTag(receiver);
      else this.#end(receiver);
    }
  }
}

/** Forgets the oldest tags that are done with if there are too many. Returns whether there is room for one more. */
function makeRoom(receivers: Map<number, Receiver>): boolean {
  for (const [t, { state, isConfirmed }] of receivers) {
    if (receivers.size < MAX_TAGS) break;
    if (state === "ended" || state === "given" && isConfirmed) receivers.delete(t);
  }
  return receivers.size < MAX_TAGS;
}
