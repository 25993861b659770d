/**
 * Mailboxes that an account covers, and what they held before. `protocol/accounts.md` is the specification.
 *
 * Invariant: no message that was put before an account was asked for is given out of its mailbox once the account covers
 * it. Ready, waiting and delayed messages are set apart before that: they become dead letters of a kind of its own. Leased
 * ones become such when they are released.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import type { SettingApart } from "../../requests/account.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { ReadyMessages } from "./ready_messages.ts";
import type { MessageTables } from "./leased_messages.ts";
import { buryDamaged, buryDamagedDelayed } from "./rows/damage.ts";
import { isWholeDelayed } from "./rows/delayed_messages.ts";
import { isWhole, type Message } from "./rows/message_rows.ts";

/** Messages that are looked at in one piece, and about how many bytes of text: some milliseconds' work. */
const PIECE_MESSAGES = 256, PIECE_BYTES = 256 * 1024;

/** What is set apart from. */
interface CoverageOptions extends MessageTables {
  context: Pick<Context, "onEvent" | "wallClock">;
  ready: ReadyMessages;
  leased: { has(id: number): boolean };
  /** The highest number that a message has or has had. */
  lastSeq(): number;
}

interface ApartSource extends CoverageOptions {
  /** Milliseconds since 1970. */
  now: number;
}

/** Which mailboxes accounts cover. */
export class Coverage {
  readonly #options: CoverageOptions;

  constructor(options: CoverageOptions) {
    this.#options = options;
  }

  /**
   * Sets a piece of what a mailbox holds apart, and lets an account cover it from now on when nothing is left.
   *
   * @param before What the pieces before this one came to; by default it is the first.
   */
  add(
    mailbox: string,
    before: SettingApart = { last: this.#options.lastSeq(), apart: 0, short: 0, long: 0 },
  ): SettingApart & { isDone: boolean } | "apart full" {
    const { covered, context } = this.#options;
    // another account may have been asked for since: whichever comes first, the other one has none
    const coming = covered.coming(mailbox), last = Math.max(before.last, coming.last);
    const state = setApart(mailbox, { ...before, last }, { ...this.#options, now: context.wallClock() });
    if (state === "apart full" || !state.isDone) return state;
    covered.set(mailbox, last);
    return { ...state, apart: state.apart + coming.apart };
  }

  /** To be called after each piece. `isFirst`, `isLast`: of those that one request comes to. */
  count(mailbox: string, isFirst: boolean, isLast: boolean) {
    const { covered, lastSeq } = this.#options;
    if (isFirst && !isLast) covered.begin(mailbox, lastSeq());
    if (!isFirst && isLast) covered.end(mailbox);
  }
}

/**
 * Sets a piece apart of what a mailbox holds and is not leased, and of its dead letters.
 *
 * @param before What the pieces before this one came to.
 * @returns What all have come to, and whether nothing is left; or `apart full` if there is no room for all of it.
 */
function setApart(
  name: string,
  before: SettingApart,
  source: ApartSource,
): SettingApart & { isDone: boolean } | "apart full" {
  const { mailboxes, dead } = source, mailbox = mailboxes.get(name);
  // leased messages count too: they are added when they are released
  if (!dead.hasRoomApart(name, mailbox?.messages ?? 0, mailbox?.bytes ?? 0)) return "apart full";
  const piece = pieceOf(mailbox),
    letters = dead.setSomeApart(name, before.last, piece),
    left = piece - letters;
  const state = { ...before, apart: before.apart + letters };
  if (left === 0 || mailbox === undefined) return { ...state, isDone: left > 0 };
  let seen = setDelayedApart(mailbox, left, state, source);
  if (seen < left) seen += setReadyApart(mailbox, left - seen, state, source);
  if (seen < left) seen += setWaitingApart(mailbox, left - seen, state, source);
  return { ...state, isDone: seen < left };
}

/** How many messages a piece has: fewer if they are long. */
function pieceOf(
  { messages, bytes }: { messages: number; bytes: number } = { messages: 0, bytes: 0 },
): number {
  return Math.min(PIECE_MESSAGES, Math.ceil(PIECE_BYTES * (messages + 1) / (bytes + 1)));
}

/** These return how many they looked at, which is `limit` if there may be more. */
function setDelayedApart(mailbox: Mailbox, limit: number, state: SettingApart, source: ApartSource): number {
  const { context, mailboxes, delayed, dead, now } = source;
  const messages = delayed.of(mailbox.name, 0, limit).filter(({ id }) => id <= state.last);
  for (const message of messages) {
    const { owner, bytes, expires } = message;
    delayed.remove(message);
    mailboxes.change(mailbox, mailboxes.owners.withId(owner), -1, -bytes);
    if (!isWholeDelayed(message)) {
      buryDamagedDelayed(context, dead, message);
      continue;
    }
    if (expires !== null && expires <= now) continue;
    dead.setApart(mailbox.name, { ...message, seq: message.id }, 0);
    state.apart++;
  }
  return messages.length;
}

function setReadyApart(mailbox: Mailbox, limit: number, state: SettingApart, source: ApartSource): number {
  const { messages, isMore } = source.ready.upTo(mailbox, state.last, limit);
  for (const message of messages) setMessageApart(mailbox, message, state, source);
  return isMore ? limit : messages.length;
}

/** Those that wait for their next attempt stand anywhere among those that are leased: all are looked at once. */
function setWaitingApart(mailbox: Mailbox, limit: number, state: SettingApart, source: ApartSource): number {
  const { kept, leased, context } = source;
  let seen = 0;
  for (const queue of mailbox.queues) {
    if (kept.waiting.of(mailbox.name) === 0) break;
    const cursor = queue.isLong ? state.long : state.short, count = limit - seen;
    const rows: Message[] = kept.rows.whole.from(mailbox, { isLong: queue.isLong, cursor }, count);
    const found = [...rows, ...queue.pendingFrom(cursor, count - rows.length)];
    for (const message of found) {
      if (message.seq > state.last) break;
      seen++;
      if (queue.isLong) state.long = message.seq + 1;
      else state.short = message.seq + 1;
      if (leased.has(message.seq) || message.due === null) continue;
      if (isWhole(mailbox.name, message)) setMessageApart(mailbox, message, state, source);
      else buryDamaged(context, source, mailbox, message);
    }
    if (seen === limit) break;
  }
  return seen;
}

function setMessageApart(
  mailbox: Mailbox,
  message: Message,
  state: SettingApart,
  { kept, dead, now }: ApartSource,
) {
  kept.remove(mailbox, message);
  if (message.expires !== null && message.expires <= now) return;
  dead.setApart(mailbox.name, message, message.attempts);
  state.apart++;
}
