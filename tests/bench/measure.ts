/**
 * Measures the rows of a group: starts its servers in new directories, and a load for each. Each round measures each
 * system in turn, so that what the machine does meanwhile meets all of them.
 *
 * @module
 */

import { ServerProcess } from "../program.ts";
import type { Figures } from "./load/loop.ts";
import { LoadProcess } from "./load_process.ts";
import { type PeerName, PEERS, type Server, withFiles } from "./peers.ts";
import type { Company, Group, Load, Row } from "./rows.ts";

/** A Wirepost that is measured. */
export interface Version {
  title: string;
  /** The command before `serve`. */
  command: readonly string[];
  /** Whose client library is used. */
  checkout: string;
}

export interface Settings {
  /** Wirepost, and maybe another one beside it. */
  versions: readonly Version[];
  peers: readonly PeerName[];
  rounds: number;
  ms: number;
  latencyMs: number;
  directory: string;
}

/** What a system did in a row: its figures in each round, or why there are none. */
export interface Outcome {
  title: string;
  peer?: PeerName;
  rounds: Figures[];
  failure?: string;
}

export interface RowResult {
  group: Group;
  row: Row;
  /** Wirepost is the first. */
  outcomes: Outcome[];
}

/** Its limits are those of a server that is left alone for hours; what is compared has none. */
const NO_LIMITS = [
  ...["--share", "100", "--max-messages", "100000000", "--mailbox-messages", "100000000"],
  ...["--max-bytes", "64GiB", "--mailbox-bytes", "64GiB"],
];

/** Sessions of those that put meanwhile, their datagrams in flight, and the messages in each. */
const COMPANY = { sessions: 4, inFlight: 200, each: 18 };

/** Milliseconds that they run before a measurement and behind it. */
const COMPANY_BEFORE_MS = 300;

/** Acknowledgements in flight of those that receive meanwhile. */
const COMPANY_ACKS = 1024;

/** A system in a group: its server runs. */
class Subject implements AsyncDisposable {
  readonly outcome: () => Outcome;
  readonly peer: PeerName | undefined;
  readonly #server: Server | undefined;
  readonly #load: Load;
  readonly #args: readonly string[];
  readonly #processes = new Map<string, LoadProcess>();
  /** Why it can't be measured at all. */
  failure: string | undefined;

  constructor(
    title: string,
    peer: PeerName | undefined,
    server: Server | undefined,
    load: Load,
    args: readonly string[] = [],
  ) {
    this.outcome = () => ({ title, rounds: [], ...peer === undefined ? {} : { peer } });
    this.peer = peer;
    this.#server = server;
    this.#load = load;
    this.#args = load.args ?? args;
  }

