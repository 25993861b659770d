import type { DatabaseSync } from "node:sqlite";
import { LIMIT } from "../../database/bound_limit.ts";
import { MailboxCounts } from "./mailbox_counts.ts";
import type { DeadLetter, DeadLetters, DeadOutcome, Put } from "../../requests/message.ts";
import type { Transaction } from "../../database/transaction.ts";

/** Dead letters that are kept, and bytes of their text; the oldest go for one more. */
const LIMITS = { letters: 100_000, bytes: 256 * 1024 ** 2 };

/** The reason of a message that was put before its mailbox was an account's. */
const BEFORE_ACCOUNT = "before the account";

/** Characters of a text that is listed: more than an administrator is shown. */
const LISTED_TEXT = 128;

/** Dead letters that go for one at most: where they are short and it is long, it takes several to come to the limit. */
const MAX_DROPS = 64;

interface Size {
  id: number;
  mailbox: string;
  bytes: number;
  /** 1 where it is set apart. */
  apart: number;
}

/** A message that has become a dead letter. */
interface Died {
  seq: number;
  bytes: number;
  attempts: number;
  reason: string;
}

/** A message that is set apart. */
interface Apart {
  id: number;
  sender: string;
  time: number;
  text: string;
  bytes: number;
  attempts: number;
}

/**
 * Messages that were given out too often; and, apart from these, those that were put before their mailbox was an
 * account's: they go for no newer one, and are not given out together with others.
 */
export class DeadLetterRows {
  readonly #transaction: Transaction;
  readonly #limits: typeof LIMITS;
  readonly #sql;
  readonly #counts: MailboxCounts;
  #bytes: number;
  /** Of those that are set apart. */
  readonly #apart: { letters: number; bytes: number };

