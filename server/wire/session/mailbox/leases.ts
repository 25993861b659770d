/**
 * Who waits for a mailbox, and who was given what: the leases of all sessions, as far as their answers go.
 *
 * @module
 */

import { utf8Length } from "../../../../protocol/mailbox.ts";
import { encodeMailboxAnswer, type UnorderedMailboxRequest } from "../../../../protocol/mailbox_requests.ts";
import type { SessionClient } from "../handler.ts";
import { textLines } from "../text_lines.ts";
import { FairTable, type TableLimits, type TableUsage } from "../../../quota/fair_table.ts";
import type { Held } from "../../../quota/holder_lists.ts";
import type { GroupCommit } from "../../../store/journal/group.ts";
import type { Leased } from "../../../store/requests/lease.ts";
import { UNCONFIRMED_LEASE_MS } from "../../../store/engine/message/leases.ts";

type LeaseRequest = UnorderedMailboxRequest & { kind: "lease" };

/** Waits, and answers that are remembered, of one session. */
const MAX_TAGS = 64;

/** Waits. */
const WAIT_LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 10_000 };

/** A wait that is not asked for again is forgotten after this, in milliseconds. */
const REFRESHED = 15_000;

/** An answer that nobody confirms is repeated after this, in milliseconds; doubled each time, until it is taken back. */
const FIRST_REPEAT = 200;

/**
 * Most bytes of text that one lease brings, but for a message that is longer by itself: with what stands before each
 * text, about the ten datagrams that may be sent at first without an answer (RFC 9002, section 7.2).
 */
const LEASE_BYTES = 8192;

/**
 * A session that has waited and does not confirm what it was given for so long loses it to the next one, in
 * milliseconds: the probe time-out before anything is known of the way (RFC 9002, section 6.2.2).
 */
const SILENT = 1000;

/** A wait that was not refreshed for so long, in milliseconds, has its turn behind those that were: clients do every 5 s. */
const OVERDUE = 6000;

/** Sessions that are asked whether they still wait, where one that was given something does not confirm it. */
const MAX_ASKED = 64;

/** What has become of a tag. */
export interface Tag extends Held<Tag> {
  client: SessionClient;
  request: LeaseRequest;
  state: "asking" | "waiting" | "given" | "none";
  leased?: Leased;
  confirmed: boolean;
  /** Whether it had to wait for what it was given. */
  waited: boolean;
  /** When it was asked for last and when it was given something, when the wait ends, and when the answer is repeated. */
  asked: number;
  given: number;
  end: number;
  repeat: number;
  pause: number;
}

export interface LeaseServiceOptions {
  store: Pick<GroupCommit, "submit">;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** Whether this client may not have messages of this mailbox, any more. */
  isDenied?(client: SessionClient, request: LeaseRequest): boolean;
  /** Those that wait at a time. */
  limits?: TableLimits;
}

export class LeaseService {
  readonly #options: LeaseServiceOptions;
  /** What the tags of each session stand for, the oldest first. */
  readonly #tags = new Map<SessionClient, Map<number, Tag>>();
  /** By mailbox, those who wait, the one that has waited longest first. */
  readonly #waiting = new Map<string, Set<Tag>>();
  readonly #asking = new Set<string>();
  /** Requests that are with the store, and mailboxes that got a message meanwhile: its answer does not know of it. */
  #asks = 0;
  /** How many of them are for each mailbox. */
  readonly #asksFor = new Map<string, number>();
  readonly #missed = new Set<string>();
  readonly #unconfirmed = new Set<Tag>();
  /** By mailbox, who was given a message after a wait and has not confirmed it: those behind it are held back so long. */
  readonly #held = new Map<string, Tag>();
  readonly #waits: FairTable<Tag>;

  constructor(options: LeaseServiceOptions) {
    this.#options = options;
    this.#waits = new FairTable(options.limits ?? WAIT_LIMITS, ({ client }) => client);
  }

  /** How many wait, and for whom. */
  get usage(): TableUsage {
    return this.#waits.usage;
  }

  /** Tags of a session that are known, the oldest first. */
  tagsOf(client: SessionClient): number[] {
    return [...this.#tags.get(client)?.keys() ?? []];
  }

  #known(client: SessionClient): Map<number, Tag> {
    let tags = this.#tags.get(client);
    if (tags === undefined) this.#tags.set(client, tags = new Map());
    return tags;
  }

