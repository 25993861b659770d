/**
 * The server's half of the reliable session: which sessions there are, at which addresses, and what is sent to them. What
 * is asked in a session is answered by a {@linkcode SessionHandler}. `protocol/session.md` is the specification.
 *
 * @module
 */

import {
  type BadRequest,
  bodyAt,
  decodeRequests,
  decodeSealedRequests,
  detached,
  encodeAnswers,
  packAnswers,
  type RequestHeader,
} from "../../../protocol/session.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { FairTable, SESSION_LIMITS, type TableLimits, type TableUsage } from "../../quota/fair_table.ts";
import type { Creations } from "../../quota/creations.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Clients, ConnectedClient, Traffic } from "../../report/clients.ts";
import type { SessionTable } from "../../report/metrics.ts";
import type { GroupCommit } from "../../store/journaled/group.ts";
import type { SessionOutcome } from "../../store/requests/session.ts";
import { AddressProofs, SessionCookies } from "./cookies.ts";
import type { OrderedLine, SessionHandler } from "./handler.ts";
import { OrderedRequests } from "./ordered_requests.ts";
import { ReorderQuota } from "./reorder_quota.ts";
import { type AnyRequest, NEW_SESSION, type ReceivedDatagram, Session, type SessionSeal } from "./session.ts";
import type { SessionStartTimes } from "./start_times.ts";

export interface SessionWireOptions<A extends Address> extends Environment {
  store: Pick<GroupCommit, "submit" | "gather">;
  handler: SessionHandler;
  /** Sends a datagram. Those to one address are sent in the order of the calls. */
  send(datagram: Uint8Array<ArrayBuffer>, to: A): void;
  /** Counts sessions without an account; by default they are not. */
  creations?: Pick<Creations, "take">;
  /** Called when a request is dropped; its client repeats it. */
  onDropped?(reason: "creation rate", from: A): void;
  /** Called with every request when it arrives. */
  onRequest?(request: AnyRequest, from: A): void;
  /** Called when a client has received outcomes that the state does not have (store 9.3). */
  onAhead?(from: A): void;
  startTimes: SessionStartTimes;
  /** Where sessions are listed as long as they are in memory, as those of this service. */
  clients?: Clients;
  service?: string;
  /** Ends the log-in of a session that is under a seal, for the administrator. */
  endLogin?(session: string): void;
  /** Limits of sessions in memory. */
  tableLimits?: TableLimits;
}

/** How often the handler may repeat answers, and how often idle sessions are removed. */
const TICK_MS = 100, SLOW_TICK_MS = 1000;

/** A session is removed from memory after so long without a datagram. The store may know it longer (session.md 8.3). */
const IDLE_MS = 60_000;

/** How often the store is informed that a session is in use: it forgets those that are not, after a day. */
const REPORT_USE_MS = 3_600_000;

/** Datagrams that are kept while the store opens their session. */
const MAX_OPENING_DATAGRAMS = 64;

export class SessionWire<A extends Address> {
  readonly #options: SessionWireOptions<A>;
  readonly #startId: string;
  readonly #cookies: SessionCookies;
  readonly #sessions = new Map<string, Session<A>>();
  readonly #table: FairTable<Session<A>>;
  readonly #quota = new ReorderQuota();
  /** Sessions with something to be sent at the end of this turn. */
  #sending: Session<A>[] = [];
  #stopTimer: (() => void) | undefined;
  #slowTickAt = 0;
  readonly #sendLater = (session: Session<A>) => {
    // one flush for everything in this turn
    if (this.#sending.push(session) === 1) queueMicrotask(() => this.#flush());
  };

  constructor(options: SessionWireOptions<A>) {
    this.#options = options;
    this.#startId = options.random(4).toHex();
    this.#cookies = new SessionCookies(new AddressProofs(options), options.startTimes);
    this.#table = new FairTable(options.tableLimits ?? SESSION_LIMITS, (session) => session);
  }

