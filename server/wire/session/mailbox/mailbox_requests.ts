import {
  encodeInfo,
  encodeMailboxAnswer,
  type ServerInfo,
} from "../../../../protocol/session/mailbox_requests.ts";
import {
  decodeServiceRequest,
  NOT_SERVED,
  type OrderedServiceRequest,
  type UnorderedServiceRequest,
} from "../../../../protocol/session/service_requests.ts";
import { LOG_IN_FIRST, NOT_CONFIRMED } from "../../../../protocol/session.ts";
import type { TableUsage } from "../../../quota/fair_table.ts";
import type { Environment } from "../../../quota/uptime.ts";
import type { SessionTable } from "../../../report/metrics.ts";
import type { AccessRefusal, Mailboxes } from "../../../service/mailboxes.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { OrderedRequest } from "../../../store/requests/session.ts";
import type { SessionClient, SessionHandler } from "../handler.ts";
import { Leases } from "./leases.ts";
import { Peeks } from "./peeks.ts";

export interface MailboxRequestsOptions extends Pick<Environment, "monotonicClock"> {
  store: Pick<GroupCommit, "submit">;
  mailboxes: Mailboxes;
  /** What an `info` of this name is answered (session.md 3.15); without it, it is not served. */
  info?(name: string): ServerInfo;
}

/** Whether it puts messages back: they have to be there before a later one is given out (session.md 7.4). */
function isReleasing<R extends { kind: string }>(request: R): request is R & { kind: "back" | "fail" } {
  return request.kind === "back" || request.kind === "fail";
}

/** Answers the mailbox's requests in sessions: puts, leases, counts, what a mailbox shows, and what runs. */
export class MailboxRequests implements SessionHandler {
  readonly decodeLine = decodeServiceRequest;
  readonly #mailboxes: Mailboxes;
  readonly #leases: Leases;
  readonly peeks: Peeks;
  readonly #options: MailboxRequestsOptions;

  constructor(options: MailboxRequestsOptions) {
    const { store, mailboxes, monotonicClock } = this.#options = options;
    this.#mailboxes = mailboxes;
    this.peeks = new Peeks(mailboxes);
    this.#leases = new Leases({
      store,
      monotonicClock,
      unsubscribe: (mailbox) => mailboxes.unsubscribe(mailbox),
      isDenied: ({ account }, mailbox) => mailboxes.refuseRead(account, mailbox) !== undefined,
    });
    mailboxes.serve(this.#leases);
  }

  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [["waits", this.#leases.usage]];
  }

  admits(): boolean {
    return true;
  }

  createsTooFast({ hostname }: SessionClient, request: OrderedServiceRequest): boolean {
    return request.kind === "put" && !this.#mailboxes.mayCreate(request.receiver, hostname);
  }

  arrived(client: SessionClient, request: OrderedServiceRequest): AccessRefusal | undefined {
    if (request.kind === "put") {
      client.called?.(request.sender);
      return this.#mailboxes.refusePut(client, request);
    }
    if ("token" in request && !isReleasing(request)) this.#leases.used(client, request.token);
    return undefined;
  }

  carriedOut(client: SessionClient, request: OrderedRequest) {
    if (isReleasing(request)) this.#leases.used(client, request.token);
  }

  toStore(client: SessionClient, request: OrderedServiceRequest, bytes: number): OrderedRequest {
    switch (request.kind) {
      case "put":
        return this.#mailboxes.putOfSession(client, request, bytes);
      case "ack":
      case "back":
      case "fail":
      case "extend":
      case "begin": {
        const { n: _, ...rest } = request;
        return rest;
      }
      default:
        return { kind: "bad", reason: NOT_SERVED };
    }
  }

  answer(client: SessionClient, request: UnorderedServiceRequest) {
    const { t } = request;
    switch (request.kind) {
      case "lease":
        if (this.#mayRead(client, t, request.mailbox)) this.#leases.request(client, request);
        return;
      case "stat":
        if (this.#mayRead(client, t, request.mailbox)) this.#stat(client, t, request.mailbox);
        return;
      case "peek":
        if (this.#mayRead(client, t, request.mailbox)) this.peeks.request(client, request);
        return;
      case "info":
        return this.#info(client, t, request.name);
      case "got":
        return this.#leases.confirm(client, t);
      case "cancel":
        return this.#leases.cancel(client, t);
      default:
        client.answer({ kind: "no", t, reason: NOT_SERVED });
    }
  }

  /** Whether the session may ask for the messages of a mailbox; if not, answers so. */
  #mayRead(client: SessionClient, t: number, mailbox: string): boolean {
    client.called?.(mailbox);
    const reason = this.#mailboxes.refuseRead(client.account, mailbox);
    if (reason === NOT_CONFIRMED || reason === LOG_IN_FIRST || reason === "banned") {
      client.answer({ kind: "no", t, reason });
    } else if (reason !== undefined) client.send(encodeMailboxAnswer({ kind: "denied", t }));
    return reason === undefined;
  }

  #stat(client: SessionClient, t: number, mailbox: string) {
    this.#mailboxes.stat(mailbox, (stats) => {
      const values = Object.entries(stats).map(([name, value]) => `${name} ${value}`).join(",");
      client.send(encodeMailboxAnswer({ kind: "stat", t, values }));
    });
  }

  #info(client: SessionClient, t: number, name: string) {
    const info = this.#options.info?.(name);
    if (info === undefined) client.answer({ kind: "no", t, reason: NOT_SERVED });
    else client.send(encodeMailboxAnswer({ kind: "info", t, values: encodeInfo(info) }));
  }

  repeat() {
    this.#leases.repeat();
  }

  expire() {
    this.#leases.expire();
  }

  forget(client: SessionClient) {
    this.#leases.forget(client);
  }
}
