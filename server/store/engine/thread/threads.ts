import { checkedColumns, checksumOf } from "../../database/checksum.ts";
import type { AccountNetworks } from "../account/networks.ts";
import type { Context } from "../../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { ForumLimits } from "../../limits.ts";
import type {
  Attach,
  AttachOutcome,
  ChangeThread,
  ChangeThreadOutcome,
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
} from "../../requests/thread.ts";
import { needsSpace } from "../../requests/session.ts";
import { type CheckedRow, isWholeRow } from "../whole_row.ts";
import { addCounts, COUNTED, ThreadOwners } from "./thread_owners.ts";
import { ThreadPositions } from "./thread_positions.ts";

interface Thread {
  id: number;
  title: string;
  creator: string;
  /** The highest ID of its entries. */
  last: number;
  entries: number;
  bytes: number;
}

interface EntryRow {
  thread: number;
  id: number;
  user: string;
  time: number;
  /** The text of a message, or the name of a file. */
  text: string;
  bytes: number;
  version: number;
  file: 0 | 1;
}

/**
 * The threads of the forum: each operation inside the open transaction.
 *
 * Invariants:
 * - `last` of a thread is no less than the ID of any entry that it ever had.
 * - Its `entries` and `bytes` are those of its rows in `entry`, and the totals in memory the sums of these.
 * - Each row of `content` has one of `entry` with its name in the same thread, until that thread is removed.
 * - A content that had a row is in `content` or in `unused` until its file is known to be gone.
 */
export class Threads {
  readonly #context: Context;
  readonly #transaction: Transaction;
  readonly #limits: ForumLimits;
  readonly #positions: ThreadPositions;
  readonly #owners: ThreadOwners;
  readonly #sql;
  readonly #totals: ThreadCounts = { threads: 0, entries: 0, bytes: 0 };
  /** Contents whose rows this record removes. */
  readonly #unused: string[] = [];
  /** Whether rows of removed threads may be left to {@linkcode sweep}. */
  hasRemoved: boolean;

