import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

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
  return statement.get(...values) as Row | undefined;
}

/** All rows of a query's result. Not `iterate`: in Deno 2.9 that ends as if there was no more where SQLite fails. */
export function allRows<Row>(statement: StatementSync, ...values: SQLInputValue[]): Row[] {
  return statement.all(...values) as Row[];
}
