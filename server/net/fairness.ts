/**
 * Fairness between clients in one thread.
 *
 * Deno polls its sockets only when nothing else is left to do, and otherwise on every 61st turn of its event loop.
 * `setImmediate` alone does not make it poll. Reading a socket that always has bytes is always something to do, so a
 * client that never stops sending would hold up the others for 61 reads, and for all the work that these cause. What
 * does force a poll is waiting for a byte that this process sends to itself over TCP: it arrives only when Deno polls.
 *
 * - {@linkcode SocketPolling}: code that reads or works without end yields until every socket was polled.
 * - {@linkcode TurnQueue}: long work is split, and each piece has a turn of the event loop of its own.
 * - {@linkcode FairScheduler}: costly work that anybody can request gets a share of the time, clients in turn.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { RateLimit } from "../quota/rate_limit.ts";
import type { Environment } from "../quota/uptime.ts";

/**
 * Milliseconds after which the sockets are to be polled: about what it takes to send one read's messages to 100 members
 * (channels.md 5.5).
 */
const POLL_INTERVAL_MS = 2;

const HOST = "127.0.0.1", BYTE = new Uint8Array(1);

/** A TCP connection from this process to itself. */
export class SelfConnection {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  readonly #buffer = new Uint8Array(1);

  private constructor(near: Deno.TcpConn, far: Deno.TcpConn) {
    this.#near = near;
    this.#far = far;
    near.setNoDelay(true);
  }

  /** @throws {Error} This machine's own address can't be connected to. */
  static async open(): Promise<SelfConnection> {
    try {
      using listener = Deno.listen({ hostname: HOST, port: 0 });
      const near = await Deno.connect({ hostname: HOST, port: listener.addr.port });
      try {
        for (;;) {
          const far = await listener.accept();
          if (far.remoteAddr.port === near.localAddr.port) return new SelfConnection(near, far);
          // another process was faster
          far.close();
        }
      } catch (error) {
        near.close();
        throw error;
      }
    } catch (error) {
      throw new Error(`Cannot connect to this machine's own address '${HOST}': ${(error as Error).message}`);
    }
  }

  /** Sends a byte and receives it, so that every socket was polled meanwhile. Never rejects, also if it is closed. */
  async roundTrip() {
    try {
      const received = this.#far.read(this.#buffer);
      await Promise.all([received, this.#near.write(BYTE)]);
    } catch {
      // it is closed
    }
  }

  close() {
    this.#near.close();
    this.#far.close();
  }
}

export interface SocketPollingOptions extends Pick<Environment, "monotonicClock"> {
  connection: Pick<SelfConnection, "roundTrip" | "close">;
}

/** Polls every socket once in a while: code that reads or works without end waits for that. */
export class SocketPolling {
  readonly #options: SocketPollingOptions;
  #polledAt: number;
  #polled: Promise<void> | undefined;

  constructor(options: SocketPollingOptions) {
    this.#options = options;
    this.#polledAt = options.monotonicClock();
  }

  /** What to wait for before reading or working on, if a poll is due: the same for everybody. */
  get due(): Promise<void> | undefined {
    if (this.#polled === undefined && this.#options.monotonicClock() - this.#polledAt >= POLL_INTERVAL_MS) {
      this.#polled = this.#poll();
    }
    return this.#polled;
  }

  async #poll() {
    await this.#options.connection.roundTrip();
    // reads that found bytes go on before those who waited here
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    this.#polledAt = this.#options.monotonicClock();
    this.#polled = undefined;
  }

  close() {
    this.#options.connection.close();
  }
}

/** Gives each piece of long work a turn of its own, so that a datagram that arrives meanwhile waits for one piece only. */
export class TurnQueue {
  readonly #polling: Pick<SocketPolling, "due">;
  readonly #waiting: (() => void)[] = [];

  constructor(polling: Pick<SocketPolling, "due">) {
    this.#polling = polling;
  }

