import { connectMailbox } from "../../client/mailbox.ts";
import { PATIENCE_MS } from "../patience.ts";
import { median } from "./form.ts";

export interface PingOptions {
  /** Milliseconds between two of them; none by default. */
  pauseMs?: number;
  /** Whether the messages are taken again. */
  areTaken?: boolean;
}

/** Puts one message after the other, until it is stopped. */
export class Pings implements AsyncDisposable {
  readonly #end = new AbortController();
  readonly #running: Promise<unknown>;
  #times: number[] = [];
  #waiting: { count: number; resolve(): void } | undefined;

  constructor(port: number, { pauseMs = 0, areTaken = false }: PingOptions = {}) {
    this.#running = Promise.all([this.#put(port, pauseMs), areTaken && this.#take(port)]);
    // whoever waits for the end is told
    this.#running.catch(() => {});
  }

  /** Resolves when there were so many since the last {@linkcode takeTimes}. One can wait. */
  async reached(count: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { count, resolve };
    // it does not end by itself
    await Promise.race([promise, this.#running]);
  }

  /** Milliseconds that each has taken since the last call. */
  takeTimes(): number[] {
    const times = this.#times;
    this.#times = [];
    return times;
  }

  async #put(port: number, pauseMs: number) {
    await using mailbox = await connectMailbox({ port, timeout: PATIENCE_MS });
    while (!this.#end.signal.aborted) {
      const began = performance.now();
      await mailbox.send("pings", "alice", "x");
      this.#times.push(performance.now() - began);
      if (this.#waiting && this.#times.length >= this.#waiting.count) this.#waiting.resolve();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #take(port: number) {
    await using mailbox = await connectMailbox({ port, timeout: PATIENCE_MS });
    for await (const message of mailbox.messages("pings", this.#end)) await message.ack();
  }

  async [Symbol.asyncDispose]() {
    this.#end.abort();
    await this.#running;
  }
}

/** Figures of times in milliseconds, as text. */
export function figuresOf(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b),
    at = (part: number) => sorted[Math.floor(part * times.length)]!;
  const shown = [median(times), at(0.99), at(0.999), sorted.at(-1)!].map((ms) => ms.toFixed(1));
  return `${times.length} puts, median, p99, p99.9 and longest ${shown.join(", ")} ms`;
}
