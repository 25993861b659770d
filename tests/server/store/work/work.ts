import { StatementSync } from "node:sqlite";

/**
 * Counts what is done in the database meanwhile: one for each statement that is run, one for each row that it gives, and
 * one for each row that it changes. Does not depend on how fast the machine is.
 */
export function workOf(does: () => void): number {
  const { run, get, all } = StatementSync.prototype;
  let work = 0;
  StatementSync.prototype.run = function (this: StatementSync, ...values) {
    const result = Reflect.apply(run, this, values);
    work += 1 + (/^\s*(INSERT|REPLACE|UPDATE|DELETE)/.test(this.sourceSQL) ? Number(result.changes) : 0);
    return result;
  } as typeof run;
  StatementSync.prototype.get = function (this: StatementSync, ...values) {
    work++;
    return Reflect.apply(get, this, values);
  } as typeof get;
  StatementSync.prototype.all = function (this: StatementSync, ...values) {
    const rows = Reflect.apply(all, this, values);
    work += 1 + rows.length;
    return rows;
  } as typeof all;
  try {
    does();
  } finally {
    Object.assign(StatementSync.prototype, { run, get, all });
  }
  return work;
}
