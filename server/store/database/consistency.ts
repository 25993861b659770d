import type { DatabaseSync } from "node:sqlite";
import { DamagedRow } from "./checksum.ts";
import { firstRow } from "./statements.ts";

/** What messages could not name: a number that JavaScript does not have, or that stands for none. */
const NO_NUMBER = `id NOT BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER}`;

/** What no row's checksum covers, and would remove or replace what is stored: a query for what is wrong, by its table. */
const RULES: Readonly<Record<string, string>> = {
  sequence: `SELECT 1 FROM sequence WHERE last < max(coalesce((SELECT max(seq) FROM message), 0),
      coalesce((SELECT max(id) FROM delayed), 0), coalesce((SELECT max(id) FROM dead), 0))
    UNION ALL SELECT 1 WHERE (SELECT count(*) FROM sequence) <> 1`,
  mailbox: `SELECT 1 FROM mailbox WHERE ${NO_NUMBER}`,
  owner: `SELECT 1 FROM owner WHERE ${NO_NUMBER}`,
  cleared: "SELECT 1 FROM cleared WHERE mailbox IN (SELECT id FROM mailbox)",
  removed: "SELECT 1 FROM removed WHERE thread IN (SELECT id FROM thread)",
};

/**
 * Looks at a start whether numbers that decide what is removed, and which are used next, fit the rows that there are.
 *
 * @throws {DamagedRow} They do not.
 */
export function assertConsistent(db: DatabaseSync) {
  for (const [table, query] of Object.entries(RULES)) {
    if (firstRow(db.prepare(`${query} LIMIT 1`)) !== undefined) {
      throw new DamagedRow(`a row of ${table} is damaged: it does not fit the others`);
    }
  }
}
