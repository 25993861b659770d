import type { Put } from "../../requests/message.ts";
import type { Owner } from "./owners.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { Named } from "./name_table.ts";

/** Where to look for ready messages of a mailbox. */
export type MailboxQueue = ReadyQueue<PendingMessage>;

/** What memory knows of one mailbox. */
export class Mailbox extends Named {
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
  readonly short = new ReadyQueue<PendingMessage>(false);
  readonly long = new ReadyQueue<PendingMessage>(true);
  readonly queues: readonly MailboxQueue[] = [this.short, this.long];
  /** Those whose messages a take may give. */
  readonly takenQueues: readonly MailboxQueue[] = [this.short];
  /** Whether the event `long` was raised for it. */
  isLongReported = false;
  /** Whether it was reported that it counts messages that cannot be found. */
  isMissingReported = false;
  /** Whether it was cleared: what it held is gone, and its name is another one's. */
  isCleared = false;

  /** @param owner The owner of the first of the messages that it holds: it counts against that one's share. */
  constructor(name: string, public owner: Owner) {
    super(name);
  }

  get isEmpty(): boolean {
    return this.messages === 0;
  }

  /** The queue of a message. */
  queueOf({ long }: { long: number }): MailboxQueue {
    return long ? this.long : this.short;
  }

  /** A message is ready again, at its place. */
  addReady(message: { seq: number; long: number }) {
    this.queueOf(message).add(message);
  }
}

/** A message that only memory has: it was put since the last flush. It has the fields of a row of `message`. */
export class PendingMessage {
  readonly seq: number;
  readonly mailbox: Mailbox;
  readonly owner: Owner;
  readonly sender: string;
  readonly time: number;
  readonly text: string;
  readonly bytes: number;
  readonly expires: number | null;
  /** Whether it is too long for a take: 0 or 1. */
  readonly long: number;
  attempts = 0;
  /** When its next attempt may be; null if it waits for none. */
  due: number | null = null;
  /** The token of the last lease that released it. */
  token: string | null = null;
  /** Whether it was removed, or has a row now. */
  isGone = false;

  constructor(seq: number, mailbox: Mailbox, owner: Owner, put: Omit<Put, "kind">, isLong: boolean) {
    this.seq = seq;
    this.mailbox = mailbox;
    this.owner = owner;
    this.sender = put.sender;
    this.time = put.time;
    this.text = put.text;
    this.bytes = put.bytes;
    this.expires = put.expires ?? null;
    this.long = Number(isLong);
  }
}
