/**
 * A store on a simulated machine, who uses it, and what goes wrong: all of it from one seed.
 *
 * @module
 */

import { AssertionError } from "@std/assert";
import { DatabaseUnusable } from "../../../server/store/errors.ts";
import { JournalDamaged } from "../../../server/store/journal/recovery.ts";
import type { Outcome, StoreRequest } from "../../../server/store/store.ts";
import { Random } from "../random.ts";
import { Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { Oracle } from "./oracle.ts";
import { SimulatedTime } from "./simulated_time.ts";

/** Hands a request to the store. `done` is called with its outcome, unless the process ends before. */
export type Submit = (request: StoreRequest, done: (outcome: Outcome) => void) => void;

/** Resolves to the outcome of a request. */
export type Ask = (request: StoreRequest) => Promise<Outcome>;

/** Those who use a store. */
export interface Load {
  /** What the server records at its start. */
  start(): StoreRequest[];
  /** Does something. Returns how many milliseconds go by then. */
  act(submit: Submit): number;
  /** The store was started again. */
  restarted(ask: Ask): Promise<void>;
  /** Nothing goes wrong any more: what is open is brought to its end, and everything is looked at. */
  end(ask: Ask): Promise<void>;
}

/** Most steps between two moments at which something may go wrong, or end. */
const STEPS_AT_ONCE = 8;

/** What has happened. A step is something that one of the load's clients does, which mostly is one request. */
export interface Figures {
  steps: number;
  requests: number;
  operations: number;
  records: number;
  kills: number;
  powerCuts: number;
  closed: number;
  /** Holds that began, as for a backup. */
  holds: number;
  failures: number;
  /** Starts that did not come to their end. */
  failedStarts: number;
  checkpoints: number;
  comparisons: number;
}

export class World implements Disposable {
  readonly #random: Random;
  readonly #time = new SimulatedTime();
  readonly #machine: Machine;
  readonly #oracle = new Oracle();
  readonly #load: Load;
  #life: Life | undefined;
  /** What a load has found wrong in an outcome, or what nobody has caught. */
  #error: unknown;
  readonly #onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    this.#error ??= event.reason;
  };
  readonly figures: Figures = {
    steps: 0,
    requests: 0,
    operations: 0,
    records: 0,
    kills: 0,
    powerCuts: 0,
    closed: 0,
    holds: 0,
    failures: 0,
    failedStarts: 0,
    checkpoints: 0,
    comparisons: 0,
  };

  constructor(seed: number, load: (random: Random) => Load) {
    this.#random = new Random(seed);
    this.#load = load(this.#random.split());
    this.#machine = new Machine(this.#random.split(), this.#time);
    Life.install(this.#machine);
    globalThis.addEventListener("unhandledrejection", this.#onRejection);
  }

  async run(steps: number): Promise<Figures> {
    const { figures } = this, random = this.#random, machine = this.#machine;
    await this.#start();
    while (figures.steps < steps) {
      this.#fault();
      if (random.chance(this.#life!.store.hold.isOn ? 0.02 : 0.002)) this.#toggleHold();
      let ms = random.chance(0.3) ? random.between(1, 50) : 0;
      for (let count = random.between(1, STEPS_AT_ONCE); count > 0; count--) {
        figures.steps++;
        ms += this.#load.act((request, done) => this.#submit(request, done));
      }
      this.#time.pass(ms);
      if (random.chance(0.5)) await machine.turn();
      if (random.chance(0.001)) await this.#close();
      if (machine.isStopped) await this.#restart();
      if (this.#error !== undefined) throw this.#error;
    }
    machine.stopIn = machine.failIn = undefined;
    machine.failsLogSync = false;
    machine.isFull = false;
    await this.#close();
    await this.#restart(false);
    await this.#load.end((request) => this.#ask(request));
    await this.#close();
    await machine.turn();
    if (this.#error !== undefined) throw this.#error;
    figures.operations = machine.operations;
    figures.failures = machine.failures;
    figures.kills = machine.stops.kill;
    figures.powerCuts = machine.stops["power cut"];
    figures.records = this.#oracle.acknowledged;
    figures.comparisons = this.#oracle.comparisons;
    return figures;
  }

  /** Something may go wrong soon. */
  #fault() {
    const random = this.#random, machine = this.#machine;
    if (random.chance(0.005) && machine.stopIn === undefined) {
      machine.stopIn = { operations: random.between(0, 40), how: random.chance(0.5) ? "kill" : "power cut" };
    }
    if (random.chance(0.001) && !machine.isStopped) machine.crash(random.chance(0.5) ? "kill" : "power cut");
    if (random.chance(0.001) && machine.failIn === undefined) {
      machine.failIn = random.between(0, 40);
    }
    if (random.chance(0.001)) machine.failsLogSync = true;
    if (random.chance(machine.isFull ? 0.01 : 0.0005)) machine.isFull = !machine.isFull;
    if (random.chance(0.001)) machine.clockSet += random.between(-2, 2) * random.between(0, 86_400_000);
  }

  /** A backup begins, or ends. */
  #toggleHold() {
    const { hold } = this.#life!.store;
    if (hold.isOn) return hold.breakOff("the backup was made");
    this.figures.holds++;
    // the process may end meanwhile
    hold.ask().catch(() => {});
  }

  #submit(request: StoreRequest, done: (outcome: Outcome) => void) {
    const life = this.#life!, machine = this.#machine;
    this.figures.requests++;
    life.group.submit(request, (outcome: Outcome) => {
      // a process that has ended answers nobody
      if (machine.isStopped || this.#life !== life) return;
      this.#oracle.acknowledge(request);
      try {
        done(outcome);
      } catch (error) {
        this.#error ??= error;
      }
    });
  }

  async #ask(request: StoreRequest): Promise<Outcome> {
    let outcome: Outcome | undefined;
    const answered = new Promise<void>((resolve) =>
      this.#submit(request, (value) => {
        outcome = value;
        resolve();
      })
    );
    const ended = Promise.race([answered, this.#life!.lost]);
    await this.#machine.until(ended);
    await ended;
    if (outcome === undefined) throw new Error(`No outcome of ${JSON.stringify(request)}`);
    return outcome;
  }

  /** Stops the server as its operator does. */
  async #close() {
    const machine = this.#machine;
    if (machine.isStopped) return;
    this.figures.closed++;
    await this.#endLife();
    if (!machine.isStopped) machine.stop("kill");
  }

  async #endLife() {
    const life = this.#life!;
    this.#life = undefined;
    this.figures.checkpoints += life.store.figures.checkpoints;
    await this.#machine.until(life.end());
    this.#time.clear();
  }

  /** Starts again until it works, and looks at what is there. */
  async #restart(mayFail = true) {
    do {
      if (this.#life) await this.#endLife();
      this.#machine.restart();
      if (mayFail && this.#random.chance(0.2)) this.#faultAtStart();
    } while (!await this.#start() || !await this.#look());
  }

  /** Returns whether the process did not end meanwhile, of what went wrong before. */
  async #look(): Promise<boolean> {
    const machine = this.#machine;
    machine.stopIn = machine.failIn = undefined;
    machine.failsLogSync = false;
    try {
      await this.#load.restarted((request) => this.#ask(request));
      return true;
    } catch (error) {
      if (!machine.isStopped || !isExpected(error, machine)) throw error;
      return false;
    }
  }

  #faultAtStart() {
    const random = this.#random, operations = random.between(0, 20);
    if (random.chance(0.2)) this.#machine.failIn = operations;
    else this.#machine.stopIn = { operations, how: random.chance(0.5) ? "kill" : "power cut" };
  }

  /** Returns whether it has started; what was to go wrong may have ended it. */
  async #start(): Promise<boolean> {
    const machine = this.#machine, random = this.#random;
    const options = {
      machine,
      oracle: this.#oracle,
      random,
      requests: [{ kind: "start" } as const, ...this.#load.start()],
    };
    const starting = Life.start(options);
    await machine.until(starting);
    try {
      this.#life = await starting;
      return true;
    } catch (error) {
      this.#time.clear();
      if (!isExpected(error, machine)) throw error;
      this.figures.failedStarts++;
      // its operator has made room: without any it starts as often as it wants
      machine.isFull = false;
      return false;
    }
  }

  [Symbol.dispose]() {
    globalThis.removeEventListener("unhandledrejection", this.#onRejection);
    this.#time[Symbol.dispose]();
    this.#oracle[Symbol.dispose]();
    this.#machine.remove();
  }
}

/** Whether a start may fail like this: not because of what it has found. */
function isExpected(error: unknown, { isDisturbed }: Machine): boolean {
  const isDamage = error instanceof JournalDamaged || error instanceof DatabaseUnusable;
  return isDisturbed && !isDamage && !(error instanceof AssertionError);
}
