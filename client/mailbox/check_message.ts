import { ADMIN, checkId, messageLength, SHARED_QUEUE } from "../../protocol/mailbox.ts";

/** @throws {TypeError} An ID or the text is not what any wire of the mailbox allows. */
export function checkMessage(receiver: string, sender: string, text: string) {
  checkIds(receiver, sender);
  checkText(text);
}

/** @throws {TypeError} No wire of the mailbox allows these IDs. */
export function checkIds(receiver: string, sender: string) {
  if (receiver === SHARED_QUEUE) return;
  checkId(receiver);
  checkId(sender);
  if (sender === ADMIN) throw new TypeError(`Cannot send as '${ADMIN}': the name is the administrator's`);
}

/**
 * Returns the text's length in UTF-8, in bytes.
 *
 * @throws {TypeError} No wire of the mailbox allows this text.
 */
export function checkText(text: string): number {
  const bytes = messageLength(text);
  if (bytes < 0) throw new TypeError("Cannot send a message with control characters other than TAB");
  return bytes;
}
