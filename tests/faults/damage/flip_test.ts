/**
 * One bit of a file of the data directory is flipped: `check` finds it or it does no harm, and a server hands nothing out
 * that was not put.
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { checkDirectory } from "../../../server/store/check/check.ts";
import { runCommand, temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { FULL, obtainSeed, report } from "../form.ts";
import { LineProcess } from "../line_process.ts";
import { fill } from "./fill.ts";
import type { Directory, Taken } from "./take_all.ts";

/** How many bits are flipped in each kind of file: 300, or 15. Others hold nothing that anybody relies on. */
const KINDS: readonly { name: string; pattern: RegExp; flips: number }[] = [
  { name: "the database", pattern: /^messages\.db$/, flips: FULL ? 120 : 5 },
  { name: "SQLite's log", pattern: /^messages\.db-wal$/, flips: FULL ? 40 : 3 },
  { name: "the journal", pattern: /^journal\//, flips: FULL ? 70 : 3 },
  { name: "files", pattern: /^files\//, flips: FULL ? 40 : 2 },
  { name: "keys", pattern: /^secret$|^seal-key$/, flips: FULL ? 30 : 2 },
];

const SCRIPT = new URL("take_all.ts", import.meta.url);

function* filesOf(directory: string, within = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${directory}/${within}`)) {
    const path = within === "" ? name : `${within}/${name}`;
    if (isDirectory) yield* filesOf(directory, path);
    else yield path;
  }
}

/** Flips a bit, mostly before the zeros at the end of a file. Returns where it is. */
function flip(path: string, random: Random): string {
  const bytes = Deno.readFileSync(path);
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  const at = random.between(0, (random.chance(0.95) ? used : bytes.length) - 1), bit = random.between(0, 7);
  using file = Deno.openSync(path, { write: true });
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.of(bytes[at]! ^ 1 << bit));
  return `bit ${bit} of byte ${at}`;
}

/** What is in the second list and not in the first, in the order of the first. */
function added(before: readonly string[], after: readonly string[]): string[] {
  let from = 0;
  return after.filter((each) => {
    const at = before.indexOf(each, from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

/** What came that was not put, or out of its order, or twice. */
function wrong(whole: Taken, taken: Taken): string[] {
  const within = (before: Taken["mailboxes"], after: Taken["mailboxes"]) =>
    Object.entries(after).flatMap(([name, messages]) =>
      added(before[name]!, messages).map((message) => `'${message}' in ${name}`)
    );
  return [
    ...within(whole.mailboxes, taken.mailboxes),
    ...within(whole.peeked, taken.peeked),
    ...added(whole.entries, taken.entries).map((entry) => `'${entry}' in the thread`),
    ...added(whole.listed, taken.listed),
  ];
}

/** Warnings and errors in a log, without their times. */
function linesOf(log: string): string[] {
  return [...log.matchAll(/^\S+ ((?:warn|error) .*)$/gm)].map(([, line = ""]) => line);
}

function isSame(whole: Taken, taken: Taken): boolean {
  const of = ({ mailboxes, peeked, listed, entries, repeated }: Taken) =>
    JSON.stringify([mailboxes, peeked, listed, entries, repeated]);
  return of(whole) === of(taken);
}

/** What `check` says of a directory: a line for each finding. */
async function check(directory: string): Promise<string[]> {
  const lines: string[] = [];
  await checkDirectory(directory, ({ file, place, what }) => lines.push(`${file}, ${place}: ${what}`));
  return lines;
}

/** Whether all that is damaged is an index, which may hide rows from a server (store 7.8). */
function isInIndex(found: readonly string[]): boolean {
  return found.length > 0 && found.every((line) => /: SQLite: .* index /.test(line));
}

// store 7.1, 7.2, 7.3, 7.4
Deno.test("a flipped bit is found by check or does no harm: nothing damaged is handed out, and no file fails without its name", async () => {
  const random = new Random(obtainSeed());
  await using temporary = await temporaryDirectory();
  const original = `${temporary.path}/original`, directory = `${temporary.path}/copy`;
  const content = await fill(original, temporary.path);
  let process = new LineProcess<Directory, Taken>(SCRIPT);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => process[Symbol.asyncDispose]());
  const copy = async () => {
    await Deno.remove(directory, { recursive: true }).catch(() => {});
    await runCommand(["cp", "-a", original, directory]);
  };
  await copy();
  assertEquals(await check(directory), []);
  const whole = await process.ask({ ...content, directory });
  assertEquals([whole.ended, whole.errors], [[], []]);
  const usual = linesOf(whole.log);
  const counts = new Map<string, number>(), faults: string[] = [];
  let flips = 0;
  for (const { name, pattern, flips: wanted } of KINDS) {
    const files = [...filesOf(original)].filter((path) =>
      pattern.test(path) && Deno.statSync(`${original}/${path}`).size > 0
    );
    for (let i = 0; i < wanted; i++, flips++) {
      await copy();
      const path = files[random.between(0, files.length - 1)]!;
      const where = `${path}, ${flip(`${directory}/${path}`, random)}`;
      try {
        const found = await check(directory), taken = await process.ask({ ...content, directory });
        const noted = linesOf(taken.log).filter((line) => !usual.includes(line));
        const isNoted = taken.ended.length + taken.errors.length + noted.length > 0;
        const [handedOut] = wrong(whole, taken), isHarmless = isSame(whole, taken);
        const unnamed = taken.ended.find((line) => !line.includes(`${directory}/`));
        if (handedOut !== undefined) faults.push(`${where}: ${handedOut} was handed out`);
        else if (unnamed !== undefined) {
          faults.push(`${where}: ended without the name of a file: ${unnamed}`);
        } else if (!isHarmless && !isNoted && !isInIndex(found)) {
          faults.push(`${where}: something is missing, and no line says so`);
        } else if (!isHarmless && found.length === 0) {
          faults.push(`${where}: something is missing, and check finds nothing`);
        }
        const result = found.length > 0 ? "found" : isHarmless ? "harmless" : "not found";
        const key = `${name}: ${result}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      } catch (error) {
        faults.push(`${where}: ${(error as Error).message}`);
        process = new LineProcess<Directory, Taken>(SCRIPT);
      }
    }
  }
  const sums = [...counts].toSorted().map(([what, count]) => `${what} ${count}`).join(", ");
  report(`bits flipped: ${flips}; ${sums}; faults: ${faults.length}`);
  for (const fault of faults.slice(0, 20)) report(fault);
  assertEquals(faults, []);
  assertGreaterOrEqual(flips, 15);
});
