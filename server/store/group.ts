import { setImmediate } from "node:timers";
import type { Outcome, OutcomeOf, Store, StoreRequest } from "./store.ts";

/** Most requests, and most bytes of message text, that one commit carries. */
const GROUP_REQUESTS = 1024;
const GROUP_BYTES = 1024 * 1024;

/** Requests that may wait for the disk. With more, what asks for more is refused: memory is bounded. */
const BACKLOG_REQUESTS = 65_536;
const BACKLOG_BYTES = 32 * 1024 * 1024;

/**
 * Milliseconds for which a put that nobody waits for may wait for company: its message may be asked for meanwhile and
 * need no disk at all, and a trickle of messages costs fewer commits.
 */
const LINGER = 2;

/** Bytes that a request takes up beside its message text, about. */
const REQUEST_BYTES = 128;

class Group {
  requests: StoreRequest[] = [];
  done: ((outcome: never) => void)[] = [];
  bytes = 0;
  /** Requests up to the last one that somebody waits for. */
  awaited = 0;

  add(request: StoreRequest, done: (outcome: never) => void, awaited: boolean) {
    this.requests.push(request);
    this.done.push(done);
    this.bytes += bytesOf(request);
    if (awaited) this.awaited = this.requests.length;
  }

  /** Takes what stands behind the last request that somebody waits for out of this group, into another. */
  split(): Group {
    const rest = new Group();
    rest.requests = this.requests.splice(this.awaited);
    rest.done = this.done.splice(this.awaited);
    for (const request of rest.requests) rest.bytes += bytesOf(request);
    this.bytes -= rest.bytes;
    return rest;
  }
}

function bytesOf(request: StoreRequest): number {
  return REQUEST_BYTES + (request.kind === "put" || request.kind === "channel" ? request.bytes : 0);
}

/**
 * Group commit: what arrives in one turn of the event loop, or while another group is with the store, goes to it
 * together, in order.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #onLost: (error: unknown) => void;
  /** Those to come, the oldest first; the last one is still collecting. */
  readonly #groups: Group[] = [];
  #waiting = 0;
  #waitingBytes = 0;
  #immediate = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
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
    const bytes = bytesOf(request);
    if (this.#waiting >= BACKLOG_REQUESTS || this.#waitingBytes + bytes > BACKLOG_BYTES) return false;
    let group = this.#groups.at(-1);
    if (
      group === undefined || group.requests.length >= GROUP_REQUESTS || group.bytes + bytes > GROUP_BYTES
    ) {
      this.#groups.push(group = new Group());
    }
    group.add(request, done, awaited);
    this.#waiting++;
    this.#waitingBytes += bytes;
    if (!this.#busy) this.#schedule();
    return true;
  }

  /** Resolves when nothing is waiting; rejects when the store has failed for good. */
  async idle() {
    if (this.#lost !== undefined) throw this.#lost;
    while (this.#waiting > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      if (!this.#busy) this.#schedule();
      await this.#idle.promise;
    }
  }

  #schedule() {
    if (this.#immediate) return;
    const [first] = this.#groups;
    if (first === undefined) return;
    if (this.#groups.length > 1 || first.awaited > 0 || this.#idle !== undefined) {
      this.#immediate = true;
      // after the sockets were read once more; setTimeout would come 2 ms later
      setImmediate(() => this.#commit(this.#idle !== undefined));
    } else {
      this.#lingering ??= setTimeout(() => this.#commit(true), LINGER);
    }
  }

  /** @param all Whether puts that nobody waits for have waited long enough. */
  async #commit(all: boolean) {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#immediate = false;
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let group = this.#next(all); group !== undefined; group = this.#next(this.#idle !== undefined)) {
        const outcomes = await this.#store.apply(group.requests);
        this.#waiting -= group.requests.length;
        this.#waitingBytes -= group.bytes;
        for (const [i, done] of group.done.entries()) done(outcomes[i] as Outcome as never);
      }
    } catch (error) {
      this.#lost = error;
      this.#idle?.reject(error);
      this.#onLost(error);
      return;
    }
    this.#busy = false;
    if (this.#waiting > 0) return this.#schedule();
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /**
   * The group that is to be committed now. Puts at the end of the last one stay for the next: the request for what they
   * bring often comes right behind them.
   */
  #next(all: boolean): Group | undefined {
    const [group] = this.#groups;
    if (group === undefined || this.#groups.length > 1 || all) return this.#groups.shift();
    if (group.awaited === 0) return undefined;
    this.#groups.shift();
    if (group.awaited < group.requests.length) this.#groups.push(group.split());
    return group;
  }
}
