/**
 * What the SQLite store does with the forum's threads: each operation inside the transaction of the batch that it
 * belongs to.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { LIMIT } from "../database/bound_limit.ts";
import { Ranks } from "./ranks.ts";
import type { ForumLimits } from "../limits.ts";
import { ThreadHolders } from "./thread_holders.ts";
import type {
  Attach,
  AttachOutcome,
  Entry,
  EntryPage,
  FileContent,
  FindFile,
  FindFileOutcome,
  KnownContent,
  ListThreads,
  ReadThread,
  ThreadChange,
  ThreadCounts,
  ThreadPage,
  UnusedContents,
} from "../requests/thread.ts";
import type { Transaction } from "../database/transaction.ts";

interface Thread {
  id: number;
  creator: string;
  last: number;
  entries: number;
  bytes: number;
}

interface EntryRow {
  id: number;
  user: string;
  time: number;
  body: string;
  bytes: number;
  version: number;
  file: 0 | 1;
}

/**
 * Invariants:
 * - `last` of a thread is no less than the ID of any entry that it ever had.
 * - Its `entries` and `bytes` are those of its rows in `entry`, and the totals in memory the sums of these.
 * - Each row of `content` has one of `entry` with its name in the same thread, until that thread is removed.
 * - A content that had a row is in `content` or in `unused` until its file is known to be gone.
 */
export class Threads {
  readonly #transaction: Transaction;
  readonly #limits: ForumLimits;
  readonly #ranks: Ranks;
  readonly #holders: ThreadHolders;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #totals: ThreadCounts = { threads: 0, entries: 0, bytes: 0 };
  /** Contents whose rows this batch removes. */
  #unused: string[] = [];
  #inserted = false;
  /** Whether there may be rows of removed threads. */
  #removed: boolean;

  constructor(db: DatabaseSync, transaction: Transaction, limits: ForumLimits) {
    this.#transaction = transaction;
    this.#limits = limits;
    this.#ranks = new Ranks(db, transaction);
    this.#holders = new ThreadHolders(db, transaction, limits);
    this.#sql = prepare(db);
    Object.assign(this.#totals, this.#sql.totals.get());
    this.#removed = this.#sql.nextRemoved.get() !== undefined;
  }

  /** What is there. */
  get counts(): ThreadCounts {
    return { ...this.#totals };
  }

  /** Carries the change out, or gives the reason for which nothing was changed. */
  change(change: ThreadChange): string | undefined {
    if (change.kind === "create") return this.#create(change.thread, change.user);
    const thread = this.#find(change.thread);
    if (thread === undefined) return "no thread";
    switch (change.kind) {
      case "post": {
        const { user, time, text, bytes } = change;
        const full = this.#fullFor(thread, user, bytes);
        if (full !== undefined) return full;
        const id = this.#append(thread, { user, time, body: text, bytes, file: 0 });
        this.#ranks.add(thread.id, id);
        return undefined;
      }
      case "delete": {
        const message = this.#message(thread, change.number);
        if (message === undefined) return "no message";
        if (message.user !== change.user) return "another's";
        this.#transaction.begin();
        this.#sql.removeEntry.run(thread.id, message.id);
        this.#ranks.remove(thread.id, message.id);
        this.#grow(thread, message.user, -1, -message.bytes);
        return undefined;
      }
      case "edit": {
        const message = this.#message(thread, change.number);
        if (message === undefined) return "no message";
        if (message.user !== change.user) return "another's";
        const more = change.bytes - message.bytes;
        if (more > 0 && this.#totals.bytes + more > this.#limits.bytes) {
          return `full ${this.#limits.bytes} bytes`;
        }
        const share = more > 0 ? this.#holders.reachedBy(change.user, 0, more) : undefined;
        if (share !== undefined) return `full ${share}`;
        this.#transaction.begin(change.bytes);
        this.#sql.edit.run(change.text, change.bytes, thread.id, message.id);
        this.#inserted = true;
        this.#grow(thread, message.user, 0, more);
        return undefined;
      }
      case "remove":
        if (thread.creator !== change.user) return "another's";
        return this.#remove(thread);
    }
  }

  #create(title: string, creator: string): string | undefined {
    if (this.#find(title) !== undefined) return "exists";
    if (this.#totals.threads >= this.#limits.threads) return `full ${this.#limits.threads} threads`;
    const share = this.#holders.reachedByThread(creator);
    if (share !== undefined) return `full ${share}`;
    this.#transaction.begin();
    this.#sql.create.run(title, creator);
    this.#inserted = true;
    this.#holders.create(creator);
    this.#count(1, 0, 0);
    return undefined;
  }

  /** Hides the thread. Its rows are swept later, under a number that no other thread ever has. */
  #remove(thread: Thread): undefined {
    this.#transaction.begin();
    this.#holders.remove(thread);
    this.#sql.removeThread.run(thread.id);
    this.#sql.sweepLater.run(thread.id);
    this.#removed = true;
    this.#count(-1, -thread.entries, -thread.bytes);
  }

  #find(title: string): Thread | undefined {
    return this.#sql.thread.get(title) as Thread | undefined;
  }

  #message(thread: Thread, number: number): { id: number; user: string; bytes: number } | undefined {
    const id = this.#ranks.find(thread.id, number);
    return id === undefined ? undefined : this.#sql.entry.get(thread.id, id) as unknown as EntryRow;
  }

