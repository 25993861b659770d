/**
 * The server half of the reliable session: who is there, at which address, and what is sent to him.
 * `protocol/README.md`, "Session", is the specification.
 *
 * @module
 */

import type { SessionTable } from "../../report/metrics.ts";
import {
  type BadRequest,
  bodyAt,
  decodeRequests,
  decodeSealedRequests,
  encodeAnswers,
  lineLength,
  MAX_HEADER_BYTES,
  MAX_SESSION_DATAGRAM_BYTES,
  type RequestHeader,
} from "../../../protocol/session.ts";
import { SessionStartTimes } from "./start_times.ts";
import { ReorderQuota } from "./reorder_quota.ts";
import { type AnyRequest, FRESH, type SealPath, Session } from "./session.ts";
import { OrderedRequests } from "./ordered_requests.ts";
import { type Address, SessionCookies } from "./cookies.ts";
import type { OrderedLine, SessionHandler } from "./handler.ts";
import { FairTable, type TableLimits, type TableUsage } from "../../quota/fair_table.ts";
import type { GroupCommit } from "../../store/journal/group.ts";
import type { SessionOutcome } from "../../store/requests/session.ts";

export type { Address, SealPath };

export interface SessionServiceOptions<A extends Address> {
  store: Pick<GroupCommit, "submit" | "gather">;
  /** Answers the requests. */
  handler: SessionHandler;
  /** Sends a datagram; to one address, in the order of the calls. */
  send(datagram: Uint8Array<ArrayBuffer>, to: A): void;
  /** Called with every request when it arrives. */
  onRequest?(request: AnyRequest, from: A): void;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Gives sessions their beginning. */
  startTimes?: SessionStartTimes;
  /** Sessions in memory. */
  tableLimits?: TableLimits;
}

/** Sessions in memory. */
const LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 1000 };

/** How often answers are repeated and waits looked at, and how often idle sessions are, in milliseconds. */
const TICK = 100, SLOW_TICK = 1000;

/** A session is forgotten by memory after so long without a datagram, in milliseconds; the store may know it longer. */
const IDLE = 60_000;

/** How often the store is told that a session is in use, in milliseconds: it would forget it after a day. */
const IN_USE = 3_600_000;

/** Datagrams that are kept while the store is asked how far a session has come. */
const MAX_OPENING = 64;

export class SessionService<A extends Address> {
  readonly #options: SessionServiceOptions<A>;
  readonly #handler: SessionHandler;
  readonly #startId: string;
  readonly #births: SessionStartTimes;
  readonly #cookies: SessionCookies;
  readonly #sessions = new Map<string, Session<A>>();
  readonly #table: FairTable<Session<A>>;
  readonly #early = new ReorderQuota();
  /** Those that have something to say at the end of this turn. */
  #speaking: Session<A>[] = [];
  #stopTimer: (() => void) | undefined;
  #slowTick = 0;
  readonly #speakLater = (session: Session<A>) => this.#speak(session);

  constructor(options: SessionServiceOptions<A>) {
    this.#options = options;
    this.#handler = options.handler;
    this.#startId = options.random(4).toHex();
    this.#births = options.startTimes ?? new SessionStartTimes(0, options.wallClock);
    this.#cookies = new SessionCookies(options.random(32), this.#births);
    this.#table = new FairTable(options.tableLimits ?? LIMITS, (session) => session);
  }