  /** Resolves in a turn of the event loop that no other caller has, in the order of the calls. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#run());
    });
  }

  async #run() {
    await this.#polling.due;
    this.#waiting[0]!();
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(() => this.#run());
  }
}

export interface FairSchedulerOptions extends Pick<Environment, "monotonicClock" | "setTimer"> {
  /** Part of the time that the work may take, over 0 and at most 1. */
  share: number;
  /** Least time that a task counts as taking. */
  minTaskMs: number;
  /** Work that is done at once after a while without any, in milliseconds. */
  burstMs: number;
  /** Most tasks of one client that wait; 128 by default. */
  maxClientTasks?: number;
}

export interface Task {
  run(): void;
  /** Called instead of `run` if the task has waited too long for anybody to want it any more. */
  onStale(): void;
}

/**
 * Limits of what waits: clients, tasks of each, and tasks in all beside the first of each client (seal.md section 9).
 */
const MAX_CLIENTS = 1024, MAX_CLIENT_TASKS = 128, MAX_MORE_TASKS = 8192;
export const MAX_TASKS = MAX_CLIENTS + MAX_MORE_TASKS;

/** How long a task waits at most (seal.md 2.10). */
const STALE_MS = 10_000;

/** Longest time that a task counts as taking: the rest was rather the system doing something else. */
const MAX_TASK_MS = 10;

/**
 * Gives a share of the time to work that anybody can request. Tasks over that wait, and clients take turns, one task
 * each: a client that requests much waits longer itself, and delays no other.
 */
export class FairScheduler {
  readonly #options: FairSchedulerOptions;
  /** By client, in the order of their turns; then by the task's name. Each client in it has a task. */
  readonly #waiting = new Map<string, Map<string, Task & { sinceMs: number }>>();
  /** Its tokens are milliseconds of work. */
  readonly #limit: RateLimit;
  #tasks = 0;
  #stopTimer: (() => void) | undefined;

  constructor(options: FairSchedulerOptions) {
    this.#options = options;
    const { share, burstMs: burst, monotonicClock } = options;
    this.#limit = new RateLimit({ burst, intervalMs: 1 / share, monotonicClock });
  }

  /** How many wait. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Whether no more tasks of this client can wait. */
  isFull(client: string): boolean {
    const own = this.#waiting.get(client);
    if (own === undefined) return this.#waiting.size >= MAX_CLIENTS;
    return own.size >= (this.#options.maxClientTasks ?? MAX_CLIENT_TASKS) ||
      this.#tasks - this.#waiting.size >= MAX_MORE_TASKS;
  }

  /** Whether this task waits. */
  has(client: string, name: string): boolean {
    return this.#waiting.get(client)?.has(name) ?? false;
  }

  /** Runs the task, now or later. Returns false, and drops it, if {@linkcode isFull}. */
  schedule(client: string, name: string, task: Task): boolean {
    if (this.#waiting.size === 0 && this.#waitMs === 0) {
      this.#run(task);
      return true;
    }
    if (this.isFull(client)) return false;
    let own = this.#waiting.get(client);
    if (own === undefined) this.#waiting.set(client, own = new Map());
    own.set(name, { ...task, sinceMs: this.#options.monotonicClock() });
    this.#tasks++;
    this.#setTimer();
    return true;
  }

  /** Drops what waits. */
  close() {
    this.#stopTimer?.();
    this.#waiting.clear();
    this.#tasks = 0;
  }

  /** Milliseconds until the next task may run. */
  get #waitMs(): number {
    return this.#limit.waitMs("", this.#options.minTaskMs);
  }

  #run(task: Task) {
    const { minTaskMs, monotonicClock } = this.#options, startMs = monotonicClock();
    task.run();
    const takenMs = Math.min(Math.max(monotonicClock() - startMs, minTaskMs), MAX_TASK_MS);
    this.#limit.take("", takenMs, startMs);
  }

  #runNext() {
    const [client, own] = this.#waiting.entries().next().value!;
    const [name, task] = own.entries().next().value!;
    own.delete(name);
    this.#tasks--;
    // behind all others
    this.#waiting.delete(client);
    if (own.size > 0) this.#waiting.set(client, own);
    if (this.#options.monotonicClock() - task.sinceMs > STALE_MS) task.onStale();
    else this.#run(task);
  }

  #setTimer() {
    this.#stopTimer ??= this.#options.setTimer(this.#waitMs, () => {
      this.#stopTimer = undefined;
      while (this.#waiting.size > 0 && this.#waitMs === 0) this.#runNext();
      if (this.#waiting.size > 0) this.#setTimer();
    });
  }
}
