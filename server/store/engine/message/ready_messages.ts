import type { Mailbox, ReadyQueue } from "../mailbox/mailbox.ts";
import type { MessageRows, NumberRow, Row, RowSource } from "./message_rows.ts";

/** Rows that are read at a time, at most, after rows that were not ready. */
const SKIPPED_ROWS = 256;

interface ReadyMessagesOptions {
  rows: MessageRows;
  leased: { has(seq: number): boolean };
  /** Milliseconds since 1970. */
  wallClock(): number;
}

/** Finds the ready messages of a mailbox that have rows, oldest first. Each is given once, until it is ready again. */
export class ReadyMessages {
  readonly #options: ReadyMessagesOptions;

  constructor(options: ReadyMessagesOptions) {
    this.#options = options;
  }

  /**
   * The oldest ready rows, at least one if there is any. Expired ones before them are removed.
   *
   * @param maxBytes Most bytes of text of all but the first.
   */
  oldest(
    mailbox: Mailbox,
    max: number,
    maxBytes: number,
    queues: readonly ReadyQueue[] = mailbox.queues,
  ): Row[] {
    const { rows, leased, wallClock } = this.#options;
    if (mailbox.stored === 0) return [];
    // no more are read than are needed: of the long ones, which may all stand after the others, one at first
    const about = Math.min(max, Math.ceil(maxBytes / (mailbox.bytes / mailbox.messages)) + 1);
    const readers = queues.filter(({ mayHaveReady }) => mayHaveReady)
      .map((queue) => new QueueReader(mailbox, queue, queue.isLong ? 1 : about, leased, rows.whole));
    const found: Row[] = [];
    for (let bytes = 0; found.length < max;) {
      let first: QueueReader<Row> | undefined;
      for (const reader of readers) {
        const seq = reader.peek()?.seq ?? Infinity;
        if (seq < (first?.peek()?.seq ?? Infinity)) first = reader;
      }
      const row = first?.peek();
      if (row === undefined) break;
      if (row.expires !== null && row.expires <= wallClock()) {
        first!.take();
        rows.remove(mailbox, row);
        continue;
      }
      if (found.length > 0 && bytes + row.bytes > maxBytes) break;
      first!.take();
      found.push(row);
      bytes += row.bytes;
    }
    return found;
  }

  /** The oldest ready row. */
  first(mailbox: Mailbox, queues = mailbox.queues): Row | undefined {
    const [row] = this.oldest(mailbox, 1, Infinity, queues);
    return row;
  }

  /** The number of the first ready message that is too long for a take. */
  firstLong(mailbox: Mailbox): number | undefined {
    if (!mailbox.long.mayHaveReady) return undefined;
    const { rows, leased } = this.#options;
    return new QueueReader(mailbox, mailbox.long, 1, leased, rows.numbers).peek()?.seq;
  }
}

/** Reads one queue of a mailbox, as long as nothing else changes there. */
class QueueReader<R extends NumberRow> {
  /** Rows that are read at a time: as many as may be needed, and more if none of those was ready. */
  #limit: number;
  #rows: R[] = [];
  #next: R | undefined;
  #isAtEnd = false;

  constructor(
    readonly mailbox: Mailbox,
    readonly queue: ReadyQueue,
    limit: number,
    readonly leased: ReadyMessagesOptions["leased"],
    readonly source: RowSource<R>,
  ) {
    this.#limit = limit;
  }

  /** The next ready row, expired or not; the same one until it is taken. */
  peek(): R | undefined {
    return this.#next ??= this.#nextReleased() ?? this.#nextUnread();
  }

  /** Moves past the row that `peek` returns. */
  take() {
    const { queue } = this;
    if (queue.released[0] === this.#next!.seq) queue.released.shift();
    else queue.cursor = this.#next!.seq + 1;
    this.#next = undefined;
  }

  #nextReleased(): R | undefined {
    const { released } = this.queue;
    for (; released.length > 0; released.shift()) {
      // it may have been removed since, or its mailbox cleared
      const row = this.source.get(this.mailbox, released[0]!);
      if (row !== undefined && this.#isReady(row)) return row;
    }
    return undefined;
  }

  #nextUnread(): R | undefined {
    const { mailbox, queue } = this;
    for (;;) {
      for (let row = this.#rows.shift(); row !== undefined; row = this.#rows.shift()) {
        if (this.#isReady(row)) return row;
        queue.cursor = row.seq + 1;
      }
      if (this.#isAtEnd) break;
      this.#rows = this.source.from(mailbox, queue, this.#limit);
      this.#isAtEnd = this.#rows.length < this.#limit;
      this.#limit = Math.max(this.#limit, Math.min(2 * this.#limit, SKIPPED_ROWS));
    }
    queue.mayHaveReady = false;
    return undefined;
  }

  #isReady({ seq, due }: NumberRow): boolean {
    return due === null && !this.leased.has(seq);
  }
}
