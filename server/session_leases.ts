/**
 * Who waits for a mailbox, and who was given what: the leases of all sessions, as far as their answers go.
 *
 * @module
 */

import { encodeAnswer, lineLength, MAX_HEADER, MAX_SESSION_DATAGRAM } from "../protocol/session.ts";
import type { SessionAnswer, TaggedRequest } from "../protocol/session.ts";
import { utf8Length } from "../protocol/mailbox.ts";
import type { SessionClient } from "./session_requests.ts";
import { FairTable, type TableLimits, type TableUsage } from "./store/fair_table.ts";
import type { Held } from "./store/holder_lists.ts";
import type { GroupCommit } from "./store/group.ts";
import type { Leased } from "./store/lease_requests.ts";

type LeaseRequest = TaggedRequest & { kind: "lease" };

/** Waits, and answers that are remembered, of one session. */
const MAX_TAGS = 64;

/** Waits. */
const WAIT_LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 10_000 };

/** A wait that is not asked for again is forgotten after this, in milliseconds. */
const REFRESHED = 15_000;

/** An answer that nobody confirms is repeated after this, in milliseconds; doubled each time, up to the last. */
const FIRST_REPEAT = 200, LAST_REPEAT = 5000;

/**
 * Most bytes of text that one lease brings, but for a message that is longer by itself: with what stands before each
 * text, about the ten datagrams that may be sent at first without an answer (RFC 9002, section 7.2).
 */
const LEASE_BYTES = 8192;

/** What has become of a tag. */
export interface Tag extends Held<Tag> {
  client: SessionClient;
  request: LeaseRequest;
  state: "asking" | "waiting" | "given" | "none";
  leased?: Leased;
  confirmed: boolean;
  /** When it was asked for last, when the wait ends, and when the answer is repeated next. */
  asked: number;
  end: number;
  repeat: number;
  pause: number;
}

export interface LeaseServiceOptions {
  store: Pick<GroupCommit, "submit">;
  /** Milliseconds of a clock that is never set. */
  now(): number;
  /** Whether this client may not have messages of this mailbox, any more. */
  isDenied?(client: SessionClient, request: LeaseRequest): boolean;
  /** Those that wait at a time. */
  limits?: TableLimits;
}

export class LeaseService {
  readonly #options: LeaseServiceOptions;
  /** By mailbox, those who wait, the one that has waited longest first. */
  readonly #waiting = new Map<string, Set<Tag>>();
  readonly #asking = new Set<string>();
  /** Requests that are with the store, and mailboxes that got a message meanwhile: its answer does not know of it. */
  #asks = 0;
  /** How many of them are for each mailbox. */
  readonly #asksFor = new Map<string, number>();
  readonly #missed = new Set<string>();
  readonly #unconfirmed = new Set<Tag>();
  readonly #waits: FairTable<Tag>;

  constructor(options: LeaseServiceOptions) {
    this.#options = options;
    this.#waits = new FairTable(options.limits ?? WAIT_LIMITS, ({ client }) => client);
  }

  /** How many wait, and for whom. */
  get usage(): TableUsage {
    return this.#waits.usage;
  }

