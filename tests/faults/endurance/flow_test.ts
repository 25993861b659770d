/** Messages go in and out for minutes: none is lost, none comes twice, and what the server takes stays bounded. */

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { LoadProcess } from "../../bench/load_process.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, report } from "../form.ts";
import { LineProcess } from "../line_process.ts";
import { figuresOf, Pings } from "../pings.ts";
import type { Flow, Flown } from "./flow.ts";
import { largest, type Sizes, sizesOf, sizesText } from "./sizes.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** Messages a second, in and out; and what the long form has to reach: with two cores the loads take one of them. */
const RATE = 50_000, RATE_MIN = 20_000;

const MAILBOX = "flow";

/** How long messages are sent; in pieces of so many. */
const MS = FULL ? 300_000 : 4000, PIECE = RATE / 5;

/** Messages in a datagram, and datagrams on their way. */
const EACH = 16, IN_FLIGHT = 64;

/** With more messages in the mailbox the sender waits for the receiver. */
const WAITING_MAX = 100_000;

/** Milliseconds after which nobody waits any longer for a second's messages. */
const MAX_MS = 60_000;

const { signal } = new AbortController();

/** Milliseconds between two measurements, and between two single puts beside the load. */
const SAMPLE_MS = FULL ? 1000 : 250, PING_MS = 5;

/** How often the sender looks whether it still has to wait, in milliseconds. */
const WAIT_MS = 50;

/** No more than that, in MiB, whatever comes. What is not received yet is in the database. */
const MOST: Sizes = { memory: 400, journal: 128, database: 256, log: 112 };

/** What is written to standard error, in bytes: nothing happens that has to be said. */
const LOG_BYTES = 64 * 1024;

/** Of memory, no more than so many times as much at the end as after the first third. */
const GROWTH = 1.25;

/** Milliseconds to the ready line after it was killed, in the full form. */
const READY_MS = 5000;

/** Samples until it is stopped. */
class Samples implements AsyncDisposable {
  readonly all: Sizes[] = [];
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(directory: string, pid: number) {
    this.#running = this.#run(directory, pid);
  }

  async #run(directory: string, pid: number) {
    while (!this.#isOver) {
      this.all.push(await sizesOf(directory, pid));
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  async [Symbol.asyncDispose]() {
    this.#isOver = true;
    await this.#running;
  }
}

/** Sends at the rate, or as fast as the receiver receives. Returns how many. */
async function send(
  sender: LoadProcess,
  { port, pid }: ServerProcess,
  administrator: Administrator,
): Promise<number> {
  const order = {
    pid,
    rate: RATE,
    count: PIECE,
    measure: "put",
    sessions: 1,
    inFlight: IN_FLIGHT,
    each: EACH,
    numbered: 1,
    queue: MAILBOX,
  };
  let sent = 0;
  for (const end = performance.now() + MS; performance.now() < end; sent += PIECE) {
    await sender.measure(order, MAX_MS, signal);
    while (await administrator.count(MAILBOX) > WAITING_MAX) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
  await using mailbox = await connectMailbox({ port, timeout: PATIENCE_MS });
  await mailbox.send(MAILBOX, "al", `end ${sent}`);
  return sent;
}

// store 5.1, 5.2, 5.3, 5.11
Deno.test("with messages in and out for minutes nothing is lost or comes twice, and memory and files stay bounded", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, args = ["mailbox", "0", "--data", data];
  await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
  using administrator = await Administrator.of(data, new Peer(server.port));
  let flown: Flown, sent: number, samples: Sizes[], times: number[];
  {
    await using receiver = new LineProcess<Flow, Flown>(new URL("flow.ts", import.meta.url));
    await using sender = new LoadProcess({ script: "session.ts" }, [`${server.port}`]);
    await using pings = new Pings(server.port, { pauseMs: PING_MS, areTaken: true });
    await using sampling = new Samples(data, server.pid);
    [flown, sent] = await Promise.all([
      receiver.ask({ port: server.port, mailbox: MAILBOX }),
      send(sender, server, administrator),
    ]);
    [samples, times] = [sampling.all, pings.takeTimes()];
  }
  const { ms, lost, twice, late } = flown, rate = sent / ms * 1000, most = largest(samples);
  report(
    `${sent} messages in and out, ${rate.toFixed(0)} a second: ${lost} lost, ${twice} twice, ${late} late`,
  );
  report(`single puts meanwhile: ${figuresOf(times)}`);
  const thirds = [samples.slice(0, samples.length / 3), samples.slice(-samples.length / 3)];
  const [early, end] = thirds.map(largest) as [Sizes, Sizes];
  report(`at most ${sizesText(most)}; in the first third ${sizesText(early)}; in the last ${sizesText(end)}`);
  assertEquals([lost, twice], [0, 0]);
  for (const name of Object.keys(MOST) as (keyof Sizes)[]) assertLess(most[name], MOST[name], name);
  assertLess(server.err.length, LOG_BYTES);
  if (FULL) {
    assertGreaterOrEqual(rate, RATE_MIN);
    assertLess(end.memory, GROWTH * early.memory);
  }
  Deno.kill(server.pid, "SIGKILL");
  await server.ended();
  const began = performance.now();
  await using next = await ServerProcess.start(args, { command: FROM_SOURCE });
  const readyMs = performance.now() - began;
  report(`ready ${readyMs.toFixed(0)} ms after it was killed`);
  using after = await Administrator.of(data, new Peer(next.port));
  assertEquals(await after.count(MAILBOX), 0);
  if (FULL) assertLess(readyMs, READY_MS);
});
