/**
 * JSON that keeps every number: one that is not finite, which JSON has no form for, is `{"number":"Infinity"}`.
 *
 * @module
 */

export function jsonOf(value: unknown): string {
  const json = JSON.stringify(value);
  // it would be null: to look for that is cheaper than to look at each value
  if (!json.includes("null")) return json;
  return JSON.stringify(
    value,
    (_, value) => typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value,
  );
}

/** @throws {SyntaxError} It is no JSON. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, text.includes('{"number":"') ? reviveNumber : undefined);
}

function reviveNumber(_: string, value: { number?: unknown } | null): unknown {
  return typeof value?.number === "string" ? Number(value.number) : value;
}
