/**
 * What the SQLite store knows of sessions: how far each has come, so that nothing is carried out twice.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { LIMIT } from "../database/bound_limit.ts";
import { FairTable, type Origin, type TableLimits, type TableUsage } from "../../quota/fair_table.ts";
import { Forgotten } from "./forgotten.ts";
import type { Linked } from "../../quota/owner_lists.ts";
import type { Reached } from "./message/mailboxes.ts";
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
import type { Transaction } from "../database/transaction.ts";

/** Sessions that are kept. */
export const SESSION_LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 1000 };

/** Milliseconds for which a session is kept after its last use. */
export const SESSION_KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Milliseconds for which one is kept that has ended: what was sent before may still be on its way, for at most that long
 * (RFC 9293, section 3.4.2).
 */
export const ENDED_SESSION_KEPT_MS = 2 * 60 * 1000;

/** Sessions whose state memory holds; that of the others is read again when they are used. */
const REMEMBERED = 10_000;

/** A session that has a row. */
interface Known extends Linked<Known>, Origin {
  readonly id: string;
  readonly born: number;
  /** Whether its client has left. One that had logged in is not counted from then on: its seal is gone as well. */
  ended: boolean;
  state: SessionState | undefined;
}

export interface SessionsOptions {
  db: DatabaseSync;
  transaction: Transaction;
  messages: Messages;
  threads: Threads;
  limits?: TableLimits | undefined;
  /** Milliseconds since 1970. */
  wallClock(): number;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #known = new Map<string, Known>();
  readonly #table: FairTable<Known>;
  readonly #forgotten: Forgotten;
  /** Those whose state memory holds, in the order in which it was read or written. */
  readonly #remembered = new Set<Known>();
  /** What is being carried out: who has something in it makes room for nobody. */
  #batch: readonly { kind: string; session?: string }[] = [];

  constructor(options: SessionsOptions) {
    const { db, transaction, limits = SESSION_LIMITS } = options;
    this.#options = options;
    this.#sql = prepare(db);
    this.#table = new FairTable(limits, (known) => known);
    this.#forgotten = new Forgotten(db, transaction);
    for (
      const row of db.prepare(
        "SELECT id, owner AS account, network, born, ended FROM session ORDER BY used, id",
      ).all()
    ) {
      const { id, account, network, born, ended } = row as unknown as
        & Pick<Known, "id" | "account" | "network" | "born">
        & { ended: number };
      this.#add(known({ id, account, network, born, ended: ended === 1 }));
    }
  }

  get usage(): TableUsage {
    return this.#table.usage;
  }

  /** The greatest time at which a session began that has a row, or had one. */
  get births(): number {
    return Math.max(this.#forgotten.horizon, this.#sql.births.get()!.born as number);
  }

  /** These requests are carried out next. */
  begin(batch: readonly { kind: string; session?: string }[]) {
    this.#batch = batch;
  }

  /** How far the session has come, if it is known; this counts as use of it. */
  open({ session, account = "", startTime = this.#options.wallClock() }: OpenSession): SessionOutcome {
    const known = this.#known.get(session);
    if (known === undefined) return this.#forgotten.has(session, startTime) ? "unknown" : "new";
    if (known.account !== account) return "denied";
    this.#options.transaction.begin();
    this.#sql.use.run(this.#options.wallClock(), session);
    this.#used(known);
    return { ...this.#stateOf(known) };
  }

  /** The session has ended, unless its client lacks an outcome: it is forgotten soon. */
  end({ session, account = "", low }: EndSession): SessionOutcome {
    const known = this.#known.get(session);
    if (known === undefined) return "unknown";
    if (known.account !== account) return "denied";
    const state = this.#stateOf(known);
    if (low > state.done && !known.ended) {
      this.#options.transaction.begin();
      this.#sql.end.run(this.#options.wallClock() - SESSION_KEPT_MS + ENDED_SESSION_KEPT_MS, session);
      this.#setEnded(known, true);
    }
    return { ...state };
  }

  /** Carries out what is next, as far as it goes. `storing` is whether puts may be tried. */
  change(request: OrderedBatch, storing: boolean): SessionOutcome {
    const { session, account = "", fresh = false, network = "", first, low, changes } = request;
    const { startTime = this.#options.wallClock() } = request;
    const before = this.#known.get(session);
    if (before !== undefined && before.account !== account) return "denied";
    if (before === undefined) {
      if (!fresh && this.#forgotten.has(session, startTime)) return "unknown";
      if (first > 1) return low > 1 ? "unknown" : { done: 0, outcomes: [] };
    }
    const isCounted = before !== undefined && !(before.ended && account !== "");
    const leaving = isCounted ? undefined : this.#roomFor(before ?? { network, account });
    if (leaving === "full") return "busy";
    const past = before && this.#stateOf(before);
    const state: SessionState = {
      done: past?.done ?? 0,
      outcomes: (past?.outcomes ?? []).filter(([n]) => n >= low),
    };
    let n = first;
    for (const change of changes) {
      const last = n + (change.numbers ?? 1) - 1;
      // where one is missing before it, none is carried out
      if (n > state.done + 1) break;
      if (last > state.done) {
        const result = this.#carryOut(session, change, storing);
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
    // of one that has carried out nothing there is nothing to know
    if (state.done > 0) {
      const { done, outcomes } = state, { transaction } = this.#options;
      transaction.begin();
      if (leaving !== undefined) this.#forget(leaving, true);
      if (before !== undefined) this.#write(before, { done, outcomes });
      else {this.#addNew(known({ id: session, account, network, born: startTime, ended: false }), {
          done,
          outcomes,
        });}
    }
    return state;
  }

  /** What has to go so that one more can be kept. */
  #roomFor(place: Origin): Known | "full" | undefined {
    let named: Set<string | undefined> | undefined;
    return this.#table.roomFor(place, ({ id }) => {
      named ??= new Set(this.#batch.map(({ session }) => session));
      return named.has(id);
    });
  }

  /** @param again Whether its client may go on with it. */
  #forget(known: Known, again: boolean) {
    const { transaction } = this.#options, { id, born } = known;
    transaction.begin();
    this.#sql.forget.run(id);
    if (again) this.#forgotten.add(id, born);
    this.#remove(known);
    transaction.onRollback(() => this.#add(known));
  }

  #add(known: Known) {
    this.#known.set(known.id, known);
    if (isCounted(known)) this.#table.add(known);
  }

  #addNew(known: Known, state: SessionState) {
    const { id, account, network, born } = known, { done, outcomes } = state;
    this.#add(known);
    this.#options.transaction.onRollback(() => this.#remove(known));
    this.#sql.add.run(id, done, JSON.stringify(outcomes), this.#options.wallClock(), account, network, born);
    this.#remember(known, state);
  }

  #remove(known: Known) {
    if (!this.#known.delete(known.id)) return;
    if (isCounted(known)) this.#table.remove(known);
    this.#remembered.delete(known);
    known.state = undefined;
  }

  #used(known: Known) {
    if (known.ended) this.#setEnded(known, false);
    else this.#table.use(known);
  }

