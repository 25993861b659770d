import type { Context } from "../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../database/statements.ts";
import { FairTable } from "../../quota/fair_table.ts";
import { ForgottenSessions } from "./forgotten_sessions.ts";
import type { Linked } from "../../quota/owner_lists.ts";
import type { Reached } from "./mailbox/limits.ts";
import type { Messages } from "./message/messages.ts";
import type { Threads } from "./threads.ts";
import type {
  EndSession,
  OpenSession,
  OrderedBatch,
  OrderedRequest,
  RequestOutcome,
  SessionOutcome,
  SessionState,
} from "../requests/session.ts";

/** How long a session is kept after its last use (session.md 8.2). */
const SESSION_KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * How long a session is kept after its end: what it sent before may be on its way for at most that long (RFC 9293,
 * section 3.4.2; session.md 8.5).
 */
const ENDED_SESSION_KEPT_MS = 2 * 60 * 1000;

/** A session that has a row. */
interface KeptSession extends Linked<KeptSession> {
  readonly id: string;
  readonly network: string;
  readonly account: string;
  readonly startTime: number;
  /** Whether its client has ended it. If it was logged in, it is not counted from then on: its seal is gone as well. */
  ended: boolean;
  /** The highest request number carried out. */
  done: number;
  /** Whether there are outcomes, which are read when they are needed: they may be long. */
  hasOutcomes: boolean;
}

type SessionRow =
  & Pick<KeptSession, "id" | "account" | "network" | "startTime" | "done">
  & Record<"ended" | "hasOutcomes", number>;

/** How far each session has come: so that nothing is carried out twice. */
export class Sessions {
  readonly #context: Context;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #sql;
  readonly #sessions = new Map<string, KeptSession>();
  readonly table: FairTable<KeptSession>;
  readonly #forgotten: ForgottenSessions;

