/**
 * HTTP/1.1: accepts connections, finds the route of each request, and sends its handler's answer.
 * `protocol/http.md` is the specification.
 *
 * Invariant: a request is refused before anything of its body is read, wherever that can be told by its head.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { preferredForm } from "../../../protocol/http/accept.ts";
import { describeHttpAnswer, describeHttpRequest } from "../../../protocol/describe/http.ts";
import { encodeProblem, PROBLEM_TYPE, Refusal, STATUS_TEXTS } from "../../../protocol/http/problem.ts";
import { parseQuery } from "../../../protocol/http/query.ts";
import type { Route, Routes } from "../../../protocol/http/route.ts";
import { Router } from "../../../protocol/http/router.ts";
import type { ConnectionSlots } from "../../net/connection_slots.ts";
import type { SocketPolling } from "../../net/fairness.ts";
import { Listener, type Stream, type StreamSocket } from "../../net/listener.ts";
import type { Networks } from "../../quota/address.ts";
import type { NetworkRate } from "../../quota/network_rate.ts";
import { type Environment, within } from "../../quota/uptime.ts";
import type { Clients } from "../../report/clients.ts";
import type { Log } from "../../report/log.ts";
import type { Tap } from "../../report/watch.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import type { Moderation } from "../../service/moderation.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import type { HttpLogins } from "./access/logins.ts";
import { originOf } from "./access/proxies.ts";
import { HttpConnection, type HttpTimeouts } from "./connection.ts";
import {
  ClientGone,
  COMMON_HEADERS,
  type Delivery,
  type Handled,
  type Handler,
  type Handlers,
  type HttpAnswer,
  type HttpClient,
  HttpExchange,
} from "./exchange.ts";
import { Site } from "./access/site.ts";
import { PageFiles, type WebPage } from "./page_files.ts";
import { challenge, checkBody, hasBody, splitTarget } from "./request_head.ts";
import { WholeAnswer, WholeRequest } from "./whole_request.ts";

/** Longest head of a request, in bytes: request line and headers (http.md 6.1). */
export const MAX_HEAD_BYTES = 16_384;

/** Most headers of a request (http.md 6.1). */
const MAX_HEADERS = 100;

export const DEFAULT_TIMEOUTS: Readonly<HttpTimeouts> = {
  idleMs: 60_000,
  headMs: 10_000,
  bodyMs: 30_000,
  stallMs: 60_000,
};

/** A client is told that an idle connection is closed so much earlier than it is. */
const KEEP_ALIVE_MARGIN_MS = 5000;

/** Milliseconds between two looks at what takes too long. */
const CHECK_INTERVAL_MS = 1000;

/** How long clients may take what they are sent, after the server began to stop. */
const LAST_READ_MS = 1000;

export interface HttpWireOptions extends Pick<Environment, "monotonicClock" | "wallClock"> {
  /** Where it listens; it closes them. */
  sockets: readonly StreamSocket[];
  /** The table of routes, and a handler for each. Those of services that don't run have none: `not served`. */
  routes: Routes;
  handlers: Partial<Record<string, Handler<never>>>;
  /** What a browser is shown; without it, what other clients get. */
  page?: WebPage | undefined;
  /** Names under which the server is reached. */
  webHosts: readonly string[];
  slots: ConnectionSlots;
  /** How often an address may connect, and how many requests a second it may make. */
  rate: NetworkRate;
  requestRate: NetworkRate;
  polling: SocketPolling;
  metrics: Metrics;
  log: Log;
  moderation: Pick<Moderation, "isBannedAddress">;
  clients: Clients;
  logins: HttpLogins;
  accounts: Pick<Accounts, "auth" | "role">;
  /** Proxies that say for whom they ask. */
  trustedProxies: Networks;
  /** What clients ask and are answered is reported there. */
  tap: Tap;
  timeouts?: HttpTimeouts;
}

