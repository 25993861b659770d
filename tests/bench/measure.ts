/**
 * Measures the rows of a group. Each round measures each system in turn, so that what the machine does meanwhile meets
 * all of them.
 *
 * @module
 */

import type { Figures } from "./load/loop.ts";
import { type PeerName, PEERS } from "./peers.ts";
import type { Group, Row } from "./rows.ts";
import { Subject, type Version } from "./subject.ts";

export interface Settings {
  /** Wirepost, and maybe another one beside it. */
  versions: readonly Version[];
  peers: readonly PeerName[];
  rounds: number;
  ms: number;
  latencyMs: number;
  directory: string;
  /** Ends everything. */
  signal: AbortSignal;
}

/** What a system did in a row: its figures in each round, or why there are none. */
export interface Outcome {
  title: string;
  rounds: Figures[];
  failure?: string;
}

export interface RowResult {
  group: Group;
  row: Row;
  /** Wirepost is the first. */
  outcomes: Outcome[];
}

/** Tells what it does, or that something is left out. */
export type Notify = (what: string, isProgress: boolean) => Promise<void>;

/** Measures all rows of a group, and gives each when it is done. */
export async function* measureGroup(
  group: Group,
  settings: Settings,
  notify: Notify,
): AsyncGenerator<RowResult, void, void> {
  const { signal } = settings, directory = `${settings.directory}/${group.name}`;
  await Deno.mkdir(directory);
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
  const file = group.fileMib === undefined ? {} : await makeFile(`${directory}/file`, group.fileMib);
  await using stack = new AsyncDisposableStack();
  const subjects: Subject[] = [];
  for (const [i, version] of settings.versions.entries()) {
    subjects.push(stack.use(await Subject.version(version, group, `${directory}/wirepost${i}`, signal)));
  }
  for (const peer of settings.peers) {
    const load = group.peers[peer];
    if (load === undefined) continue;
    try {
      subjects.push(stack.use(await Subject.peer(peer, load, `${directory}/${peer}`, signal)));
    } catch (error) {
      await notify(`${PEERS[peer].title} is left out: ${(error as Error).message}`, false);
    }
  }
  for (const row of group.rows) {
    const present = subjects.filter(({ peer }) => peer === undefined || !row.without?.includes(peer));
    const id = `${group.name}/${row.name}`, ms = row.isLong ? settings.latencyMs : settings.ms;
    const outcomes = present.map(({ title }): Outcome => ({ title, rounds: [] }));
    for (let round = 0; round < settings.rounds; round++) {
      for (let i = 0; i < present.length; i++) {
        // nobody is always the first
        const at = (round + i) % present.length, outcome = outcomes[at]!;
        if (outcome.failure !== undefined) continue;
        await notify(`${id}: round ${round + 1} of ${settings.rounds}, ${outcome.title}`, true);
        try {
          outcome.rounds.push(await present[at]!.measure(row, ms, file));
        } catch (error) {
          outcome.failure = (error as Error).message;
        }
        signal.throwIfAborted();
      }
    }
    yield { group, row, outcomes };
  }
}

/** A file that no disk and no network makes smaller. */
async function makeFile(path: string, mib: number): Promise<{ path: string; mib: number }> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const piece = new Uint8Array(1024 ** 2);
  for (let i = 0; i < mib; i++) {
    for (let at = 0; at < piece.length; at += 65_536) crypto.getRandomValues(piece.subarray(at, at + 65_536));
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
  await file.sync();
  return { path, mib };
}
