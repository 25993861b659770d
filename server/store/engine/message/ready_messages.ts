import type { LeasedMessages } from "./leased_messages.ts";
import type { Lane, Mailbox } from "./mailboxes.ts";
import type { MessageRows, Row } from "./message_rows.ts";

/** Rows that are read at a time, at most, where those before were somebody's. */
const SKIPPED_ROWS = 256;

export interface ReadyMessagesOptions {
  rows: MessageRows;
  leased: Pick<LeasedMessages, "has">;
  /** Milliseconds since 1970. */
  wallClock(): number;
}

/** Which rows of a mailbox nobody has, the oldest first. One that is given is not given again until it has come back. */
export class ReadyMessages {
  readonly #options: ReadyMessagesOptions;

  constructor(options: ReadyMessagesOptions) {
    this.#options = options;
  }

  /**
   * The oldest rows that nobody has, at least one where there is any. Those before them that have expired are removed.
   *
   * @param maxBytes Most bytes of text of all but the first.
   * @param lanes Where they are looked for.
   */
  oldest(mailbox: Mailbox, max: number, maxBytes: number, lanes: readonly Lane[] = mailbox.lanes): Row[] {
    const { rows, wallClock } = this.#options;
    if (mailbox.stored === 0) return [];
    // no more are read than are needed: of the long ones, which may all stand behind the others, one at first
    const about = Math.min(max, Math.ceil(maxBytes / (mailbox.bytes / mailbox.messages)) + 1);
    const readers = lanes.filter(({ mayHave }) => mayHave)
      .map((lane) => new LaneReader(mailbox, lane, lane.isLong ? 1 : about, this.#options));
    const found: Row[] = [];
    for (let bytes = 0; found.length < max;) {
      let first: LaneReader | undefined;
      for (const reader of readers) {
        const seq = reader.peek()?.seq ?? Infinity;
        if (seq < (first?.peek()?.seq ?? Infinity)) first = reader;
      }
      const row = first?.peek();
      if (row === undefined) break;
      if (row.expires !== null && row.expires <= wallClock()) {
        first!.take();
        rows.remove(mailbox, row.seq, row.seq, row.bytes);
        continue;
      }
      if (found.length > 0 && bytes + row.bytes > maxBytes) break;
      first!.take();
      found.push(row);
      bytes += row.bytes;
    }
    return found;
  }

  /** The number of the first message that is too long for a take and that nobody has, if there is one. */
  firstLong(mailbox: Mailbox): number | undefined {
    const { rows, leased } = this.#options, lane = mailbox.long;
    if (!lane.mayHave) return undefined;
    for (const { returned } = lane; returned.length > 0; returned.shift()) {
      const seq = returned[0]!;
      if (!leased.has(seq) && rows.isIn(mailbox, seq)) return seq;
    }
    for (let limit = 1;; limit = Math.min(2 * limit, SKIPPED_ROWS)) {
      const numbers = rows.numbersFrom(mailbox, lane, limit);
      for (const { seq, due } of numbers) {
        if (due === null && !leased.has(seq)) return seq;
        lane.cursor = seq + 1;
      }
      if (numbers.length < limit) break;
    }
    lane.mayHave = false;
    return undefined;
  }
}

/** Reads one lane of a mailbox, for as long as nothing else changes there. */
class LaneReader {
  /** What is read at a time: as much as may be needed, and more where somebody has all of it. */
  #limit: number;
  #rows: Row[] = [];
  #next: Row | undefined;
  #isAtEnd = false;

  constructor(
    readonly mailbox: Mailbox,
    readonly lane: Lane,
    limit: number,
    readonly options: ReadyMessagesOptions,
  ) {
    this.#limit = limit;
  }

  /** The next that nobody has, expired or not; the same one until it is taken. */
  peek(): Row | undefined {
    return this.#next ??= this.#nextReturned() ?? this.#nextUnread();
  }

  /** Goes on behind the next one. */
  take() {
    const { lane } = this;
    if (lane.returned[0] === this.#next!.seq) lane.returned.shift();
    else lane.cursor = this.#next!.seq + 1;
    this.#next = undefined;
  }

  #nextReturned(): Row | undefined {
    const { returned } = this.lane;
    for (; returned.length > 0; returned.shift()) {
      const row = this.options.rows.get(returned[0]!);
      // it may have been removed since, or its mailbox cleared
      if (row?.mailbox === this.mailbox && this.#isFree(row)) return row;
    }
    return undefined;
  }

  #nextUnread(): Row | undefined {
    const { mailbox, lane } = this;
    for (;;) {
      for (let row = this.#rows.shift(); row !== undefined; row = this.#rows.shift()) {
        if (this.#isFree(row)) return row;
        lane.cursor = row.seq + 1;
      }
      if (this.#isAtEnd) break;
      this.#rows = this.options.rows.from(mailbox, lane, this.#limit);
      this.#isAtEnd = this.#rows.length < this.#limit;
      this.#limit = Math.max(this.#limit, Math.min(2 * this.#limit, SKIPPED_ROWS));
    }
    lane.mayHave = false;
    return undefined;
  }

  /** Whether nobody has this message, and it does not wait to be tried again. */
  #isFree({ seq, due }: Row): boolean {
    return due === null && !this.options.leased.has(seq);
  }
}
