import type { Context } from "../../database/context.ts";
import type { Mailbox, MailboxQueue } from "../mailbox/mailbox.ts";
import type { KeptMessages } from "./kept_messages.ts";
import { buryDamaged, type DamageTables } from "./rows/damage.ts";
import { isWhole, type Message, type NumberedMessage, type RowSource } from "./rows/message_rows.ts";

/** Rows that are read at a time, at most, after rows that were not ready. */
const SKIPPED_ROWS = 256;

/** Expired or damaged messages that are removed while one record is applied, at most: a millisecond's work. */
const REMOVED_MESSAGES = 256;

interface ReadyMessagesOptions extends DamageTables {
  context: Pick<Context, "onEvent">;
  kept: KeptMessages;
  leased: { has(seq: number): boolean };
  /** Milliseconds since 1970. */
  wallClock(): number;
}

/** Finds the ready messages of a mailbox, oldest first. Each is given once, until it is ready again. */
export class ReadyMessages {
  /** Whether the last search has ended early, so that nobody waits for what it removes: there may be more. */
  isCutOff = false;
  /** Messages that were removed while this record is applied. */
  #removed = 0;
  readonly #options: ReadyMessagesOptions;

  constructor(options: ReadyMessagesOptions) {
    this.#options = options;
  }

  /** To be called at the end of a record. */
  endRecord() {
    this.#removed = 0;
  }

  /**
   * The oldest ready messages, at least one if there is any, unless it {@linkcode isCutOff}. Expired ones before them are
   * removed.
   *
   * @param maxBytes Most bytes of text of all but the first.
   */
  oldest(
    mailbox: Mailbox,
    max: number,
    maxBytes: number,
    queues: readonly MailboxQueue[] = mailbox.queues,
  ): Message[] {
    this.isCutOff = false;
    if (mailbox.isEmpty) return [];
    const { kept, wallClock } = this.#options, now = wallClock();
    // no more rows are read than are needed: of the long ones, which may all stand after the others, one at first
    const about = Math.min(max, Math.ceil(maxBytes / (mailbox.bytes / mailbox.messages)) + 1);
    const readers: QueueReader<Message>[] = [];
    for (const queue of queues) {
      if (queue.isEmpty) continue;
      readers.push(new QueueReader(mailbox, queue, queue.isLong ? 1 : about, this.#options, kept.rows.whole));
    }
    const found: Message[] = [];
    for (let bytes = 0; found.length < max;) {
      let first: QueueReader<Message> | undefined, message: Message | undefined;
      for (const reader of readers) {
        const next = reader.peek();
        if (next === undefined || message !== undefined && message.seq < next.seq) continue;
        first = reader;
        message = next;
      }
      if (message === undefined) break;
      const isDamaged = !isWhole(mailbox.name, message);
      if (isDamaged || message.expires !== null && message.expires <= now) {
        if (this.#removed === REMOVED_MESSAGES) {
          this.isCutOff = true;
          break;
        }
        this.#removed++;
        first!.take();
        if (isDamaged) buryDamaged(this.#options.context, this.#options, mailbox, message);
        else kept.remove(mailbox, message);
        continue;
      }
      if (found.length > 0 && bytes + message.bytes > maxBytes) break;
      first!.take();
      found.push(message);
      bytes += message.bytes;
    }
    return found;
  }

  /** Up to `max` of the oldest with numbers up to `last`, and whether there may be more. */
  upTo(mailbox: Mailbox, last: number, max: number): { messages: Message[]; isMore: boolean } {
    const ready = this.oldest(mailbox, max, Infinity), messages = ready.filter(({ seq }) => seq <= last);
    for (const message of ready.slice(messages.length)) mailbox.addReady(message);
    const isMore = messages.length === max || messages.length === ready.length && this.isCutOff;
    return { messages, isMore };
  }

  /** The oldest ready message. */
  first(mailbox: Mailbox, queues: readonly MailboxQueue[] = mailbox.queues): Message | undefined {
    const [message] = this.oldest(mailbox, 1, Infinity, queues);
    return message;
  }

  /** The number of the first ready message that is too long for a take. */
  firstLong(mailbox: Mailbox): number | undefined {
    if (mailbox.long.isEmpty) return undefined;
    const { rows } = this.#options.kept;
    return new QueueReader(mailbox, mailbox.long, 1, this.#options, rows.numbers).peek()?.seq;
  }
}

/** Reads one queue of a mailbox, as long as nothing else changes there. */
class QueueReader<M extends NumberedMessage> {
  /** Rows that are read at a time: as many as may be needed, and more if none of those was ready. */
  #limit: number;
  #rows: M[] = [];
  #nextRow = 0;
  #next: M | undefined;
  #isAtEnd: boolean;

  constructor(
    readonly mailbox: Mailbox,
    readonly queue: MailboxQueue,
    limit: number,
    readonly options: Pick<ReadyMessagesOptions, "kept" | "leased">,
    readonly source: RowSource<M>,
  ) {
    this.#limit = limit;
    this.#isAtEnd = !queue.mayHaveRows || mailbox.stored === 0;
  }

  /** The next ready message, expired or not; the same one until it is taken. */
  peek(): M | undefined {
    return this.#next ??= this.#nextReleased() ?? this.#nextStored() ?? this.#nextPending();
  }

  /** Moves past the message that `peek` returns. */
  take() {
    const { queue } = this, { seq } = this.#next!;
    if (queue.released.first === seq) queue.released.shift();
    else if (queue.pending[queue.nextPending]?.seq === seq) queue.passPending();
    else queue.cursor = seq + 1;
    this.#next = undefined;
  }

  #nextReleased(): M | undefined {
    const { released } = this.queue;
    for (; released.first !== undefined; released.shift()) {
      // it may have been removed since, or its mailbox cleared
      const message = this.#get(released.first);
      if (message !== undefined && this.#isReady(message)) return message;
    }
    return undefined;
  }

  #get(seq: number): M | undefined {
    const { pending } = this.options.kept;
    // a message that only memory has is whole, whatever is read of those with rows
    return pending.covers(seq) ? pending.get(seq) as M | undefined : this.source.get(this.mailbox, seq);
  }

  #nextStored(): M | undefined {
    const { mailbox, queue } = this;
    for (;;) {
      while (this.#nextRow < this.#rows.length) {
        const row = this.#rows[this.#nextRow++]!;
        if (this.#isReady(row)) return row;
        queue.cursor = row.seq + 1;
      }
      if (this.#isAtEnd) break;
      this.#rows = this.source.from(mailbox, queue, this.#limit);
      this.#nextRow = 0;
      this.#isAtEnd = this.#rows.length < this.#limit;
      this.#limit = Math.max(this.#limit, Math.min(2 * this.#limit, SKIPPED_ROWS));
    }
    queue.mayHaveRows = false;
    return undefined;
  }

  #nextPending(): M | undefined {
    const { queue } = this;
    while (queue.nextPending < queue.pending.length) {
      const message = queue.pending[queue.nextPending]!;
      if (!message.isGone && this.#isReady(message)) return message as NumberedMessage as M;
      queue.passPending();
    }
    return undefined;
  }

  #isReady({ seq, due }: NumberedMessage): boolean {
    return due === null && !this.options.leased.has(seq);
  }
}