  #setEnded(known: Known, ended: boolean) {
    const { transaction } = this.#options;
    const set = (ended: boolean) => {
      if (isCounted(known)) this.#table.remove(known);
      known.ended = ended;
      if (isCounted(known)) this.#table.add(known);
    };
    set(ended);
    transaction.onRollback(() => {
      if (this.#known.get(known.id) === known) set(!ended);
    });
  }

  #carryOut(
    session: string,
    change: OrderedRequest,
    storing: boolean,
  ): RequestOutcome | Reached | "storage" | undefined {
    const { messages, threads } = this.#options;
    const lost = (ids: number[]): RequestOutcome | undefined =>
      ids.length > 0 ? { kind: "lost", ids } : undefined;
    switch (change.kind) {
      case "put": {
        if (!storing) return "storage";
        const outcome = messages.put(change);
        return outcome === "stored" ? undefined : outcome;
      }
      case "ack":
        return lost(messages.leased.ack(session, change.token, change.ids));
      case "back":
        return lost(messages.leased.back(session, change.token, change.ids));
      case "fail":
        return lost(messages.leased.back(session, change.token, change.ids, change));
      case "extend":
        return messages.leased.extend(session, change.token, change.duration)
          ? undefined
          : { kind: "lost", ids: [] };
      case "begin":
        return lost(messages.leased.begin(session, change.token, change.ids));
      case "skip":
        return { kind: "bad", reason: "withdrawn" };
      case "bad":
        return { kind: "bad", reason: change.reason };
      default: {
        if (isAddingChange(change) && !storing) return "storage";
        const reason = threads.change(change);
        return reason === undefined ? undefined : { kind: "bad", reason };
      }
    }
  }

  #stateOf(known: Known): SessionState {
    if (known.state === undefined) {
      const { done, special } = this.#sql.read.get(known.id) as { done: number; special: string };
      this.#remember(known, { done, outcomes: JSON.parse(special) });
    }
    return known.state!;
  }

  #write(known: Known, state: SessionState) {
    const { done, outcomes } = state;
    // what memory holds is read again after a rollback
    this.#options.transaction.onRollback(() => known.state = undefined);
    this.#sql.write.run(done, JSON.stringify(outcomes), this.#options.wallClock(), known.id);
    this.#used(known);
    this.#remember(known, state);
  }

  #remember(known: Known, state: SessionState) {
    known.state = state;
    this.#remembered.delete(known);
    this.#remembered.add(known);
    if (this.#remembered.size <= REMEMBERED) return;
    const [oldest] = this.#remembered;
    this.#remembered.delete(oldest!);
    oldest!.state = undefined;
  }

  /** Forgets those that were not used for a day, up to `rows` of them. Returns how many they were. */
  forget(rows: number): number {
    const old = this.#sql.old.all(this.#options.wallClock() - SESSION_KEPT_MS, rows) as { id: string }[];
    for (const { id } of old) {
      const known = this.#known.get(id)!;
      this.#forget(known, !known.ended);
    }
    return old.length;
  }
}

function known(of: Omit<Known, "older" | "newer" | "state">): Known {
  return { ...of, older: undefined, newer: undefined, state: undefined };
}

function isCounted({ account, ended }: Known): boolean {
  return account === "" || !ended;
}

/** Whether a change needs space, rather than freeing some. */
export function isAddingChange({ kind }: OrderedRequest): boolean {
  return kind === "put" || kind === "create" || kind === "post" || kind === "edit";
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    read: sql("SELECT done, special FROM session WHERE id = ?"),
    add: sql(
      "INSERT INTO session (id, done, special, used, owner, network, born) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    write: sql("UPDATE session SET done = ?, special = ?, used = ?, ended = 0 WHERE id = ?"),
    use: sql("UPDATE session SET used = ?, ended = 0 WHERE id = ?"),
    end: sql("UPDATE session SET used = ?, ended = 1 WHERE id = ?"),
    old: sql(`SELECT id FROM session WHERE used < ? ${LIMIT}`),
    forget: sql("DELETE FROM session WHERE id = ?"),
    births: sql("SELECT coalesce(max(born), 0) AS born FROM session"),
  };
}
