import { cutText } from "../../../../protocol/mailbox.ts";
import {
  encodeMailboxAnswer,
  type UnorderedMailboxRequest,
} from "../../../../protocol/session/mailbox_requests.ts";
import type { Mailboxes } from "../../../service/mailboxes.ts";
import type { Limit } from "../../../report/limit.ts";
import type { PeekedPage } from "../../../store/requests/message.ts";
import type { SessionClient } from "../handler.ts";

/** Messages of one page, and how much of each text is shown (session.md 2.12, 2.13). */
const PAGE_MESSAGES = 64, SHOWN_BYTES = 128;

/** Pages that are looked up at a time, each for another session: in all, and of one network (session.md 2.15). */
const MAX_PEEKS = 16, MAX_NETWORK_PEEKS = 12;

/** Answers requests to show a mailbox, a page at a time. Those beyond the limits are dropped: their clients repeat them. */
export class Peeks {
  readonly #mailboxes: Mailboxes;
  /** Sessions whose page is looked up now. */
  readonly #clients = new Set<SessionClient>();

  constructor(mailboxes: Mailboxes) {
    this.#mailboxes = mailboxes;
  }

  /** Limits of pages that are looked up, with their use now. */
  limits(): Limit[] {
    const ofNetworks = Map.groupBy(this.#clients, ({ network }) => network).values();
    const most = Math.max(0, ...ofNetworks.map((clients) => clients.length));
    return [
      { name: "pages that are looked up", used: this.#clients.size, limit: MAX_PEEKS },
      { name: "pages of one address", used: most, limit: MAX_NETWORK_PEEKS },
    ];
  }

  request(client: SessionClient, { t, mailbox, after }: UnorderedMailboxRequest & { kind: "peek" }) {
    if (this.#clients.has(client) || this.#clients.size >= MAX_PEEKS) return;
    const own = this.#clients.values().filter(({ network }) => network === client.network);
    if ([...own].length >= MAX_NETWORK_PEEKS) return;
    const isAsked = this.#mailboxes.peek(mailbox, after, PAGE_MESSAGES, (page) => {
      this.#clients.delete(client);
      if (page === "storage") return;
      // an account may have begun to cover the mailbox meanwhile
      if (this.#mailboxes.refuseRead(client.account, mailbox) !== undefined) {
        return client.send(encodeMailboxAnswer({ kind: "denied", t }));
      }
      for (const line of pageLines(t, after, page)) client.send(line);
    });
    if (isAsked) this.#clients.add(client);
  }
}

function* pageLines(t: number, after: number, { messages, more }: PeekedPage): Generator<string> {
  let behind = after;
  for (const message of messages) {
    const text = cutText(message.text, 0, SHOWN_BYTES);
    yield encodeMailboxAnswer({ kind: "seen", t, behind, ...message, text });
    behind = message.id;
  }
  yield encodeMailboxAnswer({ kind: more ? "more" : "last", t, id: behind });
}
