import { setImmediate } from "node:timers";
import { Again } from "../requests/again.ts";
import type { OrderedRequest } from "../requests/session.ts";
import type { LastOutcomeOf, Outcome, OutcomeOf, Store, StoreRequest } from "../store.ts";

/**
 * Most requests, those of sessions counted one by one, and about how many bytes of text go to the store at a time: about
 * half a millisecond's work.
 */
const GROUP_REQUESTS = 256;
const GROUP_BYTES = 1024 * 1024;

/** Requests that may wait for the disk, and their bytes. More are refused, so that memory is bounded. */
export const BACKLOG_REQUESTS = 65_536;
export const BACKLOG_BYTES = 32 * 1024 * 1024;

/** About how many bytes a request has beside its message text, and an ID that it names. */
const REQUEST_BYTES = 128, ID_BYTES = 8;

/** Collects requests by itself until a group takes them, as one request. */
export interface Source<R extends StoreRequest> {
  /** What it has collected, if there is anything. */
  take(): R | undefined;
  /** Receives the outcome of that. */
  settle(outcome: OutcomeOf<R>): void;
}

interface Entry {
  request: StoreRequest | Source<StoreRequest>;
  done: (outcome: never) => void;
  bytes: number;
  isAwaited: boolean;
}

function isSource(request: Entry["request"]): request is Source<StoreRequest> {
  return "take" in request;
}

function bytesOf(request: StoreRequest): number {
  if (request.kind === "put" || request.kind === "channel") return REQUEST_BYTES + request.bytes;
  if (request.kind === "put once") return 2 * REQUEST_BYTES + request.put.bytes;
  if (request.kind !== "session") return REQUEST_BYTES;
  return request.changes.reduce((sum, change) => sum + REQUEST_BYTES + extraBytes(change), 0);
}

/** What a request of a session has beside that: its text, or the IDs that it names. */
function extraBytes(change: OrderedRequest): number {
  return change.kind === "put" ? change.bytes : "ids" in change ? ID_BYTES * change.ids.length : 0;
}

/** Too many requests wait for the disk already. */
export class StoreOverloaded extends RangeError {
  override name = "StoreOverloaded";
  constructor() {
    super("too much is waiting for the disk");
  }
}

/** Requests that go to the store together. */
interface Group {
  requests: StoreRequest[];
  done: Entry["done"][];
  /** How many entries of the queue they were, and their bytes as counted there. */
  waited: number;
  bytes: number;
  /** Whether anybody waits for one of the outcomes. */
  isAwaited: boolean;
}

