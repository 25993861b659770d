import { utf8Length } from "../../../../protocol/mailbox.ts";
import type { Context } from "../../database/context.ts";
import { checksumOf } from "../../database/checksum.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { DeadLetter, DeadLetters, DeadOutcome, Put } from "../../requests/message.ts";
import { MailboxCounts } from "../mailbox/mailbox_counts.ts";
import { beginningOf } from "./peeked_messages.ts";
import { reportDamage } from "../whole_row.ts";
import type { LetterMessage } from "./rows/damage.ts";

/** Dead letters that are kept, and bytes of their text; the oldest make room for new ones (session.md 6.7). */
export const DEAD_LIMITS = { letters: 100_000, bytes: 256 * 1024 ** 2 };

/** The reason of a message that was put before an account covered its mailbox. */
const BEFORE_ACCOUNT = "before the account";

/** The reason of a message whose row was damaged: it is never given out again (store 7.2). */
const DAMAGED = "damaged";

/** By what the checksum of a letter that is set apart differs: so that one can be set apart without reading it. */
const APART_MARK = 0x2f6e2b1;

/** Dead letters that one new one drops at most: short ones make room for a long one over several. */
const MAX_DROPS = 64;

/** The row of a dead letter. */
export interface Letter {
  id: number;
  mailbox: string;
  sender: string;
  time: number;
  text: string;
  bytes: number;
  attempts: number;
  reason: string;
  /** 1 if it is set apart. */
  apart: number;
  /** Null in a row of the version before the journal. */
  checksum: number | null;
}

interface Size {
  id: number;
  mailbox: string;
  bytes: number;
  /** 1 if it is set apart. */
  apart: number;
}

/**
 * Dead letters: messages with too many failed attempts. Those that are set apart (see `coverage.ts`) are counted and
 * limited by themselves: they make no room for new ones, and are not requeued together with others.
 */
export class DeadLetterRows {
  /** Without those that are set apart. */
  readonly counts: MailboxCounts;
  /** The bytes of their texts. */
  readonly #sizes: MailboxCounts;
  readonly #context: Pick<Context, "onEvent">;
  readonly #transaction: Transaction;
  readonly #limits: typeof DEAD_LIMITS;
  readonly #sql;
  /** Of those that are set apart. */
  readonly #apart: { letters: number; bytes: number };

