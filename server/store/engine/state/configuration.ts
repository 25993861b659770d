import type { DatabaseSync } from "node:sqlite";
import { LEASE_LIMITS, SESSION_LIMITS, type TableLimits } from "../../../quota/fair_table.ts";
import { checksumOf, singleRow } from "../../database/checksum.ts";
import { jsonOf, parseJson } from "../../database/json.ts";
import { firstRow } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../limits.ts";
import type { Configuration, Configure } from "../../requests/upkeep.ts";

/** Those of a state or a record from before leases were shared out. */
const FORMER_LEASE_LIMITS: Readonly<TableLimits> = { ...LEASE_LIMITS, sharedOut: false };

/** The options that outcomes depend on, in memory and in the one row of `configuration` (store 4.5). */
export class ConfigurationRow {
  /** What holds now. It stays one object, and so does each of its parts: others keep them. */
  readonly now: Configuration;
  readonly #transaction: Transaction;
  readonly #sql;

  /** @throws {DamagedRow} Its row is damaged. */
  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#sql = {
      clear: db.prepare("DELETE FROM configuration"),
      add: db.prepare("INSERT INTO configuration VALUES (?, ?)"),
    };
    const row = singleRow(db, "configuration");
    // a database of the version before has only this one
    const { bytes } = firstRow<{ bytes: number }>(db.prepare("SELECT bytes FROM taken"))!;
    this.now = row === undefined
      ? {
        limits: { ...DEFAULT_LIMITS },
        takeBytesMax: bytes,
        forumLimits: { ...DEFAULT_FORUM_LIMITS },
        sessionLimits: { ...SESSION_LIMITS },
        leaseLimits: { ...FORMER_LEASE_LIMITS },
      }
      : {
        leaseLimits: { ...FORMER_LEASE_LIMITS },
        ...parseJson(row.text as string) as Omit<Configuration, "leaseLimits">,
      };
  }

  set(wanted: Omit<Configure, "kind">) {
    const { limits, takeBytesMax, forumLimits, sessionLimits, leaseLimits = FORMER_LEASE_LIMITS } = wanted;
    const { now } = this;
    replace(now.limits, limits);
    replace(now.forumLimits, forumLimits);
    replace(now.sessionLimits, sessionLimits);
    replace(now.leaseLimits, leaseLimits);
    now.takeBytesMax = takeBytesMax;
    this.store();
  }

  /** Brings the row up to date. */
  store() {
    this.#transaction.begin();
    this.#sql.clear.run();
    const text = jsonOf(this.now);
    this.#sql.add.run(text, checksumOf(text));
  }
}

/** Whether both mean the same. */
export function isSameConfiguration(one: Configuration, other: Configuration): boolean {
  return jsonOf(sorted(one)) === jsonOf(sorted(other));
}

function sorted({ limits, takeBytesMax, forumLimits, sessionLimits, leaseLimits }: Configuration) {
  const entries = [limits, forumLimits, sessionLimits, leaseLimits].map((part) =>
    Object.entries(part).filter(([, value]) => value !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
  );
  return [takeBytesMax, ...entries];
}

/** Gives an object the fields of another, which may be the same, and no others. */
function replace(target: object, source: object) {
  const fields = Object.entries(source).filter(([, value]) => value !== undefined);
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key];
  Object.assign(target, Object.fromEntries(fields));
}
