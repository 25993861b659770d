/**
 * Puts numbered messages at a rate, receives and acknowledges them, and counts what was acknowledged: how often each. It
 * answers one question a line (`line_process.ts`).
 *
 * @module
 */

import { connectMailbox, type Mailbox } from "../../../client/mailbox.ts";
import { answerLines } from "../line_process.ts";

export interface Flow {
  port: number;
  mailbox: string;
  /** Messages a second; fewer if the server takes fewer. */
  rate: number;
  ms: number;
}

export interface Flown {
  sent: number;
  /** Milliseconds until the last one was acknowledged. */
  ms: number;
  /** Messages that were acknowledged not at all, or more than once; and those that came after a later one. */
  lost: number;
  twice: number;
  late: number;
}

/** Bytes of a text; it begins with its number. */
const TEXT_BYTES = 40;

/** Messages on their way to the server, and between server and acknowledgement, at most. */
const SENDING_MAX = 4096, ACKNOWLEDGING_MAX = 4096;

/** Silence after which what has not come is lost, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How often it is seen how many are to be sent, in milliseconds. */
const TICK_MS = 2;

/** Sends until the time is over. Returns how many. */
async function send(
  session: Mailbox,
  { mailbox, rate, ms }: Flow,
  failed: (error: unknown) => void,
): Promise<number> {
  const began = performance.now();
  let sent = 0, open = 0;
  for (let elapsed = 0; elapsed < ms || open > 0; elapsed = performance.now() - began) {
    const due = elapsed < ms ? elapsed * rate / 1000 : 0;
    for (; sent < due && open < SENDING_MAX; open++) {
      session.send(mailbox, "al", `${sent++} `.padEnd(TEXT_BYTES, ".")).then(() => open--, failed);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  return sent;
}

class Receiver {
  readonly #session: Mailbox;
  readonly #mailbox: string;
  readonly #end = new AbortController();
  /** How often each was acknowledged. */
  readonly #times: Uint8Array;
  #expected = 0;
  #open = 0;
  #acknowledged = 0;
  #sent = Infinity;
  #wake: (() => void) | undefined;
  late = 0;

  constructor(session: Mailbox, { mailbox, rate, ms }: Flow) {
    this.#session = session;
    this.#mailbox = mailbox;
    this.#times = new Uint8Array(Math.ceil(rate * ms / 1000) + 1);
  }

  /** Receives until all of them are acknowledged. */
  async run() {
    const { signal } = this.#end;
    for await (const message of this.#session.messages(this.#mailbox, { signal, wait: PATIENCE_MS })) {
      const n = Number.parseInt(message.text);
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
    this.#acknowledged++;
    this.#look();
  }

  /** There are so many in all. */
  endAfter(sent: number) {
    this.#sent = sent;
    this.#look();
  }

  #look() {
    if (this.#acknowledged >= this.#sent) this.#end.abort();
  }

  get counts(): Pick<Flown, "lost" | "twice"> {
    const times = this.#times.subarray(0, this.#sent);
    return { lost: times.filter((n) => n === 0).length, twice: times.filter((n) => n > 1).length };
  }
}

async function flow(asked: Flow): Promise<Flown> {
  await using sender = await connectMailbox(asked);
  await using session = await connectMailbox(asked);
  const receiver = new Receiver(session, asked);
  const began = performance.now(), failed = Promise.withResolvers<never>(), receiving = receiver.run();
  const sent = await Promise.race([failed.promise, send(sender, asked, failed.reject)]);
  receiver.endAfter(sent);
  await Promise.race([failed.promise, receiving]);
  return { sent, ms: performance.now() - began, ...receiver.counts, late: receiver.late };
}

await answerLines(flow);
