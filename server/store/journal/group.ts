import { setImmediate } from "node:timers";
import type { Outcome, OutcomeOf, Store, StoreRequest } from "../store.ts";

/** Most requests, those of sessions counted one by one, and about how many bytes of text one commit carries. */
const GROUP_REQUESTS = 1024;
const GROUP_BYTES = 1024 * 1024;

/** Groups that are with the store at a time: while one is written, the next is on its way. */
const MAX_GROUPS = 2;

/** Requests that may wait for the disk, and their bytes. More are refused, so that memory is bounded. */
const BACKLOG_REQUESTS = 65_536;
const BACKLOG_BYTES = 32 * 1024 * 1024;

/**
 * How long a put whose outcome is not awaited may wait for others: its message may be taken meanwhile and need no disk at
 * all, and messages that come one by one cost fewer commits.
 */
const LINGER_MS = 2;

/**
 * How long a group may wait for what the sockets still hold, as long as each turn of the event loop brings something and
 * there are fewer than {@linkcode GATHER_REQUESTS}.
 */
const GATHER_MS = 0.5;
const GATHER_REQUESTS = 256;

/** About how many bytes a request has beside its message text. */
const REQUEST_BYTES = 128;

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
}

function isSource(request: Entry["request"]): request is Source<StoreRequest> {
  return "take" in request;
}

function bytesOf(request: StoreRequest): number {
  if (request.kind === "put" || request.kind === "channel") return REQUEST_BYTES + request.bytes;
  if (request.kind !== "session") return REQUEST_BYTES;
  return request.changes.reduce(
    (sum, change) => sum + REQUEST_BYTES + (change.kind === "put" ? change.bytes : 0),
    0,
  );
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
}

/**
 * Group commit: requests that arrive in one turn of the event loop, or while other groups are with the store, go to it
 * together, in their order.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #onLost: (error: unknown) => void;
  /** Requests that are in no group yet, the oldest first. */
  #queue: Entry[] = [];
  #queueBytes = 0;
  /** Length of the queue up to the last entry whose outcome is awaited. */
  #awaited = 0;
  readonly #sources = new Set<unknown>();
  /** In the queue and with the store. */
  #waiting = 0;
  #waitingBytes = 0;
  /** Requests that came, and how many of them before the last group. */
  #arrivals = 0;
  #grouped = 0;
  #gathering = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #groups = 0;
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
   * @param awaited Whether the outcome is awaited. Otherwise it may take {@linkcode LINGER_MS} longer.
   */
  submit<R extends StoreRequest>(
    request: R,
    done: (outcome: OutcomeOf<R>) => void,
    awaited = true,
  ): boolean {
    this.#arrivals++;
    return this.#add({ request, done, bytes: bytesOf(request) }, awaited);
  }

  /**
   * Hands a request to the store, and resolves to its outcome once that is durable.
   *
   * @throws {StoreOverloaded} Too many are waiting already.
   */
  ask<R extends StoreRequest>(request: R): Promise<OutcomeOf<R>> {
    const { promise, resolve, reject } = Promise.withResolvers<OutcomeOf<R>>();
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
    if (this.#add({ request, done, bytes: REQUEST_BYTES }, true)) return true;
    this.#sources.delete(source);
    return false;
  }

  #add(entry: Entry, awaited: boolean): boolean {
    if (this.#waiting >= BACKLOG_REQUESTS || this.#waitingBytes + entry.bytes > BACKLOG_BYTES) return false;
    this.#waiting++;
    this.#waitingBytes += entry.bytes;
    this.#queue.push(entry);
    this.#queueBytes += entry.bytes;
    if (awaited) this.#awaited = this.#queue.length;
    this.#schedule();
    return true;
  }

  /** Resolves when nothing is waiting; rejects if the store is lost. */
  async idle() {
    if (this.#lost !== undefined) throw this.#lost;
    while (this.#waiting > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      this.#schedule();
      await this.#idle.promise;
    }
  }

  #schedule() {
    if (this.#groups === MAX_GROUPS || this.#queue.length === 0) return;
    // while the sockets hold something they are read, and no turn of the event loop ends
    if (this.#arrivals - this.#grouped >= GATHER_REQUESTS || this.#isFull) {
      return this.#commit(this.#idle !== undefined);
    }
    // a small group after another one would only make the next one small too
    if (this.#gathering || this.#groups > 0) return;
    if (this.#awaited > 0 || this.#idle !== undefined) {
      this.#gathering = true;
      this.#gather(performance.now() + GATHER_MS);
    } else {
      this.#lingering ??= setTimeout(() => {
        this.#commit(true);
      }, LINGER_MS);
    }
  }

  /** Whether there is enough for a group by itself. */
  get #isFull(): boolean {
    return this.#queue.length >= GROUP_REQUESTS || this.#queueBytes >= GROUP_BYTES;
  }

  /** Waits until a look at the sockets has brought nothing; setTimeout would come 2 ms later. */
  #gather(until: number) {
    const arrivals = this.#arrivals;
    setImmediate(() => {
      const isMore = this.#arrivals !== arrivals;
      if (isMore && performance.now() < until) return this.#gather(until);
      this.#gathering = false;
      if (this.#groups === 0) this.#commit(this.#idle !== undefined);
    });
  }

  /**
   * Gives groups to the store. Puts at the end of the queue whose outcomes are not awaited stay for the next one, unless
   * `all` are to go: a take of their messages often comes right after them.
   */
  #commit(all: boolean) {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#grouped = this.#arrivals;
    const group = this.#next(all || this.#isFull ? this.#queue.length : this.#awaited);
    if (group !== undefined) this.#apply(group);
    this.#schedule();
  }

  /** A group of the first `ready` entries of the queue, as many as it can carry. */
  #next(ready: number): Group | undefined {
    const group: Group = { requests: [], done: [], waited: 0, bytes: 0 };
    for (let requests = 0, size = 0; group.waited < ready; group.waited++) {
      const { request: waiting, done, bytes } = this.#queue[group.waited]!;
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
      requests += request.kind === "session" ? request.changes.length : 1;
      // how much a source has is known only now
      size += bytesOf(request);
    }
    if (group.waited === 0) return undefined;
    this.#queue.splice(0, group.waited);
    this.#queueBytes -= group.bytes;
    this.#awaited = Math.max(0, this.#awaited - group.waited);
    return group;
  }

  async #apply({ requests, done, waited, bytes }: Group) {
    this.#groups++;
    let outcomes: Outcome[];
    try {
      outcomes = await this.#store.apply(requests);
    } catch (error) {
      return this.lose(error);
    }
    if (this.#lost !== undefined) return;
    this.#waiting -= waited;
    this.#waitingBytes -= bytes;
    for (const [i, settle] of done.entries()) {
      try {
        settle(outcomes[i] as never);
      } catch (error) {
        // an error of this program and not of the store: the others are answered before it ends
        reportError(error);
      }
    }
    this.#groups--;
    if (this.#waiting > 0) return this.#schedule();
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** From now on nothing is answered, neither what is with the store nor what comes after it. */
  lose(error: unknown) {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#idle?.reject(error);
    this.#onLost(error);
  }
}
