/**
 * The administrators who watch: their subscriptions, and what is sent to them. `protocol/watch.md` is the
 * specification.
 *
 * Invariant: what waits for a watcher is bounded, and what does not fit is counted, so that no watcher, however slow,
 * costs anybody anything.
 *
 * @module
 */

import { utf8Length } from "../../../protocol/mailbox.ts";
import {
  decodeWatch,
  encodeEvent,
  encodeEvents,
  fittingRows,
  type WatchedService,
  type WatchEvent,
  type WatchFilter,
} from "../../../protocol/watch.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";
import type { Log } from "../../report/log.ts";
import type { Metrics } from "../../report/metrics.ts";
import {
  addressOf,
  type Peer,
  type Seen,
  type SeenAt,
  type Watch,
  type Watcher,
} from "../../report/watch.ts";
import type { AdminClient, AdminCommand } from "./admin_requests.ts";

/** Most watchers (watch.md section 4). */
const MAX_WATCHERS = 4;

/** Bytes that may wait for a watcher. */
const MAX_WAITING_BYTES = 256 * 1024;

/** How often what waits is sent, and how many datagrams at a time. */
const SEND_INTERVAL_MS = 25, MAX_DATAGRAMS = 16;

/** Peers for which a watcher remembers whether their last event with a name was wanted (watch.md 1.5). */
const MAX_PEERS = 1024;

export interface WatchersOptions extends Pick<Environment, "monotonicClock" | "random" | "setTimer"> {
  watch: Watch;
  metrics: Metrics;
  log: Pick<Log, "info">;
}

export class Watchers {
  readonly #options: WatchersOptions;
  /** By the address that has subscribed. */
  readonly #subscriptions = new Map<string, Subscription>();
  #stopTimer: (() => void) | undefined;

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  /** How many watch now. */
  get count(): number {
    this.#expire();
    return this.#subscriptions.size;
  }

  /** Limits of those who watch, with their use now. */
  limits(): Limit[] {
    const waiting = this.#subscriptions.values().map(({ waitingBytes }) => waitingBytes);
    return [
      { name: "watchers", used: this.count, limit: MAX_WATCHERS },
      { name: "one watcher's waiting bytes", used: Math.max(0, ...waiting), limit: MAX_WAITING_BYTES },
    ];
  }

  /** `watch`, by which an administrator subscribes, prolongs a subscription and ends it. */
  get command(): AdminCommand {
    return {
      usage: "watch, SECONDS[, FILTER…]",
      lastHasCommas: true,
      run: (args, client) => this.#run(args, client),
    };
  }

  #run(args: readonly string[], client: AdminClient): string[] {
    const { seconds, filter } = decodeWatch(args), { address } = client;
    this.#expire();
    let subscription = this.#subscriptions.get(address);
    if (seconds === 0) {
      if (subscription !== undefined) this.#end(subscription);
      return answerOf(subscription ?? this.#subscriptionOf(client, filter));
    }
    if (subscription === undefined) {
      if (this.#subscriptions.size >= MAX_WATCHERS) throw new RangeError(`${MAX_WATCHERS} watch already`);
      subscription = this.#subscriptionOf(client, filter);
      this.#subscriptions.set(address, subscription);
      this.#options.watch.add(subscription);
      this.#log(subscription, `an administrator watches, ${filter.texts ? "with" : "without"} texts`);
    } else if (filter.texts && !subscription.filter.texts) {
      this.#log(subscription, "an administrator watches, with texts from now on");
    }
    subscription.filter = filter;
    subscription.endsMs = this.#options.monotonicClock() + seconds * 1000;
    this.#startTimer();
    return answerOf(subscription);
  }

  #subscriptionOf(client: AdminClient, filter: WatchFilter): Subscription {
    const isWatcher = (peer: string) => this.#subscriptions.has(peer);
    return new Subscription(
      this.#options.random(4).toHex(),
      client,
      filter,
      this.#options.metrics,
      isWatcher,
    );
  }

