/**
 * A request that changes something, and how a long text is cut into several.
 *
 * @module
 */

import { utf8Length } from "../../../protocol/mailbox.ts";
import { MAX_LINE_BYTES } from "../loss/datagram_builder.ts";
import type { Sendable, SentDatagram } from "../loss/in_flight.ts";

/**
 * The outcome of an ordered request: an error; or nothing if it was performed; or the IDs of `lost` if it was performed
 * for all others.
 */
type Settle = (error?: Error, lost?: readonly number[]) => void;

/**
 * - `waiting`: has no number, and was never sent.
 * - `sent`: not answered.
 * - `held`: the server has it, and waits for a lower number (`have`).
 * - `repeat`: to be sent again.
 * - `done`: its outcome is known, or it was withdrawn before it had a number.
 */
type State = "waiting" | "sent" | "held" | "repeat" | "done";

const NO_PARTS: readonly OrderedRequest[] = [];

interface OrderedRequestOptions {
  settle?: Settle;
  parts?: readonly OrderedRequest[];
  /** The request that this is a part of. */
  whole?: OrderedRequest;
  /** Whether a server may refuse it for as long as it has no room. */
  needsRoom?: boolean;
}

/** When a request that the server has no room for is withdrawn. */
export interface Withdrawal {
  /** Milliseconds to try again. */
  wait?: number;
  /** Withdraws it at once. If it turns out that it was performed before, that is the outcome. */
  signal?: AbortSignal;
}

export class OrderedRequest implements Sendable {
  readonly ordered = true;
  sends = 0;
  datagram: SentDatagram | undefined;
  state: State = "waiting";
  /** Its number, from when it is first sent; 0 before. */
  n = 0;
  kind: string;
  /** What follows the number in the line. */
  rest: string;
  /** Bytes of `rest`. */
  bytes: number;
  /** The request that this is a part of, or itself. They are performed together. */
  readonly whole: OrderedRequest;
  /** The parts that come right before it. */
  readonly parts: readonly OrderedRequest[];
  readonly needsRoom: boolean;
  /** When it is withdrawn if the server refuses it. */
  deadline = Infinity;
  isWithdrawn = false;
  /** The limit that it was last refused for. */
  limit = "";
  #onSettled: (() => void) | undefined;
  #settle: Settle | undefined;

  constructor(kind: string, rest: string, bytes: number, options: OrderedRequestOptions = {}) {
    this.kind = kind;
    this.rest = rest;
    this.bytes = bytes;
    this.#settle = options.settle;
    this.whole = options.whole ?? this;
    this.parts = options.parts ?? NO_PARTS;
    this.needsRoom = options.needsRoom ?? true;
  }

  /** The first of the requests that are performed together with this one. */
  get first(): OrderedRequest {
    return this.whole.parts[0] ?? this.whole;
  }

  /** Calls back when the signal, if there is one, is aborted, unless the outcome was reported before. */
  onAbort(signal: AbortSignal | undefined, callback: () => void) {
    if (signal === undefined) return;
    signal.addEventListener("abort", callback);
    this.#onSettled = () => signal.removeEventListener("abort", callback);
    if (signal.aborted) callback();
  }

  /** Reports the outcome, once. */
  settle(error?: Error, lost?: readonly number[]) {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.#onSettled?.();
    settle(error, lost);
  }
}

/** A text, and its length in UTF-8. */
export interface Measured {
  text: string;
  bytes: number;
}

export function measured(text: string): Measured {
  return { text, bytes: utf8Length(text) };
}

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Most bytes of a part's text, and of fields and text of the request itself: the line fits with any number. */
const MAX_PART_BYTES = MAX_LINE_BYTES - "\npart,012345678901234,".length;
const MAX_REST_BYTES = MAX_LINE_BYTES - "\nput,012345678901234".length;

/**
 * A request that ends with a text, cut into parts if it does not fit into one datagram. The cuts depend on nothing but
 * these fields, so that a session that is resumed gives its requests the same numbers again.
 *
 * @param fields What stands between number and text, commas included.
 */
export function textRequest(kind: string, fields: Measured, text: Measured, settle: Settle): OrderedRequest {
  const bytes = fields.bytes + text.bytes;
  if (bytes <= MAX_REST_BYTES) return new OrderedRequest(kind, fields.text + text.text, bytes, { settle });
  const all = encoder.encode(text.text);
  const last = characterAt(all, all.length - (MAX_REST_BYTES - fields.bytes), 1);
  const rest = fields.text + decoder.decode(all.subarray(last)), parts: OrderedRequest[] = [];
  const whole = new OrderedRequest(kind, rest, utf8Length(rest), { settle, parts });
  for (let from = 0; from < last;) {
    const to = Math.min(characterAt(all, from + MAX_PART_BYTES, -1), last);
    const part = decoder.decode(all.subarray(from, to));
    parts.push(new OrderedRequest("part", `,${part}`, 1 + to - from, { whole }));
    from = to;
  }
  return whole;
}

/** The nearest index, in this direction, at which a character begins. */
function characterAt(bytes: Uint8Array, i: number, direction: 1 | -1): number {
  while (i < bytes.length && (bytes[i]! & 0xc0) === 0x80) i += direction;
  return i;
}
