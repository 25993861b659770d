import type { Context } from "../database/context.ts";
import { allRows, prepareAll } from "../database/statements.ts";
import type { Measure, MeasureOperations, MeasureRequest } from "../requests/measure.ts";

/** What the administrator has done against names and networks, so that it outlasts a restart. */
export class Measures {
  readonly #transaction: Context["transaction"];
  readonly #sql;

  constructor({ db, transaction }: Context) {
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      take: "REPLACE INTO measure (what, subject, since, until) VALUES (?, ?, ?, ?)",
      end: "DELETE FROM measure WHERE what = ? AND subject = ?",
      list: "SELECT what, subject, since, until FROM measure ORDER BY since, what, subject",
    });
  }

  /** @param canStore Whether what needs space may be tried. */
  request(request: MeasureRequest, canStore: boolean): MeasureOperations["measure"][1] {
    if (request.action === "list") return allRows<Measure>(this.#sql.list);
    if (request.action === "end") {
      this.#transaction.run(this.#sql.end, request.what, request.subject);
      return "done";
    }
    if (!canStore) return "storage";
    const { what, subject, since, until } = request.measure;
    this.#transaction.run(this.#sql.take, what, subject, since, until);
    return "done";
  }
}
