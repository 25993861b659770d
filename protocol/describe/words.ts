/**
 * How names, lengths and times stand in descriptions.
 *
 * @module
 */

import { SHARED_QUEUE, utf8Length } from "../mailbox.ts";
import type { Described } from "../watch.ts";

type OfKind<T extends { kind: string }, K> = T extends { kind: infer Kinds } ? K extends Kinds ? T : never
  : never;

/** A description of every kind: one that is missing is a type error. */
export type Descriptions<T extends { kind: string }> = {
  readonly [K in T["kind"]]: (of: OfKind<T, K>) => Described;
};

/** A name that somebody chose, in quotation marks. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** `1 byte`, `18 bytes`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** The length of a text. */
export function bytesOf(text: string): string {
  return count(utf8Length(text), "byte");
}

/** A mailbox, or the shared queue. */
export function mailbox(name: string): string {
  return name === SHARED_QUEUE ? "the shared queue" : quoted(name);
}

/** The names without the empty one, which is the shared queue's. */
export function named(...names: string[]): string[] {
  return names.filter((name) => name !== "");
}

/** Milliseconds as people read them. */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}

/** How much of a session's or a handshake's name is shown: a client that knows it whole may continue the session. */
const SHOWN_ID = 6;

export function shortId(id: string): string {
  return `${id.slice(0, SHOWN_ID)}…`;
}

/** How many characters are shown of what can't be decoded: enough for its type (watch.md 2.3). */
const SHOWN_CHARACTERS = 8;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The first characters of what can't be decoded. */
export function beginning(text: string): string {
  const begin = [...text.slice(0, 2 * SHOWN_CHARACTERS)].slice(0, SHOWN_CHARACTERS).join("");
  return quoted(begin.length < text.length ? `${begin}…` : begin);
}

/** What can't be decoded: its first characters and its length, and all of it as text. */
export function undecoded(bytes: Uint8Array): { what: string; text: string } {
  const text = decoder.decode(bytes);
  return { what: `${beginning(text)}, ${count(bytes.length, "byte")}`, text };
}
