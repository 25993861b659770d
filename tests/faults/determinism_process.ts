/**
 * Applies a journal to an engine in memory, and prints the whole state. What was written to its folder is read: it was
 * made by another process.
 *
 * @module
 */

import { Engine } from "../../server/store/engine/engine.ts";
import { DiskJournal } from "../../server/store/journal/disk_journal.ts";
import { replay } from "../../server/store/journaled/replay.ts";
import { BEGINNING, JOURNAL_ID } from "../server/store/journal/records.ts";

const [folder] = Deno.args as [string];
const journal = await DiskJournal.open({ folder, id: JOURNAL_ID, position: BEGINNING, isNew: false });
const engine = new Engine({ directory: undefined });
replay(engine, journal, undefined);
await journal.close();
const encoder = new TextEncoder();
for (const line of engine.dump()) {
  for (let bytes = encoder.encode(line); bytes.length > 0;) {
    bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  }
}
engine.close();
