/**
 * Versions of the engine (store section 8): which there are, which of them this program has, and the one that the state
 * is at.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checksumOf, singleRow } from "../../database/checksum.ts";
import { firstRow } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { JournalRecord } from "../../journal/journal.ts";
import type { Outcome, StoreRequest } from "../../store.ts";

/** One version of the engine. */
export interface EngineVersion {
  /** Version of the first program that has it as its own. */
  program: string;
  /**
   * Carries a request out where this version comes to another outcome than the one after it; `next` does as that one.
   * Only needed of the version before this program's own.
   */
  apply?(request: StoreRequest, next: (request: StoreRequest) => Outcome): Outcome;
}

/**
 * All of them, from 1; the last one is this program's own. The lines of old ones stay: they say which program can still
 * bring their state on.
 */
export const ENGINE_VERSIONS: readonly EngineVersion[] = [
  { program: "1.0.0" },
];

/** What cannot be used here, and which program to start. */
export interface Refusal {
  why: string;
  todo: string;
}

/** Says it of a state, or of a record, of this version; undefined if this program has rules for it. */
export function refusalOf(version: number, versions: readonly EngineVersion[]): Refusal | undefined {
  const own = versions.length, before = Math.max(1, own - 1);
  if (version >= before && version <= own) return undefined;
  const why = `version ${version} of the engine, and this program has ${
    before === own ? own : `${before} and ${own}`
  }`;
  if (version > own) return { why, todo: `start a newer program than ${versions[own - 1]!.program}` };
  // the next version's can apply the records of this one
  return {
    why,
    todo: `start version ${versions[Math.max(version, 0)]!.program} of the program once, then this one`,
  };
}

/** @throws {Error} This program has no rules for the record. */
export function assertKnown(
  { number, engine }: Pick<JournalRecord, "number" | "engine">,
  versions: readonly EngineVersion[],
) {
  const refusal = refusalOf(engine, versions);
  if (refusal !== undefined) {
    throw new Error(`record ${number} of its journal is for ${refusal.why}: ${refusal.todo}`);
  }
}

/**
 * The version that a record leads to from this one. It is for that: only a record that begins with `upgrade` leads to
 * another one, which is the next; the very first record may lead to any, since no state is of an older one.
 *
 * @throws {Error} It does not follow, or this program has no rules for it.
 */
export function versionAfter(
  version: number,
  record: Pick<JournalRecord, "number" | "engine" | "requests">,
  versions: readonly EngineVersion[],
): number {
  const { number, engine, requests: [first] } = record;
  assertKnown(record, versions);
  const upgraded = first?.kind === "upgrade" ? first.version : version;
  const follows = upgraded === version || upgraded === version + 1 || number === 1;
  if (engine === upgraded && follows) return engine;
  throw new Error(
    `record ${number} of its journal is for version ${engine} of the engine, and follows on version ${version}`,
  );
}

/**
 * Before anything of a database is changed, its schema neither: the program that can bring it on must be able to.
 *
 * @throws {Error} This program has no rules for it.
 */
export function assertVersion(db: DatabaseSync, versions: readonly EngineVersion[]) {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name IN ('position', 'engine')").all();
  const has = (name: string) => tables.some((table) => table.name === name);
  // before its first record a state is of no version
  if (!has("position")) return;
  if (firstRow<{ number: number }>(db.prepare("SELECT number FROM position"))?.number === 0) return;
  const version = has("engine") ? singleRow(db, "engine")!.version as number : 1;
  const refusal = refusalOf(version, versions);
  if (refusal !== undefined) throw new Error(`it is at ${refusal.why}: ${refusal.todo}`);
}

/** The one row of `engine`: the version that the state is at. */
export class VersionRow {
  readonly #transaction: Transaction;
  readonly #set: StatementSync;
  #version: number;

  /** @throws {DamagedRow} Its row is damaged. */
  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#set = db.prepare("UPDATE engine SET version = ?, checksum = ?");
    this.#version = singleRow(db, "engine")!.version as number;
  }

  get version(): number {
    return this.#version;
  }

  set(version: number) {
    this.#version = version;
    this.#transaction.run(this.#set, version, checksumOf(version));
  }
}
