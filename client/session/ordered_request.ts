/**
 * A request that changes something, on the client's side, and how a text is cut into such requests.
 *
 * @module
 */

import type { OrderedServiceRequest } from "../../protocol/service_requests.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { MAX_LINE } from "./datagram_builder.ts";
import type { Sendable, SentDatagram } from "./in_flight.ts";

/**
 * What came of a change: an error; or nothing, where it was carried out; or, where it was not for all messages of the
 * lease, those that were not the lease's any more (none are named where it was to be extended).
 */
export type Settle = (error?: Error, lost?: readonly number[]) => void;

/**
 * - `waiting`: has no number yet, and was never sent.
 * - `sent`: nothing is known of it.
 * - `held`: the server has it, and waits for a lower number (`have`).
 * - `again`: to be sent again.
 * - `done`: its outcome is known, or it was withdrawn before it had a number.
 */
export type OrderedRequestState = "waiting" | "sent" | "held" | "again" | "done";

export class OrderedRequest implements Sendable {
  readonly ordered = true;
  sends = 0;
  datagram: SentDatagram | undefined;
  state: OrderedRequestState = "waiting";
  /** Its number, from when it is first sent. */
  n = 0;
  kind: OrderedServiceRequest["kind"] | "part" | "skip";
  /** What stands behind the number. */
  rest: string;
  /** Bytes of `rest`. */
  bytes: number;
  /** For a part: the put that it belongs to. A put belongs to itself. */
  readonly put: OrderedRequest;
  /** For a put: its parts, which come right before it. */
  readonly parts: OrderedRequest[] = [];
  /** When a put that is refused is to be withdrawn. */
  deadline = Infinity;
  /** Whether it was withdrawn. */
  unwanted = false;
  /** The limit that it was refused for last. */
  limit = "";
  /** Called when the outcome is known, before it is reported. */
  onSettled: (() => void) | undefined;
  #settle: Settle | undefined;

  constructor(
    kind: OrderedRequest["kind"],
    rest: string,
    bytes: number,
    settle?: Settle,
    put?: OrderedRequest,
  ) {
    this.kind = kind;
    this.rest = rest;
    this.bytes = bytes;
    this.#settle = settle;
    this.put = put ?? this;
  }

  /** The first of the numbers that take effect together with this one. */
  get first(): OrderedRequest {
    return this.put.parts[0] ?? this.put;
  }

  /** Reports the outcome, once. */
  settle(error?: Error, lost?: readonly number[]) {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.onSettled?.();
    settle(error, lost);
  }
}

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of a part's text: its line fits into a datagram with any number. */
const MAX_PART = MAX_LINE - "\npart,012345678901234,".length;
const MAX_REST = MAX_LINE - "\nput,012345678901234".length;

/**
 * A change that ends with a text, with its parts where the text does not fit into one datagram. Where the text is cut depends on nothing but
 * these fields, so that a session that is resumed gives its requests the same numbers again.
 *
 * @param fields What stands between number and text, commas included.
 */
export function textChange(
  kind: OrderedRequest["kind"],
  fields: string,
  text: string,
  settle: Settle,
): OrderedRequest {
  const bytes = utf8Length(fields) + utf8Length(text);
  if (bytes <= MAX_REST) return new OrderedRequest(kind, fields + text, bytes, settle);
  const all = encoder.encode(text);
  const last = cut(all, all.length - (MAX_REST - utf8Length(fields)), 1);
  const rest = fields + decoder.decode(all.subarray(last));
  const put = new OrderedRequest(kind, rest, utf8Length(rest), settle);
  for (let from = 0; from < last;) {
    const to = Math.min(cut(all, from + MAX_PART, -1), last);
    const part = decoder.decode(all.subarray(from, to));
    put.parts.push(new OrderedRequest("part", `,${part}`, 1 + to - from, undefined, put));
    from = to;
  }
  return put;
}

/** The nearest place to `at`, in this direction, where a character begins. */
function cut(bytes: Uint8Array, at: number, direction: 1 | -1): number {
  while (at < bytes.length && (bytes[at]! & 0xc0) === 0x80) at += direction;
  return at;
}
