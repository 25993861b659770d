/**
 * The kinds of options of `wirepost serve`: how a value is read, and what it is if none is given.
 *
 * @module
 */

/** How an option differs from others of its kind. */
interface Details {
  /** What the help calls its value. */
  value?: string;
  /** Bounds of a number, inclusive. */
  min?: number;
  max?: number;
  /** What the help says after the default. */
  note?: string;
}

export function flag(help: string) {
  return { kind: "flag", help, default: false as boolean } as const;
}

export function text(value: string, help: string) {
  return { kind: "text", value, help, default: undefined as string | undefined } as const;
}

export function texts(value: string, help: string, check: (text: string) => void = () => {}) {
  return { kind: "texts", value, help, check, default: [] as readonly string[] } as const;
}

export function word<Word extends string>(
  value: string,
  help: string,
  words: readonly Word[],
  fallback: Word,
) {
  return { kind: "word", value, help, words, default: fallback } as const;
}

export function count<Value extends number | undefined>(
  help: string,
  fallback: Value,
  details: Details = {},
) {
  return {
    kind: "count",
    value: "N",
    min: 1,
    help,
    default: fallback as number | Value,
    ...details,
  } as const;
}

/** In bytes. */
export function size<Value extends number | undefined>(help: string, fallback: Value, details: Details = {}) {
  return { ...count(help, fallback), kind: "size", value: "SIZE", ...details } as const;
}