  constructor(context: Context, networks: AccountNetworks) {
    this.#context = context;
    const limits = context.configuration.forumLimits;
    this.#transaction = context.transaction;
    this.#limits = limits;
    this.#positions = new ThreadPositions(context);
    this.#owners = new ThreadOwners(context, limits, networks);
    this.#sql = prepareAll(context.db, {
      totals:
        `SELECT count(*) AS threads, coalesce(sum(entries), 0) AS entries, coalesce(sum(bytes), 0) AS bytes FROM thread`,
      longest: "SELECT coalesce(max(entries), 0) AS entries FROM thread",
      thread: `SELECT ${checkedColumns("thread")} FROM thread WHERE title = ?`,
      threadById: `SELECT ${checkedColumns("thread")} FROM thread WHERE id = ?`,
      create: "INSERT INTO thread (title, creator, last, entries, bytes) VALUES (?, ?, 0, 0, 0) RETURNING id",
      removeThread: "DELETE FROM thread WHERE id = ?",
      setThread: "UPDATE thread SET last = ?, entries = ?, bytes = ?, checksum = ? WHERE id = ?",
      list: `SELECT ${checkedColumns("thread")} FROM thread WHERE id > ? ORDER BY id ${LIMIT}`,
      setEntry: `REPLACE INTO entry (thread, id, file, version, time, bytes, user, text, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      entry: `SELECT ${checkedColumns("entry")} FROM entry WHERE thread = ? AND id = ?`,
      removeEntry: "DELETE FROM entry WHERE thread = ? AND id = ?",
      sizes: `SELECT id, bytes FROM entry WHERE thread = ? AND id > ? ORDER BY id ${LIMIT}`,
      entries: `SELECT ${
        checkedColumns("entry")
      } FROM entry WHERE thread = ? AND id > ? AND id <= ? ORDER BY id`,
      content: `SELECT ${checkedColumns("content")} FROM content WHERE thread = ? AND name = ?`,
      attach:
        "INSERT INTO content (thread, name, user, size, hash, content, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
      known:
        "SELECT user FROM content WHERE content = ?1 UNION ALL SELECT '' AS user FROM unused WHERE content = ?1",
      unused: "INSERT INTO unused (content) VALUES (?)",
      someUnused: `SELECT content FROM unused ORDER BY content ${LIMIT}`,
      gone: "DELETE FROM unused WHERE content = ?",
      sweepLater: "INSERT INTO removed (thread) VALUES (?)",
      nextRemoved: "SELECT thread FROM removed ORDER BY thread LIMIT 1",
      someContents: `SELECT name, content FROM content WHERE thread = ? ORDER BY name ${LIMIT}`,
      removeContent: "DELETE FROM content WHERE thread = ? AND name = ?",
      sweepEntries:
        `DELETE FROM entry WHERE thread = ?1 AND id IN (SELECT id FROM entry WHERE thread = ?1 ORDER BY id ${LIMIT})`,
      sweepPositions: `DELETE FROM rank WHERE thread = ?1 AND (level, block) IN
        (SELECT level, block FROM rank WHERE thread = ?1 ORDER BY level, block ${LIMIT})`,
      swept: "DELETE FROM removed WHERE thread = ?",
    });
    const totals = firstRow<ThreadCounts>(this.#sql.totals)!;
    // without a number that a damaged row has made larger than any is
    for (const name of ["threads", "entries", "bytes"] as const) this.#totals[name] = totals[name] || 0;
    this.hasRemoved = firstRow(this.#sql.nextRemoved) !== undefined;
  }

  /** What is there. */
  get counts(): ThreadCounts {
    return { ...this.#totals };
  }

  /** The most that one user has, and the entries of the longest thread. */
  get fullest(): { user: ThreadCounts; threadEntries: number } {
    const { entries } = firstRow<{ entries: number }>(this.#sql.longest)!;
    return { user: this.#owners.fullest, threadEntries: entries };
  }

  /** Carries the change out, or returns why nothing was changed. */
  change(change: ThreadChange): string | undefined {
    if (change.kind === "create") return this.#create(change.thread, change.user);
    const thread = this.#find(change.thread);
    if (thread === undefined) return "no thread";
    if (change.kind === "post") return this.#post(thread, change);
    if (change.kind === "remove") {
      return thread.creator === change.user ? this.#remove(thread) : "another's";
    }
    const id = this.#positions.find(thread.id, change.number);
    if (id === undefined) return "no message";
    const message = firstRow<EntryRow>(this.#sql.entry, thread.id, id)!;
    if (!this.#isWholeEntry(message)) return "no message";
    if (message.user !== change.user) return "another's";
    return change.kind === "edit" ? this.#edit(thread, message, change) : this.#delete(thread, message);
  }

  /** The same for a user without a session; what needs space is refused without it. */
  request({ change, id }: ChangeThread, canStore: boolean): ChangeThreadOutcome {
    if (!canStore && needsSpace(change)) return "storage";
    const number = "number" in change ? change.number : 0, found = this.#idOf(change.thread, number);
    if (id !== undefined && id !== found) return { refused: "no message" };
    const refused = this.change(change);
    if (refused !== undefined) return { refused };
    if (change.kind === "edit" || change.kind === "delete") return { id: found!, number };
    const thread = this.#find(change.thread);
    if (change.kind !== "post") return { id: thread?.id ?? 0, number };
    return { id: thread!.last, number: this.#positions.upTo(thread!.id, thread!.last) };
  }

  #idOf(title: string, number: number): number | undefined {
    const thread = this.#find(title);
    return thread && this.#positions.find(thread.id, number);
  }

  #create(title: string, creator: string): string | undefined {
    if (firstRow(this.#sql.thread, title) !== undefined) return "exists";
    const added = { threads: 1, entries: 0, bytes: 0 }, full = this.#fullFor(creator, added);
    if (full !== undefined) return full;
    this.#transaction.begin();
    const { id } = firstRow<{ id: number }>(this.#sql.create, title, creator)!;
    this.#setThread({ id, title, creator, last: 0, entries: 0, bytes: 0 });
    this.#owners.change(creator, added);
    this.#count(added);
    return undefined;
  }

  #post(thread: Thread, change: ThreadChange & { kind: "post" }): string | undefined {
    const { user, time, text, bytes } = change, full = this.#fullForEntry(thread, user, bytes);
    if (full !== undefined) return full;
    this.#positions.add(thread.id, this.#append(thread, { user, time, text, bytes, file: 0 }));
    return undefined;
  }

  #delete(thread: Thread, { id, user, bytes }: EntryRow): undefined {
    this.#transaction.run(this.#sql.removeEntry, thread.id, id);
    this.#positions.remove(thread.id, id);
    this.#addEntries(thread, user, -1, -bytes);
  }

  #edit(thread: Thread, message: EntryRow, change: ThreadChange & { kind: "edit" }): string | undefined {
    const { user, text, bytes } = change, added = bytes - message.bytes;
    const full = this.#fullFor(user, { threads: 0, entries: 0, bytes: added });
    if (full !== undefined) return full;
    this.#setEntry({ ...message, text, bytes, version: message.version + 1 });
    this.#addEntries(thread, user, 0, added);
    return undefined;
  }

  /** Hides the thread. Its rows are swept later, under a number that no other thread ever has. */
  #remove(thread: Thread): undefined {
    this.#transaction.begin();
    this.#owners.remove(thread);
    this.#sql.removeThread.run(thread.id);
    this.#sql.sweepLater.run(thread.id);
    this.hasRemoved = true;
    this.#count({ threads: 1, entries: thread.entries, bytes: thread.bytes }, -1);
  }

  /** The thread of this title, unless its row is damaged. */
  #find(title: string): Thread | undefined {
    return this.#whole(firstRow(this.#sql.thread, title));
  }

  #whole(thread: CheckedRow<Thread> | undefined): Thread | undefined {
    return thread && isWholeRow(this.#context, "thread", thread.title, thread) ? thread : undefined;
  }

  #isWholeEntry(entry: EntryRow): boolean {
    return isWholeRow(this.#context, "entry", `${entry.thread} ${entry.id}`, entry);
  }

  #setThread({ id, title, creator, last, entries, bytes }: Thread) {
    const checksum = checksumOf(id, title, creator, last, entries, bytes);
    this.#transaction.run(this.#sql.setThread, last, entries, bytes, checksum, id);
  }

  #setEntry({ thread, id, file, version, time, bytes, user, text }: EntryRow) {
    const values = [thread, id, file, version, time, bytes, user, text] as const;
    this.#transaction.run(this.#sql.setEntry, ...values, checksumOf(...values));
  }

  /** Why a thread has no room for one more entry of a user. */
  #fullForEntry(thread: Thread, user: string, bytes: number): `full ${string}` | undefined {
    const { threadEntries } = this.#limits;
    if (thread.entries >= threadEntries) return `full ${threadEntries} entries of a thread`;
    return this.#fullFor(user, { threads: 0, entries: 1, bytes });
  }

  /** Why there is no room for so much more of a user. */
  #fullFor(user: string, added: ThreadCounts): `full ${string}` | undefined {
    for (const what of COUNTED) {
      const max = this.#limits[what];
      if (added[what] > 0 && this.#totals[what] + added[what] > max) return `full ${max} ${what}`;
    }
    const share = this.#owners.reachedBy(user, added);
    return share === undefined ? undefined : `full ${share}`;
  }

  /** Adds an entry at the end, and returns its ID. */
  #append(thread: Thread, entry: Omit<EntryRow, "thread" | "id" | "version">): number {
    const id = ++thread.last;
    this.#setEntry({ ...entry, thread: thread.id, id, version: 0 });
    this.#addEntries(thread, entry.user, 1, entry.bytes);
    return id;
  }

  /** Stores the sums of a thread and its highest ID, and counts what is added for the user. */
  #addEntries(thread: Thread, user: string, entries: number, bytes: number) {
    thread.entries += entries;
    thread.bytes += bytes;
    this.#setThread(thread);
    const added = { threads: 0, entries, bytes };
    this.#owners.changeIn(thread, user, added);
    this.#count(added);
  }

  #count(added: ThreadCounts, sign: 1 | -1 = 1) {
    addCounts(this.#totals, added, sign);
  }

  /** Threads in the order in which they were created. */
  list({ after, limit, maxBytes }: ListThreads): ThreadPage {
    const rows = allRows<CheckedRow<Thread>>(this.#sql.list, after, limit + 1);
    let bytes = 0, count = 0;
    while (count < limit && count < rows.length && (bytes += rows[count]!.title.length) <= maxBytes) count++;
    const threads = rows.slice(0, count).filter((row) => this.#whole(row) !== undefined)
      .map(({ id, title, creator, entries }) => ({ id, title, creator, entries }));
    return { threads, more: rows.length > count };
  }

  /** Entries of a thread, in their order; at least one if there is one. */
  read({ thread: title, from, limit, maxBytes }: ReadThread): EntryPage | "no thread" {
    const thread = this.#find(title);
    if (thread === undefined) return "no thread";
    const after = "number" in from
      ? (this.#positions.find(thread.id, from.number) ?? thread.last + 1) - 1
      : from.after;
    // sizes are read first: texts may be long
    const sizes = allRows<{ id: number; bytes: number }>(this.#sql.sizes, thread.id, after, limit + 1);
    let bytes = 0, count = 0;
    while (count < limit && count < sizes.length) {
      bytes += sizes[count]!.bytes;
      if (count > 0 && bytes > maxBytes) break;
      count++;
    }
    if (count === 0) return { entries: [], more: false };
    let number = this.#positions.upTo(thread.id, after);
    const rows = allRows<EntryRow>(this.#sql.entries, thread.id, after, sizes[count - 1]!.id);
    const entries = rows.flatMap((row): Entry[] => {
      const { id, user, time, text, bytes, version, file } = row;
      // one that is damaged is left out; it still counts
      if (!file) number++;
      if (!this.#isWholeEntry(row)) return [];
      if (!file) return [{ id, user, time, number, text, bytes, version }];
      const content = this.#content(thread.id, text);
      return content === undefined ? [] : [{ id, user, time, file: text, size: content.size }];
    });
    return { entries, more: sizes.length > count };
  }

  /** The file of this name, unless its row is damaged. */
  #content(thread: number, name: string): FileContent | undefined {
    const row = firstRow<CheckedRow<FileContent>>(this.#sql.content, thread, name);
    if (row === undefined || !isWholeRow(this.#context, "content", `${thread} ${name}`, row)) {
      return undefined;
    }
    const { user, size, hash, content } = row;
    return { user, size, hash, content };
  }

  /** A thread, and its file of this name if it has one, or why it has no room for one. */
  findFile({ thread: title, name, user }: FindFile): FindFileOutcome {
    const thread = this.#find(title);
    if (thread === undefined) return "no thread";
    const content = this.#content(thread.id, name);
    if (content !== undefined) return { thread: thread.id, file: content };
    const full = this.#fullForEntry(thread, user, name.length);
    return full === undefined ? { thread: thread.id } : { thread: thread.id, full };
  }

  /** Adds a file whose content is there to its thread. */
  attach({ thread: id, name, user, size, hash, content, time }: Attach): AttachOutcome {
    const thread = this.#whole(firstRow(this.#sql.threadById, id));
    if (thread === undefined) return "no thread";
    if (firstRow(this.#sql.content, id, name) !== undefined) return "file exists";
    const full = this.#fullForEntry(thread, user, name.length);
    if (full !== undefined) return full;
    this.#append(thread, { user, time, text: name, bytes: name.length, file: 1 });
    const values = [id, name, user, size, hash, content] as const;
    this.#sql.attach.run(...values, checksumOf(...values));
    return "stored";
  }

  /** Of these contents, those that a file has; and those that a file had and that are still to be removed. */
  known(contents: readonly string[]): KnownContent[] {
    return contents.flatMap((content) => {
      const row = firstRow<{ user: string }>(this.#sql.known, content);
      return row === undefined ? [] : [{ content, user: row.user }];
    });
  }

  /** Forgets contents that are gone. Returns some that no file has any more. */
  unused(gone: readonly string[], limit: number): string[] {
    for (const content of gone) this.#transaction.run(this.#sql.gone, content);
    return allRows<{ content: string }>(this.#sql.someUnused, limit).map(({ content }) => content);
  }

  /** To be called after a record. Returns the contents that no file has any more. */
  endRecord(): string[] {
    return this.#unused.splice(0);
  }

  /** Removes up to about `rows` rows of removed threads. */
  sweep(rows: number) {
    const next = firstRow<{ thread: number }>(this.#sql.nextRemoved);
    if (next === undefined) {
      this.hasRemoved = false;
      return;
    }
    const { thread } = next;
    this.#transaction.begin();
    const contents = allRows<Record<string, string>>(this.#sql.someContents, thread, rows);
    for (const { name, content } of contents) {
      this.#sql.removeContent.run(thread, name!);
      this.#sql.unused.run(content!);
      this.#unused.push(content!);
    }
    let left = rows - contents.length;
    for (const piece of [this.#sql.sweepEntries, this.#sql.sweepPositions]) {
      if (left > 0) left -= Number(piece.run(thread, left).changes);
    }
    if (left > 0) this.#sql.swept.run(thread);
  }
}
