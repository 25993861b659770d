/**
 * A machine whose disk is simulated. It is stopped, loses its power, and refuses, at moments that a seed determines; and
 * what it does takes time, so that others go on meanwhile.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { SystemClocks } from "../../../server/store/journaled/clocks.ts";
import { type Operation, SimulatedFolder } from "../../server/store/journal/simulated_folder.ts";
import type { Random } from "../random.ts";
import { DatabaseFiles, type DatabaseState } from "./database_files.ts";
import type { SimulatedTime } from "./simulated_time.ts";

/** After so many turns nothing will happen any more. */
const TURNS_MAX = 100_000;

/** How a process ends: by itself or by another one, or with everything that was not synced. */
export type Stop = "kill" | "power cut";

/** An operation fails because the process has ended. */
export class Stopped extends Error {
  override name = "Stopped";
}

/** What a start finds. */
interface Remains {
  folder: SimulatedFolder;
  database: DatabaseState;
  how: Stop;
}

export class Machine {
  /** Of the database; it is on no disk if the system has one in memory. */
  readonly directory: string;
  readonly files: DatabaseFiles;
  folder: SimulatedFolder = new SimulatedFolder();
  /** The system's clock, set to this many milliseconds after its beginning. */
  clockSet = 1_700_000_000_000;
  /** There is no room for anything that needs more. */
  isFull = false;
  /** So many operations later the process ends. */
  stopIn: { operations: number; how: Stop } | undefined;
  /** So many operations later one fails. */
  failIn: number | undefined;
  /** The next sync of SQLite's log fails. */
  failsLogSync = false;
  /** How often a process was started since the first one. */
  starts = 0;
  /** Whether something has gone wrong since the last start: then the process may end by itself. */
  isDisturbed = false;
  operations = 0;
  failures = 0;
  /** How often the process has ended without being asked to. */
  readonly stops = { "kill": 0, "power cut": 0 };
  readonly #random: Random;
  readonly #time: SimulatedTime;
  #remains: Remains | undefined;
  /** What goes on: after so many turns it has ended. */
  #waiting: { turns: number; resolve: () => void }[] = [];

  constructor(random: Random, time: SimulatedTime) {
    this.#random = random;
    this.#time = time;
    this.directory = Deno.makeTempDirSync({ prefix: "wirepost-simulation-" });
    this.files = new DatabaseFiles(this.directory);
    this.#watch();
  }

  readonly clocks: SystemClocks = {
    wallClock: () => this.clockSet + this.#time.now,
    steadyClock: () => this.#time.now,
    uptime: () => this.#time.now,
  };

  get isStopped(): boolean {
    return this.#remains !== undefined;
  }

  /** Whether the process ends with the next operation. */
  get isStoppedNext(): boolean {
    return this.stopIn?.operations === 0;
  }

  #watch() {
    this.folder.onOperation = (operation) => this.operate(operation);
    this.folder.wait = () => this.wait();
  }

  /**
   * Something is done to the disk.
   *
   * @param logBefore What SQLite's log was before a transaction that is being committed.
   * @throws {Error} It fails, or the process has ended before it.
   */
  operate(operation: Partial<Operation>, logBefore?: Uint8Array<ArrayBuffer>) {
    if (this.isStopped) throw new Stopped("The process has ended");
    this.operations++;
    if (this.stopIn && this.stopIn.operations-- <= 0) {
      this.crash(this.stopIn.how, operation, logBefore);
      throw new Stopped("The process ends");
    }
    if (this.failIn !== undefined && this.failIn-- <= 0) throw this.syncError();
    const needsRoom = operation.kind === "create" || operation.kind === "write" &&
        operation.name!.startsWith("spare-") && isLonger(this.folder, operation as Operation);
    if (this.isFull && needsRoom) throw this.fullError();
  }

  syncError(): Error {
    this.failIn = undefined;
    this.failsLogSync = false;
    this.isDisturbed = true;
    this.failures++;
    // SQLITE_IOERR_FSYNC
    return Object.assign(new Error("Input/output error"), { code: "EIO", errcode: 1034 });
  }

  fullError(): Error {
    this.isDisturbed = true;
    // SQLITE_FULL
    return Object.assign(new Error("No space left on device"), { code: "ENOSPC", errcode: 13 });
  }

  /** The process ends, and nobody has asked it to. */
  crash(how: Stop, operation?: Partial<Operation>, logBefore?: Uint8Array<ArrayBuffer>) {
    this.isDisturbed = true;
    this.stops[how]++;
    this.stop(how, operation, logBefore);
  }

  /** Ends the process now, or in the middle of an operation. */
  stop(how: Stop, operation: Partial<Operation> = {}, logBefore?: Uint8Array<ArrayBuffer>) {
    const { folder, files } = this, random = this.#random;
    // what was just being written may be there in part
    const killed = how === "kill" || operation.write !== undefined
      ? folder.afterKill(operation.write && random.chance(0.8) ? operation : {}, random)
      : folder;
    this.#remains = {
      how,
      folder: how === "kill" ? killed : killed.afterPowerCut(random),
      database: how === "kill" ? files.afterKill(random, logBefore) : files.afterPowerCut(random),
    };
    this.stopIn = this.failIn = undefined;
    this.failsLogSync = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Lets a new process find what is there. Nobody may have the files open any more. */
  restart() {
    this.starts++;
    const { folder, database, how } = this.#remains!;
    this.files.write(database, how === "power cut");
    this.folder = folder;
    this.#watch();
    this.#remains = undefined;
    this.isDisturbed = false;
  }

  /** Takes some turns, or none. */
  wait(): Promise<void> {
    const turns = this.#random.between(-2, 6);
    if (this.isStopped || turns <= 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ turns, resolve }));
  }

  /** Lets everything go on that does not wait any more. */
  async turn() {
    for (const waiting of this.#waiting) waiting.turns--;
    const ended = this.#waiting.filter(({ turns }) => turns <= 0);
    this.#waiting = this.#waiting.filter(({ turns }) => turns > 0);
    for (const { resolve } of ended) resolve();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Turns until something has ended. */
  async until(ending: Promise<unknown>) {
    let isEnded = false;
    const end = () => isEnded = true;
    ending.then(end, end);
    for (let turns = 0; !isEnded; turns++) {
      if (turns === TURNS_MAX) throw new Error("It does not end");
      await this.turn();
      this.#time.pass(1);
    }
  }

  remove() {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** Whether a write makes its file longer. */
function isLonger(folder: SimulatedFolder, { name, write }: Operation): boolean {
  return write!.at + write!.bytes.length > folder.size(name);
}
