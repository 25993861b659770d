import { BatchEngine } from "../../../batch_engine.ts";
import type { TableLimits } from "../../../../server/quota/fair_table.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { Stats } from "../../../../server/store/requests/message.ts";
import type { OrderedRequest } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../../../server/store/limits.ts";

/** An engine whose clock stands until it is moved, on a directory of its own. */
export class Subject implements Disposable {
  now = 1_700_000_000_000;
  /** The one that is never set. */
  clock = 1000;
  readonly events: StoreEvent[] = [];
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-session-" });
  #engine: BatchEngine;
  #number = 0;

  constructor(readonly limits: Partial<StoreLimits> = {}, readonly sessionLimits?: TableLimits) {
    this.#engine = this.#open();
  }

  #open() {
    return new BatchEngine({
      directory: this.#directory,
      limits: { ...DEFAULT_LIMITS, ...this.limits },
      sessionLimits: this.sessionLimits,
      onEvent: (event) => this.events.push(event),
      wallClock: () => this.now,
      monotonicClock: () => this.clock,
      random: (bytes) =>
        new Uint8Array(bytes).fill(++this.#number).fill(this.#number + (this.#number >> 8), 0, 1),
    });
  }

  apply(...requests: StoreRequest[]): Outcome[] {
    return this.#engine.apply(requests).outcomes;
  }

  /** Moves the clocks, and does what it is time for. */
  pass(ms: number) {
    this.now += ms;
    this.clock += ms;
    while (this.#engine.tick());
    while (this.#engine.forgetSessions());
  }

  /** Does a piece of what it is time for; returns whether there may be more. */
  tick(): boolean {
    return this.#engine.tick();
  }

  restart() {
    this.#engine.close();
    this.#engine = this.#open();
  }

  put(
    text: string,
    more: { delay?: number; expires?: number; mailbox?: string } = {},
  ): OrderedRequest & { kind: "put" } {
    return {
      kind: "put",
      mailbox: "bob",
      sender: "al",
      time: this.now,
      text,
      bytes: text.length,
      ...more,
    };
  }

  /** Carries out changes of session `s`, and tells how far it has come. */
  change(first: number, ...changes: OrderedRequest[]) {
    return this.apply({ kind: "session", session: "s", first, low: 1, changes })[0] as unknown;
  }

  /** Leases for a session; the texts, or why there are none. */
  lease(
    session: string,
    tag: number,
    { max = 10, maxBytes = 1200, subscribe = false } = {},
  ): Leased & { texts: string[] } | string {
    const request = {
      kind: "lease",
      session,
      tag,
      mailbox: "bob",
      max,
      maxBytes,
      duration: 30_000,
      subscribe,
    } as const;
    const [outcome] = this.apply(request) as [Leased | string];
    return typeof outcome === "string"
      ? outcome
      : { ...outcome, texts: outcome.messages.map(({ text }) => text) };
  }

  texts(session: string, tag: number): string[] | string {
    const lease = this.lease(session, tag);
    return typeof lease === "string" ? lease : lease.texts;
  }

  /** Counts of messages, in all. */
  stats(): Omit<Stats, "bytes"> {
    const { bytes: _, ...stats } = this.apply({ kind: "stat" })[0] as Stats;
    return stats;
  }

  [Symbol.dispose]() {
    this.#engine.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

export const leased = (lease: Leased & { texts: string[] } | string) => {
  if (typeof lease === "string") throw new Error(`No lease: ${lease}`);
  return { ...lease, ids: lease.messages.map(({ id }) => id) };
};