  request(client: SessionClient, request: LeaseRequest) {
    const known = client.tags.get(request.t), now = this.#options.now();
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
      asked: now,
      end: now + request.wait,
      repeat: 0,
      pause: FIRST_REPEAT,
    };
    client.tags.set(request.t, tag);
    this.#ask(tag, () => {});
  }

  /** Forgets the oldest tags that are settled, where there are too many. */
  #makeRoom({ tags }: SessionClient): boolean {
    for (const [t, { state, confirmed }] of tags) {
      if (tags.size < MAX_TAGS) break;
      if (state === "none" || state === "given" && confirmed) tags.delete(t);
    }
    return tags.size < MAX_TAGS;
  }

  #ask(tag: Tag, then: () => void) {
    const { client, request } = tag;
    const { t, mailbox, max, duration, wait } = request;
    const lease = {
      kind: "lease",
      session: client.id,
      network: client.network,
      owner: client.owner,
      tag: t,
      mailbox,
      max,
      maxBytes: LEASE_BYTES,
      duration,
      watch: wait > 0,
    } as const;
    const answered = () => {
      this.#countAsks(mailbox, -1);
      then();
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
      } else if (outcome === "empty" && this.#options.now() < tag.end) {
        this.#wait(tag);
      } else {
        // what the disk can't take now is asked for again
        if (outcome === "empty") this.#settle(tag);
        else client.tags.delete(t);
        if (outcome === "busy") client.answer({ kind: "busy" });
      }
      answered();
    });
    if (!taken) {
      client.tags.delete(t);
      answered();
    }
  }

  #give(tag: Tag, leased: Leased) {
    tag.state = "given";
    tag.leased = leased;
    tag.repeat = this.#options.now() + tag.pause;
    this.#unconfirmed.add(tag);
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
      leaving.client.tags.delete(leaving.request.t);
    }
    this.#waits.add(tag);
  }

  #deny(tag: Tag) {
    const { client, request: { t } } = tag;
    tag.state = "none";
    client.tags.delete(t);
    client.answer({ kind: "denied", t });
  }

  #stopWaiting(tag: Tag) {
    const { mailbox } = tag.request, waiting = this.#waiting.get(mailbox);
    if (!waiting?.delete(tag)) return;
    this.#waits.remove(tag);
    if (waiting.size > 0) return;
    this.#waiting.delete(mailbox);
    this.#options.store.submit({ kind: "unwatch", mailbox }, () => {});
  }

  #answer({ client, request: { t }, state, leased }: Tag) {
    if (state === "waiting") client.answer({ kind: "pending", t });
    else if (state === "none") client.answer({ kind: "none", t });
    else if (state === "given") { for (const answer of messageAnswers(t, leased!)) client.answer(answer); }
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
    const [tag] = this.#waiting.get(mailbox) ?? [];
    if (tag === undefined || this.#asking.has(mailbox)) {
      if (this.#asks > 0) this.#missed.add(mailbox);
      return;
    }
    this.#asking.add(mailbox);
    const waiting = this.#waiting.get(mailbox)!;
    waiting.delete(tag);
    this.#waits.remove(tag);
    tag.state = "asking";
    this.#ask(tag, () => {
      this.#asking.delete(mailbox);
      // it may be another set than before, where the last one left and others came meanwhile
      const left = this.#waiting.get(mailbox);
      if (left === undefined) return;
      if (left.size === 0) return void this.#waiting.delete(mailbox);
      if (tag.state === "given") return this.ready(mailbox);
      // it got nothing, so it keeps its turn
      if (left.delete(tag)) this.#waiting.set(mailbox, new Set([tag, ...left]));
    });
  }

  confirm(client: SessionClient, t: number) {
    const tag = client.tags.get(t);
    if (tag !== undefined) this.#confirmed(tag);
    const { store } = this.#options;
    store.submit({ kind: "confirm", session: client.id, tag: t }, () => client.answer({ kind: "got", t }));
  }

  /** Something was done with a token: its messages have arrived. */
  used(client: SessionClient, token: string) {
    for (const tag of client.tags.values()) if (tag.leased?.token === token) this.#confirmed(tag);
  }

  #confirmed(tag: Tag) {
    tag.confirmed = true;
    this.#unconfirmed.delete(tag);
  }

  cancel(client: SessionClient, t: number) {
    const tag = client.tags.get(t);
    if (tag === undefined) return client.answer({ kind: "none", t });
    const { state } = tag;
    if (state === "waiting") this.#stopWaiting(tag);
    if (state === "given") this.#release(tag);
    this.#settle(tag);
  }

  #release(tag: Tag) {
    this.#confirmed(tag);
    const { client: { id }, request: { t } } = tag;
    this.#options.store.submit({ kind: "release", session: id, tag: t }, () => {});
  }

  /** Forgets a session: its waits end, and what it was given is left to the store's deadline. */
  forget({ tags }: SessionClient) {
    for (const tag of tags.values()) {
      this.#stopWaiting(tag);
      this.#unconfirmed.delete(tag);
      // what the store still gives goes back
      if (tag.state === "asking") tag.state = "none";
    }
    tags.clear();
  }

  /** Repeats what nobody has confirmed. To be called about every 100 ms. */
  repeat() {
    const now = this.#options.now();
    for (const tag of this.#unconfirmed) {
      if (now < tag.repeat) continue;
      tag.pause *= 2;
      tag.repeat = now + tag.pause;
      // the store takes the messages back about now
      if (tag.pause > LAST_REPEAT) this.#unconfirmed.delete(tag);
      else this.#answer(tag);
    }
  }

  /** Ends the waits that are over, or that nobody asks for any more. To be called about every second. */
  expire() {
    const now = this.#options.now();
    for (const waiting of this.#waiting.values()) {
      for (const tag of waiting) {
        const forgotten = now - tag.asked > REFRESHED;
        if (!forgotten && now < tag.end) continue;
        this.#stopWaiting(tag);
        if (forgotten) tag.client.tags.delete(tag.request.t);
        else this.#settle(tag);
      }
    }
  }
}

/** The messages of a lease as answers, each of which fits into a datagram. */
function* messageAnswers(t: number, { token, messages }: Leased): Generator<SessionAnswer> {
  const k = messages.length;
  for (const [index, { id, attempt, sender, time, message }] of messages.entries()) {
    const i = index + 1, length = utf8Length(message);
    const room = MAX_SESSION_DATAGRAM - MAX_HEADER;
    const msg = (text: string): SessionAnswer & { kind: "msg" } => (
      { kind: "msg", t, i, k, token, length, message: { id, attempt, time, from: sender, text } }
    );
    const whole = msg(message);
    if (lineLength(encodeAnswer(whole)) <= room) {
      yield whole;
      continue;
    }
    const begin = cut(message, 0, room - lineLength(encodeAnswer(msg(""))));
    yield msg(begin);
    for (let at = begin.length, offset = utf8Length(begin); at < message.length;) {
      const piece = { kind: "piece", t, i, offset } as const;
      const text = cut(message, at, room - lineLength(encodeAnswer({ ...piece, text: "" })));
      yield { ...piece, text };
      at += text.length;
      offset += utf8Length(text);
    }
  }
}

const encoder = new TextEncoder(), room = new Uint8Array(MAX_SESSION_DATAGRAM);

/** As much of the text from `at` as takes no more than so many bytes, cut between characters. */
export function cut(text: string, at: number, bytes: number): string {
  const { read } = encoder.encodeInto(text.slice(at, at + bytes), room.subarray(0, bytes));
  return text.slice(at, at + read);
}