  constructor(db: DatabaseSync, transaction: Transaction, limits = LIMITS) {
    this.#transaction = transaction;
    this.#limits = limits;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql(
        `INSERT INTO dead (id, mailbox, sender, time, body, bytes, attempts, reason)
          SELECT seq, ?, sender, time, body, bytes, ?, ? FROM message WHERE seq = ?`,
      ),
      after: sql(
        `SELECT id, mailbox, sender, time, attempts, reason, bytes, substr(body, 1, ${LISTED_TEXT}) AS text
          FROM dead WHERE id > ? ORDER BY id ${LIMIT}`,
      ),
      next: sql(`SELECT id FROM dead WHERE id > ? AND apart = 0 ORDER BY id ${LIMIT}`),
      whole: sql("SELECT mailbox, sender, time, body AS text, bytes FROM dead WHERE id = ?"),
      oldest: sql("SELECT id, mailbox, bytes, apart FROM dead WHERE apart = 0 ORDER BY id LIMIT 1"),
      size: sql("SELECT id, mailbox, bytes, apart FROM dead WHERE id = ?"),
      addApart: sql(
        `INSERT INTO dead (id, mailbox, sender, time, body, bytes, attempts, reason, apart)
          VALUES (?, ?, ?, ?, ?, ?, ?, '${BEFORE_ACCOUNT}', 1)`,
      ),
      sizeOf: sql("SELECT coalesce(sum(bytes), 0) AS bytes FROM dead WHERE mailbox = ? AND apart = 0"),
      setApart: sql(
        `UPDATE dead SET apart = 1, reason = '${BEFORE_ACCOUNT}' WHERE mailbox = ? AND apart = 0`,
      ),
      drop: sql("DELETE FROM dead WHERE id = ?"),
      clear: sql("DELETE FROM dead"),
    };
    const counts = db.prepare(
      "SELECT mailbox, count(*) AS letters, sum(bytes) AS bytes FROM dead WHERE apart = 0 GROUP BY mailbox",
    ).all();
    this.#apart = db.prepare(
      "SELECT count(*) AS letters, coalesce(sum(bytes), 0) AS bytes FROM dead WHERE apart = 1",
    ).get() as { letters: number; bytes: number };
    this.#counts = new MailboxCounts(
      transaction,
      new Map(counts.map((row) => [row.mailbox as string, row.letters as number])),
    );
    this.#bytes = counts.reduce((sum, row) => sum + (row.bytes as number), 0);
  }

  /** Adds a message that has a row; this is left to be removed. `reason` is why its last attempt failed. */
  add(mailbox: string, { seq, bytes, attempts, reason }: Died) {
    this.#transaction.begin();
    this.#sql.add.run(mailbox, attempts, reason, seq);
    this.#count(mailbox, 1, bytes);
    for (let i = 0; i < MAX_DROPS && this.#isTooMuch; i++) {
      this.#drop(this.#sql.oldest.get() as unknown as Size);
    }
  }

  /** Whether all that a mailbox has here can be set apart, and so many messages with so many bytes with it. */
  hasRoomApart(mailbox: string, messages: number, bytes: number): boolean {
    const { letters, bytes: most } = this.#limits;
    return this.#apart.letters + messages + this.count(mailbox) <= letters &&
      this.#apart.bytes + bytes + this.#bytesOf(mailbox) <= most;
  }

  #bytesOf(mailbox: string): number {
    return this.count(mailbox) === 0 ? 0 : (this.#sql.sizeOf.get(mailbox) as { bytes: number }).bytes;
  }

  /** Sets apart what a mailbox has here. Returns how many they were. */
  setAllApart(mailbox: string): number {
    const letters = this.count(mailbox), bytes = this.#bytesOf(mailbox);
    if (letters === 0) return 0;
    this.#transaction.begin();
    this.#sql.setApart.run(mailbox);
    this.#count(mailbox, -letters, -bytes);
    this.#countApart(letters, bytes);
    return letters;
  }

  /** Adds a message that is set apart; where it has a row, that is left to be removed. */
  setApart(mailbox: string, { id, sender, time, text, bytes, attempts }: Apart) {
    this.#transaction.begin(bytes);
    this.#sql.addApart.run(id, mailbox, sender, time, text, bytes, attempts);
    this.#countApart(1, bytes);
  }

  /** Carries out what is asked for. @param put Puts a message that is to be given out again. */
  request(request: DeadLetters, put: (put: Put) => unknown): Exclude<DeadOutcome, "storage"> {
    switch (request.what) {
      case "list":
        return this.after(request.after, request.limit);
      case "requeue":
        return this.#requeue(request.id, put);
      case "requeue all": {
        const { after, limit } = request, ids = this.#sql.next.all(after, limit) as { id: number }[];
        const done = ids.filter(({ id }) => this.#requeue(id, put) === "requeued").length;
        return { done, full: ids.length - done, last: ids.at(-1)?.id ?? 0 };
      }
      case "delete":
        return this.delete(request.id) ? 1 : "unknown";
      case "delete all":
        return this.clear();
    }
  }

  /** The oldest behind a number. */
  after(id: number, limit: number): DeadLetter[] {
    return this.#sql.after.all(id, limit) as unknown as DeadLetter[];
  }

  /** Puts the one with this number at the end of its mailbox, as if it came now: with no attempt counted. */
  #requeue(id: number, put: (put: Put) => unknown): "requeued" | "unknown" | "full" {
    const letter = this.#sql.whole.get(id) as unknown as Omit<Put, "kind"> | undefined;
    if (letter === undefined) return "unknown";
    if (put({ kind: "put", ...letter }) !== "stored") return "full";
    this.delete(id);
    return "requeued";
  }

  /** Removes the one with this number. Returns whether there was one. */
  delete(id: number): boolean {
    const size = this.#sql.size.get(id) as unknown as Size | undefined;
    if (size !== undefined) this.#drop(size);
    return size !== undefined;
  }

  #drop({ id, mailbox, bytes, apart }: Size) {
    this.#transaction.begin();
    this.#sql.drop.run(id);
    if (apart === 1) this.#countApart(-1, -bytes);
    else this.#count(mailbox, -1, -bytes);
  }

  /** Removes all. Returns how many they were. */
  clear(): number {
    this.#transaction.begin();
    this.#sql.clear.run();
    this.#addBytes(-this.#bytes);
    const { letters, bytes } = this.#apart;
    this.#countApart(-letters, -bytes);
    return letters + this.#counts.clear();
  }

  /** How many there are of a mailbox, or in all, without those that are set apart. */
  count(mailbox: string | undefined): number {
    return this.#counts.of(mailbox);
  }

  get #isTooMuch(): boolean {
    return this.count(undefined) > this.#limits.letters || this.#bytes > this.#limits.bytes;
  }

  #count(mailbox: string, letters: number, bytes: number) {
    this.#counts.change(mailbox, letters);
    this.#addBytes(bytes);
  }

  #countApart(letters: number, bytes: number) {
    const apart = this.#apart;
    apart.letters += letters;
    apart.bytes += bytes;
    this.#transaction.onRollback(() => {
      apart.letters -= letters;
      apart.bytes -= bytes;
    });
  }

  #addBytes(bytes: number) {
    this.#bytes += bytes;
    this.#transaction.onRollback(() => this.#bytes -= bytes);
  }
}
