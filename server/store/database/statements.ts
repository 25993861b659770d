import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

/**
 * `LIMIT ?`, as an expression. SQLite plans a statement by the number that is bound to a bare `LIMIT ?`, and so prepares
 * it anew each time it is run, which costs more than all the rest of a short query.
 */
export const LIMIT = "LIMIT ? + 0";

/** So many bytes of text in a row cost about as much to write as one row more. */
export const ROW_BYTES = 512;

/** Prepares statements once, each under its name. */
export function prepareAll<Name extends string>(
  db: DatabaseSync,
  statements: Readonly<Record<Name, string>>,
): Record<Name, StatementSync> {
  const prepared = Object.entries<string>(statements).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(prepared);
}

/** The first row of a query's result; undefined if there is none. */
export function firstRow<Row>(statement: StatementSync, ...values: SQLInputValue[]): Row | undefined {
  return exactly(statement, () => statement.get(...values), exactRow) as Row | undefined;
}

/** All rows of a query's result. Not `iterate`: in Deno 2.9 that ends as if there was no more where SQLite fails. */
export function allRows<Row>(statement: StatementSync, ...values: SQLInputValue[]): Row[] {
  return exactly(statement, () => statement.all(...values), (rows) => rows.map(exactRow)) as Row[];
}

/**
 * Reads; and where that fails because a number is above 2 ** 53, which none is that was written, once more with `exact`, which
 * makes NaN of it: such a row is damaged, and does not have its checksum.
 */
function exactly<Result>(
  statement: StatementSync,
  read: () => Result | undefined,
  exact: (result: Result) => Result,
): Result | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_OUT_OF_RANGE") throw error;
  }
  statement.setReadBigInts(true);
  try {
    const result = read();
    return result === undefined ? undefined : exact(result);
  } finally {
    statement.setReadBigInts(false);
  }
}

/** A row whose integers were read exactly, with numbers. */
export function exactRow(row: Record<string, SQLOutputValue>): Record<string, SQLOutputValue> {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === "bigint") row[name] = Number.isSafeInteger(Number(value)) ? Number(value) : NaN;
  }
  return row;
}
