import type { Owner } from "./owners.ts";
import type { PendingMessage } from "./pending_message.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { Registered } from "./registry.ts";

/** What memory knows of one mailbox. */
export class Mailbox extends Registered {
  messages = 0;
  bytes = 0;
  /** Messages that have a row in `message`; the others are pending, or delayed. */
  stored = 0;
  /** `messages`, `bytes` and the owner's number as its row has them. */
  rowMessages = 0;
  rowBytes = 0;
  rowOwner = 0;
  /** Whether these differ from the row, or may. */
  isDirty = false;
  /** Messages of other owners than its own. */
  otherMessages = 0;
  /** Whether it may have rows in `mailbox_owner`. */
  hasOtherRows = false;
  /** By how much the messages of other owners differ from these rows. */
  others: Map<Owner, { messages: number; bytes: number }> | undefined;
  readonly short = new ReadyQueue(false);
  readonly long = new ReadyQueue(true);
  readonly queues: readonly ReadyQueue[] = [this.short, this.long];
  /** Those whose messages a take may give. */
  readonly takenQueues: readonly ReadyQueue[] = [this.short];
  /** Whether the event `long` was raised for it. */
  isLongReported = false;

  /** @param owner The owner of the first of the messages that it holds: it counts against that one's share. */
  constructor(name: string, public owner: Owner) {
    super(name);
  }

  get isEmpty(): boolean {
    return this.messages === 0;
  }

  /** The queue of a message. */
  queueOf({ long }: { long: number }): ReadyQueue {
    return long ? this.long : this.short;
  }

  /** A message is ready again, at its place. */
  addReady(message: { seq: number; long: number }) {
    this.queueOf(message).add(message);
  }

  /** The messages that only memory has. */
  pending(): PendingMessage[] {
    return this.queues.flatMap(({ pending }) => pending).filter(({ isGone }) => !isGone);
  }
}
