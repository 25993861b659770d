/**
 * The ordered requests of one session: brings them into their order, hands them to the store, and answers.
 *
 * @module
 */

import { utf8Length } from "../../../protocol/mailbox.ts";
import { type BadRequest, MAX_TEXT_BYTES } from "../../../protocol/session.ts";
import type { GroupCommit, Source } from "../../store/journaled/group.ts";
import type {
  OrderedBatch,
  OrderedRequest,
  RequestOutcome,
  SessionOutcome,
  SessionState,
} from "../../store/requests/session.ts";
import type { OrderedLine, SessionClient, SessionHandler } from "./handler.ts";
import type { ReorderBuffer, ReorderQuota } from "./reorder_quota.ts";

/** Requests that may wait for a lower number, and bytes of their text (session.md 5.2). */
const MAX_HELD = 1024, MAX_HELD_BYTES = 512 * 1024;

/** About what a request takes in memory beside its text, and each ID that it names. */
const REQUEST_BYTES = 256, ID_BYTES = 8;

/** IDs that the outcomes of a session name, after which no request that names any is taken (session.md 5.6). */
const MAX_OUTCOME_IDS = 8192;

/** What the ordered requests need to know of their session. */
export interface OrderedSession extends SessionClient {
  /** When it began, in milliseconds since 1970. */
  readonly startTime: number;
  /** How far the store has carried it out before. */
  readonly state: SessionState;
}

export interface OrderedRequestsOptions {
  session: OrderedSession;
  handler: Pick<SessionHandler, "toStore" | "carriedOut">;
  store: Pick<GroupCommit, "gather">;
  quota: ReorderQuota;
  /** Called when the store can't take the session, or has forgotten it. */
  onLost(why: "unknown" | "busy" | "denied"): void;
}

/** Invariant: every number below `#next` is done or with the store (session.md 5.1, 5.7). */
export class OrderedRequests implements Source<OrderedBatch>, ReorderBuffer {
  older: ReorderBuffer | undefined;
  newer: ReorderBuffer | undefined;
  use = 0;
  readonly owner: string;
  readonly #options: OrderedRequestsOptions;
  #done: number;
  /** Of those of the numbers done that were not simply carried out. */
  #outcomes: Map<number, RequestOutcome>;
  /** How many IDs these name. */
  #outcomeIds: number;
  /** The lowest number that is not with the store. */
  #next: number;
  /** The client knows the outcome of every number below. */
  #low = 1;
  /** The lowest number that has not arrived. What arrives in its turn is answered when it is done, not before. */
  #gap: number;
  readonly #held = new Map<number, OrderedLine>();
  #heldBytes = 0;
  /** Batches that are with the store, the oldest first. The store writes the session's row once for each. */
  readonly #batches: OrderedBatch[] = [];
  /** How many of them were sent before an earlier one was refused: the store carries out nothing of these. */
  #stale = 0;
  #closed = false;

  constructor(options: OrderedRequestsOptions) {
    this.#options = options;
    const { network, state } = options.session;
    this.owner = network;
    this.#done = state.done;
    this.#outcomes = new Map(state.outcomes);
    this.#outcomeIds = idsOf(state.outcomes);
    this.#next = this.#gap = this.#done + 1;
  }

  /** The highest number that is carried out. */
  get done(): number {
    return this.#done;
  }

  /** Whether no request is with the store. */
  get isIdle(): boolean {
    return this.#batches.length === 0;
  }

  /** Takes the ordered requests of a datagram. */
  received(requests: readonly OrderedLine[], low: number) {
    this.#raiseLow(low);
    const done: number[] = [], have: number[] = [], before = this.#gap;
    for (const request of requests) {
      const { n } = request;
      if (n <= this.#done) {
        done.push(n);
      } else if (n < this.#next || this.#held.has(n)) {
        have.push(n);
      } else if (this.#hold(request) && (n !== this.#gap || request.kind === "part")) {
        // a part in its turn has no other answer, and the client's window waits for one
        have.push(n);
      }
      while (this.#held.has(this.#gap)) this.#gap++;
    }
    // if the store can't take more now, the client repeats it
    if (this.#gap > before && !this.#options.store.gather(this, this.#gap - before)) this.drop();
    if (done.length > 0) this.#answerDone(done);
    if (have.length > 0) this.#answerRanges("have", have);
  }

  /** Answers the numbers from one to another, which are done. */
  #answerFrom(from: number, to: number) {
    if (from > to) return;
    if (this.#outcomes.size === 0) return this.#options.session.answer({ kind: "ok", from, to });
    this.#answerDone(Array.from({ length: to - from + 1 }, (_, i) => from + i));
  }

  /** The client has every outcome below. */
  #raiseLow(low: number) {
    if (low <= this.#low) return;
    this.#low = low;
    for (const [n, outcome] of this.#outcomes) {
      if (n >= low) break;
      this.#outcomes.delete(n);
      this.#outcomeIds -= idsOf([[n, outcome]]);
    }
  }

  /** Answers numbers that are done. */
  #answerDone(numbers: number[]) {
    const ok: number[] = [];
    for (const n of numbers) {
      const outcome = this.#outcomes.get(n);
      if (outcome === undefined) ok.push(n);
      else this.#options.session.answer({ n, ...outcome });
    }
    this.#answerRanges("ok", ok);
  }

  #answerRanges(kind: "ok" | "have", numbers: number[]) {
    numbers.sort((a, b) => a - b);
    for (let i = 0; i < numbers.length;) {
      const from = numbers[i]!;
      let to = from;
      while (i < numbers.length && numbers[i]! <= to + 1) to = numbers[i++]!;
      this.#options.session.answer({ kind, from, to });
    }
  }

