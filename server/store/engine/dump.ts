import type { DatabaseSync } from "node:sqlite";

/** The tables that are dumped as they are. */
const TABLES = ["account", "measure"];

/** The state as text: see `Engine.dump`. */
export function* dumpOf(db: DatabaseSync): Generator<string> {
  for (const table of TABLES) {
    for (const row of db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).iterate()) {
      yield `${table} ${JSON.stringify(row)}\n`;
    }
  }
}
