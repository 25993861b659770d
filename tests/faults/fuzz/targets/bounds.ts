/** What decoders may give: no more than a few times what they were given. */

import { holds, sizeOf } from "../engine/target.ts";

/** What it gives may be so much longer than the input, and so much longer beside that. */
const MAX_FACTOR = 16, MAX_BESIDE = 4096;

/** @throws {Fault} What was made of an input takes more memory than in proportion to it. */
export function isBounded(value: unknown, input: { readonly length: number }) {
  const size = sizeOf(value);
  holds(size <= MAX_FACTOR * input.length + MAX_BESIDE, () => `${size} values of ${input.length} bytes`);
}
