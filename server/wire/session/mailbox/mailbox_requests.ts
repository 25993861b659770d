import type { SessionTable } from "../../../report/metrics.ts";
import { encodeMailboxAnswer } from "../../../../protocol/mailbox_requests.ts";
import {
  decodeServiceRequest,
  NOT_SERVED,
  type OrderedServiceRequest,
  type ServiceRequest,
  type UnorderedServiceRequest,
} from "../../../../protocol/service_requests.ts";
import { NOT_CONFIRMED } from "../../../../protocol/session.ts";
import { ownerOf } from "../../../quota/owner.ts";
import { LeaseService } from "./leases.ts";
import type { SessionClient, SessionHandler } from "../handler.ts";
import type { TableUsage } from "../../../quota/fair_table.ts";
import type { GroupCommit } from "../../../store/journal/group.ts";
import type { OrderedRequest } from "../../../store/requests/session.ts";

export interface MailboxRequestsOptions {
  store: Pick<GroupCommit, "submit">;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** Why a request may not be carried out for this user; undefined is a session without a seal. */
  refuse?(request: ServiceRequest, user: string | undefined): string | undefined;
}

/** The mailbox's requests in sessions: puts, leases and counts. */
export class MailboxRequests implements SessionHandler {
  readonly decodeLine = decodeServiceRequest;
  readonly #options: MailboxRequestsOptions;
  readonly #leases: LeaseService;

  constructor(options: MailboxRequestsOptions) {
    this.#options = options;
    this.#leases = new LeaseService({
      store: options.store,
      monotonicClock: options.monotonicClock,
      isDenied: ({ user }, request) => options.refuse?.(request, user) !== undefined,
    });
  }

  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [["waits", this.#leases.usage]];
  }

  admits(): boolean {
    return true;
  }

  arrived(client: SessionClient, request: OrderedServiceRequest): string | undefined {
    const reason = this.#options.refuse?.(request, client.user);
    if (reason === undefined && "token" in request) this.#leases.used(client, request.token);
    return reason;
  }

  toStore(client: SessionClient, request: OrderedServiceRequest, bytes: number): OrderedRequest {
    switch (request.kind) {
      case "put": {
        const time = this.#options.wallClock();
        const { receiver, sender: sender, delay, ttl, text } = request;
        return {
          kind: "put",
          mailbox: receiver,
          sender,
          time,
          text: text,
          bytes,
          owner: ownerOf(client),
          ...delay > 0 ? { delay } : {},
          ...ttl === undefined ? {} : { expires: time + ttl },
        };
      }
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
    const { t } = request, reason = this.#options.refuse?.(request, client.user);
    if (reason === NOT_CONFIRMED) return client.answer({ kind: "no", t, reason });
    if (reason !== undefined) return client.send(encodeMailboxAnswer({ kind: "denied", t }));
    switch (request.kind) {
      case "lease":
        return this.#leases.request(client, request);
      case "got":
        return this.#leases.confirm(client, t);
      case "cancel":
        return this.#leases.cancel(client, t);
      case "stat":
        return this.#stat(client, t, request.mailbox);
      default:
        client.answer({ kind: "no", t, reason: NOT_SERVED });
    }
  }

  #stat(client: SessionClient, t: number, mailbox: string) {
    const request = { kind: "stat", ...mailbox === "" ? {} : { mailbox } } as const;
    this.#options.store.submit(request, (stats) => {
      const values = Object.entries(stats).map(([name, value]) => `${name} ${value}`).join(",");
      client.send(encodeMailboxAnswer({ kind: "stat", t, values }));
    });
  }

  ready(mailbox: string) {
    this.#leases.ready(mailbox);
  }

  isAwaited(mailbox: string): boolean {
    return this.#leases.isAwaited(mailbox);
  }

  review(mailbox: string) {
    this.#leases.review(mailbox);
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