export class HttpWire {
  readonly #options: HttpWireOptions;
  readonly #router: Router<Routes>;
  #site: Site;
  readonly #page: PageFiles | undefined;
  readonly #server: Server;
  readonly #listener: Listener<Stream, HttpConnection>;
  readonly #checking: ReturnType<typeof setInterval>;
  #isStopping = false;

  /** Begins to accept. */
  constructor(options: HttpWireOptions) {
    this.#options = { ...options };
    const { timeouts = DEFAULT_TIMEOUTS } = options;
    this.#router = new Router(options.routes);
    this.#site = new Site(options.webHosts);
    this.#page = options.page === undefined ? undefined : new PageFiles(options.page);
    const server = this.#server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, requireHostHeader: false });
    // a server that does not listen closes each connection behind its answer
    Object.defineProperty(server, "listening", { get: () => !this.#isStopping });
    server.maxHeadersCount = MAX_HEADERS;
    // what the header Keep-Alive says: the connection is closed somewhat later
    server.keepAliveTimeout = timeouts.idleMs - KEEP_ALIVE_MARGIN_MS;
    server.on("request", (incoming, response) => {
      void this.#receive(incoming, response, incoming.socket as unknown as HttpConnection);
    });
    server.on("clientError", (error: Error & { code?: string }, connection: HttpConnection) => {
      if (!(connection instanceof HttpConnection) || connection.destroyed || connection.writableEnded) return;
      this.#refuseRaw(
        connection,
        new Refusal(error.code === "HPE_HEADER_OVERFLOW" ? "head too long" : "malformed"),
      );
    });
    this.#listener = this.#listen();
    this.#checking = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
  }

  /** Takes over under which names it is reached, and whose proxies it trusts, from now on. */
  configure({ webHosts, trustedProxies }: Pick<HttpWireOptions, "webHosts" | "trustedProxies">) {
    this.#site = new Site(webHosts);
    this.#options.trustedProxies = trustedProxies;
  }

  #listen(): Listener<Stream, HttpConnection> {
    const { metrics, log, moderation, clients, timeouts = DEFAULT_TIMEOUTS } = this.#options;
    return new Listener({
      ...this.#options,
      name: "http",
      service: "http",
      isBanned: ({ hostname }) => moderation.isBannedAddress(hostname),
      open: (stream, address) =>
        new HttpConnection(stream, address, { ...this.#options, timeouts, traffic: clients.traffic() }),
      onSlot: (outcome) =>
        metrics.add(`http ${outcome === "taken" || outcome === "replaced" ? "connections" : outcome}`),
      serve: async (connection) => {
        const id = clients.add({
          service: "http",
          kind: "connection",
          hostname: connection.hostname,
          port: connection.port,
          get name() {
            return connection.name;
          },
          traffic: connection.traffic,
          end: () => connection.close(),
        });
        try {
          const { outcome, why } = await connection.begin() ?? { outcome: "plain" };
          if (outcome === "plain" || outcome === "tls") {
            connection.takeWhole = (bytes) => this.#takeWhole(bytes, connection);
            this.#server.emit("connection", connection);
            await connection.gone;
          } else if (outcome !== "gone") {
            metrics.add(`http ${outcome}`);
            const what = why === undefined ? outcome : `${outcome}: ${why}`;
            log.warn({ service: "http", peer: formatAddress(connection), what, kind: outcome });
          }
        } finally {
          connection.close();
          clients.remove(id);
          await connection.ended();
        }
      },
    });
  }

  /** The plainest requests, as long as nothing else has come on the connection. */
  #takeWhole(bytes: Uint8Array, connection: HttpConnection): Promise<void> | undefined {
    const request = this.#isStopping ? undefined : WholeRequest.parse(bytes, MAX_HEAD_BYTES);
    if (request === undefined) return undefined;
    const { wallClock, timeouts = DEFAULT_TIMEOUTS } = this.#options;
    const answer = new WholeAnswer(connection, wallClock(), timeouts.idleMs - KEEP_ALIVE_MARGIN_MS);
    const incoming = request as unknown as IncomingMessage, response = answer as unknown as ServerResponse;
    return this.#receive(incoming, response, connection).then(() => answer.sent());
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse, connection: HttpConnection) {
    const { metrics } = this.#options;
    metrics.add("http requests");
    connection.unanswered++;
    connection.traffic.receivedMessages++;
    response.once("close", () => {
      connection.unanswered--;
      if (connection.unanswered === 0) connection.setPhase("idle");
    });
    connection.setPhase("answer");
    const { tap } = this.#options, { method = "", url = "" } = incoming;
    if (tap.isOn) tap.see("in", connection, () => describeHttpRequest(method, splitTarget(url).path));
    let handled: Handled, refusal: Refusal | undefined;
    try {
      handled = await this.#handle(incoming, response, connection);
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (error instanceof Refusal) refusal = error;
      handled = this.#refusalOf(error, connection, incoming);
    }
    const status = handled === "opened" ? response.statusCode : handled.status;
    if (tap.isOn) {
      tap.see("out", connection, () => describeHttpAnswer(status, splitTarget(url).path, refusal));
    }
    if (handled !== "opened") this.#answer(incoming, response, connection, handled);
  }

  async #handle(
    incoming: IncomingMessage,
    response: ServerResponse,
    connection: HttpConnection,
  ): Promise<Handled> {
    const { requestRate, handlers, moderation } = this.#options, { method = "", headers } = incoming;
    if (this.#isStopping) throw new Refusal("stopping");
    const target = splitTarget(incoming.url ?? "");
    this.#site.check(incoming, target.authority ?? headers.host ?? "");
    const origin = originOf(incoming, connection, this.#options.trustedProxies);
    if (origin.port === 0 && moderation.isBannedAddress(origin.hostname)) throw new Refusal("banned");
    if (!requestRate.take(origin.hostname)) throw new Refusal("too fast", undefined, { retryAfter: 1 });
    if (method === "GET" || method === "HEAD") {
      const file = await this.#page?.file(method, target.path, headers);
      if (file !== undefined) return file;
    }
    const { name, route, path } = this.#router.find(method, target.path);
    const form = preferredForm(headers.accept), isPage = form === "html" && route.isPage === true;
    // before the log-in, for which the page asks
    if (isPage && this.#page?.hasContent(name) === false) return await this.#page.html(headers);
    const identified = this.#options.logins.identify(incoming, origin);
    const account = typeof identified === "string" ? identified : await identified;
    connection.name = account;
    this.#checkAccess(route, account);
    const client: HttpClient = { ...origin, account };
    const query = parseQuery(target.query, route.query ?? {});
    checkBody(incoming, route);
    const handler = handlers[name];
    if (handler === undefined) throw new Refusal("not served");
    if (hasBody(incoming) && !incoming.complete) this.#readBody(incoming, connection, route);
    const values = { route, path, query, form: isPage ? "json" : form, client, connection };
    const exchange = new HttpExchange(values as never, incoming, response);
    if (!isPage || this.#page === undefined) return await (handler as Handler<Route>)(exchange);
    return await this.#page.htmlAround(
      name,
      target.path,
      headers,
      async () => await (handler as Handler<Route>)(exchange),
    );
  }

  #checkAccess({ access }: Route, account: string) {
    if (access === "open") return;
    const { accounts } = this.#options;
    if (account === "" && (access === "admin" || accounts.auth === "required")) {
      throw new Refusal("no log-in");
    }
    if (access === "admin" && accounts.role(account) !== "admin") throw new Refusal("no administrator");
  }

  /** While the body comes, its time is bounded. */
  #readBody(incoming: IncomingMessage, connection: HttpConnection, { body }: Route) {
    connection.setPhase(body?.maxBytes === undefined ? "piece" : "body");
    incoming.once("end", () => connection.setPhase("answer"));
  }

  #refusalOf(error: unknown, connection: HttpConnection, incoming: IncomingMessage): HttpAnswer {
    let refusal: Refusal;
    if (error instanceof Refusal) refusal = error;
    else {
      const what = `an error of the program: ${(error as Error)?.stack ?? error}`;
      this.#options.log.error({ service: "http", peer: formatAddress(connection), what });
      refusal = new Refusal("failed");
    }
    this.#options.metrics.add(`http refused ${refusal.code}`);
    const { status, retryAfter, headers } = refusal;
    const mayLogIn = () => originOf(incoming, connection, this.#options.trustedProxies).isPrivate;
    return {
      status,
      headers: {
        "content-type": PROBLEM_TYPE,
        ...headers,
        ...status === 401 ? { "www-authenticate": challenge(incoming, mayLogIn()) } : {},
        ...retryAfter === undefined ? {} : { "retry-after": `${retryAfter}` },
      },
      body: encodeProblem(refusal),
    };
  }

  #answer(
    incoming: IncomingMessage,
    response: ServerResponse,
    connection: HttpConnection,
    { status, headers = {}, body = "", onDelivery }: HttpAnswer,
  ) {
    const isPipelined = connection.unanswered > 1, written = connection.writtenBytes;
    const delivered = (isWhole: boolean) => {
      if (isWhole) connection.traffic.sent(1, 0);
      const isPart = isPipelined || connection.writtenBytes > written;
      onDelivery?.(isWhole ? "sent" : isPart ? "part" : "unsent");
    };
    if (response.destroyed || connection.destroyed) return onDelivery?.("unsent");
    // what still comes of the body is not read: the next request would begin in it
    if (hasBody(incoming) && !incoming.complete || this.#isStopping) {
      response.setHeader("connection", "close");
    }
    response.writeHead(status, {
      ...COMMON_HEADERS,
      ...headers as Record<string, string | string[]>,
      ...status === 204 || status === 304
        ? {}
        : { "content-length": typeof body === "string" ? utf8Length(body) : body.length },
    });
    // a text goes into one write with the head
    const sent = incoming.method === "HEAD" ? "" : body;
    if (onDelivery === undefined) {
      connection.traffic.sent(1, 0);
      return void response.end(sent);
    }
    let isWhole = false;
    response.once("finish", () => delivered(isWhole = true));
    response.once("close", () => isWhole || delivered(false));
    response.end(sent);
  }

