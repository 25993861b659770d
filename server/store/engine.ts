/**
 * The SQLite store's rules: carries batches of requests out on one database, synchronously. It runs in a Worker (see
 * `sqlite_worker.ts`), so that sockets never wait for the disk.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Mailbox, Mailboxes, type Pending } from "./mailboxes.ts";
import { MIGRATIONS } from "./migrations.ts";
import { Reserve } from "./reserve.ts";
import {
  type Clear,
  type Count,
  type Counts,
  type List,
  type ListOutcome,
  type Outcome,
  type Put,
  type PutOutcome,
  type StoreEvent,
  type StoreLimits,
  StoreLocked,
  StoreLost,
  type StoreRequest,
  type Take,
  type Taken,
  type TakeOutcome,
} from "./store.ts";

export interface EngineOptions {
  /** Where the database is, or undefined to keep it in memory. */
  directory: string | undefined;
  limits: StoreLimits;
  /** Most bytes that the database file may take. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelay?: number | undefined;
  onEvent(event: StoreEvent): void;
}

/** What a batch came to. `dropped` counts messages that made room for newer ones. */
export interface BatchResult {
  outcomes: Outcome[];
  dropped: number;
}

/** The database's file in its directory. */
export const DATABASE_FILE = "messages.db";

/** "Prly" in ASCII: tells `file` and other programs whose database this is. */
const APPLICATION_ID = 0x50726c79;

const PAGE_BYTES = 4096;

/** Rows of a cleared mailbox that are removed at a time: about a millisecond's work. */
const SWEEP_ROWS = 512;

/** SQLite, "Result and Error Codes": another process has the database locked. */
const SQLITE_BUSY = 5;

/** SQLite, "Result and Error Codes": those after which nothing on the disk can be relied on. */
const LOST = new Set([
  11, // SQLITE_CORRUPT
  26, // SQLITE_NOTADB
  1034, // SQLITE_IOERR_FSYNC: what a failed sync left behind can't be known, so it is not tried again
  1290, // SQLITE_IOERR_DIR_FSYNC
]);

