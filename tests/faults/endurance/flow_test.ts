/** Messages go in and out for minutes: none is lost, none comes twice, and what the server takes stays bounded. */

import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, report } from "../form.ts";
import { LineProcess } from "../line_process.ts";
import { figuresOf, Pings } from "../pings.ts";
import type { Flow, Flown } from "./flow.ts";
import { largest, type Sizes, sizesOf, sizesText } from "./sizes.ts";

/** Messages a second, in and out; and of these the long form has to reach a part, on a machine with two cores. */
const RATE = 50_000, RATE_PART = 0.9;

const MAILBOX = "flow";

const MS = FULL ? 300_000 : 5000;

/** Milliseconds between two measurements, and between two single puts beside the load. */
const SAMPLE_MS = FULL ? 1000 : 250, PING_MS = 5;

/** No more than that, in MiB, whatever comes. What is not received yet is in the database. */
const MOST: Sizes = { memory: 400, journal: 128, database: 256, log: 32 };

/** What is written to standard error, in bytes: nothing happens that has to be said. */
const LOG_BYTES = 64 * 1024;

/** Of memory, no more than so many times as much at the end as after the first third. */
const GROWTH = 1.25;

/** Milliseconds to the ready line after it was killed. */
const READY_MS = FULL ? 5000 : 30_000;

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

// store 5.1, 5.2, 5.3, 5.11
Deno.test("with messages in and out for minutes nothing is lost or comes twice, and memory and files stay bounded", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, args = ["mailbox", "0", "--data", data];
  await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
  const load = new LineProcess<Flow, Flown>(new URL("flow.ts", import.meta.url));
  let flown: Flown, samples: Sizes[], times: number[];
  {
    await using _load = load;
    await using pings = new Pings(server.port, { pauseMs: PING_MS, areTaken: true });
    await using sampling = new Samples(data, server.pid);
    flown = await load.ask({ port: server.port, mailbox: MAILBOX, rate: RATE, ms: MS });
    [samples, times] = [sampling.all, pings.takeTimes()];
  }
  const { sent, lost, twice, late } = flown, rate = sent / flown.ms * 1000, most = largest(samples);
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
    assertGreaterOrEqual(rate, RATE_PART * RATE);
    assertLess(end.memory, GROWTH * early.memory);
  }
  Deno.kill(server.pid, "SIGKILL");
  await server.ended();
  const began = performance.now();
  await using next = await ServerProcess.start(args, { command: FROM_SOURCE });
  const ms = performance.now() - began;
  report(`ready ${ms.toFixed(0)} ms after it was killed`);
  using administrator = await Administrator.of(data, new Peer(next.port));
  assertEquals(await administrator.count(MAILBOX), 0);
  assert(ms < READY_MS, `ready after ${ms} ms`);
});
