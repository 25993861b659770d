import type { Context } from "../../database/context.ts";
import { FairTable } from "../../../quota/fair_table.ts";
import { AgeList } from "./age_list.ts";
import { ForgottenSessions } from "./forgotten_sessions.ts";
import type { Reached } from "../mailbox/limits.ts";
import type { Messages } from "../message/messages.ts";
import type { Threads } from "../thread/threads.ts";
import {
  type EndSession,
  needsSpace,
  type OpenSession,
  type OrderedBatch,
  type OrderedRequest,
  type RequestOutcome,
  type SessionOutcome,
  type SessionState,
} from "../../requests/session.ts";
import { type KeptSession, SessionRows } from "./session_rows.ts";

/** How long a session is kept after its last use (session.md 8.2). */
const SESSION_KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * How long a session is kept after its end: what it sent before may be on its way for at most that long (RFC 9293,
 * section 3.4.2; session.md 8.5).
 */
const ENDED_SESSION_KEPT_MS = 2 * 60 * 1000;

/** How far each session has come: so that nothing is carried out twice. */
export class Sessions {
  readonly table: FairTable<KeptSession>;
  readonly #context: Context;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #sessions = new Map<string, KeptSession>();
  readonly #rows: SessionRows;
  readonly #forgotten: ForgottenSessions;
  /** The sessions that their clients have not ended, and those that they have, in the order of their last use. */
  readonly #running = new AgeList<KeptSession>();
  readonly #ended = new AgeList<KeptSession>();
  /** How often sessions were used. */
  #uses = 0;

  constructor(context: Context, messages: Messages, threads: Threads) {
    this.#context = context;
    this.#messages = messages;
    this.#threads = threads;
    this.table = new FairTable(context.configuration.sessionLimits, (entry) => entry);
    this.#rows = new SessionRows(context);
    this.#forgotten = new ForgottenSessions(context);
    let damaged = 0;
    for (const session of this.#rows.load()) {
      if (session === undefined) damaged++;
      else {
        this.#uses = session.age;
        this.#add(session);
      }
    }
    // nobody knows which ones these are: none that began up to the last record is taken for a new one
    if (damaged > 0) this.#forgotten.raiseHorizon(Math.max(this.latestStart, context.wallClock()));
  }

  /** The latest start time of all sessions that are kept, or were. */
  get latestStart(): number {
    let latest = this.#forgotten.latest;
    for (const { startTime } of this.#sessions.values()) latest = Math.max(latest, startTime);
    return latest;
  }

  /** Whether this request is a use of a session that is known. */
  isUsedBy({ session: id, account = "" }: OpenSession | EndSession): boolean {
    return this.#sessions.get(id)?.account === account;
  }

  /** How far the session has come, if it is known; this counts as use of it. */
  open({ session: id, account = "", startTime = this.#context.wallClock() }: OpenSession): SessionOutcome {
    const session = this.#sessions.get(id);
    if (session === undefined) return this.#forgotten.has(id, startTime) ? "unknown" : "new";
    if (session.account !== account) return "denied";
    const state = this.#stateOf(session);
    if (state === undefined) return this.#lose(session);
    session.outcomes = state.outcomes;
    this.#use(session, false);
    return state;
  }

  /** The row of a session is damaged: what came of its requests is not known any more. */
  #lose(session: KeptSession): "unknown" {
    this.#forget(session, true);
    return "unknown";
  }

  /** Ends the session, unless its client lacks an outcome: it is forgotten soon. */
  end({ session: id, account = "", low }: EndSession): SessionOutcome {
    const session = this.#sessions.get(id);
    if (session === undefined) return "unknown";
    if (session.account !== account) return "denied";
    const state = this.#stateOf(session);
    if (state === undefined) return this.#lose(session);
    if (low > state.done && !session.ended) {
      session.outcomes = state.outcomes;
      this.#use(session, true);
    }
    return state;
  }

  /** Carries out the requests that are next. `canStore`: whether those that need space may be tried. */
  carryOut(batch: OrderedBatch, canStore: boolean): SessionOutcome {
    const { session: id, account = "", fresh = false, network = "", first, low, changes } = batch;
    const { startTime = this.#context.wallClock() } = batch;
    const before = this.#sessions.get(id);
    if (before !== undefined && before.account !== account) return "denied";
    if (before === undefined) {
      if (!fresh && this.#forgotten.has(id, startTime)) return "unknown";
      if (first > 1) return low > 1 ? "unknown" : { done: 0, outcomes: [] };
    }
    const willCount = before === undefined || before.ended && account !== "";
    const leaving = willCount ? this.table.roomFor(before ?? { network, account }) : undefined;
    if (leaving === "full") return "busy";
    const past = before && this.#stateOf(before);
    if (before !== undefined && past === undefined) return this.#lose(before);
    const state: SessionState = {
      done: past?.done ?? 0,
      outcomes: (past?.outcomes ?? []).filter(([n]) => n >= low),
    };
    let n = first;
    for (const request of changes) {
      const last = n + (request.numbers ?? 1) - 1;
      // if a number before it is missing, it is not carried out
      if (n > state.done + 1) break;
      if (last > state.done) {
        const result = this.#carryOut(id, request, canStore);
        if (result === "storage") {
          state.refused = { n: last };
          break;
        }
        if (result !== undefined && "limit" in result) {
          state.refused = { n: last, limit: result.of === "share" ? result.limit : "full" };
          break;
        }
        if (result !== undefined) state.outcomes.push([last, result]);
        state.done = last;
      }
      n = last + 1;
    }
    // a session that has carried out nothing needs not be kept
    if (state.done > 0) {
      if (leaving !== undefined) this.#forget(leaving, true);
      const { done, outcomes } = state;
      if (before !== undefined) {
        Object.assign(before, { done, outcomes });
        this.#use(before, false);
      } else this.#begin({ id, account, network, startTime, done, outcomes });
    }
    return state;
  }

  #begin(values: Pick<KeptSession, "id" | "account" | "network" | "startTime" | "done" | "outcomes">) {
    const session: KeptSession = {
      ...values,
      ended: false,
      usedAt: this.#context.monotonicClock(),
      age: ++this.#uses,
      rows: 0,
      lastRow: 0,
      hasRow: false,
      older: undefined,
      newer: undefined,
      use: 0,
      before: undefined,
      after: undefined,
    };
    this.#add(session);
    this.#rows.changed(session);
  }

  #add(session: KeptSession) {
    this.#sessions.set(session.id, session);
    this.#list(session);
  }

  #list(session: KeptSession) {
    (session.ended ? this.#ended : this.#running).add(session);
    if (isCounted(session)) this.table.add(session);
  }

  #unlist(session: KeptSession) {
    (session.ended ? this.#ended : this.#running).remove(session);
    if (isCounted(session)) this.table.remove(session);
  }

  /** The session was used, or is ended by its client. */
  #use(session: KeptSession, ended: boolean) {
    if (session.ended === ended) {
      this.#running.remove(session);
      this.#running.add(session);
      this.table.use(session);
    } else {
      this.#unlist(session);
      session.ended = ended;
      this.#list(session);
    }
    session.usedAt = this.#context.monotonicClock();
    session.age = ++this.#uses;
    this.#rows.changed(session);
  }

