import type { Put } from "../../requests/message.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Owner } from "./owners.ts";

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
