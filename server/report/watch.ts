/**
 * What administrators watch: every wire reports here what arrives and what leaves, and while nobody watches that costs
 * one comparison. `protocol/watch.md` is the specification.
 *
 * Invariant: a datagram is described only if somebody wants it, and only as many as {@linkcode EVENT_LIMIT} allows:
 * watching must not slow the server.
 *
 * @module
 */

import { RateLimit } from "../quota/rate_limit.ts";
import type { Environment } from "../quota/uptime.ts";

/** What is described at once, and milliseconds until one more is (watch.md section 4). */
const EVENT_LIMIT = { burst: 1000, intervalMs: 0.5 };

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
export interface SeenAt<Service extends string = string> {
  /** Milliseconds since 1970. */
  time: number;
  direction: "in" | "out";
  service: Service;
  /** The address and port of the client. */
  peer: string;
}

export interface Watcher {
  wants(at: SeenAt): boolean;
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
  readonly #wallClock: () => number;
  readonly #limit: RateLimit;

  constructor({ wallClock, monotonicClock }: Pick<Environment, "wallClock" | "monotonicClock">) {
    this.#wallClock = wallClock;
    this.#limit = new RateLimit({ ...EVENT_LIMIT, monotonicClock });
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
    const at = { time: this.#wallClock(), direction, service, peer: addressOf(peer) };
    const watchers = [...this.#watchers].filter((watcher) => watcher.wants(at));
    if (watchers.length === 0 || count === 0) return;
    if (this.#limit.waitMs("", count) > 0) {
      for (const watcher of watchers) watcher.drop(count);
      return;
    }
    this.#limit.take("", count);
    for (const seen of described(describe)) for (const watcher of watchers) watcher.see(at, seen);
  }
}

/** A mistake in a description must not cost the client anything whose datagram it is. */
function described(describe: () => Seen | readonly Seen[]): readonly Seen[] {
  try {
    return [describe()].flat();
  } catch {
    return [{ what: "something that could not be described" }];
  }
}

/** The form in which every document writes it. */
function addressOf({ hostname, port }: Peer): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
