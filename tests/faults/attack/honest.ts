/**
 * An honest client on every service beside an attack, which measures how long each turn takes.
 *
 *     honest.ts MAIN TARGET DIRECTORY
 *
 * MAIN is the program whose server is attacked, TARGET is JSON, and DIRECTORY is for the client's files. Prints `ready` once
 * it is served; at the line `begin` on standard input it begins to count, and at `end` it prints what it has counted since as
 * JSON; it goes on counting until the next `begin`.
 *
 * @module
 */

import { type Honest, type Library, type Open, SERVICES, type Target, TIMEOUT } from "./services.ts";
import type { Figures } from "./figures.ts";

/**
 * Milliseconds between two turns of one service at least and at most, and how many times as long as the turn: honest clients
 * that keep a core busy by themselves would measure each other.
 */
const PAUSE_MS = 50, MAX_PAUSE_MS = 500, PAUSE_FACTOR = 4;

/** The turn took too long. */
class TimedOut extends Error {}

/** Measures one service. */
class Client {
  readonly #open: () => Promise<Honest>;
  #honest: Honest | undefined;
  #latencies: number[] = [];
  /** Of clients that were closed since, and of all when it began to count. */
  #repeats = 0;
  #repeatsBefore = 0;
  #refused = 0;
  #timedOut = 0;
  #reason = "";
  #onEnd = () => {};

  constructor(open: () => Promise<Honest>) {
    this.#open = open;
  }

  begin() {
    this.#latencies = [];
    this.#repeatsBefore = this.#allRepeats;
    this.#refused = this.#timedOut = 0;
    this.#reason = "";
  }

  /** Resolves when a turn has ended since {@linkcode begin}. */
  async ended() {
    while (this.#latencies.length + this.#refused + this.#timedOut === 0) {
      await new Promise<void>((resolve) => this.#onEnd = resolve);
    }
  }

  figures(): Figures {
    const sorted = this.#latencies.toSorted((a, b) => a - b), { length } = sorted;
    const at = (part: number) => sorted[Math.min(length - 1, Math.floor(part * length))] ?? null;
    return {
      count: length,
      p50: at(0.5),
      p99: at(0.99),
      repeats: this.#allRepeats - this.#repeatsBefore,
      refused: this.#refused,
      timedOut: this.#timedOut,
      reason: this.#reason,
    };
  }

  /** One turn, with a new client if the last one failed. */
  async turn() {
    const began = performance.now();
    try {
      await within(TIMEOUT, async () => {
        this.#honest ??= await this.#open();
        await this.#honest.turn();
      });
      this.#latencies.push(performance.now() - began);
    } catch (error) {
      if (error instanceof TimedOut) this.#timedOut++;
      else this.#refused++;
      this.#reason ||= (error as Error).message;
      await this.close();
    }
    this.#onEnd();
  }

  get #allRepeats(): number {
    return this.#repeats + (this.#honest?.repeats ?? 0);
  }

  async close() {
    const honest = this.#honest;
    this.#repeats = this.#allRepeats;
    this.#honest = undefined;
    // what is broken may break when it is closed too
    await honest?.[Symbol.asyncDispose]().then(undefined, () => {});
  }
}

async function within(ms: number, act: () => Promise<void>) {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TimedOut(`not done within ${ms / 1000} s`)), ms);
  const acting = act();
  // nobody waits for it any more once it took too long
  acting.catch(() => {});
  try {
    await Promise.race([acting, promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function load(main: string): Promise<Library> {
  const [mailbox, forum] = await Promise.all([
    import(new URL("client/mailbox.ts", main).href),
    import(new URL("client/forum.ts", main).href),
  ]);
  return { connectMailbox: mailbox.connectMailbox, connectForum: forum.connectForum };
}

async function run() {
  const [main = "", json = "", directory = ""] = Deno.args;
  const target = JSON.parse(json) as Target, library = await load(main);
  const clients = new Map(
    Object.entries(SERVICES).map(([name, open]: [string, Open]) => [
      name,
      new Client(() => open(target, library, directory)),
    ]),
  );
  await Promise.all([...clients.values()].map((client) => client.turn()));
  for (const [name, client] of clients) {
    const { count, reason } = client.figures();
    if (count === 0) throw new Error(`${name} is not served before anybody attacks: ${reason}`);
  }
  for (const client of clients.values()) work(client);
  const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  print("ready");
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (text.includes("begin")) { for (const client of clients.values()) client.begin(); }
    if (text.includes("end")) {
      // on a busy machine no turn may have ended by then
      await Promise.all([...clients.values()].map((client) => client.ended()));
      print(
        JSON.stringify(Object.fromEntries([...clients].map(([name, client]) => [name, client.figures()]))),
      );
    }
  }
  // the test has ended, however it did
  Deno.exit();
}

/** Turns without end. */
async function work(client: Client) {
  for (;;) {
    const began = performance.now();
    await client.turn();
    const pause = Math.min(MAX_PAUSE_MS, Math.max(PAUSE_MS, PAUSE_FACTOR * (performance.now() - began)));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

if (import.meta.main) await run();
