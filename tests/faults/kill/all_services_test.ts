/** The server is killed at random moments, under load on all of its services at once. */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { connectForum, type Forum } from "../../../client/forum.ts";
import { connectMailbox } from "../../../client/mailbox.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, obtainSeed, randomNumbers, report } from "../form.ts";
import { ForumModel, ForumUser } from "../forum/model.ts";
import { SessionLedger } from "../session/ledger.ts";
import { ChannelModel, HubRun } from "./hub_load.ts";
import { Ledger, Run } from "./original_load.ts";
import { TransferLoad } from "./transfer_load.ts";

const KILLS = FULL ? 100 : 4;
/** Of these, how many have to hit what has no answer yet, of each service; and a file on its way. */
const BETWEEN = FULL ? 20 : 1;
/** Milliseconds of load before a kill, at most. */
const LOAD_MS = FULL ? 1500 : 600;
/** Messages a second that make a load: put, acknowledged or said, while a server is up; in the short form on a busy machine, too. */
const RATE = FULL ? 1000 : 300;
/** One in so many starts is killed too, within so many milliseconds. */
const START_KILLED = 4, START_MS = 1200;

const SENDERS = 3, WINDOW = 32, USERS = FULL ? 6 : 3;

/** Milliseconds for which a server may be away: a busy machine takes its time to start one. */
const TIMEOUT_MS = 60_000;

const SERVICES = ["mailbox", "channels", "room", "forum"] as const;

/** A server with all services, at the same ports after each start. */
class Servers {
  readonly #data: string;
  readonly #ports = Object.fromEntries(SERVICES.map((service) => [service, freePort()]));
  #running: ServerProcess | undefined;

  constructor(data: string) {
    this.#data = data;
  }

  get running(): ServerProcess {
    return this.#running!;
  }

  port(service: typeof SERVICES[number]): number {
    return this.#ports[service]!;
  }

  get #arguments(): string[] {
    return [...SERVICES.flatMap((service) => [service, `${this.port(service)}`]), "--data", this.#data];
  }

  async start() {
    const server = await ServerProcess.start([...this.#arguments, "--history", "100000"], {
      command: FROM_SOURCE,
    });
    this.#running = server;
    for (const service of SERVICES) await server.ready(service);
  }

