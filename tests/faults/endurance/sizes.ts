import { DATABASE_FILE, LOG_FILE } from "../../../server/store/database/database.ts";
import { JOURNAL_FOLDER } from "../../../server/store/journaled/open_journal.ts";
import { residentMiB } from "../form.ts";

const MIB = 1024 ** 2;

/** What a server takes, in MiB. */
export type Sizes = Record<"memory" | "journal" | "database" | "log", number>;

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    // it was removed or renamed just now
    return 0;
  }
}

/** What the process `pid`, whose data directory this is, takes now. */
export async function sizesOf(directory: string, pid: number): Promise<Sizes> {
  const folder = `${directory}/${JOURNAL_FOLDER}`;
  const segments = [...Deno.readDirSync(folder)].map(({ name }) => sizeOf(`${folder}/${name}`));
  return {
    memory: await residentMiB(pid),
    journal: segments.reduce((sum, bytes) => sum + bytes, 0) / MIB,
    database: sizeOf(`${directory}/${DATABASE_FILE}`) / MIB,
    log: sizeOf(`${directory}/${LOG_FILE}`) / MIB,
  };
}

/** The largest of each. */
export function largest(all: readonly Sizes[]): Sizes {
  const of = (name: keyof Sizes) => Math.max(...all.map((sizes) => sizes[name]));
  return { memory: of("memory"), journal: of("journal"), database: of("database"), log: of("log") };
}

/** Sizes as text. */
export function sizesText(sizes: Sizes): string {
  return Object.entries(sizes).map(([name, mib]) => `${name} ${mib.toFixed(0)}`).join(", ") + " MiB";
}