  /** Sessions in memory. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Bytes of requests that wait for others. */
  get earlyBytes(): number {
    return this.#quota.bytes;
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [["sessions", this.#table.usage], ...this.#options.handler.tables ?? []];
  }

  /** Takes a datagram. Returns whether it could be decoded; otherwise nothing was done (session.md 4.2). */
  received(datagram: Uint8Array, from: A): boolean {
    const decoded = decodeRequests(datagram, this.#options.handler.decodeLine);
    if (decoded === undefined) return false;
    const { header } = decoded, { session: id, cookie, startId } = header;
    const session = this.#sessions.get(id);
    const isSameAddress = session !== undefined && session.address.port === from.port &&
      session.address.hostname === from.hostname;
    if (startId !== this.#startId || !isSameAddress && !this.#cookies.isValid(cookie, id, from)) {
      this.#reply(header, this.#cookies.give(id, from, cookie), [], from);
    } else if (session?.seal !== undefined) {
      this.#reply(header, "", ["owned"], from);
    } else if (session !== undefined) {
      session.address = from;
      this.#handle(session, { ...decoded, bytes: datagram.length });
    } else {
      this.#open({ ...decoded, bytes: datagram.length }, from, this.#options.startTimes.read(cookie));
    }
    return true;
  }

  /** Answers a datagram of no session in memory. */
  #reply(header: RequestHeader, cookie: string, lines: string[], to: A) {
    this.#options.send(encodeAnswers({ ...header, startId: this.#startId, cookie, done: 0 }, lines), to);
  }

  /** Takes what a session that is logged in has sealed. Returns whether it could be decoded. */
  sealed(id: string, body: Uint8Array, seal: SessionSeal<A>): boolean {
    const decoded = decodeSealedRequests(body, this.#options.handler.decodeLine);
    if (decoded === undefined) return false;
    const { low, requests } = decoded,
      bytes = body.length,
      header = { session: id, startId: "", cookie: "", low };
    const session = this.#sessions.get(id);
    if (session === undefined) {
      // its start time does not matter: a session under a seal is forgotten for no other
      this.#open({ bytes, header, requests }, seal.address, this.#options.startTimes.next(), seal);
    } else if (session.account === seal.account) {
      // what waits was answered under the seal before: a ticket's keys come from it
      if (session.seal !== seal && session.lines !== undefined) this.#flush();
      session.seal = seal;
      session.address = seal.address;
      this.#handle(session, { bytes, header, requests });
    }
    return true;
  }

  /** The account of a session in memory, `""` if it has none; undefined if there is no such session. */
  accountOf(id: string): string | undefined {
    return this.#sessions.get(id)?.account;
  }

  /** Removes a session that has logged out. */
  logOut(id: string) {
    const session = this.#sessions.get(id);
    if (session?.seal !== undefined) this.#remove(session);
  }

  /** Notifies every client that the server ends, and removes all sessions. */
  close() {
    for (const session of this.#sessions.values()) session.answer({ kind: "ending" });
    this.#flush();
    this.#stopTimer?.();
    for (const session of this.#sessions.values()) this.#unlist(session);
    this.#sessions.clear();
  }

  /** Makes a session, and lets the store say how far it has carried it out. */
  #open(datagram: ReceivedDatagram, from: A, startTime: number, seal?: SessionSeal<A>) {
    const { store, monotonicClock } = this.#options;
    const id = detached(datagram.header.session);
    const session = new Session(id, startTime, from, seal, monotonicClock(), this.#sendLater);
    // under a seal, handshakes are limited
    if (seal === undefined && this.#options.creations?.take(from.hostname) === false) {
      this.#options.onDropped?.("creation rate", from);
      return session.answer({ kind: "busy" });
    }
    const leaving = this.#table.roomFor(session, (other) => !other.isIdle);
    if (leaving === "full") return session.answer({ kind: "busy" });
    if (leaving !== undefined) this.#remove(leaving);
    this.#sessions.set(session.id, session);
    this.#table.add(session);
    this.#list(session);
    this.#startTimer();
    session.opening = [datagram];
    const taken = store.submit(session.open, (outcome) => this.#opened(session, outcome));
    // the client repeats it
    if (!taken) this.#remove(session);
  }

  /** Lists the session for the administrator. */
  #list(session: Session<A>) {
    const { clients, service = "" } = this.#options;
    if (clients === undefined) return;
    session.traffic = clients.traffic();
    session.listedAs = clients.add(new ListedSession(service, session, session.traffic, this.#endListed));
  }

  #unlist({ listedAs }: Session<A>) {
    if (listedAs !== undefined) this.#options.clients?.remove(listedAs);
  }

  readonly #endListed = (session: Session<A>) => {
    if (session.seal === undefined) this.#remove(session);
    else this.#options.endLogin?.(session.id);
  };

  #opened(session: Session<A>, outcome: SessionOutcome) {
    // it has made room for another one meanwhile; the client repeats its datagrams
    if (this.#sessions.get(session.id) !== session) return;
    if (outcome === "storage" || outcome === "busy") return this.#remove(session);
    const opening = session.opening ?? [];
    session.opening = undefined;
    if (outcome === "denied") return this.#end(session, "owned");
    const isFirst = outcome === "new" && opening.every(({ header }) => header.low <= 1);
    if (!isFirst && typeof outcome !== "object") return this.#end(session, "unknown");
    session.state = typeof outcome === "object" ? outcome : NEW_SESSION;
    for (const datagram of opening) {
      // one of them may be the last of the session
      if (this.#sessions.get(session.id) !== session) return;
      this.#handle(session, datagram);
    }
  }

  #orderedOf(session: Session<A>): OrderedRequests {
    return session.ordered ??= new OrderedRequests({
      session,
      handler: this.#options.handler,
      store: this.#options.store,
      quota: this.#quota,
      onLost: (why) => this.#end(session, why === "denied" ? "owned" : why),
    });
  }

  #handle(session: Session<A>, { bytes, header, requests }: ReceivedDatagram) {
    session.receivedAt = this.#options.monotonicClock();
    this.#table.use(session);
    const { opening } = session;
    if (opening !== undefined) {
      if (opening.length < MAX_OPENING_DATAGRAMS) opening.push({ bytes, header, requests });
      return;
    }
    if (header.low > session.done + 1) return this.#ahead(session, header.low);
    session.traffic?.received(requests.length, bytes);
    // a datagram without a request asks whether the server is there
    if (requests.length === 0) return this.#sendLater(session);
    if (!this.#options.handler.admits(session)) return session.answer({ kind: "login" });
    const ordered: OrderedLine[] = [];
    let isLast = false;
    for (const request of requests) {
      this.#options.onRequest?.(request, session.address);
      if ("t" in request) this.#options.handler.answer(session, request);
      else if ("n" in request) {
        if (this.#options.handler.createsTooFast?.(session, request)) {
          this.#options.onDropped?.("creation rate", session.address);
        } else ordered.push(this.#checked(session, request));
      } else isLast = true;
    }
    if (ordered.length > 0) this.#orderedOf(session).received(ordered, header.low);
    if (isLast) this.#bye(session, header.low);
  }

  /**
   * The client has received the outcome of a number that was never carried out: the state is older than what it was told
   * (store 9.3). Its session ends; to others nothing happens, for a client may say what it likes.
   */
  #ahead(session: Session<A>, low: number) {
    const { id, account, address } = session;
    this.#options.onAhead?.(address);
    this.#options.store.submit({ kind: "end", session: id, account, low }, () => {});
    this.#end(session, "unknown");
  }

  /** The ordered request, or a `bad` one in its place if the service refuses it. */
  #checked(session: Session<A>, request: OrderedLine): OrderedLine | BadRequest {
    const { kind, n } = request;
    if (kind === "part" || kind === "skip" || kind === "bad") return request;
    const reason = this.#options.handler.arrived?.(session, request);
    return reason === undefined ? request : { kind: "bad", n, reason };
  }

  /** The client needs no outcome any more: the session can be forgotten, unless a request may still arrive. */
  #bye(session: Session<A>, low: number) {
    const { id, account, done } = session;
    if (low <= done || !session.isIdle) return;
    if (done > 0) this.#options.store.submit({ kind: "end", session: id, account, low }, () => {});
    this.#remove(session);
  }

  #flush() {
    const sending = this.#sending;
    this.#sending = [];
    for (const session of sending) {
      const { id, lines = [], address, seal, done } = session;
      const header = { session: id, startId: this.#startId, cookie: "", done };
      session.lines = undefined;
      session.traffic?.sent(lines.length, 0);
      for (const datagram of packAnswers(header, lines)) {
        session.traffic?.sent(0, datagram.length);
        if (seal === undefined) this.#options.send(datagram, address);
        else seal.send(datagram.subarray(bodyAt(datagram)));
      }
    }
  }

  #end(session: Session<A>, why: "owned" | "unknown" | "busy") {
    session.answer({ kind: why });
    this.#remove(session);
  }

  #remove(session: Session<A>) {
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    this.#unlist(session);
    session.ordered?.close();
    this.#options.handler.forget?.(session);
    this.#table.remove(session);
  }

  #startTimer() {
    this.#stopTimer ??= this.#options.setTimer(TICK_MS, () => {
      this.#stopTimer = undefined;
      this.#options.handler.repeat?.();
      this.#slowTick(this.#options.monotonicClock());
      if (this.#sessions.size > 0) this.#startTimer();
    });
  }

  #slowTick(now: number) {
    if (now < this.#slowTickAt) return;
    this.#slowTickAt = now + SLOW_TICK_MS;
    this.#options.handler.expire?.();
    for (const session of this.#sessions.values()) {
      if (now - session.receivedAt > IDLE_MS && session.isIdle) {
        this.#remove(session);
      } else if (now - session.reportedAt > REPORT_USE_MS && session.opening === undefined) {
        // a receiver may wait for days without any change
        session.reportedAt = now;
        this.#options.store.submit(session.open, () => {});
      }
    }
  }
}

/** A session as the administrator sees it. A class, because there may be 100,000: an object with closures takes 1 KiB more. */
class ListedSession<A extends Address> implements ConnectedClient {
  readonly #session: Session<A>;
  readonly #end: (session: Session<A>) => void;

  constructor(
    readonly service: string,
    session: Session<A>,
    readonly traffic: Traffic,
    end: (session: Session<A>) => void,
  ) {
    this.#session = session;
    this.#end = end;
  }

  get kind() {
    return "session" as const;
  }

  get hostname() {
    return this.#session.hostname;
  }

  get port() {
    return this.#session.port;
  }

  get name() {
    return this.#session.name;
  }

  end() {
    this.#end(this.#session);
  }
}