/**
 * Group commit: requests that arrive in one turn of the event loop go to the store together, in their order. It carries
 * them out at once, and answers when they are durable: meanwhile the next ones go to it.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #onLost: (error: unknown) => void;
  /** Requests that are in no group yet, the oldest first. */
  #queue: Entry[] = [];
  #queueBytes = 0;
  readonly #sources = new Set<unknown>();
  /** In the queue and with the store. */
  #waiting = 0;
  #waitingBytes = 0;
  /** Requests that came since the last group. */
  #arrivals = 0;
  /** Whether the queue is handed over at the end of this turn of the event loop. */
  #isScheduled = false;
  #lost: unknown;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onLost Called once if the store is lost; nothing is answered after that. */
  constructor(store: Store, onLost: (error: unknown) => void) {
    this.#store = store;
    this.#onLost = onLost;
  }

  /**
   * Hands a request to the store; `done` is called with its outcome once that is durable.
   * Returns false, and does nothing, if too many are waiting already.
   *
   * @param isAwaited Whether the outcome is awaited. Otherwise it may take some milliseconds longer, for others that come
   * meanwhile.
   */
  submit<R extends StoreRequest>(
    request: R,
    done: (outcome: LastOutcomeOf<R>) => void,
    isAwaited = true,
  ): boolean {
    this.#arrivals++;
    return this.#add({ request, done, bytes: bytesOf(request), isAwaited });
  }

  /**
   * Hands a request to the store, and resolves to its outcome once that is durable.
   *
   * @throws {StoreOverloaded} Too many are waiting already.
   */
  ask<R extends StoreRequest>(request: R): Promise<LastOutcomeOf<R>> {
    const { promise, resolve, reject } = Promise.withResolvers<LastOutcomeOf<R>>();
    if (!this.submit(request, resolve)) reject(new StoreOverloaded());
    return promise;
  }

  /** The same for what the source has when its turn comes. Must be called whenever it has `more` requests. */
  gather<R extends StoreRequest>(source: Source<R>, more: number): boolean {
    this.#arrivals += more;
    if (this.#sources.has(source)) {
      this.#schedule();
      return true;
    }
    const done = (outcome: OutcomeOf<R>) => source.settle(outcome);
    const request = source as unknown as Source<StoreRequest>;
    this.#sources.add(source);
    if (this.#add({ request, done, bytes: REQUEST_BYTES, isAwaited: true })) return true;
    this.#sources.delete(source);
    return false;
  }

  #add(entry: Entry): boolean {
    if (this.#waiting >= BACKLOG_REQUESTS || this.#waitingBytes + entry.bytes > BACKLOG_BYTES) return false;
    this.#waiting++;
    this.#waitingBytes += entry.bytes;
    this.#queue.push(entry);
    this.#queueBytes += entry.bytes;
    this.#schedule();
    return true;
  }

  /** Resolves when nothing is waiting; rejects if the store is lost. */
  async idle() {
    if (this.#lost !== undefined) throw this.#lost;
    while (this.#waiting > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      await this.#idle.promise;
    }
  }

  /** Requests that are not carried out, or not on disk, yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** About how many bytes they have. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  #schedule() {
    // while the sockets hold something they are read, and no turn of the event loop ends
    if (this.#isFull) this.#handOver();
    if (this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      while (this.#queue.length > 0) this.#handOver();
    });
  }

  /** Whether there is enough for a group by itself. */
  get #isFull(): boolean {
    return this.#arrivals >= GROUP_REQUESTS || this.#queueBytes >= GROUP_BYTES;
  }

  #handOver() {
    this.#arrivals = 0;
    const group = this.#next();
    if (this.#lost !== undefined) return;
    if (group.requests.length === 0) return this.#settle(group, []);
    this.#store.apply(group.requests, group.isAwaited).then(
      (outcomes) => this.#settle(group, outcomes),
      (error) => this.lose(error),
    );
  }

  /** A group of the first entries of the queue, as many as it can carry. */
  #next(): Group {
    const group: Group = { requests: [], done: [], waited: 0, bytes: 0, isAwaited: false };
    for (let requests = 0, size = 0; group.waited < this.#queue.length; group.waited++) {
      const { request: waiting, done, bytes, isAwaited } = this.#queue[group.waited]!;
      if (requests >= GROUP_REQUESTS || requests > 0 && size + bytes > GROUP_BYTES) break;
      let request: StoreRequest | undefined;
      if (isSource(waiting)) {
        this.#sources.delete(waiting);
        request = waiting.take();
      } else {
        request = waiting;
      }
      group.bytes += bytes;
      if (request === undefined) continue;
      group.requests.push(request);
      group.done.push(done);
      group.isAwaited ||= isAwaited;
      requests += request.kind === "session" ? request.changes.length : 1;
      // how much a source has is known only now
      size += bytesOf(request);
    }
    if (group.waited === this.#queue.length) this.#queue = [];
    else this.#queue.splice(0, group.waited);
    this.#queueBytes -= group.bytes;
    return group;
  }

  #settle({ done, waited, bytes }: Group, outcomes: readonly Outcome[]) {
    if (this.#lost !== undefined) return;
    this.#waiting -= waited;
    this.#waitingBytes -= bytes;
    for (const [i, settle] of done.entries()) {
      const outcome = outcomes[i];
      if (outcome instanceof Again) {
        this.#again(outcome.request as StoreRequest, settle);
        continue;
      }
      try {
        settle(outcome as never);
      } catch (error) {
        // an error of this program and not of the store: the others are answered before it ends
        reportError(error);
      }
    }
    if (this.#waiting > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Long work that is done in pieces (store 11.2): the next one goes behind what others have asked meanwhile. */
  #again(request: StoreRequest, done: Entry["done"]) {
    const bytes = bytesOf(request);
    this.#waiting++;
    this.#waitingBytes += bytes;
    this.#queue.push({ request, done, bytes, isAwaited: true });
    this.#queueBytes += bytes;
    this.#schedule();
  }

  /** From now on nothing is answered, neither what is with the store nor what comes after it. */
  lose(error: unknown) {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#idle?.reject(error);
    this.#onLost(error);
  }
}
