import { setImmediate } from "node:timers";
import type { Outcome, OutcomeOf, Store, StoreRequest } from "../store.ts";

/** Most requests, changes of sessions among them, and most bytes of message text, about, that one commit carries. */
const GROUP_REQUESTS = 1024;
const GROUP_BYTES = 1024 * 1024;

/** Groups that are with the store at a time: while one is written, the next is on its way. */
const GROUPS = 2;

/** Requests that may wait for the disk. With more, what asks for more is refused: memory is bounded. */
const BACKLOG_REQUESTS = 65_536;
const BACKLOG_BYTES = 32 * 1024 * 1024;

/**
 * Milliseconds for which a put that nobody waits for may wait for company: its message may be asked for meanwhile and
 * need no disk at all, and a trickle of messages costs fewer commits.
 */
const LINGER = 2;

/**
 * Milliseconds for which a group may wait for what the sockets still hold, while each look at them brings something and
 * there are not as many requests as can be written in the time that it takes to read as many more.
 */
const GATHER = 0.5;
const GATHER_REQUESTS = 256;

/** Bytes that a request takes up beside its message text, about. */
const REQUEST_BYTES = 128;

/** What gathers by itself what it has for the store, until a group is made that takes it. */
export interface Source<R extends StoreRequest> {
  /** What it has gathered, if there is anything. */
  take(): R | undefined;
  /** Is told what has become of that. */
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

/** Requests that are with the store. */
interface Group {
  requests: StoreRequest[];
  done: Entry["done"][];
  /** How many entries of the queue they were, and what was counted as their bytes there. */
  waited: number;
  bytes: number;
}

/**
 * Group commit: what arrives in one turn of the event loop, or while other groups are with the store, goes to it
 * together, in order.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #onLost: (error: unknown) => void;
  /** What is in no group yet, the oldest first. */
  #queue: Entry[] = [];
  #queueBytes = 0;
  /** How much of the queue, from its beginning, is up to the last entry that somebody waits for. */
  #awaited = 0;
  readonly #sources = new Set<unknown>();
  /** In the queue and with the store. */
  #waiting = 0;
  #waitingBytes = 0;
  /** What came, and how much of that before the last group. */
  #arrivals = 0;
  #grouped = 0;
  #gathering = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #groups = 0;
  #lost: unknown;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onLost Called once when the store fails for good; nothing is answered after it. */
  constructor(store: Store, onLost: (error: unknown) => void) {
    this.#store = store;
    this.#onLost = onLost;
  }

  /**
   * Hands a request to the store; `done` is called with its outcome once that is durable.
   * Returns false, and does nothing, where too many are waiting already.
   *
   * @param awaited Whether somebody waits for the outcome. Otherwise it may take {@linkcode LINGER} longer.
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

  /** The same for what the source has when its turn comes. To be called whenever it has `more` to be carried out. */
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

  /** Resolves when nothing is waiting; rejects when the store has failed for good. */
  async idle() {
    if (this.#lost !== undefined) throw this.#lost;
    while (this.#waiting > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      this.#schedule();
      await this.#idle.promise;
    }
  }

  #schedule() {
    if (this.#groups === GROUPS || this.#queue.length === 0) return;
    // the sockets are read on and on while they hold something, and no turn of the event loop ends
    if (this.#arrivals - this.#grouped >= GATHER_REQUESTS || this.#isFull) {
      return this.#commit(this.#idle !== undefined);
    }
    // a small group behind another one would only make the next one small too
    if (this.#gathering || this.#groups > 0) return;
    if (this.#awaited > 0 || this.#idle !== undefined) {
      this.#gathering = true;
      this.#gather(performance.now() + GATHER);
    } else {
      this.#lingering ??= setTimeout(() => {
        this.#commit(true);
      }, LINGER);
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
   * Gives groups to the store. Puts at the end of the queue that nobody waits for stay for the next one, if not `all`
   * are to go: the request for what they bring often comes right behind them.
   */
  #commit(all: boolean) {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#grouped = this.#arrivals;
    const group = this.#next(all || this.#isFull ? this.#queue.length : this.#awaited);
    if (group !== undefined) this.#apply(group);
    this.#schedule();
  }

  /** A group of what stands in the first `ready` places of the queue. */
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
      // how much a source has shows when it gives it
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
    for (const [i, tell] of done.entries()) {
      try {
        tell(outcomes[i] as never);
      } catch (error) {
        // a fault of this program and none of the store: the others are answered before it ends
        reportError(error);
      }
    }
    this.#groups--;
    if (this.#waiting > 0) return this.#schedule();
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Nothing is answered any more, of what is with the store or comes behind it. */
  lose(error: unknown) {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#idle?.reject(error);
    this.#onLost(error);
  }
}
