import type { SQLOutputValue } from "node:sqlite";
import { type CheckedTable, isWhole } from "../database/checksum.ts";
import type { Context } from "../database/context.ts";

/** A row with the columns that its checksum covers, and the checksum. */
export type CheckedRow<Row> = Row & { readonly checksum: number | null };

/** Reports a row that is damaged. */
export function reportDamage({ onEvent }: Pick<Context, "onEvent">, table: string, key: string | number) {
  onEvent({ kind: "damaged", table, key: `${key}` });
}

/** Whether a row is as it was written; if not, that is reported, and it must not be handed out (store 7.2). */
export function isWholeRow(
  context: Pick<Context, "onEvent">,
  table: CheckedTable,
  key: string | number,
  row: object,
): boolean {
  if (isWhole(table, row as Record<string, SQLOutputValue>)) return true;
  reportDamage(context, table, key);
  return false;
}
