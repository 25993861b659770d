/**
 * The mailbox service: the original wire and sessions, with and without a seal, on the same sockets.
 *
 * @module
 */

import { ADMIN, encodeControl } from "../protocol/mailbox.ts";
import type { ServerInfo } from "../protocol/session/mailbox_requests.ts";
import type { ServiceRequest } from "../protocol/session/service_requests.ts";
import type { SessionRequest } from "../protocol/session.ts";
import { formatAddress } from "../protocol/syntax/address.ts";
import type { Networks } from "./quota/address.ts";
import type { Limit } from "./report/limit.ts";
import { mailboxName, quoted } from "./report/log.ts";
import type { RefusedReason } from "./report/metrics.ts";
import type { Mailboxes } from "./service/mailboxes.ts";
import { SessionService, type SharedOptions } from "./session_service.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import { OriginalClients } from "./wire/mailbox/original_clients.ts";
import { type DatagramClient, OriginalWire } from "./wire/mailbox/original_wire.ts";
import { ReplyRate } from "./wire/mailbox/reply_rate.ts";
import { MailboxRequests } from "./wire/session/mailbox/mailbox_requests.ts";

export interface MailboxServiceOptions extends SharedOptions {
  mailboxes: Mailboxes;
  /** The ports of the services that run, by their names. */
  services: ServerInfo["services"];
  admin: Admin;
  /** Addresses for which the original wire is answered. */
  originalFrom: Networks;
  /** Its replies a second to one prefix outside private networks. */
  originalBytesPerSecond: number;
  /** Whether the shared queue's replies carry the time (second generation) or not (first). */
  timestamps: boolean;
  /** Longest datagram of the original wire. */
  maxDatagramBytes: number;
}

/** Those that may change while it runs. */
export type ReloadableMailboxOptions = Pick<
  MailboxServiceOptions,
  "originalFrom" | "originalBytesPerSecond" | "timestamps" | "datagramsPerSecond"
>;

export class MailboxService {
  readonly sessions: SessionService;
  readonly #options: MailboxServiceOptions;
  readonly #original: OriginalWire;
  readonly #replyRate: ReplyRate;
  readonly #requests: MailboxRequests;

  /** Begins to read. */
  constructor(options: MailboxServiceOptions) {
    this.#options = options;
    const onRefused = (reason: RefusedReason, from: DatagramClient) => this.#refuse(reason, from);
    this.#replyRate = new ReplyRate({
      bytesPerSecond: options.originalBytesPerSecond,
      maxBytes: options.maxDatagramBytes,
      monotonicClock: options.monotonicClock,
    });
    this.#original = new OriginalWire({
      ...options,
      replyRate: this.#replyRate,
      senders: new OriginalClients(options.clients, options.wallClock),
      taps: { mailbox: options.watch.tap("mailbox"), admin: options.watch.tap("admin") },
      onRefused,
      debug: (from, what) => this.#debug(from, what),
    });
    const requests = this.#requests = new MailboxRequests({ ...options, info: (name) => this.#info(name) });
    this.sessions = new SessionService(options, {
      service: "mailbox",
      reservedName: ADMIN,
      handler: requests,
      maxBytes: options.maxDatagramBytes,
      onControl: (message, from, account, reply) => {
        // also while it watches
        const isAdmin = () => options.accounts.role(account) === "admin";
        if (!isAdmin()) return reply(encodeControl("error, the account is no administrator's"));
        this.#original.sealedControl(message, from, account, (answer) => isAdmin() && reply(answer));
      },
      onOther: (datagram, from) => this.#original.received(datagram, from),
      onRequest: (request: SessionRequest | ServiceRequest, from) => this.#count(request, from),
      onDropped: onRefused,
      onUser: (account, what, from) => {
        options.metrics.add(`logged ${what}`);
        this.#debug(from, () => `${quoted(account)} logged ${what}`);
      },
    });
  }

  /** Takes over what may change while it runs. */
  configure(options: ReloadableMailboxOptions) {
    this.sessions.configure(options);
    this.#original.configure(options);
    this.#replyRate.configure(options.originalBytesPerSecond);
  }

  /** Limits of its wires, with their use now. */
  limits(): Limit[] {
    return [...this.sessions.limits(), ...this.#requests.peeks.limits(), this.#replyRate.limit];
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    this.sessions.stop();
    await this.#original.close();
    await this.sessions.close();
  }

  /** What runs, and what an account covers: the forum always. */
  #info(name: string): ServerInfo {
    const { services, accounts } = this.#options;
    return {
      services,
      account: { mailbox: accounts.coversMailbox(name), forum: accounts.has(name) },
      isLoginRequired: accounts.auth === "required",
    };
  }

  /** Counts a request of a session. */
  #count(request: SessionRequest | ServiceRequest, from: DatagramClient) {
    const { kind } = request;
    this.#options.metrics.add(`session ${kind}`);
    this.#debug(from, () => {
      if (kind === "put") return `in a session: put ${mailboxName(request.receiver)}`;
      if (kind === "lease") return `in a session: lease ${mailboxName(request.mailbox)}`;
      return `in a session: ${kind}`;
    });
  }

  #refuse(reason: RefusedReason, from: DatagramClient) {
    this.#options.metrics.add(`refused ${reason}`);
    this.#debug(from, () => `sent what is refused: ${reason}`);
  }

  #debug({ address }: DatagramClient, what: () => string) {
    const { log } = this.#options;
    if (log.isDebug) log.debug({ service: "mailbox", peer: formatAddress(address), what: what() });
  }
}