  /** Refuses what node:http could not read, or what did not come in time, and closes. */
  #refuseRaw(connection: HttpConnection, refusal: Refusal) {
    connection.setPhase("answer");
    this.#options.metrics.add(`http refused ${refusal.code}`);
    const body = encodeProblem(refusal);
    connection.end(
      `HTTP/1.1 ${refusal.status} ${STATUS_TEXTS[refusal.status]}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
        `content-length: ${encoder.encode(body).length}\r\nconnection: close\r\n\r\n${body}`,
      () => connection.destroy(),
    );
  }

  #check() {
    for (const connection of this.#listener.connections) {
      const what = connection.timedOut();
      if (what === undefined) continue;
      if (what === "head" || what === "body") this.#refuseRaw(connection, new Refusal("timed out"));
      else {
        if (what === "stalled") this.#options.metrics.add("http cut off stalled");
        connection.close();
      }
    }
  }

  /** Accepts no more. Those that wait for something are answered by their handlers. */
  stop() {
    this.#isStopping = true;
    this.#listener.stop();
  }

  /** Answers what was received, and closes. */
  async close() {
    this.stop();
    const connections = [...this.#listener.connections];
    for (const connection of connections) if (connection.unanswered === 0) connection.close();
    await within(LAST_READ_MS, Promise.all(connections.map(({ gone }) => gone)));
    for (const connection of this.#listener.connections) connection.close();
    clearInterval(this.#checking);
    await this.#listener.close();
  }
}

const encoder = new TextEncoder();

export type { Delivery, Handlers };
