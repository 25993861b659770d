/** A program is stopped at every step of the start that brings a state to its version: store 8.1 and 8.2. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Engine } from "../../../server/store/engine/engine.ts";
import type { EngineVersion } from "../../../server/store/engine/state/version.ts";
import { DatabaseUnusable } from "../../../server/store/errors.ts";
import type { StoreRequest } from "../../../server/store/store.ts";
import { FULL } from "../../faults/form.ts";
import { Random } from "../random.ts";
import { Life } from "./life.ts";
import { Machine, type Stop } from "./machine.ts";
import { Oracle } from "./oracle.ts";
import { SimulatedTime } from "./simulated_time.ts";

/** Version 1 stores texts in capital letters. */
const VERSIONS: readonly EngineVersion[] = [{
  program: "0.1.0",
  apply: (request, next) =>
    next(request.kind === "put" ? { ...request, text: request.text.toUpperCase() } : request),
}, { program: "0.2.0" }];

/** More than a start has; and how far apart the stops are. */
const OPERATIONS_MAX = 200, STEP = FULL ? 1 : 4;

const put = (text: string): StoreRequest => (
  { kind: "put", mailbox: "bob", sender: "al", time: 0, text, bytes: text.length }
);

/** A machine on which version 1 has stored something, and was killed before a checkpoint. */
class Upgrade implements AsyncDisposable {
  readonly #time = new SimulatedTime();
  readonly #random: Random;
  readonly #oracle = new Oracle(VERSIONS);
  readonly machine: Machine;
  #life: Life | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.machine = new Machine(this.#random.split(), this.#time);
    Life.install(this.machine);
  }

  /** Starts the program with this version. @throws {Error} It is refused, or was stopped. */
  async start(version: number) {
    if (this.machine.isStopped) this.machine.restart();
    const { machine } = this, random = this.#random, requests: StoreRequest[] = [{ kind: "start" }];
    const versions = VERSIONS.slice(0, version);
    const starting = Life.start({ machine, oracle: this.#oracle, random, requests, versions });
    await machine.until(starting);
    this.#life = await starting.catch((error) => {
      this.#time.clear();
      throw error;
    });
  }

  async put(text: string) {
    const answered = this.#life!.store.apply([put(text)]);
    await this.machine.until(answered);
    assertEquals(await answered, ["stored"]);
  }

  async stop(how: Stop) {
    this.machine.stop(how);
    await this.machine.until(this.#life!.end());
    this.#life = undefined;
    this.#time.clear();
  }

  /** The texts that are there, and the version of the state. */
  get state(): [number, ...string[]] {
    this.machine.restart();
    const engine = new Engine({ directory: this.machine.directory, versions: VERSIONS });
    const texts = [...engine.dump()].filter((line) => line.startsWith("message ")).map((line) =>
      JSON.parse(line.slice(8))[4] as string
    );
    const { version } = engine;
    engine.close();
    return [version, ...texts];
  }

  async [Symbol.asyncDispose]() {
    if (this.#life) await this.stop("kill");
    this.#time[Symbol.dispose]();
    this.#oracle[Symbol.dispose]();
    this.machine.remove();
  }
}

/** Starts the new program on what the old one has left, and stops it at this operation. Returns whether it was stopped. */
async function stopAt(operations: number, how: Stop): Promise<{ isStopped: boolean; isOld: boolean }> {
  await using s = new Upgrade(operations);
  await s.start(1);
  await s.put("one");
  await s.stop(how);
  s.machine.restart();
  s.machine.stopIn = { operations, how };
  const isStopped = await s.start(2).then(() => false, () => true);
  s.machine.stopIn = undefined;
  if (!isStopped) await s.stop(how);
  // the old program goes on, unless the record of the upgrade is there
  let isOld = true;
  try {
    await s.start(1);
    await s.put("two");
    await s.stop(how);
  } catch (error) {
    assert(error instanceof DatabaseUnusable, `${error}`);
    assertMatch(
      error.message,
      /(it is at|record \d+ of its journal is for) version 2 of the engine, and this program has 1: start a newer/,
    );
    isOld = false;
  }
  await s.start(2);
  await s.put("three");
  await s.stop(how);
  await s.start(2);
  await s.stop("kill");
  assertEquals(s.state, isOld ? [2, "ONE", "TWO", "three"] : [2, "ONE", "three"]);
  return { isStopped, isOld };
}

for (const how of ["kill", "power cut"] as const) {
  Deno.test(`an upgrade that a ${how} stops at any step is made by the next start, or was made`, async () => {
    const old: boolean[] = [];
    for (let operations = Math.floor(STEP * Math.random());; operations += STEP) {
      assert(operations < OPERATIONS_MAX);
      const { isStopped, isOld } = await stopAt(operations, how);
      if (!isStopped) break;
      old.push(isOld);
    }
    // both were met, and the upgrade was never undone
    assertEquals([old[0], old.at(-1)], [true, false]);
  });
}