  request(client: SessionClient, request: LeaseRequest) {
    const known = this.#known(client).get(request.t), now = this.#options.monotonicClock();
    if (known !== undefined) {
      known.asked = now;
      if (known.state === "waiting") this.#waits.use(known);
      return this.#answer(known);
    }
    if (!this.#makeRoom(client) || this.#waits.roomFor(client) === "full") {
      return client.answer({ kind: "busy" });
    }
    const tag: Tag = {
      client,
      older: undefined,
      newer: undefined,
      request,
      state: "asking",
      confirmed: false,
      waited: false,
      asked: now,
      given: 0,
      end: now + request.wait,
      repeat: 0,
      pause: FIRST_REPEAT,
    };
    this.#known(client).set(request.t, tag);
    if (!this.#isHeld(request.mailbox)) return this.#ask(tag, () => {});
    this.#wait(tag);
  }

  /** Whether messages of this mailbox are given in turn to those who wait, so that nobody gets a later one first. */
  #isHeld(mailbox: string): boolean {
    return this.#held.has(mailbox) || this.#asking.has(mailbox);
  }

  /** Forgets the oldest tags that are settled, where there are too many. */
  #makeRoom(client: SessionClient): boolean {
    const tags = this.#known(client);
    for (const [t, { state, confirmed }] of tags) {
      if (tags.size < MAX_TAGS) break;
      if (state === "none" || state === "given" && confirmed) tags.delete(t);
    }
    return tags.size < MAX_TAGS;
  }

  /** @param then Is told whether there was something for it, if only for a moment. */
  #ask(tag: Tag, then: (hadMessages: boolean) => void) {
    const { client, request } = tag;
    const { t, mailbox, max, duration, wait, ahead } = request;
    const lease = {
      kind: "lease",
      session: client.id,
      network: client.network,
      account: client.account,
      tag: t,
      mailbox,
      max,
      maxBytes: LEASE_BYTES,
      duration,
      subscribe: wait > 0 || this.#waiting.has(mailbox),
      ...ahead ? { ahead } : {},
    } as const;
    const answered = (hadMessages: boolean) => {
      this.#countAsks(mailbox, -1);
      then(hadMessages);
      if (this.#missed.delete(mailbox)) this.ready(mailbox);
      if (this.#asks === 0) this.#missed.clear();
    };
    this.#countAsks(mailbox, 1);
    const taken = this.#options.store.submit(lease, (outcome) => {
      if (tag.state === "none") {
        // it was cancelled meanwhile, or its session is gone: the next one who waits gets it
        if (typeof outcome === "object") {
          this.#release(tag);
          this.#missed.add(mailbox);
        }
      } else if (typeof outcome === "object") {
        if (this.#options.isDenied?.(client, request)) {
          // the mailbox has got an owner meanwhile
          this.#release(tag);
          this.#deny(tag);
        } else {
          this.#give(tag, outcome);
        }
      } else if (outcome === "empty" && this.#options.monotonicClock() < tag.end) {
        this.#wait(tag);
      } else {
        // what the disk can't take now is asked for again
        if (outcome === "empty") this.#settle(tag);
        else this.#tags.get(client)?.delete(t);
        if (outcome === "busy") client.answer({ kind: "busy" });
      }
      answered(typeof outcome === "object");
      // it has set a watch, and waits no longer
      if (lease.subscribe && outcome === "empty") this.#unwatch(mailbox);
    });
    if (!taken) {
      this.#tags.get(client)?.delete(t);
      answered(false);
    }
  }

  #give(tag: Tag, leased: Leased) {
    tag.state = "given";
    tag.leased = leased;
    tag.given = this.#options.monotonicClock();
    tag.repeat = tag.given + tag.pause;
    this.#unconfirmed.add(tag);
    if (tag.waited) this.#held.set(tag.request.mailbox, tag);
    this.#answer(tag);
  }

  #settle(tag: Tag) {
    tag.state = "none";
    delete tag.leased;
    this.#answer(tag);
  }

  #wait(tag: Tag) {
    if (this.#options.isDenied?.(tag.client, tag.request)) return this.#deny(tag);
    tag.state = "waiting";
    tag.waited = true;
    const { mailbox } = tag.request;
    let waiting = this.#waiting.get(mailbox);
    if (waiting === undefined) this.#waiting.set(mailbox, waiting = new Set());
    waiting.add(tag);
    this.#takeWait(tag);
    this.#answer(tag);
  }

  /** Counts the wait. The one that it takes the place of is forgotten: its client asks for it again. */
  #takeWait(tag: Tag) {
    const leaving = this.#waits.roomFor(tag.client);
    if (typeof leaving === "object") {
      this.#stopWaiting(leaving);
      this.#tags.get(leaving.client)?.delete(leaving.request.t);
    }
    this.#waits.add(tag);
  }

  #deny(tag: Tag) {
    const { client, request: { t } } = tag;
    tag.state = "none";
    this.#tags.get(client)?.delete(t);
    client.send(encodeMailboxAnswer({ kind: "denied", t }));
  }

  #stopWaiting(tag: Tag) {
    const { mailbox } = tag.request, waiting = this.#waiting.get(mailbox);
    if (!waiting?.delete(tag)) return;
    this.#waits.remove(tag);
    if (waiting.size > 0) return;
    this.#waiting.delete(mailbox);
    this.#unwatch(mailbox);
  }

  /**
   * Has the store notify of no more messages, where nobody waits. One whose request is with the store may have to wait:
   * the watch that it sets would be the one that ends.
   */
  #unwatch(mailbox: string) {
    if (this.isAwaited(mailbox)) return;
    this.#options.store.submit({ kind: "unsubscribe", mailbox }, () => {});
  }

  #answer({ client, request: { t }, state, leased }: Tag) {
    if (state === "waiting") client.send(encodeMailboxAnswer({ kind: "pending", t }));
    else if (state === "none") client.send(encodeMailboxAnswer({ kind: "none", t }));
    else if (state === "given") { for (const line of messageLines(t, leased!)) client.send(line); }
  }

  /** Whether somebody waits for a mailbox, or is about to. */
  isAwaited(mailbox: string): boolean {
    return this.#waiting.has(mailbox) || this.#asksFor.has(mailbox);
  }

  #countAsks(mailbox: string, by: number) {
    this.#asks += by;
    const count = (this.#asksFor.get(mailbox) ?? 0) + by;
    if (count > 0) this.#asksFor.set(mailbox, count);
    else this.#asksFor.delete(mailbox);
  }

  /** Who may wait for a mailbox has changed. */
  review(mailbox: string) {
    for (const tag of this.#waiting.get(mailbox) ?? []) {
      if (!this.#options.isDenied?.(tag.client, tag.request)) continue;
      this.#stopWaiting(tag);
      this.#deny(tag);
    }
  }

  /** There is a message in a mailbox: those who wait are asked for in their turn, until one gets nothing. */
  ready(mailbox: string) {
    this.#next(mailbox, OVERDUE);
  }

  /** Asks for the first one in turn that was heard within so many milliseconds, or else for the first one. */
  #next(mailbox: string, heardWithin: number) {
    // then it goes on when that is confirmed, or goes back
    if (this.#held.has(mailbox)) return;
    const line = this.#waiting.get(mailbox) ?? new Set(),
      since = this.#options.monotonicClock() - heardWithin;
    const tag = line.values().find(({ client }) => client.receivedAt >= since) ?? line.values().next().value;
    if (tag === undefined || this.#asking.has(mailbox)) {
      if (this.#asks > 0) this.#missed.add(mailbox);
      return;
    }
    this.#asking.add(mailbox);
    line.delete(tag);
    this.#waits.remove(tag);
    tag.state = "asking";
    this.#ask(tag, (hadMessages) => {
      this.#asking.delete(mailbox);
      // it may be another set than before, where the last one left and others came meanwhile
      const left = this.#waiting.get(mailbox) ?? new Set();
      if (left.size === 0) return void this.#waiting.delete(mailbox);
      // also where it was cancelled meanwhile, and what it was given goes back
      if (hadMessages) return this.ready(mailbox);
      // it got nothing, so it keeps its turn
      if (left.delete(tag)) this.#waiting.set(mailbox, new Set([tag, ...left]));
      this.#endWaits(mailbox);
    });
  }

  /** There is nothing for those either whose wait was over while others were served. */
  #endWaits(mailbox: string) {
    for (const tag of this.#waiting.get(mailbox) ?? []) {
      if (this.#options.monotonicClock() < tag.end) continue;
      this.#stopWaiting(tag);
      this.#settle(tag);
    }
  }

  confirm(client: SessionClient, t: number) {
    const tag = this.#tags.get(client)?.get(t);
    if (tag !== undefined) this.#confirmed(tag);
    const { store } = this.#options;
    store.submit(
      { kind: "confirm", session: client.id, tag: t },
      () => client.send(encodeMailboxAnswer({ kind: "got", t })),
    );
  }

  /** Something was done with a token: its messages have arrived. */
  used(client: SessionClient, token: string) {
    for (const tag of this.#tags.get(client)?.values() ?? []) {
      if (tag.leased?.token === token) this.#confirmed(tag);
    }
  }

  #confirmed(tag: Tag) {
    tag.confirmed = true;
    this.#unconfirmed.delete(tag);
    this.#letGo(tag, OVERDUE);
  }

  /** Goes on with what was held back behind the messages of this tag. */
  #letGo(tag: Tag, heardWithin: number) {
    const { mailbox } = tag.request;
    if (this.#held.get(mailbox) !== tag) return;
    this.#held.delete(mailbox);
    this.#next(mailbox, heardWithin);
  }

  cancel(client: SessionClient, t: number) {
    const tag = this.#tags.get(client)?.get(t);
    if (tag === undefined) return client.send(encodeMailboxAnswer({ kind: "none", t }));
    const { state } = tag;
    if (state === "waiting") this.#stopWaiting(tag);
    if (state === "given") this.#release(tag);
    this.#settle(tag);
  }

  /** Gives the messages back, and then on to others, if any were heard within so many milliseconds to them first. */
  #release(tag: Tag, heardWithin = OVERDUE) {
    const { client: { id }, request: { t } } = tag;
    tag.confirmed = true;
    this.#unconfirmed.delete(tag);
    this.#options.store.submit({ kind: "release", session: id, tag: t }, () => {});
    this.#letGo(tag, heardWithin);
  }

  /**
   * Takes the messages from a session that does not confirm them, and what it waits for if it says nothing at all. One that
   * speaks has its turn behind all others: with many waits it would hold up the mailbox for as many seconds.
   */
  #takeBack(tag: Tag) {
    const { client, request: { t, mailbox } } = tag, line = this.#waiting.get(mailbox);
    this.#tags.get(client)?.delete(t);
    const isSilent = client.receivedAt <= tag.given;
    for (const other of this.#tags.get(client)?.values() ?? []) {
      if (other.state !== "waiting") continue;
      if (!isSilent) {
        if (line?.delete(other)) line.add(other);
        continue;
      }
      this.#stopWaiting(other);
      this.#tags.get(client)?.delete(other.request.t);
    }
    // who is there has answered since that was repeated first
    this.#release(tag, this.#options.monotonicClock() - tag.given - FIRST_REPEAT);
  }

  /** Forgets a session: its waits end, and what it has not confirmed goes back. */
  forget(client: SessionClient) {
    const tags = this.#tags.get(client);
    if (tags === undefined) return;
    for (const tag of tags.values()) {
      this.#stopWaiting(tag);
      if (this.#unconfirmed.has(tag)) this.#release(tag);
      // what the store still gives goes back
      if (tag.state === "asking") tag.state = "none";
    }
    this.#tags.delete(client);
  }

  /** Repeats what nobody has confirmed, or takes it back. To be called about every 100 ms. */
  repeat() {
    const now = this.#options.monotonicClock();
    for (const tag of this.#unconfirmed) {
      const silent = now - tag.given;
      if (silent >= UNCONFIRMED_LEASE_MS || silent >= SILENT && this.#isWantedByOthers(tag)) {
        this.#takeBack(tag);
        continue;
      }
      if (now < tag.repeat) continue;
      if (tag.pause === FIRST_REPEAT) this.#askOthers(tag);
      tag.pause *= 2;
      tag.repeat = now + tag.pause;
      this.#answer(tag);
    }
  }

  /** Whether messages behind these are held back from another session. */
  #isWantedByOthers(tag: Tag): boolean {
    if (this.#held.get(tag.request.mailbox) !== tag) return false;
    return this.#waiting.get(tag.request.mailbox)?.values().some(({ client }) => client !== tag.client) ??
      false;
  }

  /** Asks those who wait for the same whether they are still there, before one of them is given something. */
  #askOthers(tag: Tag) {
    if (this.#held.get(tag.request.mailbox) !== tag) return;
    for (const other of this.#waiting.get(tag.request.mailbox)?.values().take(MAX_ASKED) ?? []) {
      this.#answer(other);
    }
  }

  /** Ends the waits that are over, or that nobody asks for any more. To be called about every second. */
  expire() {
    const now = this.#options.monotonicClock();
    for (const waiting of this.#waiting.values()) {
      for (const tag of waiting) {
        const forgotten = now - tag.asked > REFRESHED;
        if (!forgotten && (now < tag.end || this.#isHeld(tag.request.mailbox))) continue;
        this.#stopWaiting(tag);
        if (forgotten) this.#tags.get(tag.client)?.delete(tag.request.t);
        else this.#settle(tag);
      }
    }
  }
}

/** The lines of the messages of a lease. */
function* messageLines(t: number, { token, messages }: Leased): Generator<string> {
  const k = messages.length;
  for (const [index, message] of messages.entries()) {
    const i = index + 1, length = utf8Length(message.text);
    yield* textLines(
      message.text,
      (text) => encodeMailboxAnswer({ kind: "msg", t, i, k, token, length, message: { ...message, text } }),
      (offset, text) => encodeMailboxAnswer({ kind: "piece", t, i, offset, text }),
    );
  }
}
