import { isNumber, numbers } from "./fields.ts";

/** Reads a field's text; null if the protocol does not allow it there. */
export type ReadField = (text: string) => unknown;

/** A field with any text that `isAllowed`. */
export function textField(isAllowed: (text: string) => boolean): ReadField {
  return (text) => isAllowed(text) ? text : null;
}

/** A field that is a whole number in these bounds. */
export function numberField(min = 0, max = Infinity): ReadField {
  return (text) => isNumber(text) && Number(text) >= min && Number(text) <= max ? Number(text) : null;
}

/** A field of numbers that spaces separate. */
export const numbersField: ReadField = (text) => numbers(text) ?? null;

/** A field, and the character before it. */
interface Field {
  name: string;
  separator: string;
}

interface LineCodec<L extends { kind: string }> {
  /** The values in a line, whose first field is `kind`; undefined for a line that is none of these. */
  decode(this: void, kind: string, line: string): L | undefined;
  /** The line of these values, which the caller has checked. A value that is not there is `-`. */
  encode(this: void, line: L): string;
}

/**
 * Reads and writes the lines of a protocol, by their kinds. Each is its kind, and then the fields of a template such as
 * `n,title text`; the last one takes the rest of the line.
 *
 * @param types How the fields are read, by their names. One that is not there may be any text.
 * @param begin What stands between the kind and the first field.
 */
export function lineCodec<L extends { kind: string }>(
  templates: Readonly<Record<L["kind"], string>>,
  types: Readonly<Record<string, ReadField>>,
  begin = ",",
): LineCodec<L> {
  const lines = new Map<string, readonly Field[]>();
  for (const [kind, template] of Object.entries<string>(templates)) {
    const fields = `${begin}${template}`.matchAll(/([ ,])(\w+)/g);
    lines.set(kind, Array.from(fields, ([, separator = "", name = ""]) => ({ name, separator })));
  }
  return {
    decode(kind, line) {
      const fields = lines.get(kind);
      if (fields === undefined) return undefined;
      const values: Record<string, unknown> = { kind };
      let at = kind.length;
      for (let i = 0; i < fields.length; i++) {
        const { name } = fields[i]!, next = fields[i + 1];
        const end = next === undefined ? line.length : line.indexOf(next.separator, at + 1);
        if (end < 0) return undefined;
        const text = line.slice(at + 1, end), read = types[name], value = read ? read(text) : text;
        if (value === null) return undefined;
        values[name] = value;
        at = end;
      }
      return values as L;
    },
    encode(line) {
      const values = line as Readonly<Record<string, unknown>>;
      let text = line.kind;
      for (const { name, separator } of lines.get(line.kind)!) {
        const value = values[name] ?? "-";
        text += separator + (Array.isArray(value) ? value.join(" ") : value);
      }
      return text;
    },
  };
}
