/**
 * Fairness between clients in one thread.
 *
 * Deno polls its sockets only when nothing else is left to do, and otherwise on every 61st turn of its event loop.
 * `setImmediate` alone does not make it poll. Reading a socket that always has bytes is always something to do, so a
 * client that never stops sending would hold up the others for 61 reads, and for all the work that these cause. What
 * does force a poll is waiting for a byte that this process sends to itself over TCP: it arrives only when Deno polls.
 *
 * - {@linkcode SocketPolling}: code that reads or works without end yields until every socket was polled, and many who
 *   have read something go on one after the other.
 * - {@linkcode TurnQueue}: long work is split, and each piece has a turn of the event loop of its own.
 * - {@linkcode FairScheduler}: costly work that anybody can request gets a share of the time, clients in turn.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { blockOf } from "../quota/address.ts";
import { RateLimit } from "../quota/rate_limit.ts";
import type { Environment } from "../quota/uptime.ts";

/**
 * Milliseconds after which the sockets are to be polled: about what it takes to send one read's messages to 100 members
 * (channels.md 5.5).
 */
const POLL_INTERVAL_MS = 2;

/** Most readers that go on together. */
const MAX_BATCH = 64;

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
  /** Those who wait for their turn, in its order: who has little to do, and who has much. */
  readonly #short: (() => void)[] = [];
  readonly #long: (() => void)[] = [];
  /** How many of the short ones go on together, so that it takes a millisecond or two. */
  #isLettingIn = false;
  #batch = 1;

  constructor(options: SocketPollingOptions) {
    this.#options = options;
    this.#polledAt = options.monotonicClock();
  }

  /** What to wait for before reading or working on, if a poll is due: the same for everybody. */
  get due(): Promise<void> | undefined {
    if (this.#polled === undefined && this.#options.monotonicClock() - this.#polledAt >= POLL_INTERVAL_MS) {
      return this.poll();
    }
    return this.#polled;
  }

  get isPolling(): boolean {
    return this.#polled !== undefined;
  }

  /** Polls every socket now. */
  poll(): Promise<void> {
    return this.#polled ??= this.#poll();
  }

  async #poll() {
    await this.#options.connection.roundTrip();
    // reads that found bytes go on before those who waited here
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    this.#polledAt = this.#options.monotonicClock();
    this.#polled = undefined;
  }

  /**
   * What to wait for before working on what was read, if others do so too: one after the other goes on, in the order of the
   * calls, and the sockets are polled as above in between. So a crowd that never stops does not hold up others by the work of
   * all of it. Those who have little to do wait for one at most who has much.
   */
  turn(isLong = false): Promise<void> | undefined {
    const isCrowded = this.#polled !== undefined || this.#isLettingIn;
    // who is alone has the sockets polled for those who come meanwhile
    void this.due;
    if (!isCrowded) return undefined;
    return new Promise((resolve) => {
      (isLong ? this.#long : this.#short).push(resolve);
      if (!this.#isLettingIn) void this.#letIn();
    });
  }

  async #letIn() {
    this.#isLettingIn = true;
    while (this.#short.length + this.#long.length > 0) {
      const takenMs = await this.#goOn(this.#short.splice(0, this.#batch));
      if (takenMs < 1) this.#batch = Math.min(2 * this.#batch, MAX_BATCH);
      else if (takenMs >= POLL_INTERVAL_MS) this.#batch = Math.max(this.#batch >> 1, 1);
      await this.#goOn(this.#long.splice(0, 1));
    }
    this.#isLettingIn = false;
  }

  /** Lets them go on, after a poll if one is due. Returns how long they took, in milliseconds. */
  async #goOn(readers: (() => void)[]): Promise<number> {
    if (readers.length === 0) return 0;
    const { monotonicClock } = this.#options, polled = this.due;
    if (polled !== undefined) await polled;
    const startMs = monotonicClock();
    for (const goOn of readers) goOn();
    // their work is in the microtasks until then
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    return monotonicClock() - startMs;
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
  /** Most clients that wait, and most tasks of one that do; 1,024 and 128 by default. */
  maxClients?: number;
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

/** What waits, of a client by the task's name. Each client in it has a task. */
type Tasks = Map<string, Task & { sinceMs: number }>;

/**
 * Gives a share of the time to work that anybody can request. Tasks over that wait, and clients take turns, one task
 * each: a client that requests much waits longer itself, and delays no other. A client is a network, and first the blocks
 * of networks take turns (README.md 1.4): one who has many addresses has most often neighbours.
 */
export class FairScheduler {
  readonly #options: FairSchedulerOptions;
  /** By block and then by client, in the order of their turns. Each block in it has a client. */
  readonly #waiting = new Map<string, Map<string, Tasks>>();
  /** Its tokens are milliseconds of work. */
  readonly #limit: RateLimit;
  #clients = 0;
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
    const own = this.#tasksOf(client),
      { maxClients = MAX_CLIENTS, maxClientTasks = MAX_CLIENT_TASKS } = this.#options;
    if (own === undefined) return this.#clients >= maxClients;
    return own.size >= maxClientTasks || this.#tasks - this.#clients >= MAX_MORE_TASKS;
  }

  /** Whether this task waits. */
  has(client: string, name: string): boolean {
    return this.#tasksOf(client)?.has(name) ?? false;
  }

  /** Runs the task, now or later. Returns false, and drops it, if {@linkcode isFull}. */
  schedule(client: string, name: string, task: Task): boolean {
    if (this.#tasks === 0 && this.#waitMs === 0) {
      this.#run(task);
      return true;
    }
    if (this.isFull(client)) return false;
    const block = blockOf(client);
    let clients = this.#waiting.get(block);
    if (clients === undefined) this.#waiting.set(block, clients = new Map());
    let own = clients.get(client);
    if (own === undefined) {
      clients.set(client, own = new Map());
      this.#clients++;
    }
    own.set(name, { ...task, sinceMs: this.#options.monotonicClock() });
    this.#tasks++;
    this.#setTimer();
    return true;
  }

  /** Drops a task that waits, if it does. */
  cancel(client: string, name: string) {
    const block = blockOf(client), clients = this.#waiting.get(block), own = clients?.get(client);
    if (clients === undefined || own === undefined || !own.delete(name)) return;
    this.#tasks--;
    if (own.size > 0) return;
    clients.delete(client);
    this.#clients--;
    if (clients.size === 0) this.#waiting.delete(block);
  }

  /** Drops what waits. */
  close() {
    this.#stopTimer?.();
    this.#waiting.clear();
    this.#tasks = this.#clients = 0;
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
    const [block, clients] = this.#waiting.entries().next().value!;
    const [client, own] = clients.entries().next().value!;
    const [name, task] = own.entries().next().value!;
    this.cancel(client, name);
    // behind all others
    if (own.size > 0) {
      clients.delete(client);
      clients.set(client, own);
    }
    if (clients.size > 0) {
      this.#waiting.delete(block);
      this.#waiting.set(block, clients);
    }
    if (this.#options.monotonicClock() - task.sinceMs > STALE_MS) task.onStale();
    else this.#run(task);
  }

  #tasksOf(client: string): Tasks | undefined {
    return this.#waiting.get(blockOf(client))?.get(client);
  }

  #setTimer() {
    this.#stopTimer ??= this.#options.setTimer(this.#waitMs, () => {
      this.#stopTimer = undefined;
      while (this.#tasks > 0 && this.#waitMs === 0) this.#runNext();
      if (this.#tasks > 0) this.#setTimer();
    });
  }
}