  constructor(context: Context, messages: Messages, threads: Threads) {
    this.#context = context;
    this.#messages = messages;
    this.#threads = threads;
    const { db } = context;
    this.#sql = prepareAll(db, {
      outcomes: "SELECT outcomes FROM session WHERE id = ?",
      add: `INSERT INTO session (id, done, outcomes, used_at, account, network, start_time)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      write: "UPDATE session SET done = ?, outcomes = ?, used_at = ?, ended = 0 WHERE id = ?",
      use: "UPDATE session SET used_at = ?, ended = 0 WHERE id = ?",
      end: "UPDATE session SET used_at = ?, ended = 1 WHERE id = ?",
      old: `SELECT id FROM session WHERE used_at < ? ${LIMIT}`,
      forget: "DELETE FROM session WHERE id = ?",
      latestStart: "SELECT coalesce(max(start_time), 0) AS time FROM session",
    });
    this.table = new FairTable(context.configuration.sessionLimits, (entry) => entry);
    this.#forgotten = new ForgottenSessions(context);
    const rows = db.prepare(`
      SELECT id, account, network, start_time AS startTime, ended, done, outcomes <> '[]' AS hasOutcomes
        FROM session ORDER BY use, used_at, id`);
    for (const row of allRows<SessionRow>(rows)) {
      const ended = row.ended === 1, hasOutcomes = row.hasOutcomes === 1;
      this.#add({ ...row, ended, hasOutcomes, older: undefined, newer: undefined, use: 0 });
    }
  }

  /** The latest start time of all sessions that have a row, or had one. */
  get latestStart(): number {
    return Math.max(this.#forgotten.horizon, firstRow<{ time: number }>(this.#sql.latestStart)!.time);
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
    this.#context.transaction.run(this.#sql.use, this.#context.wallClock(), id);
    this.#use(session);
    return this.#stateOf(session);
  }

  /** Ends the session, unless its client lacks an outcome: it is forgotten soon. */
  end({ session: id, account = "", low }: EndSession): SessionOutcome {
    const session = this.#sessions.get(id);
    if (session === undefined) return "unknown";
    if (session.account !== account) return "denied";
    const state = this.#stateOf(session);
    if (low > state.done && !session.ended) {
      const used = this.#context.wallClock() - SESSION_KEPT_MS + ENDED_SESSION_KEPT_MS;
      this.#context.transaction.run(this.#sql.end, used, id);
      this.#setEnded(session, true);
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
    const leaving = willCount ? this.#roomFor(before ?? { network, account }) : undefined;
    if (leaving === "full") return "busy";
    const past = before && this.#stateOf(before);
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
    // a session that has carried out nothing needs no row
    if (state.done > 0) {
      this.#context.transaction.begin();
      if (leaving !== undefined) this.#forget(leaving, true);
      if (before !== undefined) this.#write(before, state);
      else this.#insert({ id, account, network, startTime }, state);
    }
    return state;
  }

  /** The session that has to be forgotten so that one more can be kept. */
  #roomFor({ network, account }: { network: string; account: string }): KeptSession | "full" | undefined {
    return this.table.roomFor({ network, account });
  }

  /** @param mayGoOn Whether its client may go on with it. */
  #forget(session: KeptSession, mayGoOn: boolean) {
    const { transaction } = this.#context, { id, startTime } = session;
    transaction.run(this.#sql.forget, id);
    if (mayGoOn) this.#forgotten.add(id, startTime);
    this.#remove(session);
    transaction.onRollback(() => this.#add(session));
  }

  #add(session: KeptSession) {
    this.#sessions.set(session.id, session);
    if (isCounted(session)) this.table.add(session);
  }

  #insert(name: Pick<KeptSession, "id" | "account" | "network" | "startTime">, state: SessionState) {
    const { id, account, network, startTime } = name, { done, outcomes } = state;
    const hasOutcomes = outcomes.length > 0, links = { older: undefined, newer: undefined, use: 0 };
    const session = { id, account, network, startTime, done, hasOutcomes, ended: false, ...links };
    this.#add(session);
    this.#context.transaction.onRollback(() => this.#remove(session));
    const used = this.#context.wallClock();
    this.#sql.add.run(id, done, JSON.stringify(outcomes), used, account, network, startTime);
  }

  #remove(session: KeptSession) {
    if (!this.#sessions.delete(session.id)) return;
    if (isCounted(session)) this.table.remove(session);
  }

  #use(session: KeptSession) {
    if (session.ended) this.#setEnded(session, false);
    else this.table.use(session);
  }

  #setEnded(session: KeptSession, ended: boolean) {
    const set = (ended: boolean) => {
      if (isCounted(session)) this.table.remove(session);
      session.ended = ended;
      if (isCounted(session)) this.table.add(session);
    };
    set(ended);
    this.#context.transaction.onRollback(() => {
      if (this.#sessions.get(session.id) === session) set(!ended);
    });
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

  #stateOf({ id, done, hasOutcomes }: KeptSession): SessionState {
    const row = hasOutcomes ? firstRow<{ outcomes: string }>(this.#sql.outcomes, id) : undefined;
    return { done, outcomes: row === undefined ? [] : JSON.parse(row.outcomes) };
  }

  #write(session: KeptSession, { done, outcomes }: SessionState) {
    const { done: doneBefore, hasOutcomes } = session, { transaction, wallClock } = this.#context;
    transaction.onRollback(() => Object.assign(session, { done: doneBefore, hasOutcomes }));
    this.#sql.write.run(done, JSON.stringify(outcomes), wallClock(), session.id);
    this.#use(session);
    Object.assign(session, { done, hasOutcomes: outcomes.length > 0 });
  }

  /** Whether there are sessions that can be forgotten now. */
  isDue(wallClock: number): boolean {
    return this.#sql.old.get(wallClock - SESSION_KEPT_MS, 1) !== undefined;
  }

  /** Forgets all: none of their clients can go on with them. */
  forgetAll() {
    for (const session of [...this.#sessions.values()]) this.#forget(session, true);
  }

  /** Forgets sessions that were not used for a day, up to `rows` of them. */
  forgetOld(rows: number): "done" {
    const old = allRows<{ id: string }>(this.#sql.old, this.#context.wallClock() - SESSION_KEPT_MS, rows);
    for (const { id } of old) {
      const session = this.#sessions.get(id)!;
      this.#forget(session, !session.ended);
    }
    return "done";
  }
}

function isCounted({ account, ended }: KeptSession): boolean {
  return account === "" || !ended;
}

/** Whether a request needs space, rather than freeing some. */
export function needsSpace({ kind }: OrderedRequest): boolean {
  return kind === "put" || kind === "create" || kind === "post" || kind === "edit";
}
