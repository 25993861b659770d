/**
 * The same records lead to byte-equal state: in an engine that is never written down, in one that is written down and
 * opened again at random moments, and in other processes that read them from a journal, one of them a compiled program.
 */

import { assert, assertEquals } from "@std/assert";
import { DiskJournal } from "../../server/store/journal/disk_journal.ts";
import { ENGINE_VERSIONS } from "../../server/store/engine/state/version.ts";
import { runCommand, temporaryDirectory } from "../program.ts";
import { BEGINNING, JOURNAL_ID } from "../server/store/journal/records.ts";
import { Pair } from "../server/store/determinism/pair.ts";
import { Random } from "../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "./form.ts";

const RECORDS = FULL ? 100_000 : 2000, BETWEEN_LOOKS = RECORDS / 10, BETWEEN_SYNCS = 100;

/** Reads the journal and gives the whole state out. */
const PROCESS = new URL("./determinism_process.ts", import.meta.url).pathname;

const ROOT = new URL("../../", import.meta.url).pathname;

// store 4.1, 4.7
Deno.test("the same records lead to the same state in other processes, whenever it is written down", async () => {
  await using directory = await temporaryDirectory();
  const journal = `${directory.path}/journal`, data = `${directory.path}/data`, seed = obtainSeed();
  for (const path of [journal, data]) await Deno.mkdir(path);
  using pair = new Pair(new Random(seed), data);
  await writeJournal(journal, pair);
  const { checkpoints, restarts } = pair.written, expected = pair.still.dump().join("");
  assert(checkpoints > RECORDS / 50 && restarts > RECORDS / 100);
  const run = [Deno.execPath(), "run", "--no-check", "--allow-read", "--allow-write", PROCESS];
  assertEquals(await runCommand([...run, journal]), { code: 0, out: expected, err: "" });
  const program = await compile(`${directory.path}/program`);
  if (program) assertEquals(await runCommand([program, journal]), { code: 0, out: expected, err: "" });
  const processes = program ? "a process and a compiled program" : "a process";
  report(`${RECORDS} records, ${checkpoints} checkpoints, ${restarts} new starts, ${processes}`);
});

/** Applies random records, and writes them to a journal. */
async function writeJournal(folder: string, pair: Pair) {
  const journal = await DiskJournal.open({ folder, id: JOURNAL_ID, position: BEGINNING, isNew: true });
  const onOneMachine = { engine: ENGINE_VERSIONS.length, shard: 0, term: 0n, leader: new Uint8Array(16) };
  for (let i = 1; i <= RECORDS; i++) {
    const { start, requests } = pair.play();
    journal.append({ ...onOneMachine, ...start, requests });
    if (i % BETWEEN_SYNCS === 0) {
      await journal.sync();
      await journal.makeRoom();
    }
    if (i % BETWEEN_LOOKS === 0) assertEquals(pair.written.dump(), pair.still.dump());
  }
  await journal.close();
}

/**
 * Compiles the process from the same source, with the deno of DENO_COMPILER if it is set. Returns the program; undefined
 * where what is needed for that cannot be had.
 */
async function compile(output: string): Promise<string | undefined> {
  const deno = Deno.env.get("DENO_COMPILER") ?? Deno.execPath();
  const options = ["--no-check", "--allow-read", "--allow-write", "--output", output];
  const { code, err } = await runCommand([deno, "compile", ...options, PROCESS], { cwd: ROOT });
  if (code === 0) return output;
  if (CI || !/download/i.test(err)) throw new Error(`Cannot compile ${PROCESS}: ${err}`);
  report(`skipped, the base runtime can't be had: ${/^.*error.*/m.exec(err)?.[0]}`);
}