/** Invariant: between calls of `apply`, what memory counts is what the database holds. */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #limits: StoreLimits;
  readonly #mailboxes: Mailboxes;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #commitDelay: number;
  readonly #reserve: Reserve | undefined;
  /** The highest number that a message has. */
  #seq: number;
  /** Whether rows of cleared mailboxes may be left. */
  #cleared: boolean;
  /** Puts refused because the disk takes nothing; undefined while it does. */
  #storageRefused: number | undefined;

  // of the batch being carried out
  #pending: Pending[] = [];
  #inTransaction = false;
  #dropped = 0;
  /** Whether a part of it failed. */
  #failed = false;

  /**
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It can't be opened, or its schema is newer than this program.
   */
  constructor(options: EngineOptions) {
    const path = options.directory === undefined ? ":memory:" : `${options.directory}/${DATABASE_FILE}`;
    this.#db = new DatabaseSync(path);
    try {
      open(this.#db, options.maxFileBytes);
      if (options.directory !== undefined) this.#reserve = new Reserve(options.directory);
    } catch (error) {
      this.#db.close();
      if (errcode(error) === SQLITE_BUSY) {
        throw new StoreLocked(`Cannot open ${path}: another process has it open`);
      }
      throw error;
    }
    this.#sql = prepare(this.#db);
    this.#limits = { ...options.limits };
    this.#onEvent = options.onEvent;
    this.#commitDelay = options.commitDelay ?? 0;
    this.#mailboxes = new Mailboxes(this.#limits, options.onEvent);
    for (const row of this.#db.prepare("SELECT id, name, messages, bytes FROM mailbox").iterate()) {
      const { id, name, messages, bytes } = row as Record<string, number> & { name: string };
      this.#mailboxes.load(name, id!, messages!, bytes!);
    }
    this.#cleared = this.#sql.nextCleared.get() !== undefined;
    const { seq } = this.#db.prepare("SELECT coalesce(max(seq), 0) AS seq FROM message").get() as {
      seq: number;
    };
    this.#seq = seq;
  }

  /** Messages, bytes and mailboxes that are there. */
  get counts(): Counts {
    return { ...this.#mailboxes.totals };
  }

  /**
   * Carries the requests out. When it returns, every outcome is durable.
   *
   * @throws {StoreLost} Nothing of what the disk holds can be relied on any more.
   */
  apply(requests: readonly StoreRequest[]): BatchResult {
    const outcomes: Outcome[] = new Array(requests.length);
    this.#dropped = 0;
    let which = requests.map((_, i) => i);
    if (!this.#storing()) {
      // while the reserve is gone, what room there is belongs to those that free some
      for (const i of which) if (requests[i]!.kind === "put") outcomes[i] = this.#refuseForStorage();
      which = which.filter((i) => outcomes[i] === undefined);
    }
    this.#failed = false;
    this.#applyPieces(requests, which, outcomes);
    if (!this.#failed && this.#storageRefused !== undefined && outcomes.includes("stored")) {
      this.#onEvent({ kind: "storage works", refused: this.#storageRefused });
      this.#storageRefused = undefined;
    }
    return { outcomes, dropped: this.#dropped };
  }

  /**
   * Carries out those of the requests whose places are in `which`, in one transaction. If that fails, those that free
   * space, then the rest; if a part of one sort fails, its halves; one that fails alone is answered `storage`.
   */
  #applyPieces(requests: readonly StoreRequest[], which: number[], outcomes: Outcome[]) {
    if (which.length === 0) return;
    const dropped = this.#dropped;
    try {
      for (const i of which) outcomes[i] = this.#one(requests[i]!);
      this.#flush();
      for (const { id } of this.#mailboxes.forgetEmpty()) this.#begin(), this.#sql.dropMailbox.run(id);
      this.#commit();
      this.#mailboxes.commit();
    } catch (error) {
      this.#dropped = dropped;
      this.#rollback();
      this.#storageFailed(error);
      const puts = which.filter((i) => requests[i]!.kind === "put");
      if (which.length === 1) {
        outcomes[which[0]!] = puts.length === 1 ? this.#refuseForStorage() : "storage";
        return;
      }
      const mixed = puts.length > 0 && puts.length < which.length;
      const half = which.length >> 1;
      const first = mixed ? which.filter((i) => requests[i]!.kind !== "put") : which.slice(0, half);
      this.#applyPieces(requests, first, outcomes);
      this.#applyPieces(requests, mixed ? puts : which.slice(half), outcomes);
      return;
    }
  }

  #one(request: StoreRequest): Outcome {
    switch (request.kind) {
      case "put":
        return this.#put(request);
      case "take":
        return this.#take(request);
      case "count":
        return this.#count(request);
      case "list":
        return this.#list(request);
      case "clear":
        return this.#clear(request);
      case "limit":
        this.#limits.mailboxMessages = request.messages;
        return "set";
    }
  }

  #put(put: Put): PutOutcome {
    const known = this.#mailboxes.get(put.mailbox);
    const reached = this.#mailboxes.reachedBy(known, put.bytes);
    if (reached !== undefined) {
      if (known === undefined || !this.#mailboxes.canMakeRoom(known, put.bytes)) {
        this.#mailboxes.refuse(put.mailbox, reached);
        return "full";
      }
      while (this.#mailboxes.reachedBy(known, put.bytes) !== undefined) {
        this.#takeOldest(known);
        this.#dropped++;
      }
    }
    const mailbox = this.#mailboxes.obtain(put.mailbox);
    this.#mailboxes.touch(mailbox);
    const pending = { seq: ++this.#seq, put, taken: false };
    mailbox.pending.push(pending);
    this.#pending.push(pending);
    this.#mailboxes.change(mailbox, 1, put.bytes);
    return "stored";
  }

  #take(take: Take): TakeOutcome {
    const mailbox = this.#mailboxes.get(take.mailbox);
    return mailbox !== undefined && mailbox.messages > 0 ? this.#takeOldest(mailbox) : "empty";
  }

  #takeOldest(mailbox: Mailbox): Taken {
    this.#mailboxes.touch(mailbox);
    if (mailbox.stored === 0) {
      const pending = mailbox.pending[mailbox.nextPending++]!;
      pending.taken = true;
      this.#mailboxes.change(mailbox, -1, -pending.put.bytes);
      return { sender: pending.put.sender, time: pending.put.time, message: pending.put.message };
    }
    const row = this.#sql.oldest.get(mailbox.id) as
      | { seq: number; sender: string; time: number; body: string; bytes: number }
      | undefined;
    if (row === undefined) throw new StoreLost(`Mailbox ${mailbox.name} lacks messages that it should have`);
    this.#begin();
    this.#sql.remove.run(row.seq);
    mailbox.stored--;
    this.#mailboxes.change(mailbox, -1, -row.bytes);
    return { sender: row.sender, time: row.time, message: row.body };
  }

  #count(count: Count): Counts {
    if (count.mailbox === undefined) return this.counts;
    const { messages, bytes } = this.#mailboxes.get(count.mailbox) ?? { messages: 0, bytes: 0 };
    return { messages, bytes, mailboxes: messages > 0 ? 1 : 0 };
  }

  #list(list: List): ListOutcome {
    this.#flush();
    // the empty name comes before every other, and is listed only from the beginning
    const after = list.after ?? "";
    const rows = this.#sql.list.all(after, list.limit) as { mailbox: string; messages: number }[];
    const first = list.after === undefined ? this.#count({ kind: "count", mailbox: "" }).messages : 0;
    if (first > 0) rows.unshift({ mailbox: "", messages: first });
    return rows.slice(0, list.limit).map(({ mailbox, messages }) => ({ mailbox, messages }));
  }

  #clear(clear: Clear): number {
    this.#flush();
    const { messages } = this.#count({ ...clear, kind: "count" });
    const mailboxes = clear.mailbox === undefined
      ? this.#mailboxes.all()
      : [this.#mailboxes.obtain(clear.mailbox)];
    for (const mailbox of mailboxes) {
      if (mailbox.messages === 0) continue;
      // it begins again under a new number, and the rows of the old one are swept later
      this.#begin();
      this.#sql.clear.run(mailbox.id);
      this.#sql.dropMailbox.run(mailbox.id);
      this.#cleared = true;
      this.#mailboxes.touch(mailbox);
      this.#mailboxes.change(mailbox, -mailbox.messages, -mailbox.bytes);
      mailbox.id =
        mailbox.stored =
        mailbox.rowMessages =
        mailbox.rowBytes =
          0;
    }
    return messages;
  }

  #begin() {
    if (this.#inTransaction) return;
    this.#sql.begin.run();
    this.#inTransaction = true;
  }

  #commit() {
    if (!this.#inTransaction) return;
    if (this.#commitDelay > 0) sleep(this.#commitDelay);
    this.#sql.commit.run();
    this.#inTransaction = false;
  }

  /** Gives rows to the messages that are still to be stored, and brings the rows of their mailboxes up to date. */
  #flush() {
    for (const { seq, put, taken } of this.#pending) {
      if (taken) continue;
      const mailbox = this.#mailboxes.obtain(put.mailbox);
      this.#begin();
      if (mailbox.id === 0) mailbox.id = Number(this.#sql.addMailbox.run(put.mailbox).lastInsertRowid);
      this.#sql.insert.run(seq, mailbox.id, put.sender, put.time, put.message, put.bytes);
      mailbox.stored++;
    }
    this.#pending = [];
    for (const mailbox of this.#mailboxes.touched) {
      mailbox.forgetPending();
      const { id, messages, bytes } = mailbox;
      if (messages === mailbox.rowMessages && bytes === mailbox.rowBytes) continue;
      this.#begin();
      this.#sql.setMailbox.run(messages, bytes, id);
      mailbox.rowMessages = messages;
      mailbox.rowBytes = bytes;
    }
  }

  /** Brings the database, and then memory, back to the last commit. */
  #rollback() {
    if (this.#inTransaction) {
      this.#inTransaction = false;
      try {
        this.#sql.rollback.run();
      } catch {
        // SQLite may have rolled back by itself (its "Transaction" page, "Response To Errors Within A Transaction")
      }
    }
    this.#mailboxes.rollback();
    this.#pending = [];
  }

  /** Whether puts may be tried: always, but after a failure only once the reserve could be made again. */
  #storing(): boolean {
    return this.#storageRefused === undefined || this.#reserve === undefined || this.#reserve.restore();
  }

  #refuseForStorage(): "storage" {
    this.#storageRefused = (this.#storageRefused ?? 0) + 1;
    return "storage";
  }

  /** @throws {StoreLost} Or the error itself, where it does not come from the disk. */
  #storageFailed(error: unknown) {
    throwIfLost(error);
    this.#failed = true;
    if (this.#storageRefused === undefined) {
      this.#storageRefused = 0;
      this.#onEvent({ kind: "storage failed", reason: (error as Error).message });
    }
    this.#reserve?.release();
    try {
      // what is in the log goes to the database, and the log's space can be used again
      this.#sql.checkpoint.all();
    } catch (error) {
      throwIfLost(error);
    }
  }

  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#cleared;
  }

  /** Removes a piece of what was cleared. Returns whether there is more that can be removed now. */
  sweep(): boolean {
    if (!this.#cleared) return false;
    try {
      const row = this.#sql.nextCleared.get() as { mailbox: number } | undefined;
      if (row === undefined) {
        this.#cleared = false;
        return false;
      }
      this.#begin();
      const { changes } = this.#sql.sweep.run(row.mailbox, SWEEP_ROWS);
      if (changes < SWEEP_ROWS) this.#sql.swept.run(row.mailbox);
      this.#commit();
      return true;
    } catch (error) {
      this.#rollback();
      this.#storageFailed(error);
      return false;
    }
  }

  close() {
    this.#db.close();
  }
}

