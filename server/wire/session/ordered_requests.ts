/**
 * The numbered requests of one session: puts them into their order, hands them to the store, and answers.
 *
 * @module
 */

import { type BadRequest, MAX_TEXT_BYTES, type SessionAnswer } from "../../../protocol/session.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import type { ReorderBuffer, ReorderQuota } from "./reorder_quota.ts";
import type { OrderedLine } from "./handler.ts";
import type { GroupCommit, Source } from "../../store/journal/group.ts";
import type {
  OrderedBatch,
  OrderedRequest,
  RequestOutcome,
  SessionOutcome,
  SessionState,
} from "../../store/requests/session.ts";

/** Requests, and bytes of their text, that may wait for a lower number. */
const MAX_HELD = 1024, MAX_HELD_BYTES = 512 * 1024;

/** What a request takes up beside its text, about. */
const REQUEST_BYTES = 256;

export interface OrderedRequestsOptions {
  session: string;
  /** Name of the account that the session is logged in to, or `""`. */
  account: string;
  /** Where the session began, if it is to be counted for that; or `""`. */
  network: string;
  /** When it began. */
  startTime: number;
  /** How far the session has come before. */
  state: SessionState;
  store: Pick<GroupCommit, "gather">;
  quota: ReorderQuota;
  answer(answer: SessionAnswer): void;
  /** What a request of the service asks of the store. Its text is complete, and has so many bytes. */
  toStore(request: OrderedLine, bytes: number): OrderedRequest;
  /** Is told of each change once it is carried out. */
  onCarriedOut(change: OrderedRequest, special: RequestOutcome | undefined): void;
  /** The store can't take the session up, or has forgotten it. */
  onLost(why: "unknown" | "busy" | "denied"): void;
}

/** Invariant: every number below `#next` is done or with the store. */
export class OrderedRequests implements Source<OrderedBatch>, ReorderBuffer {
  older: ReorderBuffer | undefined;
  newer: ReorderBuffer | undefined;
  readonly holder: string;
  readonly #options: OrderedRequestsOptions;
  #done: number;
  #outcomes: Map<number, RequestOutcome>;
  /** The lowest number that is not with the store. */
  #next: number;
  /** Outcomes below need not be remembered. */
  #low = 1;
  /** The lowest number that has not come. What comes in its turn is answered when it is done, and not before. */
  #gap: number;
  readonly #held = new Map<number, OrderedLine>();
  #heldBytes = 0;
  /**
   * Batches that are with the store, the oldest first. Each carries all that came before it went: the session's row is
   * written once.
   */
  readonly #batches: OrderedBatch[] = [];
  /** How many of them went before one before them was refused: nothing of these is carried out. */
  #stale = 0;
  #closed = false;

  constructor(options: OrderedRequestsOptions) {
    this.#options = options;
    this.holder = options.account === "" ? `network ${options.network}` : `account ${options.account}`;
    this.#done = options.state.done;
    this.#outcomes = new Map(options.state.outcomes);
    this.#next = this.#gap = this.#done + 1;
  }

  /** The highest number that is carried out. */
  get done(): number {
    return this.#done;
  }

  /** Whether nothing waits here that would be lost if this were forgotten. */
  get isIdle(): boolean {
    return this.#batches.length === 0;
  }

