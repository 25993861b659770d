/**
 * What administrators watch: every wire reports here what arrives and what leaves, and while nobody watches that costs
 * one comparison. `protocol/watch.md` is the specification.
 *
 * Invariant: a datagram is described only if somebody wants it, and only as many as {@linkcode MAX_TOKENS} allows:
 * watching must not slow the server.
 *
 * @module
 */

import type { Environment } from "../quota/uptime.ts";

/** What is described at once, and how much more each millisecond (watch.md section 4). */
const MAX_TOKENS = 1000, TOKENS_PER_MS = 1;

/** A datagram, frame or line in words. */
export interface Seen {
  what: string;
  /** The names that it is about. */
  names?: readonly string[];
  text?: string;
  refused?: string;
  why?: string;
  rule?: string;
}

/** Where it was seen. */
export interface SeenAt {
  /** Milliseconds since 1970. */
  time: number;
  direction: "in" | "out";
  service: string;
  /** The address and port of the client. */
  peer: string;
}

export interface Watcher {
  /** Called for everything that is reported. */
  wants(service: string, peer: Peer): boolean;
  /** Takes what it wants. Never waits. */
  see(at: SeenAt, seen: Seen): void;
  /** Counts what nobody had the time to describe. */
  drop(count: number): void;
}

/** What one service reports to. */
export interface Tap {
  /** Whether anybody watches. If not, nothing has to be computed for it. */
  readonly isOn: boolean;
  /**
   * Reports what arrived from a client or is sent to it.
   *
   * @param describe Called at once, or not at all.
   * @param count How many datagrams, frames or lines it is, about.
   */
  see(direction: "in" | "out", peer: Peer, describe: () => Seen | readonly Seen[], count?: number): void;
}

export interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/** The tap of a part of the server that nobody can watch, as in tests. */
export const UNWATCHED: Tap = { isOn: false, see() {} };

export class Watch {
  /** Whether anybody watches. */
  isOn = false;
  readonly #watchers = new Set<Watcher>();
  readonly #clocks: Pick<Environment, "wallClock" | "monotonicClock">;
  /** How much may be described, as of `#atMs` of the monotonic clock. */
  #tokens = MAX_TOKENS;
  #atMs = 0;

  constructor(clocks: Pick<Environment, "wallClock" | "monotonicClock">) {
    this.#clocks = clocks;
  }

  add(watcher: Watcher) {
    this.#watchers.add(watcher);
    this.isOn = true;
  }

  remove(watcher: Watcher) {
    this.#watchers.delete(watcher);
    this.isOn = this.#watchers.size > 0;
  }

  /** What a service reports to. */
  tap(service: string): Tap {
    const see: Tap["see"] = (...args) => this.#see(service, ...args);
    const isOn = () => this.isOn;
    return {
      get isOn() {
        return isOn();
      },
      see,
    };
  }

  #see(
    service: string,
    direction: "in" | "out",
    peer: Peer,
    describe: () => Seen | readonly Seen[],
    count = 1,
  ) {
    const hasTokens = this.#hasTokens(count), watchers: Watcher[] = [];
    for (const watcher of this.#watchers) {
      if (!watcher.wants(service, peer)) continue;
      if (hasTokens) watchers.push(watcher);
      else watcher.drop(count);
    }
    if (watchers.length === 0) return;
    this.#tokens -= count;
    const at = { time: this.#clocks.wallClock(), direction, service, peer: addressOf(peer) };
    for (const seen of described(describe)) for (const watcher of watchers) watcher.see(at, seen);
  }

  /** Not a `RateLimit`, which is slower: it is asked for everything that arrives and leaves while somebody watches. */
  #hasTokens(count: number): boolean {
    const now = this.#clocks.monotonicClock();
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + (now - this.#atMs) * TOKENS_PER_MS);
    this.#atMs = now;
    // what is more than all at once waits for all
    return this.#tokens >= Math.min(count, MAX_TOKENS);
  }
}

/** An error in a description must not harm the client whose datagram is described. */
function described(describe: () => Seen | readonly Seen[]): readonly Seen[] {
  try {
    return [describe()].flat();
  } catch {
    return [{ what: "something that could not be described" }];
  }
}

/** Its address, in the form in which every document writes it. */
export function addressOf({ hostname, port }: Peer): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
