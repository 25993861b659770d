/**
 * Messages as requests bring them. http.md 8.1 to 8.3.
 *
 * @module
 */

import { Refusal } from "../../../../protocol/http/problem.ts";
import type { MAILBOX_ROUTES } from "../../../../protocol/http/routes/mailbox.ts";
import { ADMIN, isId, messageLength, SHARED_QUEUE } from "../../../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../../../protocol/session.ts";
import type { Mailboxes } from "../../../service/mailboxes.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { PutReceipt } from "../../../store/requests/keyed.ts";
import type { HttpExchange } from "../exchange.ts";
import { keyRefusal, requestKey } from "../request_key.ts";
import { accessRefusal, chargedTo } from "./receivers.ts";

/** Who sends what nobody is named for. */
const ANONYMOUS = "anonymous";

type PutExchange =
  | HttpExchange<typeof MAILBOX_ROUTES["put"]>
  | HttpExchange<typeof MAILBOX_ROUTES["putShared"]>;

/** @throws {Refusal} The name can't be that of a mailbox or a sender. */
export function checkName(name: string, what: string) {
  if (isId(name)) return;
  throw new Refusal(
    "bad ID",
    `${what} can't be '${name}': expected 1 to 64 bytes with no comma, no control character, no space at an end`,
  );
}

export class HttpPuts {
  readonly #mailboxes: Mailboxes;
  readonly #store: Pick<GroupCommit, "submit">;

  constructor(mailboxes: Mailboxes, store: Pick<GroupCommit, "submit">) {
    this.#mailboxes = mailboxes;
    this.#store = store;
  }

  /**
   * Puts the message of a request. Resolves when it is on disk.
   *
   * @param receiver A mailbox, or the shared queue.
   * @throws {Refusal}
   */
  async put(exchange: PutExchange, receiver: string, sender?: string): Promise<PutReceipt> {
    const { client, query: { delay = 0, ttl } } = exchange;
    const from = receiver === SHARED_QUEUE ? "" : sender ?? (client.account || ANONYMOUS);
    if (receiver !== SHARED_QUEUE) checkSender(from);
    const keyed = requestKey(client, exchange.header("idempotency-key"));
    const text = await textOf(exchange), bytes = checkedLength(text);
    const message = { receiver, sender: from, delay, ttl, text };
    const refused = this.#mailboxes.refusePut(client, message);
    if (refused !== undefined) throw accessRefusal(refused, client.account);
    if (!this.#mailboxes.mayCreate(receiver, client.hostname)) {
      throw new Refusal("too fast", "the address creates more mailboxes a second than it may", {
        retryAfter: 1,
      });
    }
    const put = this.#mailboxes.putOfSession(chargedTo(client), message, bytes);
    const key = keyed?.(["put", receiver, from, `${delay}`, `${ttl ?? ""}`, text]);
    return await new Promise((resolve, reject) => {
      const isTaken = this.#store.submit({ kind: "put once", put, ...key && { key } }, (outcome) => {
        if (typeof outcome === "object") resolve(outcome);
        else if (outcome === "other request" || outcome === "keys full") reject(keyRefusal(outcome));
        else reject(new Refusal(outcome, undefined, { retryAfter: 10 }));
      });
      if (!isTaken) reject(new Refusal("overload", undefined, { retryAfter: 1 }));
    });
  }
}

function checkSender(sender: string) {
  checkName(sender, "the sender");
  if (sender === ADMIN) throw new Refusal("bad ID", "nobody sends as 'admin'");
}

/** The text of the body, without one line end behind it. */
async function textOf(exchange: PutExchange): Promise<string> {
  if (exchange.type !== "application/json") return (await exchange.text()).replace(/\r?\n$/, "");
  const { text } = await exchange.object();
  if (typeof text === "string" && text.isWellFormed()) return text;
  throw new Refusal("bad body", "expected the member text, a string");
}

/** @throws {Refusal} The text can't be a message. */
function checkedLength(text: string): number {
  const bytes = messageLength(text);
  if (bytes < 0) {
    throw new Refusal("not printable", "the text has a control character other than TAB, or several lines");
  }
  if (bytes > MAX_TEXT_BYTES) {
    throw new Refusal("too long", `the text is longer than ${MAX_TEXT_BYTES} bytes`);
  }
  return bytes;
}
