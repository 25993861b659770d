import { shareOfLeft } from "../../../quota/share.ts";
import { checkedColumns, checksumOf } from "../../database/checksum.ts";
import type { Context } from "../../database/context.ts";
import { allRows, firstRow, prepareAll } from "../../database/statements.ts";
import type { FindKey, FindKeyOutcome, PutReceipt, RequestKey, UsedKey } from "../../requests/keyed.ts";
import { isWholeRow } from "../whole_row.ts";

/** How long a key is remembered after its request (store 12.2). */
const KEY_KEPT_MS = 24 * 60 * 60 * 1000;

/** Keys that are remembered, in all, and of one owner while others have none (store 12.3). */
export const KEYS_MAX = 1_000_000, OWNER_KEYS_MAX = KEYS_MAX / 2;

/** What a request came to. */
interface KeyReceipt extends PutReceipt {
  /** The number of a message of the forum in its thread; 0 of any other. */
  place: number;
}

interface KeptKey extends RequestKey, KeyReceipt {
  /** Grows with each: the oldest has the lowest. */
  number: number;
  owner: string;
  /** When it was used, in milliseconds of the records' monotonic clock. */
  usedAt: number;
}

interface KeyRow {
  number: number;
  key: string;
  digest: string;
  owner: string;
  used_at: number;
  message: number;
  time: number;
  place: number;
  checksum: number | null;
}

/**
 * Keys of requests that were carried out, and what they came to: a repeated one comes to the same, and changes nothing.
 *
 * Invariant: a key is in memory until it has a row, and then in its row alone, so that many of them take no memory.
 */
export class RequestKeys {
  readonly #context: Context;
  readonly #sql;
  readonly #unwritten = new Map<string, KeptKey>();
  readonly #countOfOwner = new Map<string, number>();
  #count = 0;
  #last = 0;
  /** The number and the time of the oldest; undefined if there is none. */
  #oldest: Pick<KeptKey, "number" | "usedAt"> | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#sql = prepareAll(context.db, {
      counts: "SELECT owner, count(*) AS count FROM request_key GROUP BY owner",
      last: "SELECT max(number) AS last FROM request_key",
      first: "SELECT number, used_at AS usedAt FROM request_key WHERE number > ? ORDER BY number LIMIT 1",
      oldest: `SELECT ${checkedColumns("request_key")} FROM request_key WHERE number >= ?
        ORDER BY number LIMIT ? + 0`,
      find: `SELECT ${checkedColumns("request_key")} FROM request_key WHERE key = ?`,
      add: `INSERT INTO request_key (number, key, digest, owner, used_at, message, time, place, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      remove: "DELETE FROM request_key WHERE number = ?",
    });
    for (const { owner, count } of allRows<{ owner: string; count: number }>(this.#sql.counts)) {
      this.#countOfOwner.set(owner, count);
      this.#count += count;
    }
    this.#last = firstRow<{ last: number | null }>(this.#sql.last)?.last ?? 0;
    this.#oldest = firstRow(this.#sql.first, 0);
  }

  get count(): number {
    return this.#count;
  }

  /** What was carried out under this key; `damaged`: nobody can say. */
  find(key: string): RequestKey & KeyReceipt | "damaged" | undefined {
    const unwritten = this.#unwritten.get(key);
    if (unwritten !== undefined) return unwritten;
    const row = firstRow<KeyRow>(this.#sql.find, key);
    if (row === undefined) return undefined;
    if (!isWholeRow(this.#context, "request_key", key, row)) return "damaged";
    return { key, digest: row.digest, id: row.message, time: row.time, place: row.place };
  }

  /** How many are remembered, and the most of one owner. */
  get usage(): { keys: number; ofOwner: number } {
    const ofOwner = this.#countOfOwner.values().reduce((most, count) => Math.max(most, count), 0);
    return { keys: this.#count, ofOwner };
  }

  /** Whether one more is too many. */
  isFull(owner: string): boolean {
    const own = this.#countOfOwner.get(owner) ?? 0;
    return this.#count >= KEYS_MAX || own >= shareOfLeft(OWNER_KEYS_MAX, KEYS_MAX, this.#count - own);
  }

  /** The outcome of a request that asks for it. */
  answer({ key, owner }: FindKey): FindKeyOutcome {
    const found = this.find(key);
    if (found === "damaged") return found;
    if (found === undefined) return this.isFull(owner) ? "keys full" : "new";
    const { digest, id, time } = found;
    return { key, digest, id, time };
  }

  /** Adds those that are not there yet: the same change may come again. */
  addNew(keys: readonly UsedKey[]) {
    for (const { key, digest, id, time, owner } of keys) {
      if (this.find(key) === undefined) this.add({ key, digest }, owner, { id, time });
    }
  }

  add(key: RequestKey, owner: string, receipt: PutReceipt & Partial<KeyReceipt>) {
    const kept = {
      ...key,
      place: 0,
      ...receipt,
      owner,
      number: ++this.#last,
      usedAt: this.#context.monotonicClock(),
    };
    this.#unwritten.set(key.key, kept);
    this.#oldest ??= kept;
    this.#count++;
    this.#countOfOwner.set(owner, (this.#countOfOwner.get(owner) ?? 0) + 1);
  }

  /** Whether there are keys that can be forgotten at this time of the monotonic clock. */
  isDue(monotonicClock: number): boolean {
    return this.#oldest !== undefined && monotonicClock - this.#oldest.usedAt > KEY_KEPT_MS;
  }

  /** Forgets keys whose time is over, up to `count` of them. */
  forgetOld(count: number) {
    const now = this.#context.monotonicClock();
    if (!this.isDue(now)) return;
    // they are a day old: all of them have rows after this
    while (this.flush(Infinity));
    for (const { number, owner, used_at } of allRows<KeyRow>(this.#sql.oldest, this.#oldest!.number, count)) {
      if (now - used_at <= KEY_KEPT_MS) break;
      this.#context.transaction.run(this.#sql.remove, number);
      this.#count--;
      const left = this.#countOfOwner.get(owner)! - 1;
      if (left > 0) this.#countOfOwner.set(owner, left);
      else this.#countOfOwner.delete(owner);
    }
    this.#oldest = firstRow(this.#sql.first, 0);
  }

  /** How much there is to {@linkcode flush}. */
  get unflushed(): number {
    return this.#unwritten.size;
  }

  /** Writes up to so many rows. Returns whether there are more. */
  flush(rows: number): boolean {
    let left = rows;
    for (const kept of this.#unwritten.values()) {
      if (left-- <= 0) return true;
      const { number, key, digest, owner, usedAt, id, time, place } = kept;
      const values = [number, key, digest, owner, usedAt, id, time, place] as const;
      this.#context.transaction.run(this.#sql.add, ...values, checksumOf(...values));
      this.#unwritten.delete(key);
    }
    return false;
  }
}