  #fullFor(thread: Thread, user: string, bytes: number): `full ${string}` | undefined {
    const { threadEntries, entries, bytes: most } = this.#limits;
    if (thread.entries >= threadEntries) return `full ${threadEntries} entries of a thread`;
    if (this.#totals.entries >= entries) return `full ${entries} entries`;
    if (this.#totals.bytes + bytes > most) return `full ${most} bytes`;
    const share = this.#holders.reachedBy(user, 1, bytes);
    return share === undefined ? undefined : `full ${share}`;
  }

  /** Adds an entry at the end, and gives its ID. */
  #append(thread: Thread, { user, time, body, bytes, file }: Omit<EntryRow, "id" | "version">): number {
    const id = thread.last + 1;
    this.#transaction.begin(bytes);
    this.#sql.append.run(thread.id, id, user, time, body, bytes, file);
    this.#inserted = true;
    thread.last = id;
    this.#grow(thread, user, 1, bytes);
    return id;
  }

  /** Keeps the sums of a thread, and its highest ID, and charges the user. */
  #grow(thread: Thread, user: string, entries: number, bytes: number) {
    this.#sql.grow.run(thread.last, entries, bytes, thread.id);
    this.#holders.change(thread, user, entries, bytes);
    this.#count(0, entries, bytes);
  }

  #count(threads: number, entries: number, bytes: number) {
    const add = (sign: number) => {
      this.#totals.threads += sign * threads;
      this.#totals.entries += sign * entries;
      this.#totals.bytes += sign * bytes;
    };
    add(1);
    this.#transaction.onRollback(() => add(-1));
  }

  /** Threads in the order in which they were created. */
  list({ after, limit, maxBytes }: ListThreads): ThreadPage {
    const rows = this.#sql.list.all(after, limit + 1) as { id: number; title: string }[];
    let bytes = 0, count = 0;
    while (count < limit && count < rows.length && (bytes += rows[count]!.title.length) <= maxBytes) count++;
    return {
      threads: rows.slice(0, count).map(({ id, title }) => ({ id, title })),
      more: rows.length > count,
    };
  }

  /** Entries of a thread, in their order; at least one where there is one. */
  read({ thread: title, from, limit, maxBytes }: ReadThread): EntryPage | "no thread" {
    const thread = this.#find(title);
    if (thread === undefined) return "no thread";
    const after = "number" in from
      ? (this.#ranks.find(thread.id, from.number) ?? thread.last + 1) - 1
      : from.after;
    // how much there is to read is looked at first: texts may be long
    const sizes = this.#sql.sizes.all(thread.id, after, limit + 1) as { id: number; bytes: number }[];
    let bytes = 0, count = 0;
    while (count < limit && count < sizes.length) {
      bytes += sizes[count]!.bytes;
      if (count > 0 && bytes > maxBytes) break;
      count++;
    }
    if (count === 0) return { entries: [], more: false };
    let number = this.#ranks.upTo(thread.id, after);
    const rows = this.#sql.entries.all(thread.id, after, sizes[count - 1]!.id) as unknown as EntryRow[];
    const entries = rows.map(({ id, user, time, body, bytes, version, file }): Entry =>
      file
        ? { id, user, time, file: body, size: this.#content(thread.id, body)!.size }
        : { id, user, time, number: ++number, text: body, bytes, version }
    );
    return { entries, more: sizes.length > count };
  }

  #content(thread: number, name: string): FileContent | undefined {
    return this.#sql.content.get(thread, name) as FileContent | undefined;
  }

  /** A thread, and its file of this name, where it has one, or why it takes none. */
  findFile({ thread: title, name, user }: FindFile): FindFileOutcome {
    const thread = this.#find(title);
    if (thread === undefined) return "no thread";
    const content = this.#content(thread.id, name);
    if (content !== undefined) return { thread: thread.id, file: { ...content } };
    const full = this.#fullFor(thread, user, name.length);
    return { thread: thread.id, ...full === undefined ? {} : { full } };
  }

  /** Adds a file whose content is there to its thread. */
  attach({ thread: id, name, user, size, hash, content, time }: Attach): Exclude<AttachOutcome, "storage"> {
    const thread = this.#sql.threadById.get(id) as Thread | undefined;
    if (thread === undefined) return "no thread";
    if (this.#content(id, name) !== undefined) return "file exists";
    const full = this.#fullFor(thread, user, name.length);
    if (full !== undefined) return full;
    this.#append(thread, { user, time, body: name, bytes: name.length, file: 1 });
    this.#sql.attach.run(id, name, user, size, hash, content);
    return "stored";
  }

  /** Of these contents, those that a file has, with who uploaded each; or had, and that are still to be removed. */
  known(contents: readonly string[]): KnownContent[] {
    return contents.flatMap((content) => {
      const row = this.#sql.known.get(content) as { user: string } | undefined;
      return row === undefined ? [] : [{ content, user: row.user }];
    });
  }

  /** Forgets contents that are gone; gives some of those that no file has and that are not. */
  unused({ gone, limit }: UnusedContents): string[] {
    if (gone.length > 0) this.#transaction.begin();
    for (const content of gone) this.#sql.gone.run(content);
    return this.#sql.someUnused.all(limit).map(({ content }) => content as string);
  }

  /** Whether this batch has stored something. */
  get inserted(): boolean {
    return this.#inserted;
  }

  /** Comes after the commit of a batch. Returns the contents that no file has any more. */
  afterCommit(): string[] {
    this.#inserted = false;
    return this.#unused.splice(0);
  }

  /** Comes after the transaction was rolled back. */
  rollback() {
    this.#inserted = false;
    this.#unused = [];
    this.#removed = true;
  }

  /** Whether rows of removed threads may be left to {@linkcode sweep}. */
  get hasRemoved(): boolean {
    return this.#removed;
  }

  /** Removes up to about so many rows of removed threads. */
  sweep(rows: number) {
    const next = this.#sql.nextRemoved.get() as { thread: number } | undefined;
    if (next === undefined) {
      this.#removed = false;
      return;
    }
    const { thread } = next;
    this.#transaction.begin();
    for (const { name, content } of this.#sql.someContents.all(thread, rows) as Record<string, string>[]) {
      this.#sql.removeContent.run(thread, name!);
      this.#sql.unused.run(content!);
      this.#unused.push(content!);
    }
    let left = rows - this.#unused.length;
    for (const piece of [this.#sql.sweepEntries, this.#sql.sweepRanks]) {
      if (left > 0) left -= Number(piece.run(thread, left).changes);
    }
    if (left > 0) this.#sql.swept.run(thread);
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    totals: sql(
      `SELECT count(*) AS threads, coalesce(sum(entries), 0) AS entries, coalesce(sum(bytes), 0) AS bytes FROM thread`,
    ),
    thread: sql("SELECT id, creator, last, entries, bytes FROM thread WHERE title = ?"),
    threadById: sql("SELECT id, creator, last, entries, bytes FROM thread WHERE id = ?"),
    create: sql("INSERT INTO thread (title, creator, last, entries, bytes) VALUES (?, ?, 0, 0, 0)"),
    removeThread: sql("DELETE FROM thread WHERE id = ?"),
    grow: sql("UPDATE thread SET last = ?, entries = entries + ?, bytes = bytes + ? WHERE id = ?"),
    list: sql(`SELECT id, title FROM thread WHERE id > ? ORDER BY id ${LIMIT}`),
    append: sql(
      "INSERT INTO entry (thread, id, user, time, body, bytes, version, file) VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
    ),
    entry: sql("SELECT id, user, bytes FROM entry WHERE thread = ? AND id = ?"),
    edit: sql("UPDATE entry SET body = ?, bytes = ?, version = version + 1 WHERE thread = ? AND id = ?"),
    removeEntry: sql("DELETE FROM entry WHERE thread = ? AND id = ?"),
    sizes: sql(`SELECT id, bytes FROM entry WHERE thread = ? AND id > ? ORDER BY id ${LIMIT}`),
    entries: sql(
      `SELECT id, user, time, body, bytes, version, file FROM entry
        WHERE thread = ? AND id > ? AND id <= ? ORDER BY id`,
    ),
    content: sql("SELECT user, size, hash, content FROM content WHERE thread = ? AND name = ?"),
    attach: sql("INSERT INTO content (thread, name, user, size, hash, content) VALUES (?, ?, ?, ?, ?, ?)"),
    known: sql(
      "SELECT user FROM content WHERE content = ?1 UNION ALL SELECT '' AS user FROM unused WHERE content = ?1",
    ),
    unused: sql("INSERT INTO unused (content) VALUES (?)"),
    someUnused: sql(`SELECT content FROM unused ${LIMIT}`),
    gone: sql("DELETE FROM unused WHERE content = ?"),
    sweepLater: sql("INSERT INTO removed (thread) VALUES (?)"),
    nextRemoved: sql("SELECT thread FROM removed LIMIT 1"),
    someContents: sql(`SELECT name, content FROM content WHERE thread = ? ${LIMIT}`),
    removeContent: sql("DELETE FROM content WHERE thread = ? AND name = ?"),
    sweepEntries: sql(
      `DELETE FROM entry WHERE thread = ?1 AND id IN (SELECT id FROM entry WHERE thread = ?1 ORDER BY id ${LIMIT})`,
    ),
    sweepRanks: sql(
      `DELETE FROM rank WHERE thread = ?1 AND (level, block) IN
        (SELECT level, block FROM rank WHERE thread = ?1 ORDER BY level, block ${LIMIT})`,
    ),
    swept: sql("DELETE FROM removed WHERE thread = ?"),
  };
}