  /** @param mayGoOn Whether its client may go on with it. */
  #forget(session: KeptSession, mayGoOn: boolean) {
    if (mayGoOn) this.#forgotten.add(session.id, session.startTime);
    this.#sessions.delete(session.id);
    this.#unlist(session);
    this.#rows.removed(session);
  }

  /** Carries one request out. Returns undefined if it just succeeded, or what refuses it for now. */
  #carryOut(
    session: string,
    request: OrderedRequest,
    canStore: boolean,
  ): RequestOutcome | Reached | "storage" | undefined {
    if (!canStore && needsSpace(request)) return "storage";
    const { leased } = this.#messages;
    const lost = (ids: number[]): RequestOutcome | undefined =>
      ids.length > 0 ? { kind: "lost", ids } : undefined;
    switch (request.kind) {
      case "put": {
        const result = this.#messages.put(request);
        return result === "stored" ? undefined : result;
      }
      case "ack":
      case "back":
      case "begin":
        return lost(leased[request.kind](session, request.token, request.ids));
      case "fail":
        return lost(leased.back(session, request.token, request.ids, request));
      case "extend":
        return leased.extend(session, request.token, request.duration)
          ? undefined
          : { kind: "lost", ids: [] };
      case "skip":
        return { kind: "bad", reason: "withdrawn" };
      case "bad":
        return { kind: "bad", reason: request.reason };
      default: {
        const reason = this.#threads.change(request);
        return reason === undefined ? undefined : { kind: "bad", reason };
      }
    }
  }

  #stateOf(session: KeptSession): SessionState | undefined {
    const outcomes = this.#rows.outcomesOf(session);
    return outcomes && { done: session.done, outcomes };
  }

  /** The session that can be forgotten first of those whose time is over at this time of the monotonic clock. */
  #firstOld(monotonicClock: number): KeptSession | undefined {
    const ended = this.#ended.first, running = this.#running.first;
    if (ended !== undefined && monotonicClock - ended.usedAt > ENDED_SESSION_KEPT_MS) return ended;
    if (running !== undefined && monotonicClock - running.usedAt > SESSION_KEPT_MS) return running;
    return undefined;
  }

  /** Whether there are sessions that can be forgotten at this time of the monotonic clock. */
  isDue(monotonicClock: number): boolean {
    return this.#firstOld(monotonicClock) !== undefined;
  }

  /** Forgets sessions that were not used for a day, or that were ended, up to `count` of them. */
  forgetOld(count: number): "done" {
    const now = this.#context.monotonicClock();
    for (let left = count; left > 0; left--) {
      const session = this.#firstOld(now);
      if (session === undefined) break;
      this.#forget(session, !session.ended);
    }
    return "done";
  }

  /** Forgets all: none of their clients can go on with them. */
  forgetAll() {
    // in an order that is the same after the sessions were read from their rows
    const sessions = [...this.#sessions.values()].sort((a, b) => a.age - b.age);
    for (const session of sessions) this.#forget(session, true);
  }

  /** About how many rows there are to {@linkcode flush}. */
  get unflushed(): number {
    return this.#rows.unflushed;
  }

  /** Brings up to about so many rows up to date. Returns whether there are more. */
  flush(rows: number): boolean {
    const isMore = this.#forgotten.flush(rows);
    return this.#rows.flush(rows) || isMore;
  }
}

function isCounted({ account, ended }: KeptSession): boolean {
  return account === "" || !ended;
}