  constructor(context: Pick<Context, "db" | "transaction" | "onEvent">, limits = DEAD_LIMITS) {
    const { db, transaction } = this.#context = context;
    this.#transaction = transaction;
    this.#limits = limits;
    this.#sql = prepareAll(db, {
      add: `INSERT INTO dead (id, mailbox, sender, time, text, bytes, attempts, reason, apart, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      list: `SELECT * FROM dead WHERE id > ? ORDER BY id ${LIMIT}`,
      next: `SELECT id, mailbox, bytes, apart FROM dead WHERE id > ? AND apart = 0 ORDER BY id ${LIMIT}`,
      whole:
        "SELECT id, mailbox, sender, time, text, bytes, attempts, reason, apart, checksum FROM dead WHERE id = ?",
      damage: "UPDATE dead SET reason = ?, checksum = ? WHERE id = ?",
      oldest: "SELECT id, mailbox, bytes, apart FROM dead WHERE apart = 0 ORDER BY id LIMIT 1",
      size: "SELECT id, mailbox, bytes, apart FROM dead WHERE id = ?",
      of: `SELECT id, mailbox, bytes, apart FROM dead WHERE mailbox = ? AND apart = 0 AND id <= ?
        ORDER BY id ${LIMIT}`,
      // SQLite has no exclusive or
      setApart:
        `UPDATE dead SET apart = 1, reason = CASE reason WHEN '${DAMAGED}' THEN reason ELSE '${BEFORE_ACCOUNT}' END,
        checksum = (checksum | ${APART_MARK}) - (checksum & ${APART_MARK}) WHERE id = ?`,
      drop: "DELETE FROM dead WHERE id = ?",
      clear: "DELETE FROM dead",
    });
    const counts = allRows<{ mailbox: string; count: number; bytes: number }>(db.prepare(
      "SELECT mailbox, count(*) AS count, sum(bytes) AS bytes FROM dead WHERE apart = 0 GROUP BY mailbox",
    ));
    this.counts = new MailboxCounts(counts);
    this.#sizes = new MailboxCounts(counts.map(({ mailbox, bytes }) => ({ mailbox, count: bytes })));
    this.#apart = firstRow(db.prepare(
      "SELECT count(*) AS letters, coalesce(sum(bytes), 0) AS bytes FROM dead WHERE apart = 1",
    ))!;
  }

  /** Bytes of their texts, without those that are set apart. */
  get bytes(): number {
    return this.#sizes.of();
  }

  /** Those that are set apart. */
  get apart(): { letters: number; bytes: number } {
    return { ...this.#apart };
  }

  /** Adds a message, which the caller removes. `reason` is why its last attempt failed. */
  add(mailbox: string, message: LetterMessage, attempts: number, reason: string) {
    this.#insert(mailbox, message, attempts, reason, 0);
    this.#count(mailbox, 1, message.bytes);
    for (let i = 0; i < MAX_DROPS && this.#isTooMuch; i++) this.#drop(firstRow<Size>(this.#sql.oldest)!);
  }

  /** Adds a message whose row is damaged, as it is; the caller removes it. */
  addDamaged(mailbox: string, message: LetterMessage, attempts: number) {
    // any of them may have become something else
    const text = `${message.text}`, sender = `${message.sender}`, time = wholeNumber(message.time);
    const letter = { seq: message.seq, sender, time, text, bytes: utf8Length(text) };
    this.add(mailbox, letter, wholeNumber(attempts), DAMAGED);
  }

  #insert(
    mailbox: string,
    { seq, sender, time, text, bytes }: LetterMessage,
    attempts: number,
    reason: string,
    apart: number,
  ) {
    this.#transaction.begin();
    const checksum = checksumOfLetter({ id: seq, mailbox, sender, time, text, bytes, attempts, apart });
    this.#sql.add.run(seq, mailbox, sender, time, text, bytes, attempts, reason, apart, checksum);
  }

  /** Whether all dead letters of a mailbox can be set apart, and `messages` messages with `bytes` bytes too. */
  hasRoomApart(mailbox: string, messages: number, bytes: number): boolean {
    const { letters, bytes: bytesMax } = this.#limits;
    return this.#apart.letters + messages + this.counts.of(mailbox) <= letters &&
      this.#apart.bytes + bytes + this.#sizes.of(mailbox) <= bytesMax;
  }

  /** Sets up to so many dead letters of a mailbox with numbers up to `last` apart. Returns how many they were. */
  setSomeApart(mailbox: string, last: number, limit: number): number {
    if (this.counts.of(mailbox) === 0) return 0;
    const letters = allRows<Size>(this.#sql.of, mailbox, last, limit);
    for (const letter of letters) this.#setLetterApart(letter);
    return letters.length;
  }

  #setLetterApart({ id, mailbox, bytes }: Size) {
    this.#transaction.run(this.#sql.setApart, id);
    this.#count(mailbox, -1, -bytes);
    this.#countApart(1, bytes);
  }

  /** Sets a message apart, which the caller removes. */
  setApart(mailbox: string, message: LetterMessage, attempts: number) {
    this.#insert(mailbox, message, attempts, BEFORE_ACCOUNT, 1);
    this.#countApart(1, message.bytes);
  }

  /**
   * @param put Puts a message that is requeued.
   * @param mustSetApart Whether one may not be requeued with others: its message was put before an account was asked for.
   */
  request(
    request: DeadLetters,
    put: (put: Put) => unknown,
    mustSetApart: (mailbox: string, id: number) => boolean = () => false,
  ): DeadOutcome {
    switch (request.what) {
      case "list":
        return allRows<Letter>(this.#sql.list, request.after, request.limit)
          .map((letter) => this.#listed(letter));
      case "requeue":
        return this.#requeue(request.id, put);
      case "requeue all": {
        const letters = allRows<Size>(this.#sql.next, request.after, request.limit);
        const before = letters.filter(({ mailbox, id }) => mustSetApart(mailbox, id));
        // it would have a new number, and look as if it was put after that
        for (const letter of before) this.#setLetterApart(letter);
        const others = letters.filter((letter) => !before.includes(letter));
        const done = others.filter(({ id }) => this.#requeue(id, put) === "requeued").length;
        return { done, full: others.length - done, last: letters.at(-1)?.id ?? 0 };
      }
      case "delete":
        return this.#delete(request.id) ? 1 : "unknown";
      case "delete all":
        return this.#clear();
    }
  }

  #listed(letter: Letter): DeadLetter {
    const { id, mailbox, sender, time, attempts, bytes, text } = letter;
    const isDamaged = letter.reason !== DAMAGED && !isWholeLetter(letter);
    if (isDamaged) reportDamage(this.#context, "dead", id);
    const reason = isDamaged ? DAMAGED : letter.reason;
    return { id, mailbox, sender, time, attempts, reason, bytes, text: beginningOf(text) };
  }

  /** Puts a dead letter at the end of its mailbox, as if it was new: with no attempt counted. */
  #requeue(id: number, put: (put: Put) => unknown): "requeued" | "unknown" | "full" | "damaged" {
    const letter = firstRow<Letter>(this.#sql.whole, id);
    if (letter === undefined) return "unknown";
    if (!this.#isWhole(letter)) return "damaged";
    const { mailbox, sender, time, text, bytes } = letter;
    if (put({ kind: "put", mailbox, sender, time, text, bytes }) !== "stored") return "full";
    this.#delete(id);
    return "requeued";
  }

  /** Whether a letter, and the message that it was, are as they were written. If not, it is known as damaged from then on. */
  #isWhole(letter: Letter): boolean {
    if (letter.reason === DAMAGED) return false;
    if (isWholeLetter(letter)) return true;
    reportDamage(this.#context, "dead", letter.id);
    this.#transaction.run(this.#sql.damage, DAMAGED, checksumOfLetter(letter), letter.id);
    return false;
  }

  /** Returns whether there was one with this ID. */
  #delete(id: number): boolean {
    const size = firstRow<Size>(this.#sql.size, id);
    if (size !== undefined) this.#drop(size);
    return size !== undefined;
  }

  #drop({ id, mailbox, bytes, apart }: Size) {
    this.#transaction.run(this.#sql.drop, id);
    if (apart === 1) this.#countApart(-1, -bytes);
    else this.#count(mailbox, -1, -bytes);
  }

  /** Deletes all. Returns how many they were. */
  #clear(): number {
    const { letters, bytes } = this.#apart;
    this.#transaction.run(this.#sql.clear);
    this.#sizes.clear();
    this.#countApart(-letters, -bytes);
    return letters + this.counts.clear();
  }

  get #isTooMuch(): boolean {
    return this.counts.of() > this.#limits.letters || this.bytes > this.#limits.bytes;
  }

  #count(mailbox: string, letters: number, bytes: number) {
    this.counts.add(mailbox, letters);
    this.#sizes.add(mailbox, bytes);
  }

  #countApart(letters: number, bytes: number) {
    this.#apart.letters += letters;
    this.#apart.bytes += bytes;
  }
}

/** Whether a row of `dead` is as it was written. */
export function isWholeLetter(letter: Letter): boolean {
  return letter.checksum === null || letter.checksum === checksumOfLetter(letter);
}

/** Of all but the reason. */
export function checksumOfLetter(
  { id, mailbox, sender, time, text, bytes, attempts, apart }: Omit<Letter, "reason" | "checksum">,
): number {
  const checksum = checksumOf(id, mailbox, sender, time, text, bytes, attempts);
  return apart === 1 ? (checksum ^ APART_MARK) >>> 0 : checksum;
}

function wholeNumber(value: number): number {
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