  /** Starts a server and kills it after a time, whether it is ready or not. */
  async startAndKill(ms: number) {
    const [program = "", ...args] = FROM_SOURCE;
    const child = new Deno.Command(program, {
      args: [...args, "serve", ...this.#arguments],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const err = new Response(child.stderr).text();
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    const { signal } = await child.status;
    clearTimeout(timer);
    assertEquals(signal, "SIGKILL", `the server ended by itself: ${await err}`);
    await err;
  }

  async kill() {
    Deno.kill(this.running.pid, "SIGKILL");
    const { signal } = await this.running.ended();
    assertEquals(signal, "SIGKILL", `the server ended by itself: ${this.running.err}`);
  }

  async [Symbol.asyncDispose]() {
    await this.#running?.[Symbol.asyncDispose]();
  }
}

/** @throws {Error} It takes too long: what was acknowledged and is not there may leave a client waiting for ever. */
async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Nobody waits for this any longer: ${what}`)),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Which services have answered since the last start. */
class Progress {
  readonly #waiting = new Set<string>();
  #all = Promise.withResolvers<void>();

  constructor(readonly of: readonly string[]) {}

  begin(): Promise<void> {
    for (const service of this.of) this.#waiting.add(service);
    this.#all = Promise.withResolvers();
    return this.#all.promise;
  }

  moved(service: string) {
    this.#waiting.delete(service);
    if (this.#waiting.size === 0) this.#all.resolve();
  }

  get missing(): string {
    return [...this.#waiting].join(" and ");
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

// mailbox.md 4.2, 4.3; session.md 5.6, 5.7; channels.md 5.8, 8.6
Deno.test("kill -9 under load on all services loses nothing acknowledged, keeps the order, and gives nothing twice", async () => {
  const seed = obtainSeed(), random = randomNumbers(seed);
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  await using servers = new Servers(`${directory.path}/data`);
  await servers.start();
  const progress = new Progress(["original", "session", "hub", "forum", "transfer"]);
  await using stack = new AsyncDisposableStack();

  const ledger = new SessionLedger();
  const connect = async () =>
    stack.use(await connectMailbox({ port: servers.port("mailbox"), timeout: TIMEOUT_MS }));
  const key = await keyOf(servers.running);
  const enter = async (name: string): Promise<Forum> =>
    stack.use(
      await connectForum({
        port: servers.port("forum"),
        serverKey: key,
        timeout: TIMEOUT_MS,
        as: { name, password: `of ${name}`, make: true },
      }),
    );
  for (let i = 0; i < SENDERS; i++) {
    const receiver = await connect();
    ledger.receive(receiver, `of-sender-${i}`);
    ledger.receive(receiver, "shared");
  }
  const model = new ForumModel(3, 3), founder = await enter("founder");
  await model.found(founder);
  const users = await Promise.all(Array.from({ length: USERS }, async (_, i) => {
    const name = `user${i}`, own = `${files.path}/${i}`;
    await Deno.mkdir(own);
    return new ForumUser(model, await enter(name), name, seed + i, own);
  }));
  const transfers = new TransferLoad(await enter("mover"), files.path);
  const hall = new ChannelModel("hall"), room = new ChannelModel("room");
  const passed = [0, 1].map((i) => new Ledger(`passed-${i}`)), filled = new Ledger("filled");
  const originals = [...passed, filled];

  let isStopped = false;
  const senders = new Map<string, () => void>();
  for (let i = 0; i < SENDERS; i++) {
    const sender = await connect(), name = `sender-${i}`;
    let count = 0;
    senders.set(name, () => ledger.send(sender, count++ % 2 === 0 ? `of-sender-${i}` : "shared", name));
  }
  // each message that has arrived makes room for the next of its sender
  ledger.onAcknowledged = (name) => {
    if (!isStopped) senders.get(name)!();
    progress.moved("session");
  };
  model.onAnswer = () => progress.moved("forum");
  transfers.onProgress = () => progress.moved("transfer");
  for (const send of senders.values()) for (let i = 0; i < WINDOW; i++) send();
  const goesOn = () => !isStopped;
  const working = Promise.all([transfers.work(goesOn), ...users.map((user) => user.work(goesOn))]);
  working.catch(() => {});

  const between = { original: 0, session: 0, forum: 0, transfer: 0 };
  let startsKilled = 0, said = 0, killedAt = Infinity, upMs = 0, done = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const moved = progress.begin(), upSince = performance.now();
    const count = () =>
      ledger.stored + ledger.acknowledged + said + originals.reduce((sum, { put }) => sum + put, 0);
    const before = count();
    const original = new Run(servers.port("mailbox"));
    original.onAnswer = () => progress.moved("original");
    for (const each of originals) each.runs.push(each.put);
    const secret = new TextEncoder().encode(
      (await Deno.readTextFile(`${directory.path}/data/secret`)).trim(),
    );
    const ports = { channels: servers.port("channels"), room: servers.port("room") };
    const { run: hub, begin } = await HubRun.enter(ports, hall, room, killedAt);
    hub.onSent = () => progress.moved("hub");
    const talking = Promise.all(begin(() => said++));
    talking.catch(() => {});
    const workers = [
      original.fill(filled, secret),
      ...passed.map((each, i) => original.pass(each, () => 1 + random(4 + i), () => 1 + random(4))),
    ];
    const failing = Promise.race([working, ...workers, talking].map((work) => work.then(() => {})));
    failing.catch(() => {});
    await soon(Promise.race([ledger.unlessFailed(moved), failing]), progress.missing)
      .catch((error) => {
        throw new Error(`${error.message}; ${progress.missing} had no answer: ${servers.running.err}`, {
          cause: error,
        });
      });
    // at any moment of what follows
    await Promise.race([pause(random(LOAD_MS)), failing]);
    upMs += performance.now() - upSince;
    done += count() - before;
    if (original.open > 0) between.original++;
    if (ledger.pending > 0) between.session++;
    if (model.open > 0) between.forum++;
    if (transfers.isMoving) between.transfer++;
    await servers.kill();
    killedAt = performance.now();
    await original.over(workers);
    await soon(talking, "the channels");
    hub[Symbol.dispose]();
    if (kill % START_KILLED === 0) await servers.startAndKill(random(START_MS)), startsKilled++;
    await servers.start();
  }
  isStopped = true;
  await soon(ledger.finished(), "messages in sessions");
  await soon(working, "the users of the forum");
  await model.check(founder);
  ledger.check();
  const { run: last } = await HubRun.enter(
    { channels: servers.port("channels"), room: servers.port("room") },
    hall,
    room,
    killedAt,
  );
  last[Symbol.dispose]();
  await takeAll(servers, `${directory.path}/data`, originals);

  const sum = (value: (ledger: Ledger) => number) => originals.reduce((sum, each) => sum + value(each), 0);
  report(
    `kills: ${KILLS}, and ${startsKilled} of a start; ${
      Math.round(done / upMs * 1000)
    } messages a second; between a request and its answer: ${
      Object.entries(between).map(([service, count]) => `${service} ${count}`).join(", ")
    }`,
  );
  report(`sessions: ${ledger.sent} sent and stored, ${ledger.acknowledged} received and acknowledged`);
  report(
    `original wire: ${sum(({ put }) => put)} sent, ${sum(({ received }) => received.size)} received, ${
      sum((each) => each.unaccounted().lost)
    } went with ${sum(({ unanswered }) => unanswered)} unanswered requests`,
  );
  report(
    `channels and room: ${hall.seen + room.seen} messages shown, ${
      hall.kept + room.kept
    } there after a start; ${hall.gaps + room.gaps} starts with a gap`,
  );
  report(
    `forum: ${model.commands} commands; ${transfers.moved} files moved, ${transfers.retries} attempts broken off`,
  );
  assertEquals(sum((each) => each.unaccounted().unaccounted), 0);
  assertEquals(sum(({ twice }) => twice), 0);
  for (const [service, count] of Object.entries(between)) assertGreaterOrEqual(count, BETWEEN, service);
  if (FULL) assertGreaterOrEqual(done / upMs * 1000, RATE);
});

async function keyOf(server: ServerProcess): Promise<string> {
  await server.logged("the server's key is ");
  return /key is (\S+)/.exec(server.err)![1]!;
}

/** Takes what the mailboxes of the original wire still hold. */
async function takeAll(servers: Servers, data: string, ledgers: readonly Ledger[]) {
  using peer = new Peer(servers.port("mailbox"));
  using administrator = await Administrator.of(data, new Peer(servers.port("mailbox")));
  for (const ledger of ledgers) {
    const before = await administrator.count(ledger.id), received = ledger.received.size;
    const take = () => peer.ask(`R, ${ledger.id}`);
    for (let reply = await take(); reply !== "X"; reply = await take()) ledger.take(reply);
    assertEquals(ledger.received.size - received, before, `what ${ledger.id} held and what came out of it`);
  }
  assert(ledgers.every(({ put }) => put > 0));
}
