/** One bit of a file of the data directory is flipped: it is noticed, or does no harm. */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { FULL, obtainSeed, report } from "../form.ts";
import { LineProcess, memoryDirectory } from "../line_process.ts";
import { Load } from "../power/load.ts";
import type { Directory, Taken } from "./take_all.ts";

/** Flips of each kind of file. */
const FLIPS = FULL ? 100 : 6;

const KINDS: Readonly<Record<string, RegExp>> = {
  "the database": /^messages\.db$/,
  "SQLite's log and the journal": /^messages\.db-wal$|^journal\//,
  "files": /^files\//,
};

const SCRIPT = new URL("take_all.ts", import.meta.url);

const AMOUNT = { rounds: 8, files: 6 };

/** A data directory with something of everything, of a server that was killed, and what is in it. */
async function fill(directory: string, temporary: string): Promise<Omit<Directory, "directory">> {
  const services = ["mailbox", "0", "channels", "0", "forum", "0"];
  await using load = new Load(temporary);
  // one life that ends as it should, so that the database has everything of it, and one that does not
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const server = await ServerProcess.start([...services, "--data", directory], { command: FROM_SOURCE });
    const ports = {
      mailbox: await server.ready("mailbox"),
      channels: await server.ready("channels"),
      forum: await server.ready("forum"),
    };
    services.splice(
      0,
      6,
      ...["mailbox", "channels", "forum"].flatMap((name, i) => [name, `${Object.values(ports)[i]}`]),
    );
    await load.run(server, ports, AMOUNT);
    await server.end(signal);
  }
  return {
    mailboxes: [...load.senders.flatMap((_, i) => [load.kept(i), load.passed(i)]), load.taken],
    repeated: [...load.senders, ...load.receivers].map(({ id, last }) => ({ session: id, ...last })),
    account: { name: load.name, password: `of ${load.name}` },
    serverKey: load.serverKey,
    thread: load.thread,
    temporary,
  };
}

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
  const mailboxes = Object.entries(taken.mailboxes).flatMap(([name, messages]) =>
    added(whole.mailboxes[name]!, messages).map((message) => `'${message}' in ${name}`)
  );
  return [
    ...mailboxes,
    ...added(whole.entries, taken.entries).map((entry) => `'${entry}' in the thread`),
  ];
}

/** Warnings and errors in a log, without their times. */
function linesOf(log: string): string[] {
  return [...log.matchAll(/^\S+ ((?:warn|error) .*)$/gm)].map(([, line = ""]) => line);
}

function isSame(whole: Taken, taken: Taken): boolean {
  const of = ({ mailboxes, entries, repeated }: Taken) => JSON.stringify([mailboxes, entries, repeated]);
  return of(whole) === of(taken);
}

// store 7.1, 7.2, 7.3
Deno.test("a flipped bit is noticed or does no harm: nothing damaged is handed out, and nothing is lost without a line", async () => {
  const random = new Random(obtainSeed());
  await using temporary = await temporaryDirectory();
  const memory = await memoryDirectory(), original = `${memory}/original`;
  try {
    const content = await fill(original, temporary.path);
    let process = new LineProcess<Directory, Taken>(SCRIPT);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => process[Symbol.asyncDispose]());
    const directory = `${memory}/copy`;
    const copy = async () => {
      await Deno.remove(directory, { recursive: true }).catch(() => {});
      await runCommand(["cp", "-a", original, directory]);
    };
    await copy();
    const whole = await process.ask({ ...content, directory });
    assertEquals(whole.errors, []);
    const usual = linesOf(whole.log);
    const counts = new Map<string, number>(), faults: string[] = [];
    const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
    let flips = 0;
    for (const [kind, pattern] of Object.entries(KINDS)) {
      const files = [...filesOf(original)].filter((path) =>
        pattern.test(path) && Deno.statSync(`${original}/${path}`).size > 0
      );
      for (let i = 0; i < FLIPS; i++) {
        await copy();
        const path = files[random.between(0, files.length - 1)]!;
        const where = `${path}, ${flip(`${directory}/${path}`, random)}`;
        flips++;
        try {
          const taken = await process.ask({ ...content, directory }), handedOut = wrong(whole, taken);
          const noted = [...taken.errors, ...linesOf(taken.log).filter((line) => !usual.includes(line))];
          if (handedOut.length > 0) faults.push(`${where}: ${handedOut[0]} was handed out`);
          if (isSame(whole, taken)) count(`harmless in ${kind}`);
          else if (noted.length === 0) faults.push(`${where}: something is missing, and no line says so`);
          else count(`noticed in ${kind}`);
        } catch (error) {
          faults.push(`${where}: ${(error as Error).message}`);
          process = new LineProcess<Directory, Taken>(SCRIPT);
        }
      }
    }
    const sums = [...counts].toSorted().map(([what, count]) => `${what}: ${count}`).join(", ");
    report(`bits flipped: ${flips}; ${sums}; faults: ${faults.length}`);
    for (const fault of faults.slice(0, 20)) report(fault);
    assertEquals(faults.length, 0);
    assertGreaterOrEqual(flips, 3 * FLIPS);
  } finally {
    await Deno.remove(memory, { recursive: true });
  }
});
