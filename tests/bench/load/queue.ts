/**
 * What is measured of a queue through a client library, alike for each system.
 *
 * @module
 */

import { type Figures, percentiles, ProcessorTime } from "./loop.ts";

/** A new, empty queue, with a connection to put and one to receive. */
export interface Queue {
  /** Resolves when the message is on the server's disk. */
  put(text: string): Promise<unknown>;
  /**
   * Receives and acknowledges until `received` returns false, with so many acknowledgements without an answer at a time.
   * Calls `acknowledged` when a message's is answered, and resolves when all are.
   */
  receive(
    inFlight: number,
    received: (text: string) => boolean,
    acknowledged: () => void,
  ): Promise<void>;
}

/** Milliseconds of a measurement that are not counted, at its beginning. */
const WARM_UP_MS = 100;

/** Messages that are put at a time to be received later. */
const FILL_IN_FLIGHT = 256;

/** 40 bytes. */
const TEXT = "forty bytes of text for a message, okay?";

/** Limits how many promises are open at a time. */
export class InFlight {
  readonly #limit: number;
  #open = 0;
  #wake: (() => void) | undefined;
  #failure: unknown;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(work: Promise<unknown>) {
    this.#open++;
    work.catch((error) => this.#failure ??= error).then(() => {
      this.#open--;
      this.#wake?.();
    });
  }

  /** Resolves when another one may be added. */
  room(): Promise<void> | undefined {
    return this.#below(this.#limit);
  }

  /**
   * Resolves when none is open.
   *
   * @throws What the first one failed by.
   */
  async none(): Promise<void> {
    await this.#below(1);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Undefined if it is so already: a promise for each message would be measured too. */
  #below(limit: number): Promise<void> | undefined {
    if (this.#open < limit) return undefined;
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.#open >= limit) return;
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Puts by so many loops, each of which awaits its put before the next, until the time is over. */
async function putFor(queue: Queue, inFlight: number, ms: number, most = Infinity): Promise<number> {
  const end = performance.now() + ms;
  let started = 0;
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (started < most && performance.now() < end) {
      started++;
      await queue.put(TEXT);
    }
  }));
  return started;
}

/** Messages a second that are put. */
async function put(
  queue: Queue,
  { inFlight, ms, pid }: { inFlight: number; ms: number; pid: number },
): Promise<Figures> {
  await putFor(queue, inFlight, WARM_UP_MS);
  const processor = new ProcessorTime(pid), begin = performance.now();
  const count = await putFor(queue, inFlight, ms);
  return { rate: count / (performance.now() - begin) * 1000, ...processor.each(count) };
}

/** Messages a second that are received and acknowledged; they are in the queue before. */
async function receive(
  queue: Queue,
  { inFlight, count, ms, pid }: { inFlight: number; count: number; ms: number; pid: number },
): Promise<Figures> {
  const filled = await putFor(queue, FILL_IN_FLIGHT, ms, count);
  let received = 0, acknowledged = 0, last = 0;
  const processor = new ProcessorTime(pid), begin = performance.now(), end = begin + ms;
  await queue.receive(inFlight, () => ++received < filled && performance.now() < end, () => {
    acknowledged++;
    last = performance.now();
  });
  if (acknowledged < received) {
    throw new Error(`Cannot measure: ${received - acknowledged} acknowledgements were refused`);
  }
  return { rate: acknowledged / (last - begin) * 1000, ...processor.each(acknowledged) };
}

/**
 * Puts messages to a receiver that waits, so many on their way at a time. A latency is the time from the call until the
 * receiver has the message.
 */
async function endToEnd(
  queue: Queue,
  { inFlight, ms, pid }: { inFlight: number; ms: number; pid: number },
): Promise<Figures> {
  const processor = new ProcessorTime(pid), begin = performance.now() + WARM_UP_MS, end = begin + ms;
  const since: number[] = [], latencies: number[] = [];
  const puts = new InFlight(Infinity), failed = Promise.withResolvers<never>();
  let last = 0, arrived = 0;
  const next = () => {
    const number = since.push(performance.now()) - 1;
    const put = queue.put(`${number} `.padEnd(TEXT.length, "."));
    put.catch(failed.reject);
    puts.add(put);
  };
  const receiving = queue.receive(inFlight, (text) => {
    const now = performance.now();
    if (now > begin) latencies.push(now - since[parseInt(text)]!);
    arrived++;
    if (now < end) next();
    return now < end || arrived < since.length;
  }, () => last = performance.now());
  for (let i = 0; i < inFlight; i++) next();
  // a put that fails would leave the receiver waiting
  await Promise.race([receiving, failed.promise]);
  await puts.none();
  const rate = latencies.length / (last - begin) * 1000;
  return { rate, ...percentiles(latencies), ...processor.each(arrived) };
}

/** Latencies of puts one after the other, each awaited. */
async function singlePuts(queue: Queue, { ms }: { ms: number }): Promise<Figures> {
  const latencies: number[] = [], end = performance.now() + ms;
  for (let before = performance.now(); before < end;) {
    await queue.put(TEXT);
    const now = performance.now();
    latencies.push(now - before);
    before = now;
  }
  return { rate: latencies.length / ms * 1000, ...percentiles(latencies) };
}

/** The measurements of a system that opens queues of these names. */
export function measurements(open: (name: string) => Promise<Queue>) {
  const withQueue =
    <Parameters>(measure: (queue: Queue, parameters: Parameters) => Promise<Figures>) =>
    async (parameters: Parameters) => await measure(await open(`bench-${crypto.randomUUID()}`), parameters);
  return {
    put: withQueue(put),
    receive: withQueue(receive),
    endToEnd: withQueue(endToEnd),
    singlePuts: withQueue(singlePuts),
  };
}
