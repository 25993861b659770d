/**
 * Subscribes to what arrives at a server and leaves it, and prolongs the subscription. `protocol/watch.md` is the
 * specification.
 *
 * @module
 */

import {
  decodeEvents,
  decodeWatchAnswer,
  encodeWatch,
  type EventsDatagram,
  MAX_EVENTS_BYTES,
  type WatchAnswer,
  type WatchEvent,
  type WatchFilter,
} from "../../../protocol/watch.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { sendControl } from "./control.ts";
import { type OpenChannel, RequestSocket } from "./request_socket.ts";

/** How long a subscription lasts, and after how long it is prolonged (watch.md 1.2). */
const SUBSCRIPTION_SECONDS = 30, PROLONG_MS = 10_000;

/** How long the end of a subscription may take: without it, the server ends it by itself. */
const END_TIMEOUT_MS = 1000;

/** Datagrams that may wait for the program that reads the events; further ones are lost, and counted. */
const MAX_WAITING_DATAGRAMS = 4096;

/** What has come since the last one. */
export interface WatchUpdate {
  /** The events, in their order. */
  events: WatchEvent[];
  /** How many events the server has left out, because there were too many at once. */
  dropped: number;
  /** How many were lost on their way, or had no room here. */
  lost: number;
  /** Whether the server has started anew, so that what happened meanwhile is not known. */
  isNew: boolean;
}

/** How a server is watched. */
export interface WatchOptions {
  server: Address;
  /** On what it is asked; a socket by default. */
  open?: OpenChannel | undefined;
  /** The administrator's secret, as the server has it. */
  secret: Uint8Array;
  filter: WatchFilter;
  /** Milliseconds without an answer after which the server is given up. */
  timeoutMs: number;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** Called once the server has the subscription. */
  onBegin?: (() => void) | undefined;
}

/**
 * The events, as they come, until the signal is aborted.
 *
 * @throws {RefusedCommandError} The server refuses the subscription.
 * @throws {ServerTimeoutError} The server does not answer any more.
 */
export async function* watchEvents(options: WatchOptions): AsyncGenerator<WatchUpdate, void> {
  const { server, open, secret, filter, timeoutMs, signal, onBegin } = options;
  /** Datagrams and answers in the order in which they came: the answer's number is about those before it. */
  const waiting: (EventsDatagram | WatchAnswer)[] = [];
  let wake = () => {}, prolongAt = Infinity;
  await using socket = new RequestSocket(server, (text) => {
    const datagram = decodeEvents(text);
    if (datagram === undefined) return false;
    // longer ones are no events (watch.md 3.4): what waits must not take more memory than those
    if (text.length <= MAX_EVENTS_BYTES && waiting.length < MAX_WAITING_DATAGRAMS) waiting.push(datagram);
    // the server stops, and may come back
    if (datagram.events.length === 0) prolongAt = 0;
    wake();
    return true;
  }, open);
  const subscribe = async (seconds: number, timeoutMs: number) => {
    const answer = decodeWatchAnswer(
      await sendControl(socket, secret, encodeWatch(seconds, filter), timeoutMs),
    );
    if (answer === undefined) throw new Error("Cannot read the server's answer to a subscription");
    return answer;
  };
  const counts = new EventCounts();
  counts.answered(await subscribe(SUBSCRIPTION_SECONDS, timeoutMs));
  onBegin?.();
  prolongAt = performance.now() + PROLONG_MS;
  let failure: unknown;
  let prolonging: Promise<void> | undefined;
  const prolong = async () => {
    try {
      waiting.push(await subscribe(SUBSCRIPTION_SECONDS, timeoutMs));
    } catch (error) {
      failure = error;
    }
    prolonging = undefined;
    prolongAt = performance.now() + PROLONG_MS;
    wake();
  };
  let isEnded = false;
  const end = async () => {
    if (isEnded) return;
    isEnded = true;
    await prolonging;
    // the subscription ends by itself otherwise
    if (failure === undefined) {
      await subscribe(0, END_TIMEOUT_MS).then((answer) => waiting.push(answer), () => {});
    }
  };
  const wakeUp = () => wake();
  signal?.addEventListener("abort", wakeUp);
  try {
    for (;;) {
      // what the server still had for it comes before the answer to this
      if (signal?.aborted) await end();
      const events = waiting.splice(0).flatMap((one) =>
        "events" in one ? counts.take(one) : counts.answered(one)
      );
      const update = { events, ...counts.changes() };
      if (events.length > 0 || update.dropped > 0 || update.lost > 0 || update.isNew) yield update;
      if (failure !== undefined) throw failure;
      if (isEnded) return;
      if (waiting.length > 0 || signal?.aborted) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (performance.now() >= prolongAt) prolonging ??= prolong();
      const timer = setTimeout(resolve, Math.max(0, prolongAt - performance.now()) || PROLONG_MS);
      await promise;
      clearTimeout(timer);
    }
  } finally {
    signal?.removeEventListener("abort", wakeUp);
    await end();
  }
}

/** What has been lost or left out of one subscription. */
class EventCounts {
  #id = "";
  #next = 1;
  #dropped = 0;
  /** What has not been reported yet. */
  #changes = { dropped: 0, lost: 0, isNew: false };

  /** Takes the answer to a subscription: all events before `next` have been sent. There is none in it. */
  answered({ id, next, dropped }: WatchAnswer): WatchEvent[] {
    if (id !== this.#id) {
      this.#changes.isNew = this.#id !== "";
      this.#id = id;
      this.#next = 1;
      this.#dropped = 0;
    }
    this.#see(next, dropped);
    return [];
  }

  /** The events of a datagram, unless it comes late and was counted as lost. */
  take({ id, first, dropped, events }: EventsDatagram): WatchEvent[] {
    if (id !== this.#id || first < this.#next) return [];
    this.#see(first, dropped);
    this.#next = first + events.length;
    return events;
  }

  #see(next: number, dropped: number) {
    this.#changes.lost += Math.max(0, next - this.#next);
    this.#changes.dropped += Math.max(0, dropped - this.#dropped);
    this.#next = Math.max(this.#next, next);
    this.#dropped = Math.max(this.#dropped, dropped);
  }

  changes() {
    const changes = this.#changes;
    this.#changes = { dropped: 0, lost: 0, isNew: false };
    return changes;
  }
}
