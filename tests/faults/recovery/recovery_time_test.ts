/**
 * How long a start takes at most: with a journal that is as long as it gets, none of which the database has, and with as
 * many messages as a server holds by default.
 */

import { assertEquals, assertLess } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { HELD_LOG_BYTES_MAX } from "../../../server/store/checkpoint/checkpoints.ts";
import { BACKLOG_MAX } from "../../../server/store/checkpoint/backlog.ts";
import { DATABASE_FILE, LOG_FILE } from "../../../server/store/database/database.ts";
import { LoadProcess } from "../../bench/load_process.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { fill, forgetRecords, mailboxOf } from "../filled_store.ts";
import { FULL, report, residentMiB } from "../form.ts";

/** Messages that the database has. */
const MESSAGES = FULL ? 10_000_000 : 20_000;

/** Milliseconds to the ready line, in the full form: beside the short one others use the machine. */
const READY_MS = 5000;

/** Messages that are put at a time; pieces of the short form. */
const PIECE = 20_000, SHORT_PIECES = 2;

/** Messages in a datagram; mailboxes that they go to. */
const EACH = 18, MAILBOXES = 10;

/** The journal is long enough when it has this part of what it may have; and SQLite's log, to which a checkpoint adds more. */
const ALMOST = 0.95, ALMOST_LOG = 0.85;

const MIB = 1024 ** 2;

/** Milliseconds that a piece takes, at most. */
const MEASURE_MS = 60_000;

const LIMITS = ["--share", "100", "--max-messages", "20000000", "--max-bytes", "16GiB"];

/** Starts a server, and says how long that took. */
async function start(data: string, what: string): Promise<ServerProcess> {
  const began = performance.now();
  const server = await ServerProcess.start(["mailbox", "0", "--data", data, ...LIMITS], {
    command: FROM_SOURCE,
  });
  const ms = performance.now() - began;
  report(`${what}: ready after ${ms.toFixed(0)} ms, ${(await residentMiB(server.pid)).toFixed(0)} MiB`);
  if (FULL) assertLess(ms, READY_MS, what);
  return server;
}

interface Loads {
  put: LoadProcess;
  receive: LoadProcess;
  pid: number;
}

async function loadsOf({ port, pid }: ServerProcess): Promise<Loads & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const put = stack.use(new LoadProcess({ script: "session.ts" }, [`${port}`]));
  const checkout = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
  const receive = stack.use(new LoadProcess({ script: "library.ts" }, [`${port}`, checkout]));
  const loads = stack.move();
  return { put, receive, pid, [Symbol.asyncDispose]: () => loads.disposeAsync() };
}

const { signal } = new AbortController();

/** A piece of a load. */
type Piece = (loads: Loads, i: number) => Promise<unknown>;

const putPiece: Piece = ({ put, pid }, i) =>
  put.measure(
    {
      measure: "put",
      sessions: 1,
      inFlight: 256,
      each: EACH,
      count: PIECE,
      pid,
      queue: `q-${i % MAILBOXES}`,
    },
    MEASURE_MS,
    signal,
  );

const receivePiece: Piece = ({ receive }, i) =>
  receive.measure(
    { measure: "receiveFor", queue: mailboxOf(i), inFlight: 1024, ms: 500 },
    MEASURE_MS,
    signal,
  );

/** Both at once. */
const bothPiece: Piece = (loads, i) => Promise.all([putPiece(loads, i), receivePiece(loads, i)]);

/** Whether the journal is nearly as long as it may get. */
async function hasLongJournal(administrator: Administrator): Promise<boolean> {
  const figures = await administrator.figures(), { bytes, workMs } = BACKLOG_MAX;
  return figures("backlog") > ALMOST * bytes || figures("backlog time") > ALMOST * workMs;
}

/** What a server had when it was killed. */
interface Killed {
  messages: number;
  figure(name: string): number;
}

async function kill(server: ServerProcess, administrator: Administrator): Promise<Killed> {
  const messages = await administrator.count(), figure = await administrator.figures();
  Deno.kill(server.pid, "SIGKILL");
  await server.ended();
  return { messages, figure };
}

/** Kills a server when its journal is as long as it gets: another process keeps the database from being written back. */
async function killWithLongJournal(server: ServerProcess, data: string, piece: Piece): Promise<Killed> {
  using administrator = await Administrator.of(data, new Peer(server.port));
  using reader = new DatabaseSync(`${data}/${DATABASE_FILE}`, { readOnly: true });
  for (const sql of ["BEGIN", "SELECT * FROM position"]) reader.prepare(sql).all();
  {
    await using loads = await loadsOf(server);
    for (let i = 0; FULL ? !await hasLongJournal(administrator) : i < SHORT_PIECES; i++) {
      await piece(loads, i);
    }
  }
  return await kill(server, administrator);
}

/** Starts a server after a power cut, which has left nothing of what was not synced. */
async function cutPower(data: string, piece: Piece, what: string) {
  const server = await start(data, `before ${what}`);
  const { messages, figure } = await killWithLongJournal(server, data, piece);
  for (const name of [LOG_FILE, `${DATABASE_FILE}-shm`]) await Deno.remove(`${data}/${name}`);
  const mebibytes = (figure("backlog") / MIB).toFixed(1), ms = figure("backlog time");
  await hasMessages(data, messages, `${mebibytes} MiB of ${what}, which took ${ms} ms to apply`);
}

/** Gives a server a load until SQLite's log is as long as it gets, during a hold, and kills it. Starts another one. */
async function killWithLongLog(data: string) {
  const server = await start(data, "before a hold");
  using administrator = await Administrator.of(data, new Peer(server.port));
  const [id] = await administrator.ask("hold"), logBytes = () => Deno.statSync(`${data}/${LOG_FILE}`).size;
  {
    await using loads = await loadsOf(server);
    for (let i = 0; FULL ? logBytes() < ALMOST_LOG * HELD_LOG_BYTES_MAX : i < SHORT_PIECES; i++) {
      await putPiece(loads, i);
      await administrator.ask(`hold, ${id}`);
    }
  }
  const { messages } = await kill(server, administrator);
  await hasMessages(data, messages, `${(logBytes() / MIB).toFixed(0)} MiB of SQLite's log`);
}

/** Starts a server, which has so many messages, and ends it. */
async function hasMessages(data: string, messages: number, what: string) {
  await using server = await start(data, what);
  using administrator = await Administrator.of(data, new Peer(server.port));
  assertEquals(await administrator.count(), messages);
  await server.end();
}

// store 5.4, 5.11, 10.3
Deno.test("a start with ten million messages and the longest journal takes less than 5 s", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  fill(data, MESSAGES);
  forgetRecords(data);
  await cutPower(data, putPiece, "puts");
  await cutPower(data, receivePiece, "messages received");
  await cutPower(data, bothPiece, "messages in and out");
  await killWithLongLog(data);
});