  #expire() {
    const now = this.#options.monotonicClock();
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.endsMs <= now) this.#end(subscription);
    }
  }

  #end(subscription: Subscription) {
    subscription.send(Infinity);
    this.#subscriptions.delete(subscription.client.address);
    this.#options.watch.remove(subscription);
    this.#log(subscription, "an administrator watches no longer");
  }

  #log({ client }: Subscription, what: string) {
    this.#options.log.info({ service: "admin", peer: client.address, what });
  }

  #startTimer() {
    this.#stopTimer ??= this.#options.setTimer(SEND_INTERVAL_MS, () => {
      this.#stopTimer = undefined;
      this.#expire();
      for (const subscription of this.#subscriptions.values()) subscription.send(MAX_DATAGRAMS);
      if (this.#subscriptions.size > 0) this.#startTimer();
    });
  }

  /** Sends what waits, and ends every subscription: the server stops. */
  close() {
    this.#stopTimer?.();
    for (const subscription of this.#subscriptions.values()) {
      subscription.send(MAX_DATAGRAMS);
      subscription.sendEnd();
      this.#options.watch.remove(subscription);
    }
    this.#subscriptions.clear();
  }
}

function answerOf({ id, next, dropped }: Subscription): string[] {
  return [id, `${next}`, `${dropped}`];
}

class Subscription implements Watcher {
  /** Until when it lasts, in milliseconds of the monotonic clock. */
  endsMs = 0;
  /** The number of the next event that is sent. */
  next = 1;
  dropped = 0;
  #rows: string[] = [];
  #bytes = 0;

  /** What waits to be sent. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Of each peer, whether the last event with a name was wanted, the peer that was seen longest ago first. */
  readonly #named = new Map<string, boolean>();

  constructor(
    readonly id: string,
    readonly client: AdminClient,
    public filter: WatchFilter,
    readonly metrics: Metrics,
    /** Whether a peer is a watcher: what it and the server send each other is no event (watch.md 2.5). */
    readonly isWatcher: (peer: string) => boolean,
  ) {}

  wants(service: string, peer: Peer): boolean {
    const { services, peers } = this.filter;
    if (services.length > 0 && !services.includes(service)) return false;
    const isWanted = peers.length === 0 || peers.includes(peer.hostname) || peers.includes(addressOf(peer));
    return isWanted && (service !== "admin" || !this.isWatcher(addressOf(peer)));
  }

  see({ time, direction, service, peer }: SeenAt, { names = [], text, ...seen }: Seen) {
    if (!this.#wantsNames(peer, names)) return;
    const event: WatchEvent = {
      time: new Date(time).toISOString(),
      direction,
      service: service as WatchedService,
      peer,
      ...seen,
      ...this.filter.texts && text !== undefined ? { text } : {},
    };
    const row = encodeEvent(event), bytes = utf8Length(row);
    if (this.#bytes + bytes > MAX_WAITING_BYTES) return this.drop(1);
    this.#rows.push(row);
    this.#bytes += bytes;
  }

  /** What names nobody goes with the last event of its peer that does. */
  #wantsNames(peer: string, names: readonly string[]): boolean {
    const wanted = this.filter.names;
    if (wanted.length === 0) return true;
    if (names.length === 0) return this.#named.get(peer) ?? false;
    const isWanted = names.some((name) => wanted.includes(name));
    this.#named.delete(peer);
    this.#named.set(peer, isWanted);
    if (this.#named.size > MAX_PEERS) this.#named.delete(this.#named.keys().next().value!);
    return isWanted;
  }

  drop(count: number) {
    this.dropped += count;
    this.metrics.add("watch dropped", count);
  }

  /** Says that the server stops. */
  sendEnd() {
    this.client.send(encodeEvents(this.id, this.next, this.dropped, []));
  }

  /** Sends what waits, in at most so many datagrams. */
  send(datagrams: number) {
    for (let sent = 0; this.#rows.length > 0 && sent < datagrams; sent++) {
      const rows = this.#rows.splice(0, fittingRows(this.#rows));
      for (const row of rows) this.#bytes -= utf8Length(row);
      this.client.send(encodeEvents(this.id, this.next, this.dropped, rows));
      this.next += rows.length;
      this.metrics.add("watch events", rows.length);
    }
  }
}
