/**
 * Pairs of the original wire: each slot puts a message and takes it, from a socket of its own, as any client does.
 * `original.ts PORT`.
 *
 * @module
 */

import { carryOut, type Figures, percentiles, ProcessorTime } from "./loop.ts";
import { Poll, Socket } from "./libc.ts";

/** Silence after which a message counts as lost and is put again, and after which the server counts as gone. */
const LOST_MS = 200, GONE_MS = 5000;

/** Answers in a row that there is no message, after which it counts as lost. */
const MAX_EMPTY = 3;

const encoder = new TextEncoder();
const MAIL = "N".charCodeAt(0);

class Slot implements Disposable {
  readonly socket: Socket;
  readonly #take: Uint8Array<ArrayBuffer>;
  readonly #mailbox: string;
  /** When its message was put; 0 if it has none. */
  since = 0;
  #empty = 0;

  constructor(port: number, mailbox: string) {
    this.socket = new Socket("udp", port);
    this.#mailbox = mailbox;
    this.#take = encoder.encode(`R, ${mailbox}`);
  }

  put(number: number, now: number) {
    this.since = now;
    this.#empty = 0;
    this.socket.send(encoder.encode(`F, ${this.#mailbox}, s, message ${number}, forty bytes or so of it`));
    this.socket.send(this.#take);
  }

  /** There was no message. Returns whether it takes once more. */
  again(): boolean {
    if (++this.#empty === MAX_EMPTY) return false;
    this.socket.send(this.#take);
    return true;
  }

  [Symbol.dispose]() {
    this.socket[Symbol.dispose]();
  }
}

/** Pairs a second. */
function pairs({ inFlight, ms, pid }: { inFlight: number; ms: number; pid: number }): Figures {
  const prefix = crypto.randomUUID().slice(0, 8), port = Number(Deno.args[0]);
  using poll = new Poll();
  using stack = new DisposableStack();
  const slots = Array.from({ length: inFlight }, (_, i) => stack.use(new Slot(port, `${prefix}-${i}`)));
  for (const [i, slot] of slots.entries()) poll.add(slot.socket, i);
  const buffer = new Uint8Array(2048), latencies: number[] = [];
  const processor = new ProcessorTime(pid), begin = performance.now(), end = begin + ms;
  let heard = begin, now = begin, resent = 0, open = inFlight, number = 0;
  for (const slot of slots) slot.put(number++, now);
  while (open > 0) {
    poll.wait(LOST_MS / 2, (i) => {
      const slot = slots[i]!;
      if (slot.socket.receive(buffer) <= 0) return;
      heard = now = performance.now();
      if (slot.since === 0) return;
      if (buffer[0] === MAIL) {
        latencies.push(now - slot.since);
        if (now < end) slot.put(number++, now);
        else slot.since = 0, open--;
      } else if (!slot.again()) {
        resent++;
        slot.put(number++, now);
      }
    });
    now = performance.now();
    if (now - heard > GONE_MS) throw new Error("Cannot measure: the server does not answer");
    if (now - heard < LOST_MS / 2 && latencies.length % 1024 !== 0) continue;
    for (const slot of slots) {
      if (slot.since === 0 || now - slot.since < LOST_MS) continue;
      resent++;
      slot.put(number++, now);
    }
  }
  const count = latencies.length, rate = count / (now - begin) * 1000;
  return { rate, ...percentiles(latencies), ...processor.each(count), resent };
}

await carryOut({ pairs });