  /** Sessions in memory. */
  get size(): number {
    return this.#sessions.size;
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [["sessions", this.#table.usage], ...this.#handler.tables ?? []];
  }

  /** Takes a datagram. Returns whether it is one of a session; otherwise nothing was done. */
  received(datagram: Uint8Array, from: A): boolean {
    const decoded = decodeRequests(datagram, this.#handler.decodeLine);
    if (decoded === undefined) return false;
    const { header, requests } = decoded;
    const session = this.#sessions.get(header.session);
    const at = session !== undefined && session.address.port === from.port &&
      session.address.hostname === from.hostname;
    const proved = at || this.#cookies.isRight(header.cookie, header.session, from);
    if (header.startId !== this.#startId || !proved) {
      const cookie = this.#cookies.give(header.session, from, header.cookie);
      this.#options.send(encodeAnswers({ ...header, startId: this.#startId, cookie, done: 0 }, []), from);
    } else if (session?.path !== undefined) {
      this.#options.send(encodeAnswers({ ...header, cookie: "", done: 0 }, ["owned"]), from);
    } else if (session !== undefined) {
      session.address = from;
      this.#handle(session, header, requests);
    } else {
      this.#open(header, requests, from, this.#births.read(header.cookie));
    }
    return true;
  }

  /** Takes what a session that is logged in says under its seal. Returns whether it is anything. */
  sealed(id: string, body: Uint8Array, path: SealPath<A>): boolean {
    const decoded = decodeSealedRequests(body, this.#handler.decodeLine);
    if (decoded === undefined) return false;
    const { low, requests } = decoded, header = { session: id, startId: "", cookie: "", low };
    const session = this.#sessions.get(id);
    if (session === undefined) {
      // one under a seal is never forgotten early, so it needs not say when it began
      this.#open(header, requests, path.address, this.#births.next(), path);
    } else if (session.user === path.user) {
      session.path = path;
      session.address = path.address;
      this.#handle(session, header, requests);
    }
    return true;
  }

  /** Whose session this is, as far as memory knows: a name, `""` for nobody's, undefined for a new one. */
  ownerOf(id: string): string | undefined {
    const session = this.#sessions.get(id);
    return session && (session.user ?? "");
  }

  /** The session has ended. */
  logOut(id: string) {
    const session = this.#sessions.get(id);
    if (session?.path !== undefined) this.#forget(session);
  }

  /** Tells every client that the server ends, and forgets them. */
  close() {
    for (const session of this.#sessions.values()) session.answer({ kind: "ending" });
    this.#flush();
    this.#stopTimer?.();
    this.#sessions.clear();
  }

  /** Takes a session up, and asks the store how far it has come. */
  #open(header: RequestHeader, requests: AnyRequest[], from: A, born: number, path?: SealPath<A>) {
    const { store, monotonicClock } = this.#options;
    const session = new Session(header.session, born, from, path, this.#speakLater);
    session.receivedAt = session.reportedAt = monotonicClock();
    // what is with the store has to be answered to somebody
    const leaving = this.#table.roomFor(session, ({ ordered }) => !(ordered?.isIdle ?? true));
    if (leaving === "full") return session.answer({ kind: "busy" });
    if (leaving !== undefined) this.#forget(leaving);
    this.#sessions.set(session.id, session);
    this.#table.add(session);
    this.#startTimer();
    session.opening = [{ header, requests }];
    const taken = store.submit(session.open, (outcome) => this.#opened(session, outcome));
    // the client repeats it
    if (!taken) this.#forget(session);
  }

  #opened(session: Session<A>, outcome: SessionOutcome) {
    // it has made room for another one meanwhile; the client repeats what it said
    if (this.#sessions.get(session.id) !== session) return;
    if (outcome === "storage" || outcome === "busy") return this.#forget(session);
    if (outcome === "denied") {
      session.answer({ kind: "owned" });
      return this.#forget(session);
    }
    const opening = session.opening ?? [];
    session.opening = undefined;
    const isFirst = outcome === "new" && opening.every(({ header }) => header.low <= 1);
    if (!isFirst && typeof outcome !== "object") {
      session.answer({ kind: "unknown" });
      return this.#forget(session);
    }
    session.state = typeof outcome === "object" ? outcome : FRESH;
    for (const { header, requests } of opening) {
      // it may have said in one of them that it ends
      if (this.#sessions.get(session.id) !== session) return;
      this.#handle(session, header, requests);
    }
  }

  /** Made with the first change: those who only wait, of whom there may be many, need none. */
  #changes(session: Session<A>): OrderedRequests {
    const { store } = this.#options;
    return session.ordered ??= new OrderedRequests({
      session: session.id,
      account: session.account,
      network: session.network,
      startTime: session.startTime,
      state: session.state,
      store,
      quota: this.#early,
      answer: (answer) => session.answer(answer),
      toStore: (request, bytes) => this.#handler.toStore(session, request, bytes),
      onCarriedOut: (change, special) => this.#handler.carriedOut?.(session, change, special),
      onLost: (kind) => {
        session.answer({ kind: kind === "denied" ? "owned" : kind });
        this.#forget(session);
      },
    });
  }

  #handle(session: Session<A>, header: RequestHeader, requests: AnyRequest[]) {
    session.receivedAt = this.#options.monotonicClock();
    this.#table.use(session);
    if (session.opening !== undefined) {
      if (session.opening.length < MAX_OPENING) session.opening.push({ header, requests });
      return;
    }
    if (requests.length > 0 && !this.#handler.admits(session)) return session.answer({ kind: "login" });
    const ordered: OrderedLine[] = [];
    let isLast = false;
    for (const request of requests) {
      this.#options.onRequest?.(request, session.address);
      if ("t" in request) this.#handler.answer(session, request);
      else if ("n" in request) ordered.push(this.#arrived(session, request));
      else isLast = true;
    }
    if (ordered.length > 0) this.#changes(session).received(ordered, header.low);
    if (isLast) return this.#end(session, header.low);
    // a datagram that asks for nothing asks whether we are there
    if (requests.length === 0) this.#speak(session);
  }

  /** The ordered request, or what stands for it if the service refuses it. */
  #arrived(session: Session<A>, request: OrderedLine): OrderedLine | BadRequest {
    const { kind, n } = request;
    if (kind === "part" || kind === "skip" || kind === "bad") return request;
    const reason = this.#handler.arrived?.(session, request);
    return reason === undefined ? request : { kind: "bad", n, reason };
  }

  /** The client asks for nothing more: nobody need know of it, once nothing of it can be on its way. */
  #end(session: Session<A>, low: number) {
    const { id, account, ordered, state } = session;
    const { done } = ordered ?? state;
    if (low <= done || !(ordered?.isIdle ?? true)) return;
    if (done > 0) this.#options.store.submit({ kind: "end", session: id, account, low }, () => {});
    this.#forget(session);
  }

  #speak(session: Session<A>) {
    this.#speaking.push(session);
    // one flush for all that is said in this turn
    if (this.#speaking.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush() {
    const speaking = this.#speaking;
    this.#speaking = [];
    for (const session of speaking) {
      const { id, lines = [], address, path, ordered, state } = session;
      const header = { session: id, startId: this.#startId, cookie: "", done: (ordered ?? state).done };
      session.lines = undefined;
      for (const packed of pack(lines)) {
        const datagram = encodeAnswers(header, packed);
        if (path === undefined) this.#options.send(datagram, address);
        else path.send(datagram.subarray(bodyAt(datagram)));
      }
    }
  }

  #forget(session: Session<A>) {
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    session.ordered?.close();
    this.#handler.forget?.(session);
    this.#table.remove(session);
  }

  /** A receiver that waits for days changes nothing, and must not be forgotten. */
  #reportUse(session: Session<A>) {
    session.reportedAt = this.#options.monotonicClock();
    this.#options.store.submit(session.open, () => {});
  }

  #startTimer() {
    this.#stopTimer ??= this.#options.setTimer(TICK, () => {
      this.#stopTimer = undefined;
      this.#handler.repeat?.();
      const now = this.#options.monotonicClock();
      if (now >= this.#slowTick) {
        this.#slowTick = now + SLOW_TICK;
        this.#handler.expire?.();
        for (const session of this.#sessions.values()) {
          if (now - session.receivedAt > IDLE && (session.ordered?.isIdle ?? true)) this.#forget(session);
          else if (now - session.reportedAt > IN_USE && session.opening === undefined) {
            this.#reportUse(session);
          }
        }
      }
      if (this.#sessions.size > 0) this.#startTimer();
    });
  }
}

/** The lines as they fit into datagrams; at least one datagram. */
function* pack(lines: readonly string[]): Generator<string[]> {
  let packed: string[] = [], bytes = MAX_HEADER_BYTES;
  for (const line of lines) {
    const length = lineLength(line);
    if (bytes + length > MAX_SESSION_DATAGRAM_BYTES && packed.length > 0) {
      yield packed;
      packed = [];
      bytes = MAX_HEADER_BYTES;
    }
    packed.push(line);
    bytes += length;
  }
  if (packed.length > 0 || lines.length === 0) yield packed;
}
