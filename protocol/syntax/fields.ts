/** The fields of a line, as the protocols of session, forum and mailbox share them. */

/** A number in decimal digits. */
export const NUMBER = /^\d{1,15}$/;

export const isNumber = (text: string) => NUMBER.test(text);

/** The numbers that spaces separate; undefined if one of them is none. */
export function numbers(text: string): number[] | undefined {
  const fields = text.split(" ");
  return fields.every(isNumber) ? fields.map(Number) : undefined;
}

/** A tuple of so many fields. */
export type Fields<N extends number, T extends string[] = []> = number extends N ? string[]
  : T["length"] extends N ? T
  : Fields<N, [...T, string]>;

/** The fields between the first `count - 1` commas, and the rest; undefined if there are fewer commas. */
export function split<N extends number>(line: string, count: N): Fields<N> | undefined {
  const fields: string[] = [];
  let from = 0;
  for (let i = 1; i < count; i++) {
    const comma = line.indexOf(",", from);
    if (comma < 0) return undefined;
    fields.push(line.slice(from, comma));
    from = comma + 1;
  }
  fields.push(line.slice(from));
  return fields as Fields<N>;
}

/** Most digits of a number. */
const MAX_DIGITS = 15;

/** Reads the fields of a line, which commas separate, one after the other. */
export class FieldReader {
  readonly #line: string;
  /** Where the next field begins. */
  #at: number;
  /** Whether a field was not there, or no number. */
  isWrong = false;

  constructor(line: string, at: number) {
    this.#line = line;
    this.#at = at;
  }

  /** The next field, as far as the comma behind it. */
  text(): string {
    const comma = this.#line.indexOf(",", this.#at), text = this.#line.slice(this.#at, comma);
    if (comma < 0) this.isWrong = true;
    this.#at = comma + 1;
    return text;
  }

  /** The same, which has to be a number in decimal digits. */
  number(): number {
    const line = this.#line, from = this.#at;
    let value = 0, at = from;
    for (let digit; (digit = line.charCodeAt(at) - ZERO) >= 0 && digit <= 9; at++) value = 10 * value + digit;
    if (at === from || at - from > MAX_DIGITS || line.charCodeAt(at) !== COMMA) this.isWrong = true;
    this.#at = at + 1;
    return value;
  }

  /** Passes over this text if the line goes on with it. Returns whether it does. */
  skip(text: string): boolean {
    const isThere = this.#line.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  /** What is left of the line. */
  rest(): string {
    return this.#line.slice(this.#at);
  }
}

const ZERO = 0x30, COMMA = 0x2c;
