/** How tests of descriptions write what they expect. */

import type { Described } from "../../protocol/watch.ts";

const encoder = new TextEncoder();

export const bytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** A description in one line, as `wirepost watch --texts` prints it. */
export function line({ what, text, why, rule }: Described): string {
  return [what, ...text === undefined ? [] : [`"${text}"`], ...why === undefined ? [] : [`${why} (${rule})`]]
    .join(" | ");
}

export const lines = (of: readonly Described[]): string[] => of.map(line);

/** A session's name, cookie and token of a lease. */
export const SESSION = "VcQX0h8MDeicdWCQaYz0TA",
  COOKIE = "01a1fe14235f924b0543e00dabf1",
  TOKEN = "eca43648c5ecc233";
