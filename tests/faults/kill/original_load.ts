/**
 * A load on the original wire of the mailbox, and what is known of its messages over all runs of a server that is killed.
 *
 * @module
 */

import { assert } from "@std/assert";
import { proof } from "../../../protocol/admin.ts";
import { Peer } from "../../program.ts";

/** Comes after all that the server sent before it ended. */
const ENDED = "the server has ended";

/** The messages that went into a mailbox and came out, in all runs: numbers from 0. */
export class Ledger {
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
export class Run {
  readonly #peers: Peer[] = [];
  #ended = false;
  /** Messages put. */
  put = 0;
  /** Requests for messages that are not answered. */
  open = 0;
  /** Called after each answer. */
  onAnswer = () => {};

  constructor(readonly port: number) {}

  #peer(): Peer {
    const peer = new Peer(this.port);
    this.#peers.push(peer);
    return peer;
  }

  /** Sends and waits for the reply; undefined when the server has ended without one. */
  async #ask(peer: Peer, datagram: string, taking = false): Promise<string | undefined> {
    if (this.#ended) return undefined;
    await peer.send(datagram);
    if (taking) this.open++;
    const reply = await peer.receive();
    if (reply === ENDED) return undefined;
    if (taking) this.open--;
    this.onAnswer();
    return reply;
  }

  async #put(peer: Peer, ledger: Ledger, count: number) {
    for (let i = 0; i < count && !this.#ended; i++) {
      await peer.send(`F, ${ledger.id}, sender, ${ledger.put++} forty bytes or so of it`);
      this.put++;
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

  /** The server has ended: resolves when all that it sent was read. */
  async over(workers: Promise<void>[]) {
    this.#ended = true;
    const done = Promise.allSettled(workers);
    for (const peer of this.#peers) await peer.mark(ENDED);
    const failed = (await done).find((worker) => worker.status === "rejected");
    for (const peer of this.#peers) peer[Symbol.dispose]();
    if (failed !== undefined) throw failed.reason;
  }
}
