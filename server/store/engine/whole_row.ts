import type { SQLOutputValue } from "node:sqlite";
import { type CheckedTable, isWhole } from "../database/checksum.ts";
import type { Context } from "../database/context.ts";

/** A row with the columns that its checksum covers, and the checksum. */
export type CheckedRow<Row> = Row & { readonly checksum: number | null };

/** Whether a row is as it was written; if not, that is reported, and it must not be handed out (store 7.2). */
export function isWholeRow(
  { onEvent }: Pick<Context, "onEvent">,
  table: CheckedTable,
  key: string | number,
  row: object,
): boolean {
  if (isWhole(table, row as Record<string, SQLOutputValue>)) return true;
  onEvent({ kind: "damaged", table, key: `${key}` });
  return false;
}
