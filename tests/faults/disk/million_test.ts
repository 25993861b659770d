import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import type { StoreRequest } from "../../../server/store/store.ts";
import { Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { fill, forgetRecords, MAILBOXES, mailboxOf, openEngine, put } from "../filled_store.ts";
import { FULL, median, report, residentMiB } from "../form.ts";

const MESSAGES = FULL ? 1_000_000 : 20_000;
/** Operations of each sort that a median is of; on the socket those of the administrator are limited to 1,024 in 30 s. */
const ON_ENGINE = FULL ? 3000 : 200, ON_SOCKET = FULL ? 2000 : 100, BY_ADMINISTRATOR = FULL ? 400 : 50;
const STARTS = FULL ? 5 : 1;
/** How much more an operation may cost than in the other store. */
const RATIO = 1.3;
const START_MS = 1000, MEMORY_MIB = 200;

type Operation = () => Promise<unknown> | unknown;

/** Median times of an operation on each of several stores, in microseconds: all in turn, so that they share the drift. */
async function measure(operations: readonly ((i: number) => Operation)[], times: number): Promise<number[]> {
  const took = operations.map((): number[] => []);
  for (let i = 0; i < times; i++) {
    for (let j = 0; j < operations.length; j++) {
      const which = (i + j) % operations.length, operation = operations[which]!(i);
      const began = performance.now();
      await operation();
      took[which]!.push(1000 * (performance.now() - began));
    }
  }
  return took.map(median);
}

/** Prints the medians. Gives the ratio of the full store to the empty or the thin one. */
function compare(name: string, [empty = 0, thin = 0, full = 0]: number[]): number {
  const ratio = full / (name.endsWith("list") ? thin : empty);
  const times = [empty, thin, full].map((time) => time.toFixed(0));
  report(
    `${name}: ${times.join(", ")} us in the empty, thin and full store; ratio ${ratio.toFixed(2)}`,
  );
  return ratio;
}

async function measureEngines(directories: readonly string[]): Promise<Record<string, number>> {
  const engines = directories.map((directory) => openEngine(directory));
  const on = (request: (i: number) => StoreRequest) =>
    engines.map((engine) => (i: number) => () => engine.apply([request(i)]));
  const ratios: Record<string, number> = {};
  // each message is taken again, so that the stores stay as full as they are
  for (
    const [name, request] of [
      ["put", put],
      ["take", (i: number) => ({ kind: "take", mailbox: mailboxOf(i) })],
      ["count", (i: number) => ({ kind: "count", mailbox: mailboxOf(i) })],
      ["list", () => ({ kind: "list", limit: 256 })],
    ] as [string, (i: number) => StoreRequest][]
  ) {
    ratios[name] = compare(`Engine, ${name}`, await measure(on(request), ON_ENGINE));
  }
  for (const engine of engines) engine.close();
  return ratios;
}

/** Starts a server on each of the directories in turn, several times: median milliseconds until each was ready. */
async function measureStarts(directories: readonly string[]): Promise<number[]> {
  const times = directories.map((): number[] => []);
  for (let i = 0; i < STARTS; i++) {
    for (const [j, directory] of directories.entries()) {
      const began = performance.now();
      const server = await ServerProcess.start(["mailbox", "0", "--data", directory]);
      times[j]!.push(performance.now() - began);
      await server.end();
    }
  }
  return times.map(median);
}

interface Client {
  server: ServerProcess;
  peer: Peer;
  administrator: Administrator;
}

Deno.test("a store of a million messages starts, puts, takes, counts and lists like an empty one", async () => {
  await using directory = await temporaryDirectory();
  const directories = ["empty", "thin", "full"].map((name) => `${directory.path}/${name}`);
  for (const [i, messages] of [0, MAILBOXES, MESSAGES].entries()) {
    fill(directories[i]!, messages);
  }
  const onEngine = await measureEngines(directories);

  for (const path of directories) forgetRecords(path);

  const [emptyStart = 0, thinStart = 0, fullStart = 0] = await measureStarts(directories);
  report(
    `start: ${[emptyStart, thinStart, fullStart].map((ms) => ms.toFixed(0)).join(", ")} ms`,
  );

  await using stack = new AsyncDisposableStack();
  const clients: Client[] = [];
  for (const data of directories) {
    const server = stack.use(await ServerProcess.start(["mailbox", "0", "--data", data]));
    const peer = stack.use(new Peer(server.port));
    clients.push({
      server,
      peer,
      administrator: stack.use(await Administrator.of(data, new Peer(server.port))),
    });
  }
  const on = (ask: (client: Client, i: number) => Promise<unknown>) =>
    clients.map((client) => (i: number) => () => ask(client, i));
  // a put has no reply: that of the request behind it comes when both were carried out
  const putOnSocket = on(async ({ peer }, i) => {
    const { mailbox, sender, text } = put(i);
    await peer.send(`F, ${mailbox}, ${sender}, ${text}`);
    assertEquals(await peer.ask("R, nobody"), "X");
  });
  const takeOnSocket = on(async ({ peer }, i) => {
    assert((await peer.ask(`R, ${mailboxOf(i)}`)).startsWith("N, "));
  });
  const onSocket: Record<string, number> = {
    put: compare("socket, put", await measure(putOnSocket, ON_SOCKET)),
    take: compare("socket, take", await measure(takeOnSocket, ON_SOCKET)),
  };
  for (const command of ["count", "list"]) {
    const asked = on(({ administrator }) => administrator.ask(command));
    onSocket[command] = compare(`socket, ${command}`, await measure(asked, BY_ADMINISTRATOR));
  }

  const counts = await Promise.all(clients.map(({ administrator }) => administrator.count()));
  assertEquals(counts, [0, MAILBOXES, MESSAGES]);
  const memory = await residentMiB(clients[2]!.server.pid);
  report(`memory of the full one: ${memory.toFixed(0)} MiB`);
  if (!FULL) return;
  assertLess(fullStart - emptyStart, START_MS);
  assertLess(memory, MEMORY_MIB);
  for (const [name, ratio] of Object.entries(onEngine)) assertLessOrEqual(ratio, RATIO, `Engine, ${name}`);
  for (const [name, ratio] of Object.entries(onSocket)) assertLessOrEqual(ratio, RATIO, `socket, ${name}`);
});