  async measure(row: Row, ms: number, more: Record<string, string | number>): Promise<Figures> {
    if (this.failure !== undefined) throw new Error(this.failure);
    const order = { ...row.order, ...more, ms };
    if (row.company === undefined) return await this.#run(this.#load, this.#args, order, ms);
    const long = ms + 2 * COMPANY_BEFORE_MS;
    const company = this.#company(row.company, long);
    company.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, COMPANY_BEFORE_MS));
    const figures = await this.#run(this.#load, this.#args, order, ms);
    const { rate = 0 } = await company;
    return { ...figures, company: rate };
  }

  /** Others that put, and receive. */
  async #company({ rate, isReceived }: Company, ms: number): Promise<Figures> {
    const raw: Load = this.peer === undefined
      ? { script: "session.ts" }
      : { script: "stream.ts", args: [this.peer] };
    const queue = crypto.randomUUID().slice(0, 4);
    const putting = this.#run(raw, raw.args ?? [], { measure: "put", ...COMPANY, queue, rate, ms }, ms);
    if (!isReceived) return await putting;
    const receive = { measure: "receiveFor", queue, inFlight: COMPANY_ACKS, ms };
    const [put, received] = await Promise.all([
      putting,
      this.#run(this.#load, this.#args, receive, ms, "receiver"),
    ]);
    return { rate: Math.min(put.rate!, received.rate!) };
  }

  async #run(
    { script }: Load,
    args: readonly string[],
    order: { measure: string; [name: string]: string | number },
    ms: number,
    role = "",
  ): Promise<Figures> {
    const key = `${script} ${role}`;
    let process = this.#processes.get(key);
    if (process === undefined) {
      process = new LoadProcess(script, [`${this.#server?.port ?? 0}`, ...args]);
      this.#processes.set(key, process);
    }
    try {
      return await process.measure(order, ms);
    } catch (error) {
      // the next row gets a new one
      this.#processes.delete(key);
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose]() {
    for (const process of this.#processes.values()) await process[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

/** Measures all rows of a group, and gives each when it is done. */
export async function* measureGroup(
  group: Group,
  settings: Settings,
  notify: (what: string, isProgress: boolean) => Promise<void>,
): AsyncGenerator<RowResult, void, void> {
  const directory = `${settings.directory}/${group.name}`;
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
  await Deno.mkdir(directory);
  const more = group.fileMib === undefined ? {} : await makeFile(`${directory}/file`, group.fileMib);
  await using stack = new AsyncDisposableStack();
  const subjects: Subject[] = [];
  for (const [i, version] of settings.versions.entries()) {
    const subject = await startVersion(version, group, `${directory}/wirepost${i}`);
    subjects.push(stack.use(subject));
  }
  for (const peer of settings.peers) {
    const load = group.peers[peer];
    if (load === undefined) continue;
    try {
      subjects.push(stack.use(await startPeer(peer, load, directory)));
    } catch (error) {
      await notify(`${PEERS[peer].title} is left out: ${(error as Error).message}`, false);
    }
  }
  for (const row of group.rows) {
    yield await measureRow(group, row, subjects.filter(({ peer }) => !peer || !row.without?.includes(peer)));
  }

  async function measureRow(group: Group, row: Row, subjects: readonly Subject[]): Promise<RowResult> {
    const outcomes = subjects.map((subject) => subject.outcome());
    for (let round = 0; round < settings.rounds; round++) {
      for (let i = 0; i < subjects.length; i++) {
        // nobody is always the first
        const at = (round + i) % subjects.length, outcome = outcomes[at]!;
        if (outcome.failure !== undefined) continue;
        await notify(
          `\r${group.name}/${row.name}: round ${round + 1} of ${settings.rounds}, ${outcome.title}`,
          true,
        );
        try {
          const ms = row.isLong ? settings.latencyMs : settings.ms;
          outcome.rounds.push(await subjects[at]!.measure(row, ms, more));
        } catch (error) {
          outcome.failure = (error as Error).message;
        }
      }
    }
    return { group, row, outcomes };
  }
}

/** What the log says before the server's key. */
const KEY = "the server's key is ";

async function startVersion(version: Version, group: Group, data: string): Promise<Subject> {
  const { title, command, checkout } = version, args = [checkout];
  let server: ServerProcess | undefined, failure: string | undefined;
  try {
    server = await ServerProcess.start(
      [group.service, "0", "--data", data, ...group.service === "mailbox" ? NO_LIMITS : []],
      { command: withFiles(command) },
    );
    if (group.service === "forum") {
      await server.logged(KEY);
      args.push(server.err.split(KEY)[1]!.split(/\s/)[0]!);
    }
  } catch (error) {
    failure = (error as Error).message;
  }
  const subject = new Subject(title, undefined, server, group.wirepost, args);
  subject.failure = failure;
  return subject;
}

async function startPeer(name: PeerName, load: Load, directory: string): Promise<Subject> {
  const peer = PEERS[name], own = `${directory}/${name}`;
  await Deno.mkdir(own);
  return new Subject(peer.title, name, "start" in peer ? await peer.start(own) : undefined, load);
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
