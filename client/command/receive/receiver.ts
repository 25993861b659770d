import { setTimeout as pause } from "node:timers/promises";
import { type OriginalMessage, SHARED_QUEUE } from "../../original_mailbox.ts";
import { BusyError, LoginError, SessionEndError } from "../../mailbox.ts";
import { outputLine, report, tryWrite } from "../../terminal/output.ts";
import { INTERRUPTED } from "../../terminal/signals.ts";
import { type Exec, Executor } from "./exec.ts";
import type { LeasedMessage, LeasingMailbox } from "./leasing_mailbox.ts";
import type { WaitLimit } from "./wait_limit.ts";

/** How long to close the connection after a signal, and before that to write to a reader that does not read. */
const CLOSE_TIMEOUT_MS = 2000, WRITE_TIMEOUT_MS = 500;

/**
 * After a signal: when a command that Ctrl-C has not ended gets SIGTERM, and when a command that still runs is left. With
 * the time to close the connection that is less than 5 s in all.
 */
const KILL_MS = 1000, ABANDON_MS = 2500;

/** How long to close the connection when the wait is over. */
const LIMIT_CLOSE_TIMEOUT_MS = 500;

/** Batches of acknowledgements on their way. */
const MAX_ACKS = 2;

/** Wait before the next connection to a server that is gone. */
const RECONNECT_MS = 1000;

/** What to receive, and what to do with it. */
export interface ReceiveOptions {
  /** Its ID, or `SHARED_QUEUE`. */
  mailbox: string;
  /** Most messages. */
  count: number;
  /** How long to wait for messages: in all, or with `follow` for each. */
  waitMs: number;
  /** Whether to connect again when the server is gone. */
  follow: boolean;
  /** Whether to print JSON. */
  json: boolean;
  /** The command for each message, instead of printing it. */
  exec: Exec | undefined;
}

/** Receives until it has all messages, the wait is over, or a signal stops it. */
export class Receiver {
  received = 0;
  /** The exit code for the signal that has stopped it. */
  code: number | undefined;
  readonly #options: ReceiveOptions;
  readonly #executor: Executor | undefined;
  /** Aborted by a signal: to receive no more, to end the command, and not to wait for the command any longer. */
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  readonly #abandon = new AbortController();
  readonly #stopped = Promise.withResolvers<undefined>();
  readonly #writeTimeout = Promise.withResolvers<void>();
  readonly #acks = new Set<Promise<unknown>>();
  #ackError: unknown;

