/**
 * The HTTP service: the routes of all services that run, on one port beside the mailbox's.
 *
 * @module
 */

import { ROUTES } from "../protocol/http/routes.ts";
import { connectionRate, ConnectionSlots, REMOTE_LIMITS } from "./net/connection_slots.ts";
import type { StreamSocket } from "./net/listener.ts";
import type { SocketPolling } from "./net/fairness.ts";
import type { Networks } from "./quota/address.ts";
import { NetworkRate } from "./quota/network_rate.ts";
import { turnClock, uptime } from "./quota/uptime.ts";
import type { Clients } from "./report/clients.ts";
import type { Limit } from "./report/limit.ts";
import type { Log } from "./report/log.ts";
import type { MeasuredValues, MetricName, Metrics } from "./report/metrics.ts";
import { encodePrometheus, PROMETHEUS_TYPE } from "./report/prometheus.ts";
import { UNWATCHED, type Watch } from "./report/watch.ts";
import type { Accounts } from "./service/account/accounts.ts";
import type { Mailboxes } from "./service/mailboxes.ts";
import type { Moderation } from "./service/moderation.ts";
import type { GroupCommit } from "./store/journaled/group.ts";
import type { ForumService } from "./forum_service.ts";
import type { HubService } from "./hub_service.ts";
import { channelHandlers } from "./wire/http/channel/channel_routes.ts";
import { fileHandlers } from "./wire/http/forum/file_routes.ts";
import { threadHandlers } from "./wire/http/forum/thread_routes.ts";
import { EventStreams } from "./wire/http/channel/event_streams.ts";
import { HttpLogins, type HttpLoginsOptions } from "./wire/http/access/logins.ts";
import { adminHandlers, type AdminRun } from "./wire/http/admin_routes.ts";
import type { HttpTimeouts } from "./wire/http/connection.ts";
import { HttpWire } from "./wire/http/http_wire.ts";
import { mailboxHandlers } from "./wire/http/mailbox/mailbox_routes.ts";
import { HttpReceivers } from "./wire/http/mailbox/receivers.ts";
import { loginHandlers } from "./wire/http/login_routes.ts";
import type { WebPage } from "./wire/http/page_files.ts";
import { serverHandlers } from "./wire/http/server_routes.ts";

/** Limits of HTTP; all are inclusive. Those with `undefined` are the remote ones, and none for this machine. */
export const DEFAULT_HTTP_LIMITS = {
  /** Connections in all. */
  connections: 10_000,
  /** Those of one address. */
  addressConnections: undefined as number | undefined,
  /** New ones of one address. */
  connectionsPerSecond: undefined as number | undefined,
  /** Requests of one address. */
  requestsPerSecond: undefined as number | undefined,
};
export type HttpLimits = Readonly<typeof DEFAULT_HTTP_LIMITS>;

/** Requests a second that another machine may make by default, as it may send datagrams. */
export const REMOTE_REQUESTS_PER_SECOND = 1000;

export interface HttpServiceOptions extends Pick<HttpLoginsOptions, "secret" | "random" | "wallClock"> {
  /** Where it listens; it closes them. */
  sockets: readonly StreamSocket[];
  version: string;
  /** The ports of the services that run, by their names. */
  services: Readonly<Record<string, number>>;
  limits: HttpLimits;
  /** What a browser is shown. */
  page?: WebPage | undefined;
  timeouts?: HttpTimeouts;
  /** Whether the disk takes nothing. */
  isStorageFailing?(): boolean;
  watch?: Watch;
  /** Names under which the server is reached. */
  webHosts: readonly string[];
  /** Proxies that say for whom they ask. */
  trustedProxies: Networks;
  /** Carries out the administrator's commands. */
  administer: AdminRun;
  /** The metrics now. */
  values(): Promise<MeasuredValues>;
  /** If the mailbox runs. */
  mailboxes: Mailboxes | undefined;
  store: GroupCommit;
  /** Channels, if they run. */
  hub: HubService | undefined;
  /** The forum, if it runs. */
  forum: ForumService | undefined;
  accounts: Accounts;
  moderation: Moderation;
  clients: Clients;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
}

