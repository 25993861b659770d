/**
 * What the routes of mailboxes and of the shared queue answer. http.md section 8.
 *
 * @module
 */

import { encodeLeaseId } from "../../../../protocol/http/lease_id.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import { MAILBOX_ROUTES, MAX_PAGE_MESSAGES } from "../../../../protocol/http/routes/mailbox.ts";
import { SHARED_QUEUE } from "../../../../protocol/mailbox.ts";
import type { Metrics } from "../../../report/metrics.ts";
import type { Mailboxes } from "../../../service/mailboxes.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { PeekedPage, Stats } from "../../../store/requests/message.ts";
import type { PutReceipt } from "../../../store/requests/keyed.ts";
import type { Delivery, Handled, Handlers, HttpAnswer, HttpExchange } from "../exchange.ts";
import { json, text } from "../exchange.ts";
import { leaseHandlers } from "./lease_routes.ts";
import { checkName, HttpPuts } from "./puts.ts";
import { accessRefusal, type GivenMessage, type HttpReceivers } from "./receivers.ts";

export interface MailboxRoutesOptions {
  store: GroupCommit;
  mailboxes: Mailboxes;
  receivers: HttpReceivers;
  metrics: Metrics;
}

type Putting = Parameters<HttpPuts["put"]>[0];

type Receiving =
  | HttpExchange<typeof MAILBOX_ROUTES["receive"]>
  | HttpExchange<typeof MAILBOX_ROUTES["receiveShared"]>;

export function mailboxHandlers(options: MailboxRoutesOptions): Handlers<typeof MAILBOX_ROUTES> {
  const { store, mailboxes, metrics } = options, puts = new HttpPuts(mailboxes, store);
  const put = async (exchange: Putting, receiver: string, sender?: string) => {
    const stored = await puts.put(exchange, receiver, sender);
    metrics.add("http put");
    return receipt(stored, exchange.form === "json");
  };
  return {
    async peek({ path: { mailbox }, query: { after = 0, limit = MAX_PAGE_MESSAGES }, client, form }) {
      checkName(mailbox, "the mailbox");
      checkRead(mailboxes, client.account, mailbox);
      const [stats, page] = await Promise.all([
        new Promise<Stats>((resolve) => mailboxes.stat(mailbox, resolve)),
        peeked(mailboxes, mailbox, after, limit),
      ]);
      // an account may have begun to cover it meanwhile
      checkRead(mailboxes, client.account, mailbox);
      return shown(mailbox, stats, page, form === "json");
    },
    put(exchange) {
      const { path: { mailbox }, query: { sender } } = exchange;
      checkName(mailbox, "the mailbox");
      return put(exchange, mailbox, sender);
    },
    putShared: (exchange) => put(exchange, SHARED_QUEUE),
    receive(exchange) {
      checkName(exchange.path.mailbox, "the mailbox");
      return receive(exchange, exchange.path.mailbox, options);
    },
    receiveShared: (exchange) => receive(exchange, SHARED_QUEUE, options),
    ...leaseHandlers(store, metrics),
  };
}

function checkRead(mailboxes: Mailboxes, account: string, mailbox: string) {
  const why = mailboxes.refuseRead(account, mailbox);
  if (why !== undefined) throw accessRefusal(why, account);
}

async function peeked(
  mailboxes: Mailboxes,
  mailbox: string,
  after: number,
  limit: number,
): Promise<PeekedPage> {
  const page = await new Promise<PeekedPage | "storage" | "overload">((resolve) => {
    if (!mailboxes.peek(mailbox, after, limit, resolve)) resolve("overload");
  });
  if (typeof page === "string") throw new Refusal(page, undefined, { retryAfter: 1 });
  return page;
}

function shown(
  mailbox: string,
  { ready, leased, delayed, dead }: Stats,
  { messages, more }: PeekedPage,
  isJson: boolean,
): HttpAnswer {
  const shown = messages.map(({ time, ...message }) => ({ ...message, time: timeText(time) }));
  if (isJson) return json({ mailbox, ready, leased, delayed, dead, messages: shown, more });
  const lines = shown.map(({ id, time, sender, state, text }) =>
    `${id} ${time} ${sender} ${state} ${text}\n`
  );
  return text(lines.join(""));
}

function receipt({ id, time }: PutReceipt, isJson: boolean): HttpAnswer {
  return isJson ? json({ id, time: timeText(time) }, 201) : text(`${id}\n`, 201);
}

async function receive(
  exchange: Receiving,
  mailbox: string,
  { mailboxes, receivers, metrics }: MailboxRoutesOptions,
): Promise<Handled> {
  const { client, form, query: { wait = 0, max = 1, lease } } = exchange;
  checkRead(mailboxes, client.account, mailbox);
  const wanted = { mailbox, max, waitMs: wait, leaseMs: lease };
  const given = await receivers.receive(client, wanted, (cancel) => exchange.onOver(cancel));
  if (given.length === 0) return { status: 204 };
  const onDelivery = (delivery: Delivery) => {
    if (lease !== undefined) {
      if (delivery === "sent") receivers.confirm(given);
      else receivers.giveBack(given);
    } else if (delivery === "unsent") receivers.giveBack(given);
    else {
      metrics.add("http taken", given.length);
      receivers.remove(given, client.account);
    }
  };
  return { ...received(given, form === "json", lease !== undefined), onDelivery };
}

function received(given: readonly GivenMessage[], isJson: boolean, isLeased: boolean): HttpAnswer {
  if (isJson) {
    return json({
      messages: given.map(({ id, sender, time, text, attempt, session, token }) => ({
        ...{ id, sender, time: timeText(time), text, attempt },
        ...isLeased ? { lease: encodeLeaseId({ session, token, id }) } : {},
      })),
    });
  }
  const all = (value: (message: GivenMessage) => string | number) => given.map(value).join(", ");
  const answer = text(given.map(({ text }) => `${text}\n`).join(""));
  return {
    ...answer,
    headers: {
      ...answer.headers,
      "wirepost-id": all(({ id }) => id),
      "wirepost-sender": all(({ sender }) => encodeURIComponent(sender)),
      "wirepost-time": all(({ time }) => timeText(time)),
      "wirepost-attempt": all(({ attempt }) => attempt),
      ...isLeased ? { "wirepost-lease": all(encodeLeaseId) } : {},
    },
  };
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
