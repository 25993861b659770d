/**
 * What the SQLite store knows of sessions: how far each has come, so that nothing is carried out twice.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Messages } from "./messages.ts";
import type { Threads } from "./threads.ts";
import type {
  Change,
  EndSession,
  OpenSession,
  SessionChanges,
  SessionOutcome,
  SessionState,
  Special,
} from "./session_requests.ts";
import type { Transaction } from "./transaction.ts";

/** Sessions that are kept, in all and of one network. One more is not taken up. */
const MAX_SESSIONS = 100_000, MAX_SESSIONS_OF_NETWORK = 10_000;

/** Milliseconds for which a session is kept after its last use. */
export const SESSION_KEPT = 24 * 60 * 60 * 1000;

/**
 * Milliseconds for which one is kept that has ended: what was sent before may still be on its way, for at most that long
 * (RFC 9293, section 3.4.2).
 */
export const ENDED_KEPT = 2 * 60 * 1000;

/** Sessions that memory holds; the others are read again when they are used. */
const REMEMBERED = 10_000;

interface Known {
  state: SessionState;
  owner: string;
  network: string;
}

export class Sessions {
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #now: () => number;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #remembered = new Map<string, Known>();
  #count = 0;
  /** By network, where they are counted for one. */
  readonly #ofNetwork = new Map<string, number>();

  constructor(
    db: DatabaseSync,
    transaction: Transaction,
    messages: Messages,
    threads: Threads,
    now: () => number,
  ) {
    this.#transaction = transaction;
    this.#messages = messages;
    this.#threads = threads;
    this.#now = now;
    this.#sql = prepare(db);
    for (const row of db.prepare("SELECT network, count(*) AS count FROM session GROUP BY network").all()) {
      this.#counted(row.network as string, row.count as number);
    }
  }

  /** How far the session has come, if it is known; this counts as use of it. */
  open({ session, owner = "" }: OpenSession): SessionOutcome {
    const known = this.#read(session);
    if (known === undefined) return "unknown";
    if (known.owner !== owner) return "denied";
    this.#transaction.begin();
    this.#sql.use.run(this.#now(), session);
    return { ...known.state };
  }

  /** The session has ended, unless its client lacks an outcome: it is forgotten soon. */
  end({ session, owner = "", low }: EndSession): SessionOutcome {
    const known = this.#read(session);
    if (known === undefined) return "unknown";
    if (known.owner !== owner) return "denied";
    if (low > known.state.done) {
      this.#transaction.begin();
      this.#sql.use.run(this.#now() - SESSION_KEPT + ENDED_KEPT, session);
    }
    return { ...known.state };
  }