/** What the routes of the forum need, if it runs. */
function forumOf(options: HttpServiceOptions, monotonicClock: () => number) {
  const { forum, log, metrics, moderation, accounts } = options;
  if (forum === undefined) return undefined;
  const console = (line: string, hostname: string) => log.console("forum", line, { hostname });
  return {
    forum: forum.forum,
    transfers: forum.transfers,
    accounts,
    moderation,
    metrics,
    console,
    monotonicClock,
  };
}

export class HttpService {
  readonly #limits: HttpLimits;
  readonly #slots: ConnectionSlots;
  readonly #rate: NetworkRate;
  readonly #requestRate: NetworkRate;
  readonly #receivers: HttpReceivers | undefined;
  readonly #streams: EventStreams | undefined;
  readonly #wire: HttpWire;

  /** Begins to accept. */
  constructor(options: HttpServiceOptions) {
    const limits = this.#limits = options.limits, { store } = options;
    this.#slots = new ConnectionSlots(limits);
    this.#rate = new NetworkRate({
      ...connectionRate(limits),
      remotePerSecond: REMOTE_LIMITS.connectionsPerSecond,
      monotonicClock: uptime.now,
    });
    this.#requestRate = new NetworkRate({
      perSecond: limits.requestsPerSecond,
      remotePerSecond: REMOTE_REQUESTS_PER_SECOND,
      monotonicClock: uptime.now,
    });
    const { mailboxes } = options;
    this.#receivers = mailboxes && new HttpReceivers({ ...options, mailboxes, monotonicClock: uptime.now });
    const monotonicClock = turnClock(() => Math.floor(uptime.now())), { hub } = options;
    const streams = this.#streams = hub &&
      new EventStreams({ ...options, ...hub.sending, hub: hub.hub, monotonicClock });
    const channels = hub && streams && { ...options, ...hub.sending, hub: hub.hub, streams, monotonicClock };
    const forum = forumOf(options, monotonicClock);
    const logins = new HttpLogins({ ...options, monotonicClock: uptime.now });
    const handlers = {
      ...channels && channelHandlers(channels),
      ...forum && threadHandlers(forum),
      ...forum && fileHandlers(forum),
      ...loginHandlers(logins),
      ...adminHandlers(options.administer),
      metrics: async () => ({
        status: 200,
        headers: { "content-type": PROMETHEUS_TYPE },
        body: encodePrometheus(await options.values(), options.version),
      }),
      ...this.#receivers === undefined
        ? {}
        : mailboxHandlers({ ...options, mailboxes: mailboxes!, receivers: this.#receivers }),
      ...serverHandlers({
        ...options,
        routes: ROUTES,
        isStoreWorking: async () =>
          !options.isStorageFailing?.() && await store.ask({ kind: "count" }).then(() => true, () => false),
      }),
    };
    this.#wire = new HttpWire({
      ...options,
      tap: options.watch?.tap("http") ?? UNWATCHED,
      routes: ROUTES,
      handlers,
      logins,
      slots: this.#slots,
      rate: this.#rate,
      requestRate: this.#requestRate,
      monotonicClock,
    });
  }

  /** Takes over what has changed in its limits, and what else may change while it runs. */
  configure(options: Pick<HttpServiceOptions, "webHosts" | "trustedProxies">) {
    this.#wire.configure(options);
    this.#rate.configure(connectionRate(this.#limits));
    this.#requestRate.configure({ perSecond: this.#limits.requestsPerSecond });
  }

  /** Metrics for `status`. */
  status(): [MetricName, number][] {
    return [["event readers", this.#streams?.count ?? 0]];
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    const { connections, addressConnections } = this.#limits;
    return [
      ...this.#receivers?.limits() ?? [],
      { name: "http connections", option: "http-connections", used: this.#slots.taken, limit: connections },
      {
        name: "http from one address",
        option: "address-connections",
        used: this.#slots.fullest,
        limit: addressConnections ?? REMOTE_LIMITS.addressConnections,
      },
      {
        name: "new http connections",
        option: "connection-rate",
        used: this.#rate.fullest,
        limit: this.#rate.burst,
      },
      {
        name: "http requests per second",
        option: "http-rate",
        used: this.#requestRate.fullest,
        limit: this.#requestRate.burst,
      },
    ];
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    this.#wire.stop();
    this.#receivers?.close();
    await this.#streams?.close();
    await this.#wire.close();
  }
}
