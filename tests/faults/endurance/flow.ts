/**
 * Receives and acknowledges numbered messages, and counts how often each was acknowledged. It answers one question a line
 * (`line_process.ts`).
 *
 * @module
 */

import { connectMailbox, type Mailbox } from "../../../client/mailbox.ts";
import { answerLines } from "../line_process.ts";

/** Receive messages whose texts begin with the numbers from 1 on, until one that says how many there were: `end N`. */
export interface Flow {
  port: number;
  mailbox: string;
}

export interface Flown {
  /** Milliseconds until the last one was acknowledged. */
  ms: number;
  /** Messages that were acknowledged not at all, or more than once; and those that came after a later one. */
  lost: number;
  twice: number;
  late: number;
}

/** Acknowledgements on their way, at most. */
const ACKNOWLEDGING_MAX = 4096;

/** Silence after which what has not come is lost, in milliseconds. */
const PATIENCE_MS = 60_000;

class Receiver {
  readonly #flow: Flow;
  readonly #end = new AbortController();
  /** How often each was acknowledged, by its number. */
  #times = new Uint8Array(1024 * 1024);
  #sent = 0;
  #expected = 1;
  #open = 0;
  #wake: (() => void) | undefined;
  late = 0;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Receives until the last one has come and all are acknowledged. */
  async run(session: Mailbox) {
    const { signal } = this.#end;
    for await (const message of session.messages(this.#flow.mailbox, { signal, wait: PATIENCE_MS })) {
      const last = /^end (\d+)$/.exec(message.text),
        n = last ? Number(last[1]) + 1 : Number.parseInt(message.text);
      if (last) this.#sent = n;
      if (n >= this.#times.length) this.#grow();
      if (n < this.#expected) this.late++;
      this.#expected = Math.max(this.#expected, n + 1);
      this.#open++;
      // one that was given to another meanwhile comes again
      message.ack().then((isDone) => this.#answered(n, isDone));
      while (this.#open >= ACKNOWLEDGING_MAX) await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #answered(n: number, isDone: boolean) {
    this.#open--;
    this.#wake?.();
    if (!isDone) return;
    this.#times[n]!++;
    if (this.#sent > 0 && this.#open === 0) this.#end.abort();
  }

  #grow() {
    const before = this.#times;
    this.#times = new Uint8Array(2 * before.length);
    this.#times.set(before);
  }

  /** With the one that was the last. */
  get counts(): Pick<Flown, "lost" | "twice"> {
    const times = this.#times.subarray(1, this.#sent + 1);
    return { lost: times.filter((n) => n === 0).length, twice: times.filter((n) => n > 1).length };
  }
}

async function flow(asked: Flow): Promise<Flown> {
  await using session = await connectMailbox(asked);
  const receiver = new Receiver(asked), began = performance.now();
  await receiver.run(session);
  return { ms: performance.now() - began, ...receiver.counts, late: receiver.late };
}

await answerLines(flow);