  /** Carries out what is next, as far as it goes. `storing` is whether puts may be tried. */
  change(request: SessionChanges, storing: boolean): SessionOutcome {
    const { session, owner = "", first, low, changes } = request;
    const known = this.#read(session);
    if (known !== undefined && known.owner !== owner) return "denied";
    if (known === undefined && first > 1) return low > 1 ? "unknown" : { done: 0, special: [] };
    const network = known?.network ?? request.network ?? "";
    if (known === undefined && this.#isFull(network)) return "busy";
    const state: SessionState = {
      done: known?.state.done ?? 0,
      special: (known?.state.special ?? []).filter(([n]) => n >= low),
    };
    let n = first;
    for (const change of changes) {
      const last = n + (change.numbers ?? 1) - 1;
      // where one is missing before it, none is carried out
      if (n > state.done + 1) break;
      if (last > state.done) {
        const result = this.#carryOut(session, change, storing);
        if (result === "full" || result === "storage") {
          state.refused = result === "full" ? { n: last, limit: "full" } : { n: last };
          break;
        }
        if (result !== undefined) state.special.push([last, result]);
        state.done = last;
      }
      n = last + 1;
    }
    // of one that has carried out nothing there is nothing to know
    if (state.done > 0) this.#write(session, { state, owner, network }, known === undefined);
    return state;
  }

  #isFull(network: string): boolean {
    return this.#count >= MAX_SESSIONS ||
      network !== "" && (this.#ofNetwork.get(network) ?? 0) >= MAX_SESSIONS_OF_NETWORK;
  }

  #counted(network: string, by: number) {
    this.#count += by;
    const count = (this.#ofNetwork.get(network) ?? 0) + by;
    if (count > 0) this.#ofNetwork.set(network, count);
    else this.#ofNetwork.delete(network);
  }

  #carryOut(session: string, change: Change, storing: boolean): Special | "full" | "storage" | undefined {
    const lost = (ids: number[]): Special | undefined => ids.length > 0 ? { kind: "lost", ids } : undefined;
    switch (change.kind) {
      case "put": {
        if (!storing) return "storage";
        const outcome = this.#messages.put(change);
        return outcome === "stored" ? undefined : outcome;
      }
      case "ack":
        return lost(this.#messages.leased.ack(session, change.token, change.ids));
      case "back":
        return lost(this.#messages.leased.back(session, change.token, change.why, change.ids));
      case "extend":
        return this.#messages.leased.extend(session, change.token, change.duration)
          ? undefined
          : { kind: "lost", ids: [] };
      case "begin":
        return lost(this.#messages.leased.begin(session, change.token, change.ids));
      case "skip":
        return { kind: "bad", reason: "withdrawn" };
      case "bad":
        return { kind: "bad", reason: change.reason };
      default: {
        if (isAddingChange(change) && !storing) return "storage";
        const reason = this.#threads.change(change);
        return reason === undefined ? undefined : { kind: "bad", reason };
      }
    }
  }

  #read(session: string): Known | undefined {
    const remembered = this.#remembered.get(session);
    if (remembered !== undefined) return remembered;
    const row = this.#sql.read.get(session) as
      | { done: number; special: string; owner: string; network: string }
      | undefined;
    if (row === undefined) return undefined;
    const { done, special, owner, network } = row;
    const known = { state: { done, special: JSON.parse(special) }, owner, network };
    this.#remember(session, known);
    return known;
  }

  #write(session: string, { state: { done, special }, owner, network }: Known, isNew: boolean) {
    this.#transaction.begin();
    // what memory holds is read again after a rollback
    this.#transaction.onRollback(() => this.#remembered.delete(session));
    if (isNew) {
      this.#counted(network, 1);
      this.#transaction.onRollback(() => this.#counted(network, -1));
    }
    this.#sql.write.run(session, done, JSON.stringify(special), this.#now(), owner, network);
    this.#remember(session, { state: { done, special }, owner, network });
  }

  #remember(session: string, known: Known) {
    this.#remembered.delete(session);
    this.#remembered.set(session, known);
    if (this.#remembered.size <= REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    this.#remembered.delete(oldest!);
  }

  /** Forgets those that were not used for a day, up to `rows` of them. Returns how many they were. */
  forget(rows: number): number {
    const old = this.#sql.old.all(this.#now() - SESSION_KEPT, rows) as { id: string; network: string }[];
    if (old.length === 0) return 0;
    this.#transaction.begin();
    for (const { id, network } of old) {
      this.#sql.forget.run(id);
      this.#remembered.delete(id);
      this.#counted(network, -1);
      this.#transaction.onRollback(() => this.#counted(network, 1));
    }
    return old.length;
  }
}

/** Whether a change needs space, rather than freeing some. */
export function isAddingChange({ kind }: Change): boolean {
  return kind === "put" || kind === "create" || kind === "post" || kind === "edit";
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    read: sql("SELECT done, special, owner, network FROM session WHERE id = ?"),
    write: sql("REPLACE INTO session (id, done, special, used, owner, network) VALUES (?, ?, ?, ?, ?, ?)"),
    use: sql("UPDATE session SET used = ? WHERE id = ?"),
    old: sql("SELECT id, network FROM session WHERE used < ? LIMIT ?"),
    forget: sql("DELETE FROM session WHERE id = ?"),
  };
}
