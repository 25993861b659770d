/**
 * What differs from run to run in an example: times, IDs, cookies, tokens, proofs. The document's value stands for the
 * run's, the same one each time.
 *
 * @module
 */

/** Shapes of a document's values, and of the run's that may stand for them. */
const SHAPES: readonly (readonly [documented: string, real: string])[] = [
  // an abbreviation: `019c…7d`
  ["[\\w+/=-]+…[\\w+/=-]*", "[\\w+/=-]+"],
  // times: in UTC, and in milliseconds since 1970
  [
    "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z",
    "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z",
  ],
  ["\\b\\d{13}\\b", "\\d{13}"],
  // addresses of clients
  ["\\b127\\.0\\.0\\.1:\\d{5}\\b", "127\\.0\\.0\\.1:\\d+"],
  // cookies, tokens, start IDs and history IDs
  ...[28, 16, 10, 8].map((digits) => [`\\b[0-9a-f]{${digits}}\\b`, `[0-9a-f]{${digits}}`] as const),
  // keys, tickets and session IDs
  ...[43, 22].map((length) => [`(?<![\\w-])[\\w-]{${length}}(?![\\w-])`, `[\\w-]{${length}}`] as const),
];

const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

export class Values {
  readonly #real = new Map<string, string>();
  readonly #shapes: typeof SHAPES;
  readonly #value: RegExp;

  /** @param numbers Numbers of the document that are others in a run. */
  constructor(numbers: readonly number[] = []) {
    this.#shapes = [...SHAPES, ...numbers.map((number) => [`\\b${number}\\b`, "\\d+"] as const)];
    this.#value = new RegExp(this.#shapes.map(([documented]) => `(${documented})`).join("|"), "gu");
  }

  /** Says what stands for a value of the document. */
  set(documented: string, real: string) {
    this.#real.set(documented, real);
  }

  /** The text of the document with the run's values, as far as they are known: the others are the client's own. */
  fill(text: string): string {
    const known = [...this.#real].sort(([a], [b]) => b.length - a.length);
    return known.reduce((text, [documented, real]) => text.replaceAll(documented, real), text);
  }

  /** Whether the run's text is the document's. If it is, its new values are known from now on. */
  learn(documented: string, real: string): boolean {
    const names: string[] = [];
    let pattern = "", end = 0;
    for (const match of documented.matchAll(this.#value)) {
      const [value] = match, shape = match.slice(1).findIndex((part) => part !== undefined);
      const known = this.#real.get(value), earlier = names.indexOf(value);
      pattern += escape(this.fill(documented.slice(end, match.index)));
      if (known !== undefined) pattern += escape(known);
      else if (earlier >= 0) pattern += `\\${earlier + 1}`;
      else pattern += `(${this.#shapes[shape]![1]})`, names.push(value);
      end = match.index + value.length;
    }
    pattern += escape(this.fill(documented.slice(end)));
    const found = new RegExp(`^${pattern}$`, "u").exec(real);
    names.forEach((name, i) => found && this.#real.set(name, found[i + 1]!));
    return found !== null;
  }
}
