/**
 * Query parameters: how a route declares them, and how they are read. http.md 1.8.
 *
 * @module
 */

import { Refusal } from "./problem.ts";

/** How a parameter is written, and what it is read as. */
export interface QueryKinds {
  /** Any text. */
  text: string;
  /** A text that may be given several times. */
  texts: readonly string[];
  /** A whole number. */
  count: number;
  /** `30s`, `500ms`, `5m`, `2h`, `7d`: in milliseconds. */
  duration: number;
  /** `?name`, `?name=true` or `?name=false`. */
  flag: boolean;
}

export interface QueryParameter {
  readonly kind: keyof QueryKinds;
  readonly help: string;
  /** Bounds of a number, or of a duration in milliseconds, inclusive. */
  readonly min?: number;
  readonly max?: number;
}

export type QueryParameters = Readonly<Record<string, QueryParameter>>;

/** The values of parameters: those that were not given are undefined; of `texts`, there are none. */
export type QueryValues<P extends QueryParameters> = {
  readonly [Name in keyof P]:
    | QueryKinds[P[Name]["kind"]]
    | (P[Name]["kind"] extends "texts" ? never : undefined);
};

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `500ms`, `5m`, `2h` or `7d`; undefined if it is none of these. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * UNIT_MS[unit]!;
}

/** The same as {@linkcode parseDuration} reads. */
export function formatDuration(ms: number): string {
  const unit = ["d", "h", "m", "s"].find((unit) => ms > 0 && ms % UNIT_MS[unit]! === 0) ?? "ms";
  return `${ms / UNIT_MS[unit]!}${unit}`;
}

/**
 * Reads the part of a request's target behind `?`.
 *
 * @throws {Refusal} `bad query`, with the parameter and what was expected.
 */
export function parseQuery<P extends QueryParameters>(text: string, parameters: P): QueryValues<P> {
  const values: Record<string, unknown> = {};
  for (const [name, { kind }] of Object.entries(parameters)) values[name] = kind === "texts" ? [] : undefined;
  for (const part of text === "" ? [] : text.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const parameter = Object.hasOwn(parameters, name) ? parameters[name]! : undefined;
    if (parameter === undefined) {
      const known = Object.keys(parameters).join(", ") || "none";
      throw new Refusal("bad query", `unknown query parameter '${name}': expected ${known}`);
    }
    const value = equals < 0 ? undefined : decode(part.slice(equals + 1));
    if (parameter.kind === "texts") (values[name] as string[]).push(value ?? "");
    else if (values[name] !== undefined) throw wrong(name, "it is given more than once");
    else values[name] = valueOf(name, value, parameter);
  }
  return values as QueryValues<P>;
}

/** `+` is a space, as forms write it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.includes("+") ? text.replaceAll("+", " ") : text);
  } catch {
    throw new Refusal("bad query", `'${text}' in the query is not percent-encoded UTF-8`);
  }
}

function valueOf(name: string, text: string | undefined, { kind, min = 0, max = Infinity }: QueryParameter) {
  switch (kind) {
    case "texts":
    case "text":
      return text ?? "";
    case "flag":
      if (text === undefined || text === "" || text === "true") return true;
      if (text === "false") return false;
      throw wrong(name, `expected true or false, got '${text}'`);
    case "count": {
      const number = /^\d{1,15}$/.test(text ?? "") ? Number(text) : NaN;
      if (number >= min && number <= max) return number;
      throw wrong(name, `expected a number ${bounds(min, max, String)}, got '${text ?? ""}'`);
    }
    case "duration": {
      const ms = parseDuration(text ?? "") ?? NaN;
      if (ms >= min && ms <= max) return ms;
      throw wrong(
        name,
        `expected a duration ${bounds(min, max, formatDuration)}, such as 30s, got '${text ?? ""}'`,
      );
    }
  }
}

function bounds(min: number, max: number, format: (value: number) => string): string {
  return max === Infinity ? `of at least ${format(min)}` : `from ${format(min)} to ${format(max)}`;
}

function wrong(name: string, what: string): Refusal {
  return new Refusal("bad query", `query parameter '${name}': ${what}`);
}
