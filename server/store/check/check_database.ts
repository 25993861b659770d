import type { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE, isApplication, LOG_FILE } from "../database/database.ts";
import { logDamage } from "../database/log_damage.ts";
import { MIGRATIONS } from "../database/migrations.ts";
import { ReadOnlyDatabase } from "../database/read_only.ts";
import { allRows, firstRow } from "../database/statements.ts";
import { fileSize } from "../files/file_size.ts";
import type { Contents } from "./check_files.ts";
import type { DatabasePosition } from "./check_journal.ts";
import { checkReferences } from "./check_references.ts";
import { checkRows } from "./check_rows.ts";
import { type Check, RESTORE } from "./finding.ts";

/** Faults of SQLite's pages that are listed. */
const FAULTS_MAX = 100;

/** What the rest of the directory is compared with. */
export interface DatabaseState {
  /** Undefined if it cannot be read, or if the database is of the version before the journal. */
  journal: DatabasePosition | undefined;
  contents: Contents;
  close(): void;
}

/**
 * Reads the database with its log: SQLite's pages, the schema, every row, and what rows say of each other. Returns
 * undefined if nothing of it can be read.
 */
export function checkDatabase(check: Check): DatabaseState | undefined {
  const path = `${check.directory}/${DATABASE_FILE}`;
  for (const file of [DATABASE_FILE, LOG_FILE]) {
    check.totals.bytes += fileSize(`${check.directory}/${file}`) ?? 0;
  }
  const isWhole = attempt(check, "", () => {
    const damage = logDamage(path);
    if (damage !== undefined) check.damage(LOG_FILE, "", `SQLite's log cannot be used: ${damage}`);
    return true;
  });
  if (!isWhole) return undefined;
  const open = attempt(check, "", () => new ReadOnlyDatabase(path));
  if (open === undefined) return undefined;
  const { db } = open, version = attempt(check, "", () => checkPages(check, db));
  if (version === undefined) {
    open[Symbol.dispose]();
    return undefined;
  }
  const isCurrent = version === MIGRATIONS.length;
  if (isCurrent) {
    checkSchema(check, db);
    checkRows(check, db, (what, read) => attempt(check, what, read));
    checkReferences(check, db, (what, read) => attempt(check, what, read));
  } else {
    check.note(
      DATABASE_FILE,
      "",
      `its schema is version ${version}: rows have no checksums yet, and only its pages and the files were read`,
      "nothing: a start of this version brings it up to date",
    );
  }
  return {
    journal: isCurrent ? attempt(check, "position", () => readPosition(db)) : undefined,
    contents: {
      known: () => attempt(check, "content", () => knownContents(db)) ?? [],
      isUnused: (content) => attempt(check, "unused", () => isUnused(db, content)) ?? false,
    },
    close: () => open[Symbol.dispose](),
  };
}

/** Reads something, whose failure is damage. */
function attempt<T>(check: Check, place: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    check.damage(DATABASE_FILE, place, `it cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

/** Returns the version of the schema; undefined if the database is none of this program's. */
function checkPages(check: Check, db: DatabaseSync): number | undefined {
  const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0] as number;
  const version = pragma("user_version");
  if (!isApplication(pragma("application_id"))) {
    check.damage(DATABASE_FILE, "byte 68", "another program made it, or its head is damaged");
  }
  if (version > MIGRATIONS.length || version < 1) {
    const what = `its schema is version ${version}, this program knows 1 to ${MIGRATIONS.length}`;
    check.damage(DATABASE_FILE, "byte 60", what, `use a newer program, or ${RESTORE}`);
    return undefined;
  }
  for (const row of db.prepare(`PRAGMA integrity_check(${FAULTS_MAX})`).all()) {
    const fault = String(Object.values(row as object)[0]);
    if (fault !== "ok") check.damage(DATABASE_FILE, "", `SQLite: ${fault.replaceAll("\n", "; ")}`);
  }
  return version;
}

/** Every table and index is as the migrations make it. */
function checkSchema(check: Check, db: DatabaseSync) {
  const made = new (db.constructor as typeof DatabaseSync)(":memory:");
  try {
    made.exec(MIGRATIONS.join(";"));
    const wanted = schemaOf(made), found = attempt(check, "sqlite_schema", () => schemaOf(db));
    if (found === undefined) return;
    for (const name of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(name) === found.get(name)) continue;
      const what = found.has(name) ? "it is not what this version makes" : "it is missing";
      check.damage(DATABASE_FILE, `schema of ${name}`, what);
    }
  } finally {
    made.close();
  }
}

function schemaOf(db: DatabaseSync): Map<string, string> {
  const rows = db.prepare("SELECT type, name, tbl_name, coalesce(sql, '') AS sql FROM sqlite_schema").all();
  // versions of SQLite differ in where they put quotes and spaces when a table is renamed
  return new Map(
    rows.map(({ type, name, tbl_name, sql }) => [
      `${name}`,
      `${type} ${tbl_name} ${String(sql).replaceAll(/["\s;]+/g, " ").trim()}`,
    ]),
  );
}

function readPosition(db: DatabaseSync): DatabasePosition {
  const columns = "number, chain, wall_clock AS wallClock, monotonic_clock AS monotonicClock, journal AS id";
  return firstRow<DatabasePosition>(
    db.prepare(`SELECT ${columns}, version AS engine FROM position, engine`),
  )!;
}

function knownContents(db: DatabaseSync) {
  return allRows<ReturnType<Contents["known"]> extends Iterable<infer File> ? File : never>(
    db.prepare(`SELECT content, size, hash, title AS thread, name
    FROM content LEFT JOIN thread ON thread.id = thread`),
  );
}

function isUnused(db: DatabaseSync, content: string): boolean {
  return db.prepare("SELECT 1 FROM unused WHERE content = ?").get(content) !== undefined;
}
