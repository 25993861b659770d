/** What is fuzzed, and how its inputs are made. */

import type { Random } from "../../../simulation/random.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Target {
  /** Its corpus has this name too. */
  readonly name: string;
  /** Paths from the root, or beginnings of them: coverage is counted there alone. */
  readonly covers: readonly string[];
  /** What the wire is made of: mutations put it in. */
  readonly words: readonly string[];
  /** Inputs to begin with, beside those of the corpus. */
  readonly seeds: readonly (string | Bytes)[];
  /** Longest input, in bytes. */
  readonly maxBytes: number;
  /** Inputs of the short form. */
  readonly shortInputs: number;
  /**
   * Milliseconds within which it is done with an input of `maxBytes`, on a slow machine. It is measured in the full form
   * alone.
   */
  readonly maxMs: number;
  /** Makes a line of a script. There only for a state machine: its input is a text, and each line a step. */
  line?(random: Random): string;
  /** Takes an input. What it throws is a fault. */
  run(input: Bytes): void | Promise<void>;
  /** Ends what inputs have in common, if there is such a thing. */
  end?(): Promise<void>;
  /** What time has to be linear in the length of the input: inputs are lengthened, and measured. */
  isLinear?: boolean;
}

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function bytesOf(input: string | Bytes): Bytes {
  return typeof input === "string" ? encoder.encode(input) : input;
}

/** Text, in which U+FFFD replaces what is not UTF-8. */
export function textOf(input: Uint8Array): string {
  return decoder.decode(input);
}

/** The bytes of a script's step: `\n`, `\r`, `\0`, `\e`, `\s`, `\\` and `\xNN` in it stand for a byte. */
export function unescaped(text: string): Bytes {
  const parts = text.split(/\\(x[0-9a-f]{2}|[nr0es\\])/), bytes: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) { for (const byte of encoder.encode(part)) bytes.push(byte); }
    else bytes.push(part.length === 3 ? parseInt(part.slice(1), 16) : ESCAPES[part]!);
  }
  return new Uint8Array(bytes);
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, "0": 0, e: 27, s: 32, "\\": 92 };

/** One of them. */
export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.between(0, values.length - 1)]!;
}

/** A fault that a target finds itself. */
export class Fault extends Error {
  override name = "Fault";
}

/** @throws {Fault} It does not hold. */
export function holds(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Fault(what());
}

/** @throws {Fault} The values are not the same. */
export function isSame(actual: unknown, expected: unknown, what: string) {
  holds(
    areEqual(actual, expected),
    () => `${what}: ${Deno.inspect(actual)} instead of ${Deno.inspect(expected)}`,
  );
}

/** Whether both have the same members; one that is undefined may be missing. */
function areEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return names.values().every((name) => areEqual(a[name as keyof typeof a], b[name as keyof typeof b]));
}

/** What it gives, or undefined if it throws one of the errors that it may throw. */
export function allowing<T>(
  errors: readonly (new (...args: never[]) => Error)[],
  work: () => T,
): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errors.some((type) => error instanceof type && error.constructor === type)) return undefined;
    throw error;
  }
}

/** Values, characters and bytes in what a decoder gave. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return Object.values(value).reduce((sum: number, each) => sum + 1 + sizeOf(each), 1);
}