  /** Takes the numbered requests of a datagram. */
  received(requests: readonly OrderedLine[], low: number) {
    this.#low = Math.max(this.#low, low);
    const ok = new Ranges("ok"), have = new Ranges("have"), before = this.#gap;
    for (const request of requests) {
      const { n } = request;
      if (n <= this.#done) {
        const special = this.#outcomes.get(n);
        if (special === undefined) ok.add(n);
        else this.#options.answer({ n, ...special });
      } else if (n < this.#next || this.#held.has(n)) {
        have.add(n);
      } else if (this.#keep(request) && (n !== this.#gap || request.kind === "part")) {
        // a part in its turn has no other answer, and the client's window waits for one
        have.add(n);
      }
      while (this.#held.has(this.#gap)) this.#gap++;
    }
    // what is too much for the store now comes again
    if (this.#gap > before && !this.#options.store.gather(this, this.#gap - before)) this.drop();
    for (const answer of ok.answers()) this.#options.answer(answer);
    for (const answer of have.answers()) this.#options.answer(answer);
  }

  /** Whether the request is kept until those before it have come. */
  #keep(request: OrderedLine): boolean {
    const { n } = request, bytes = bytesOf(request), inTurn = n === this.#gap;
    // no more outcomes are remembered than a client may have to ask for
    if (n >= this.#next + MAX_HELD || n >= this.#low + MAX_HELD) return false;
    // without the lowest nothing that is kept could ever go on
    if (inTurn && this.#heldBytes + bytes > MAX_HELD_BYTES) this.#forgetBehind(n);
    if (this.#heldBytes + bytes > MAX_HELD_BYTES) return false;
    if (!this.#options.quota.hasRoom(bytes, this, inTurn)) return false;
    this.#held.set(n, request);
    this.#count(bytes);
    return true;
  }

  #forgetBehind(n: number) {
    for (const early of this.#held.keys()) if (early > n) this.#forget(early);
  }

  /** Takes what is next out of here, as far as nothing is missing. */
  take(): OrderedBatch | undefined {
    const changes: OrderedRequest[] = [], first = this.#next;
    let end = first;
    for (let change = this.#changeAt(end); change !== undefined; change = this.#changeAt(end)) {
      changes.push(change);
      const behind = end + (change.numbers ?? 1);
      while (end < behind) this.#forget(end++);
    }
    if (changes.length === 0) return undefined;
    this.#next = end;
    const { session, account: account, network, startTime: startTime } = this.#options;
    const batch: OrderedBatch = {
      kind: "session",
      session,
      account,
      network,
      startTime,
      fresh: this.#done === 0 && this.#batches.length === 0,
      first,
      low: this.#low,
      changes,
    };
    this.#batches.push(batch);
    return batch;
  }

  /** The change that begins with this number, once all of its parts have come. */
  #changeAt(n: number): OrderedRequest | undefined {
    let text = "", last = n, request = this.#held.get(n);
    for (; request?.kind === "part"; request = this.#held.get(++last)) text += request.text!;
    if (request === undefined) return undefined;
    const span = last > n ? { numbers: last - n + 1 } : {};
    if (request.kind === "bad") return { kind: "bad", reason: (request as BadRequest).reason, ...span };
    if (request.text === undefined) {
      if (last > n) return { kind: "bad", reason: "parts without a put", ...span };
      return request.kind === "skip" ? { kind: "skip" } : this.#options.toStore(request, 0);
    }
    text += request.text;
    const bytes = utf8Length(text);
    if (bytes > MAX_TEXT_BYTES) return { kind: "bad", reason: "too long", ...span };
    return { ...this.#options.toStore({ ...request, text }, bytes), ...span };
  }

  /** Answers what the store has carried out. */
  settle(outcome: SessionOutcome) {
    const batch = this.#batches.shift()!, stale = this.#stale > 0;
    if (stale) this.#stale--;
    if (this.#closed) return;
    if (outcome === "unknown" || outcome === "new" || outcome === "busy" || outcome === "denied") {
      return this.#options.onLost(outcome === "new" ? "unknown" : outcome);
    }
    if (outcome === "storage") {
      // what was refused may be on its way again, behind this
      if (!stale) this.#refuse(this.#done + 1, undefined);
    } else {
      const before = this.#done;
      this.#done = outcome.done;
      this.#outcomes = new Map(outcome.outcomes);
      const ok = new Ranges("ok");
      for (let n = before + 1; n <= this.#done; n++) {
        const special = this.#outcomes.get(n);
        if (special === undefined) ok.add(n);
        else this.#options.answer({ n, ...special });
      }
      for (const answer of ok.answers()) this.#options.answer(answer);
      if (outcome.refused !== undefined) this.#refuse(outcome.refused.n, outcome.refused.limit);
      this.#tell(batch, before);
    }
  }

  /** Tells of those that have been carried out since `before` was the highest. */
  #tell({ first, changes }: OrderedBatch, before: number) {
    let n = first - 1;
    for (const change of changes) {
      n += change.numbers ?? 1;
      if (n > this.#done) return;
      if (n <= before) continue;
      this.#options.onCarriedOut(change, this.#outcomes.get(n));
    }
  }

  #refuse(n: number, limit: string | undefined) {
    this.#next = this.#done + 1;
    this.#stale = this.#batches.length;
    this.drop();
    this.#options.answer(limit === undefined ? { kind: "storage", n } : { kind: "full", n, limit });
  }

  /** Drops what waits here: the client repeats it. */
  drop() {
    this.#held.clear();
    this.#count(-this.#heldBytes);
    this.#gap = this.#next;
  }

  #count(bytes: number) {
    const before = this.#heldBytes;
    this.#heldBytes += bytes;
    this.#options.quota.changed(this, before, this.#heldBytes);
  }

  /** Forgets what waits here; what the store still carries out is answered to nobody. */
  close() {
    this.#closed = true;
    this.drop();
  }

  #forget(n: number) {
    const request = this.#held.get(n);
    if (request === undefined) return;
    this.#held.delete(n);
    this.#count(-bytesOf(request));
  }
}

function bytesOf(request: OrderedLine): number {
  return REQUEST_BYTES + (request.text?.length ?? 0);
}

/** Numbers, told as the ranges that they make. */
class Ranges {
  readonly #kind: "ok" | "have";
  readonly #numbers: number[] = [];

  constructor(kind: "ok" | "have") {
    this.#kind = kind;
  }

  add(n: number) {
    this.#numbers.push(n);
  }

  *answers(): Generator<SessionAnswer> {
    const numbers = this.#numbers.sort((a, b) => a - b);
    for (let i = 0; i < numbers.length;) {
      const start = numbers[i]!;
      let end = start;
      while (i < numbers.length && numbers[i]! <= end + 1) end = numbers[i++]!;
      yield { kind: this.#kind, from: start, to: end };
    }
  }
}
