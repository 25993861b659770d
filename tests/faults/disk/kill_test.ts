import { assert, assertEquals } from "@std/assert";
import { proof } from "../../../protocol/admin.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, obtainSeed, randomNumbers, report } from "../form.ts";

const KILLS = FULL ? 50 : 6;
/** How many of these kills have to hit an unanswered request. */
const BETWEEN = FULL ? 10 : 1;
/** Messages put in a run before its kill, at most. */
const RUN = FULL ? 4000 : 1500;
const RATE = 1000;

/** Comes after all that the server sent before it ended. */
const ENDED = "the server has ended";

/** The messages that went into a mailbox and came out, in all runs: numbers from 0. */
class Ledger {
  put = 0;
  /** The number with which each run began. */
  readonly runs: number[] = [];
  readonly received = new Set<number>();
  /** Messages that came a second time. */
  twice = 0;
  /** Requests that were sent and never answered. */
  unanswered = 0;
  /** Of a mailbox that is only filled: the numbers that a count has shown, as ranges. */
  readonly seen: [from: number, to: number][] = [];

  constructor(readonly id: string) {}

  take(reply: string) {
    const number = Number(/^N, \S+, sender, (\d+) /.exec(reply)?.[1]);
    assert(number < this.put, `unexpected reply: ${reply}`);
    if (this.received.has(number)) this.twice++;
    this.received.add(number);
  }

  /**
   * Messages that were there and are nowhere, beyond those that an unanswered request may have taken. There were: those
   * that a count has shown; and those before one that came, because they were put before it in the same run.
   */
  unaccounted(): { lost: number; unaccounted: number } {
    const there = [...this.seen];
    for (const [i, from] of this.runs.entries()) {
      const to = this.runs[i + 1] ?? this.put;
      let last = to - 1;
      while (last >= from && !this.received.has(last)) last--;
      there.push([from, last + 1]);
    }
    const lost = new Set<number>();
    for (const [from, to] of there) {
      for (let n = from; n < to; n++) if (!this.received.has(n)) lost.add(n);
    }
    return { lost: lost.size, unaccounted: Math.max(0, lost.size - this.unanswered) };
  }
}

/** The load on one server until it ends. */
class Run {
  readonly #peers: Peer[] = [];
  #ended = false;
  /** Messages put. */
  put = 0;
  /** Requests for messages that are not answered. */
  open = 0;
  /** Asked after every datagram of the load whether this is the moment to end the server. */
  onSent: (taking: boolean) => void = () => {};

  constructor(readonly server: ServerProcess) {}