function open(db: DatabaseSync, maxFileBytes: number | undefined) {
  // locking_mode comes before WAL: then it needs no shared memory file, and keeps every other process out
  const settings = [
    "busy_timeout = 500",
    "locking_mode = EXCLUSIVE",
    `page_size = ${PAGE_BYTES}`,
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "cache_size = -49152",
  ];
  // prepared, because an error of exec() tells no result code
  for (const setting of settings) db.prepare(`PRAGMA ${setting}`).all();
  db.prepare("BEGIN IMMEDIATE").run();
  const pragma = (name: string) => (db.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name]!;
  const id = pragma("application_id"), version = pragma("user_version");
  if (id !== APPLICATION_ID && (id !== 0 || version !== 0)) {
    throw new Error(`Cannot open ${DATABASE_FILE}: another program made it`);
  }
  if (version > MIGRATIONS.length) {
    throw new Error(
      `Cannot open ${DATABASE_FILE}: its schema is version ${version}, this program knows up to ${MIGRATIONS.length}`,
    );
  }
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${MIGRATIONS.length};
    COMMIT;
  `);
  if (maxFileBytes !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / PAGE_BYTES))}`);
  }
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  return {
    begin: sql("BEGIN IMMEDIATE"),
    commit: sql("COMMIT"),
    rollback: sql("ROLLBACK"),
    insert: sql("INSERT INTO message (seq, mailbox, sender, time, body, bytes) VALUES (?, ?, ?, ?, ?, ?)"),
    oldest: sql("SELECT seq, sender, time, body, bytes FROM message WHERE mailbox = ? ORDER BY seq LIMIT 1"),
    remove: sql("DELETE FROM message WHERE seq = ?"),
    addMailbox: sql("INSERT INTO mailbox (name, messages, bytes) VALUES (?, 0, 0)"),
    setMailbox: sql("UPDATE mailbox SET messages = ?, bytes = ? WHERE id = ?"),
    dropMailbox: sql("DELETE FROM mailbox WHERE id = ?"),
    list: sql(
      "SELECT name AS mailbox, messages FROM mailbox WHERE messages > 0 AND name > ? ORDER BY name LIMIT ?",
    ),
    clear: sql("INSERT INTO cleared (mailbox) VALUES (?)"),
    nextCleared: sql("SELECT mailbox FROM cleared LIMIT 1"),
    sweep: sql(
      "DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE mailbox = ? ORDER BY seq LIMIT ?)",
    ),
    checkpoint: sql("PRAGMA wal_checkpoint(PASSIVE)"),
    swept: sql("DELETE FROM cleared WHERE mailbox = ?"),
  };
}

function errcode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code : undefined;
}

function throwIfLost(error: unknown) {
  const code = errcode(error);
  if (code === undefined) throw error;
  if (LOST.has(code)) throw new StoreLost(`Cannot rely on the store any more: ${(error as Error).message}`);
}

function sleep(ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
