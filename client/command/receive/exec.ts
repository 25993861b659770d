/**
 * `wirepost receive --exec`: runs a shell command for each message.
 *
 * @module
 */

import { format as formatDuration } from "@std/fmt/duration";
import { MAX_ATTEMPTS, MAX_RETRY_DELAY_MS } from "../../../protocol/session/mailbox_requests.ts";
import { ATTEMPTS, FIRST_RETRY_DELAY_MS, retryDelay } from "../../mailbox.ts";
import { report } from "../../terminal/output.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";
import type { LeasedMessage } from "./leasing_mailbox.ts";

/** The options for `--exec`. */
export const EXEC_OPTIONS: Readonly<Record<string, Option>> = {
  exec: { value: "CMD", help: "Run the shell command for each message, with its text on standard input" },
  parallel: { value: "N", help: "Run CMD for up to N messages at a time (1)" },
  "retry-delay": {
    value: "DURATION",
    help: "How long a message waits after CMD failed once, doubled each time (1s)",
  },
  attempts: {
    value: "N",
    help: `How often CMD may fail before a message is a dead letter (${ATTEMPTS})`,
  },
};

/** Most messages for which the command runs at a time. */
const MAX_PARALLEL = 1024;

/**
 * How a command ends after Ctrl-C, which reaches it and this program at the same time; and how long this program may
 * take to notice it, in milliseconds.
 */
const INTERRUPTS = ["signal 2", "exit 130"], INTERRUPT_MS = 200;

/** What to run for each message. */
export interface Exec {
  command: string;
  /** Messages for which it runs at a time. */
  parallel: number;
  /** The wait after the first failure. */
  retryDelayMs: number;
  attempts: number;
}

/** The command of `--exec`, if there is one. */
export function execOf(args: Arguments): Exec | undefined {
  const command = args.text("exec"), delay = args.duration("retry-delay");
  const attempts = args.integer("attempts", 1, MAX_ATTEMPTS);
  const parallel = args.integer("parallel", 1, MAX_PARALLEL) ?? 1;
  if (command === undefined) {
    for (const name of ["parallel", "retry-delay", "attempts"]) {
      if (args.flag(name)) throw new UsageError(`--${name} needs --exec CMD`);
    }
    return undefined;
  }
  if (delay !== undefined && delay > MAX_RETRY_DELAY_MS) {
    throw new UsageError(`Cannot use --retry-delay '${args.text("retry-delay")}': expected up to 1d`);
  }
  return { command, parallel, retryDelayMs: delay ?? FIRST_RETRY_DELAY_MS, attempts: attempts ?? ATTEMPTS };
}

/** What a signal to this program does. */
interface ExecSignals {
  /** The program ends: a failure of the command does not count. */
  stop: AbortSignal;
  /** The command is to end. */
  kill: AbortSignal;
  /** The command is not waited for any longer. */
  abandon: AbortSignal;
}

/** Runs the command for messages, each by itself. */
export class Executor {
  readonly #mailbox: string;
  readonly #exec: Exec;
  readonly #signals: ExecSignals;
  /** IDs of the messages for which the command failed the last time. */
  readonly #failed = new Set<number>();

  /** @param mailbox The ID of the messages' receiver. */
  constructor(mailbox: string, exec: Exec, signals: ExecSignals) {
    this.#mailbox = mailbox;
    this.#exec = exec;
    this.#signals = signals;
  }

  /** Whether the command failed for a message, and has not succeeded for it since. */
  get hasFailed(): boolean {
    return this.#failed.size > 0;
  }

  /** Runs the command. Returns whether it succeeded; if not, the server has the message back. */
  async run(message: LeasedMessage): Promise<boolean> {
    if (this.#signals.stop.aborted) {
      await message.release();
      return false;
    }
    let failure: string | undefined;
    try {
      failure = await runShell(this.#exec.command, message, this.#mailbox, this.#signals);
    } catch (error) {
      // there is no shell
      await message.release();
      throw error;
    }
    if (failure === undefined) {
      this.#failed.delete(message.id);
      return true;
    }
    if (INTERRUPTS.includes(failure)) await this.#stopped(INTERRUPT_MS);
    if (this.#signals.stop.aborted) await message.release();
    else await this.#fail(message, failure);
    return false;
  }

  /** Waits until this program is stopped too, but no longer than `ms` milliseconds. */
  async #stopped(ms: number) {
    const signal = AbortSignal.any([this.#signals.stop, AbortSignal.timeout(ms)]);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  async #fail(message: LeasedMessage, failure: string) {
    const { retryDelayMs, attempts } = this.#exec, { id, attempt } = message;
    this.#failed.add(id);
    const delay = Math.min(retryDelay(attempt, retryDelayMs), MAX_RETRY_DELAY_MS);
    const wasOurs = await message.fail({ delay, attempts, reason: failure });
    const next = !wasOurs
      ? "it was given out again meanwhile"
      : attempt >= attempts
      ? "it is a dead letter, see 'wirepost admin dead'"
      : delay === 0
      ? "it comes again at once"
      : `it comes again in ${formatDuration(delay, { ignoreZero: true })}`;
    await report(
      "receive",
      `the command ended with ${failure} for message ${id}, attempt ${attempt} of ${attempts}: ${next}`,
    );
  }
}

/**
 * Runs a command in the system's shell, with the text on standard input, and the rest of the message in the environment.
 * Returns how it failed: `exit 3`, `signal 9`; or undefined if it succeeded.
 */
async function runShell(
  command: string,
  { id, sender, time, attempt, text }: LeasedMessage,
  receiver: string,
  { kill, abandon }: ExecSignals,
): Promise<string | undefined> {
  const [shell, flag] = Deno.build.os === "windows" ? ["cmd", "/c"] : ["sh", "-c"];
  const env = {
    WIREPOST_ID: `${id}`,
    WIREPOST_SENDER: sender,
    WIREPOST_RECEIVER: receiver,
    WIREPOST_TIME: new Date(time).toISOString(),
    WIREPOST_ATTEMPT: `${attempt}`,
  };
  const child = new Deno.Command(shell, { args: [flag, command], stdin: "piped", env }).spawn();
  const abandoned = Promise.withResolvers<undefined>();
  const onKill = () => tryKill(child), onAbandon = () => abandoned.resolve(undefined);
  kill.addEventListener("abort", onKill);
  abandon.addEventListener("abort", onAbandon);
  // the exit code decides, also if the command does not read its input
  ReadableStream.from([new TextEncoder().encode(`${text}\n`)]).pipeTo(child.stdin).catch(() => {});
  const status = await Promise.race([child.status, abandoned.promise]);
  kill.removeEventListener("abort", onKill);
  abandon.removeEventListener("abort", onAbandon);
  if (status === undefined) return "no exit";
  if (status.success) return undefined;
  // a shell reports a signal as 128 and its number
  return status.signal === null ? `exit ${status.code}` : `signal ${status.code - 128}`;
}

function tryKill(child: Deno.ChildProcess) {
  try {
    child.kill("SIGTERM");
  } catch {
    // it has ended
  }
}