  constructor(options: ReceiveOptions) {
    this.#options = options;
    const signals = { stop: this.#stop.signal, kill: this.#kill.signal, abandon: this.#abandon.signal };
    this.#executor = options.exec && new Executor(options.mailbox, options.exec, signals);
  }

  /** Whether the command failed for a message, and has not succeeded for it since. */
  get hasFailed(): boolean {
    return this.#executor?.hasFailed ?? false;
  }

  /** Ends it because of a signal. The second signal leaves a command that does not end at once. */
  stop(code: number) {
    const isFirst = this.code === undefined;
    if (!isFirst) this.#abandon.abort();
    // Ctrl-C reaches the command by itself, if it ran already
    if (!isFirst || code !== INTERRUPTED) this.#kill.abort();
    if (!isFirst) return;
    this.code = code;
    setTimeout(() => this.#kill.abort(), KILL_MS);
    setTimeout(() => this.#abandon.abort(), ABANDON_MS);
    setTimeout(this.#writeTimeout.resolve, WRITE_TIMEOUT_MS);
    this.#stop.abort();
    this.#stopped.resolve(undefined);
  }

  /** Receives until the end, with `follow` over as many connections as needed. */
  async run(connect: () => Promise<LeasingMailbox>, limit: WaitLimit) {
    while (this.code === undefined) {
      try {
        return await this.#connected(connect, limit);
      } catch (error) {
        if (this.code !== undefined) return;
        const isLost = error instanceof SessionEndError && !(error instanceof LoginError);
        if (!this.#options.follow || !isLost) throw error;
        if (!(error instanceof BusyError)) await report("receive", `${error.message}; trying again`);
        await pause(RECONNECT_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      }
    }
  }

  async #connected(connect: () => Promise<LeasingMailbox>, limit: WaitLimit) {
    const connecting = connect();
    const mailbox = await Promise.race([connecting, this.#stopped.promise, limit.over]);
    if (mailbox === undefined) {
      // nothing was requested yet
      connecting.then((late) => late.close(0), () => {});
      if (this.code === undefined) throw limit.error;
      return;
    }
    limit.signal.addEventListener("abort", () => mailbox.close(LIMIT_CLOSE_TIMEOUT_MS).catch(() => {}));
    try {
      await this.#receive(mailbox, limit);
    } finally {
      await mailbox.close(this.code === undefined ? undefined : CLOSE_TIMEOUT_MS);
    }
  }

  async #receive(mailbox: LeasingMailbox, limit: WaitLimit) {
    this.#ackError = undefined;
    try {
      if (this.#executor === undefined) await this.#printAll(mailbox, limit);
      else await this.#executeAll(mailbox, limit, this.#executor);
    } finally {
      limit.start();
      // closing the connection waits for them too, but not without a limit
      await Promise.race([Promise.all(this.#acks), this.#stopped.promise]);
    }
    if (limit.signal.aborted && (this.#ackError !== undefined || !mailbox.hasAnswered)) throw limit.error;
    if (this.#ackError !== undefined) throw this.#ackError;
  }

  #receiveOptions(count: number, limit: WaitLimit) {
    const signal = AbortSignal.any([this.#stop.signal, limit.signal]);
    return { count, wait: this.#options.waitMs, signal };
  }

  /** Prints messages as they come. Those that the reader of the output is too slow for are left to other receivers. */
  async #printAll(mailbox: LeasingMailbox, limit: WaitLimit) {
    const { count, follow } = this.#options;
    const options = this.#receiveOptions(count - this.received, limit);
    for await (const batch of mailbox.batches(this.#options.mailbox, options)) {
      limit.stop();
      await this.#print(batch);
      await this.#acknowledged();
      if (follow) limit.reset();
      limit.start();
    }
  }

  /** Waits until few acknowledgements are on their way. @throws {Error} One of them failed. */
  async #acknowledged() {
    if (this.#acks.size > MAX_ACKS) await Promise.race(this.#acks);
    if (this.#ackError !== undefined) throw this.#ackError;
  }

  /**
   * Runs the command for up to `parallel` messages at a time. Each is leased by itself, and only when the command can run
   * for it at once: the others are left to other receivers.
   */
  async #executeAll(mailbox: LeasingMailbox, limit: WaitLimit, executor: Executor) {
    const { count, exec } = this.#options, running = new Set<Promise<void>>();
    let left = count - this.received, hasRun = true;
    try {
      // a message for which the command failed may be there again when the last command has ended
      while (left > 0 && hasRun && this.code === undefined && !limit.signal.aborted) {
        const options = { ...this.#receiveOptions(left, limit), prefetch: 1 };
        for await (const batch of mailbox.batches(this.#options.mailbox, options)) {
          left -= batch.length;
          for (const message of batch) this.#start(message, executor, running, limit);
          if (running.size >= exec!.parallel) await Promise.race(running);
          await this.#acknowledged();
        }
        hasRun = running.size > 0;
        await Promise.all(running);
        await this.#acknowledged();
      }
    } finally {
      // none goes on without its message: what ends with an error is waited for too
      await Promise.all(running);
    }
  }

  /** Runs the command for a message. Meanwhile no time counts as waiting; an error is kept for the loop. */
  #start(message: LeasedMessage, executor: Executor, running: Set<Promise<void>>, limit: WaitLimit) {
    limit.stop();
    const run = this.#execute(message, executor).catch((error) => {
      this.#ackError ??= error;
    }).finally(() => {
      running.delete(run);
      if (running.size > 0) return;
      if (this.#options.follow) limit.reset();
      limit.start();
    });
    running.add(run);
  }

  /** Prints a batch in one write, and acknowledges what was written. */
  async #print(batch: readonly LeasedMessage[]) {
    const { mailbox, json } = this.#options;
    const lines = batch.map((message) => messageLine(mailbox, message, json));
    const { taken, error } = await tryWrite(lines, this.#writeTimeout.promise);
    this.received += taken;
    this.#ack(batch.slice(0, taken));
    if (error === undefined) return;
    await Promise.all(batch.slice(taken).map((message) => message.release()));
    throw error;
  }

  async #execute(message: LeasedMessage, executor: Executor) {
    if (!await executor.run(message)) return;
    this.received++;
    this.#ack([message]);
  }

  /** Acknowledges a batch, and does not wait for it. */
  #ack(batch: readonly LeasedMessage[]) {
    const ack = Promise.all(batch.map(async (message) => {
      if (await message.ack()) return;
      await report("receive", `message ${message.id} was given out again meanwhile`);
    })).catch((error) => this.#ackError ??= error).finally(() => this.#acks.delete(ack));
    this.#acks.add(ack);
  }
}

/** A message as a line of output: its text, or a JSON object. On the original wire it has no ID, and maybe no time. */
export function messageLine(
  receiver: string,
  message: LeasedMessage | OriginalMessage,
  json: boolean,
): string {
  const { id, sender, time, attempt, text }: OriginalMessage & Partial<LeasedMessage> = message;
  if (!json) return outputLine(text);
  return outputLine(JSON.stringify({
    id,
    ...receiver === SHARED_QUEUE ? {} : { sender, receiver },
    time: Number.isNaN(time) ? undefined : new Date(time).toISOString(),
    attempt,
    text,
  }));
}
