/** What decoders may give: no more than a few times what they were given. */

import { utf8Length } from "../../../../protocol/mailbox.ts";
import {
  decodeEvents,
  type Described,
  encodeEvent,
  encodeEvents,
  MAX_EVENTS_BYTES,
} from "../../../../protocol/watch.ts";
import { holds, sizeOf } from "../engine/target.ts";

/** What it gives may be so much longer than the input, and so much longer beside that. */
const MAX_FACTOR = 64, MAX_BESIDE = 4096;

/** @throws {Fault} What was made of an input takes more memory than in proportion to it. */
export function isBounded(value: unknown, input: { readonly length: number }) {
  const size = sizeOf(value);
  holds(size <= MAX_FACTOR * input.length + MAX_BESIDE, () => `${size} values of ${input.length} bytes`);
}

const MOST = 999_999_999_999_999;

/**
 * What those who watch are shown of an input: no longer than in proportion to it, and each event fits into a datagram.
 *
 * @throws {Fault} It does not.
 */
export function checkDescribed(
  described: Described | readonly Described[],
  input: { readonly length: number },
) {
  isBounded(described, input);
  for (const seen of [described].flat().slice(0, MAX_EVENTS)) {
    // names are for filters, and do not travel
    const { names: _, ...shown } = seen, row = encodeEvent({ ...EVENT, ...shown });
    const datagram = encodeEvents("0123abcd", MOST, MOST, [row]), bytes = utf8Length(`A, ${datagram}`);
    holds(decodeEvents(datagram) !== undefined, () => `an event that can't be read: ${row}`);
    holds(bytes <= MAX_EVENTS_BYTES, () => `an event of ${bytes} bytes: ${row}`);
  }
}

/** Events of one input that are looked at. */
const MAX_EVENTS = 8;

const EVENT = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "channels",
  peer: `[${"0000:".repeat(7)}0000]:65535`,
} as const;
