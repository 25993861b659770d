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
type Fields<N extends number, T extends string[] = []> = number extends N ? string[]
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
