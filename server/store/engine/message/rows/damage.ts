/**
 * Rows of messages that are not as they were written (store section 7): they are not handed out.
 *
 * @module
 */

import type { Context } from "../../../database/context.ts";
import { reportDamage } from "../../whole_row.ts";
import type { Mailbox } from "../../mailbox/mailbox.ts";
import type { DelayedMessage } from "./delayed_messages.ts";
import type { Message } from "./message_rows.ts";

/** What a dead letter has of its message. */
export type LetterMessage = Pick<Message, "seq" | "sender" | "time" | "text" | "bytes">;

/** Where damaged messages are removed, and added. */
export interface DamageTables {
  readonly kept: { remove(mailbox: Mailbox, message: Pick<Message, "seq" | "bytes" | "due">): void };
  readonly dead: { addDamaged(mailbox: string, message: LetterMessage, attempts: number): void };
}

/** Makes a damaged message that was put with a delay, and that the caller removes, a dead letter. */
export function buryDamagedDelayed(
  context: Pick<Context, "onEvent">,
  dead: DamageTables["dead"],
  message: DelayedMessage,
) {
  reportDamage(context, "delayed", message.id);
  dead.addDamaged(message.mailbox, { ...message, seq: message.id }, 0);
}

/** Makes a damaged message that is in no lease a dead letter, with its text as it is. */
export function buryDamaged(
  context: Pick<Context, "onEvent">,
  { kept, dead }: DamageTables,
  mailbox: Mailbox,
  message: Message,
) {
  reportDamage(context, "message", message.seq);
  dead.addDamaged(mailbox.name, message, message.attempts);
  // how long it was may be what is damaged
  const bytes = Math.min(Math.max(0, message.bytes), mailbox.bytes);
  kept.remove(mailbox, { ...message, bytes });
}