  #peer(): Peer {
    const peer = new Peer(this.server.port);
    this.#peers.push(peer);
    return peer;
  }

  /** Sends and waits for the reply; undefined when the server has ended without one. */
  async #ask(peer: Peer, datagram: string, taking = false): Promise<string | undefined> {
    if (this.#ended) return undefined;
    await peer.send(datagram);
    if (taking) this.open++, this.onSent(true);
    const reply = await peer.receive();
    if (reply === ENDED) return undefined;
    if (taking) this.open--;
    return reply;
  }

  async #put(peer: Peer, ledger: Ledger, count: number) {
    for (let i = 0; i < count && !this.#ended; i++) {
      await peer.send(`F, ${ledger.id}, sender, ${ledger.put++} forty bytes or so of it`);
      this.put++;
      this.onSent(false);
    }
  }

  /** Puts a few, asks for a few, and so on; so the server's socket is never overrun. */
  async pass(ledger: Ledger, puts: () => number, takes: () => number) {
    const peer = this.#peer();
    while (!this.#ended) {
      await this.#put(peer, ledger, puts());
      for (let i = takes(); i > 0 && !this.#ended; i--) {
        const reply = await this.#ask(peer, `R, ${ledger.id}`, true);
        if (reply === undefined) ledger.unanswered++;
        else if (reply !== "X") ledger.take(reply);
      }
    }
  }

  /** Puts messages, and has the administrator count them every few. */
  async fill(ledger: Ledger, secret: Uint8Array) {
    const peer = this.#peer();
    const count = async () => {
      const nonce = (await this.#ask(peer, "A, challenge   "))?.slice("A, ok, ".length) ?? "";
      const command = `count, ${ledger.id}`;
      const reply = await this.#ask(peer, `A, ${nonce}, ${proof(secret, nonce, command)}, ${command}`);
      return reply === undefined ? undefined : Number(/^A, ok, (\d+)$/.exec(reply)?.[1]);
    };
    const before = await count(), first = ledger.put;
    if (before === undefined) return;
    const shown = ledger.seen.reduce((sum, [from, to]) => sum + to - from, 0);
    assert(before >= shown, `${ledger.id} held ${shown} messages, ${before} after the restart`);
    // messages of the run before that no count has shown are there too
    const last = ledger.seen.at(-1);
    if (last !== undefined) last[1] += before - shown;
    ledger.seen.push([first, first]);
    while (!this.#ended) {
      await this.#put(peer, ledger, 16);
      const now = await count();
      if (now !== undefined) ledger.seen.at(-1)![1] = first + now - before;
    }
  }

  /** Resolves when the server has ended and all that it sent was read. */
  async over(workers: Promise<void>[]) {
    const done = Promise.allSettled(workers);
    const { signal } = await this.server.ended();
    this.#ended = true;
    for (const peer of this.#peers) await peer.mark(ENDED);
    const failed = (await done).find((worker) => worker.status === "rejected");
    for (const peer of this.#peers) peer[Symbol.dispose]();
    if (failed !== undefined) throw failed.reason;
    assertEquals(signal, "SIGKILL", `the server ended by itself: ${this.server.err}`);
  }
}

// mailbox.md 4.2, 4.3
Deno.test("kill -9 under load loses no stored message and gives none out twice", async () => {
  const random = randomNumbers(obtainSeed());
  await using directory = await temporaryDirectory();
  const start = () =>
    ServerProcess.start(["mailbox", "0", "--data", directory.path], { command: FROM_SOURCE });
  const ledgers = (kind: string, count: number) =>
    Array.from({ length: count }, (_, i) => new Ledger(`${kind}-${i}`));
  const filled = ledgers("filled", 2), passed = ledgers("passed", 3), shared = ledgers("shared", 2);
  const all = [...filled, ...passed, ...shared];

  let between = 0, put = 0, elapsed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await using server = await start();
    const secret = new TextEncoder().encode((await Deno.readTextFile(`${directory.path}/secret`)).trim());
    const run = new Run(server);
    for (const ledger of all) ledger.runs.push(ledger.put);
    // from the first messages to the last, one part of the run after the other; in every third at once after a
    // request was sent, in every third some milliseconds after a message was
    const after = Math.floor((kill + random(1000) / 1000) / KILLS * RUN);
    const atRequest = kill % 3 === 0, delay = kill % 3 === 1 ? random(8) : 0;
    let killing = false;
    const began = performance.now();
    const end = () => {
      Deno.kill(server.pid, "SIGKILL");
      elapsed += performance.now() - began;
      put += run.put;
    };
    run.onSent = (taking) => {
      if (killing || run.put <= after || (atRequest && !taking)) return;
      killing = true;
      if (delay > 0) setTimeout(end, delay);
      else end();
    };
    await run.over([
      ...filled.map((ledger) => run.fill(ledger, secret)),
      // of these, one is emptied at once, one grows, one is emptied more slowly than the first
      ...passed.map((ledger, i) => run.pass(ledger, () => 1 + random(4 + i), () => 1 + random(5))),
      ...shared.map((ledger) => run.pass(ledger, () => 1 + random(8), () => 1)),
      ...shared.map((ledger) => run.pass(ledger, () => 0, () => 1)),
    ]);
    if (run.open > 0) between++;
  }

  await using server = await start();
  using peer = new Peer(server.port);
  using administrator = await Administrator.of(directory.path, new Peer(server.port));
  for (const ledger of all) {
    const before = await administrator.count(ledger.id), received = ledger.received.size;
    for (
      let reply = await peer.ask(`R, ${ledger.id}`);
      reply !== "X";
      reply = await peer.ask(`R, ${ledger.id}`)
    ) {
      ledger.take(reply);
    }
    assertEquals(ledger.received.size - received, before, `what ${ledger.id} held and what came out of it`);
  }

  const sum = (value: (ledger: Ledger) => number) => all.reduce((sum, ledger) => sum + value(ledger), 0);
  const rate = Math.round(put / elapsed * 1000);
  const unaccounted = sum((ledger) => ledger.unaccounted().unaccounted);
  report(`kills: ${KILLS}, ${between} of them between a request and its reply; ${rate} messages a second`);
  report(
    `messages: ${sum((ledger) => ledger.put)} sent, ${sum((ledger) => ledger.received.size)} received, ${
      sum((ledger) => ledger.seen.reduce((sum, [from, to]) => sum + to - from, 0))
    } of them counted before; ${sum((ledger) => ledger.unaccounted().lost)} went with ${
      sum((ledger) => ledger.unanswered)
    } unanswered requests; unaccounted for: ${unaccounted}; handed out twice: ${sum(({ twice }) => twice)}`,
  );
  assertEquals(unaccounted, 0);
  assertEquals(sum(({ twice }) => twice), 0);
  assert(between >= BETWEEN, `only ${between} kills hit an unanswered request`);
  if (FULL) assert(rate >= RATE, `the load was ${rate} messages a second, less than ${RATE}`);
});
