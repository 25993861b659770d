import { ADMIN, checkId, isMessage, SHARED_QUEUE } from "../../protocol/mailbox.ts";

/** @throws {TypeError} An ID or the text is not what any wire of the mailbox allows. */
export function checkMessage(receiver: string, sender: string, text: string) {
  if (receiver !== SHARED_QUEUE) {
    checkId(receiver);
    checkId(sender);
    if (sender === ADMIN) throw new TypeError(`Cannot send as '${ADMIN}': the name is the administrator's`);
  }
  if (!isMessage(text)) throw new TypeError("Cannot send a message with control characters other than TAB");
}