  /** Keeps the request until those before it have arrived. Returns whether there is room for it. */
  #hold(request: OrderedLine): boolean {
    const { n } = request, bytes = bytesOf(request), inTurn = n === this.#gap;
    // the client may ask for the outcomes of all numbers from `low`, and no more are kept
    if (n >= this.#next + MAX_HELD || n >= this.#low + MAX_HELD) return false;
    if (this.#outcomeIds >= MAX_OUTCOME_IDS && (request.ids?.length ?? 0) > 0) return false;
    // nothing that is held could go on without the lowest
    if (inTurn && this.#heldBytes + bytes > MAX_HELD_BYTES) this.#releaseAfter(n);
    if (this.#heldBytes + bytes > MAX_HELD_BYTES) return false;
    if (!this.#options.quota.hasRoom(bytes, this, inTurn)) return false;
    this.#held.set(n, request);
    this.#count(bytes);
    return true;
  }

  #releaseAfter(n: number) {
    for (const held of this.#held.keys()) if (held > n) this.#release(held);
  }

  #release(n: number) {
    const request = this.#held.get(n);
    if (request === undefined) return;
    this.#held.delete(n);
    this.#count(-bytesOf(request));
  }

  /** The next batch for the store: everything up to the first number that is missing. */
  take(): OrderedBatch | undefined {
    const changes: OrderedRequest[] = [], first = this.#next;
    let end = first;
    for (let request = this.#requestAt(end); request !== undefined; request = this.#requestAt(end)) {
      changes.push(request);
      const next = end + (request.numbers ?? 1);
      while (end < next) this.#release(end++);
    }
    if (changes.length === 0) return undefined;
    this.#next = end;
    const { id: session, account, network, startTime } = this.#options.session;
    const fresh = this.#done === 0 && this.#batches.length === 0;
    const name = { session, account, network, startTime };
    const batch: OrderedBatch = { kind: "session", ...name, fresh, first, low: this.#low, changes };
    this.#batches.push(batch);
    return batch;
  }

  /** What the request that begins with this number asks of the store, once all of its parts have arrived. */
  #requestAt(n: number): OrderedRequest | undefined {
    const first = this.#held.get(n);
    if (first?.kind !== "part") return first && this.#toStore(first);
    let text = "", last = n, request: OrderedLine | undefined = first;
    for (; request?.kind === "part"; request = this.#held.get(++last)) text += request.text!;
    if (request === undefined) return undefined;
    const numbers = last - n + 1, isPut = request.kind === "bad" || request.text !== undefined;
    if (!isPut) return { kind: "bad", reason: "parts without a put", numbers };
    text += request.text ?? "";
    return { ...this.#toStore({ ...request, text, bytes: utf8Length(text) }), numbers };
  }

  /** What a request that has all of its text asks of the store. */
  #toStore(request: OrderedLine): OrderedRequest {
    if (request.kind === "bad") return { kind: "bad", reason: (request as BadRequest).reason };
    if (request.kind === "skip") return { kind: "skip" };
    const { session, handler } = this.#options, { bytes = utf8Length(request.text ?? "") } = request;
    if (bytes > MAX_TEXT_BYTES) return { kind: "bad", reason: "too long" };
    return handler.toStore(session, request, bytes);
  }

  /** Takes the store's answer to the oldest batch. */
  settle(outcome: SessionOutcome) {
    const batch = this.#batches.shift()!, isStale = this.#stale > 0;
    if (isStale) this.#stale--;
    if (this.#closed) return;
    switch (outcome) {
      case "new":
      case "unknown":
        return this.#options.onLost("unknown");
      case "busy":
      case "denied":
        return this.#options.onLost(outcome);
      case "storage":
        // of a stale batch, everything may have been sent to the store again already
        if (!isStale) this.#refuse(this.#done + 1, undefined);
        return;
    }
    const before = this.#done;
    this.#done = outcome.done;
    // the client may have told of more since the batch was made
    const outcomes = outcome.outcomes.filter(([n]) => n >= this.#low);
    this.#outcomes = new Map(outcomes);
    this.#outcomeIds = idsOf(outcomes);
    this.#answerFrom(before + 1, this.#done);
    if (outcome.refused !== undefined) this.#refuse(outcome.refused.n, outcome.refused.limit);
    this.#reportCarriedOut(batch, before);
  }

  /** Reports the requests of the batch that have been carried out since `before` was the highest number done. */
  #reportCarriedOut({ first, changes }: OrderedBatch, before: number) {
    const { session, handler } = this.#options;
    if (handler.carriedOut === undefined) return;
    let n = first - 1;
    for (const request of changes) {
      n += request.numbers ?? 1;
      if (n > this.#done) return;
      if (n > before) handler.carriedOut(session, request, this.#outcomes.get(n));
    }
  }

  #refuse(n: number, limit: string | undefined) {
    this.#next = this.#done + 1;
    this.#stale = this.#batches.length;
    this.drop();
    this.#options.session.answer(limit === undefined ? { kind: "storage", n } : { kind: "full", n, limit });
  }

  /** Drops everything that is held: the client repeats it. */
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

  /** Drops everything; what the store still carries out is not answered. */
  close() {
    this.#closed = true;
    this.drop();
  }
}

function bytesOf(request: OrderedLine): number {
  return REQUEST_BYTES + (request.text?.length ?? 0) + ID_BYTES * (request.ids?.length ?? 0);
}

function idsOf(outcomes: SessionState["outcomes"]): number {
  let sum = 0;
  for (const [, outcome] of outcomes) if (outcome.kind === "lost") sum += outcome.ids.length;
  return sum;
}
