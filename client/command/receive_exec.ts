/**
 * `wirepost receive --exec`: a shell command for each message.
 *
 * @module
 */

import { format as formatDuration } from "@std/fmt/duration";
import { MAX_ATTEMPTS, MAX_RETRY_DELAY_MS } from "../../protocol/mailbox_requests.ts";
import type { ReceivedMessage } from "../mailbox.ts";
import { ATTEMPTS, FIRST_RETRY_DELAY, retryDelay } from "../mailbox/retry.ts";
import { writeError } from "../terminal/output.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

/** The options that go with `--exec`. */
export const EXEC_OPTIONS: Readonly<Record<string, Option>> = {
  exec: { value: "CMD", help: "Run the shell command for each message, with its text on standard input" },
  "retry-delay": {
    value: "DURATION",
    help: "How long a message waits after CMD failed once, doubled each time (1s)",
  },
  attempts: {
    value: "N",
    help: `Let CMD fail so many times before a message is a dead letter (${ATTEMPTS})`,
  },
};

/** What `--exec` is asked for. */
export interface Exec {
  command: string;
  /** Milliseconds after the first attempt that failed. */
  retryDelay: number;
  attempts: number;
}

/** @throws {UsageError} They can't be used so. */
export function execOf(args: Arguments): Exec | undefined {
  const command = args.text("exec"), delay = args.duration("retry-delay");
  const attempts = args.integer("attempts", 1, MAX_ATTEMPTS);
  if (command === undefined) {
    for (const [name, given] of Object.entries({ "retry-delay": delay, attempts })) {
      if (given !== undefined) throw new UsageError(`--${name} goes with --exec`);
    }
    return undefined;
  }
  if (delay !== undefined && delay > MAX_RETRY_DELAY_MS) {
    throw new UsageError(`Cannot use --retry-delay '${args.text("retry-delay")}': expected up to 1d`);
  }
  return { command, retryDelay: delay ?? FIRST_RETRY_DELAY, attempts: attempts ?? ATTEMPTS };
}

/** How a signal to this program ends the command. */
export interface ExecEnd {
  /** Aborted when the command is to end. */
  signal: AbortSignal;
  /** Resolves when it is not waited for any more. */
  left: Promise<void>;
  /** Whether the program was told to end, and the command with it: then no failure counts. */
  isOver(): boolean;
}

/** Runs the command for one message after the other. */
export class Executor {
  readonly #receiver: string;
  readonly #exec: Exec;
  /** Messages that the command failed for the last time that it was run for them here. */
  readonly #failed = new Set<number>();

  /** @param receiver ID of the mailbox. */
  constructor(receiver: string, exec: Exec) {
    this.#receiver = receiver;
    this.#exec = exec;
  }

  /** Whether the command failed for a message, and has not done it since. */
  get hasFailed(): boolean {
    return this.#failed.size > 0;
  }

  /**
   * Runs the command. Returns whether it has done the message, which is then to be acknowledged; otherwise the server has
   * it again.
   */
  async run(message: ReceivedMessage, end: ExecEnd): Promise<boolean> {
    const { command, retryDelay: first, attempts } = this.#exec, { id, attempt } = message;
    let failure: string | undefined;
    try {
      const env = environmentOf(this.#receiver, message);
      const running = runShell(command, `${message.text}\n`, env, end.signal);
      failure = await Promise.race([running, end.left.then(() => "it runs on")]);
    } catch (error) {
      // there is no shell
      await message.back();
      throw error;
    }
    if (failure === undefined) {
      this.#failed.delete(id);
      return true;
    }
    if (end.isOver()) {
      await message.back();
      return false;
    }
    this.#failed.add(id);
    const delay = Math.min(retryDelay(attempt, first), MAX_RETRY_DELAY_MS);
    const wasOurs = await message.fail({ delay, attempts, reason: failure });
    const then = !wasOurs
      ? "it was given out again meanwhile"
      : attempt >= attempts
      ? "it is a dead letter, see 'wirepost admin dead'"
      : delay === 0
      ? "it comes again at once"
      : `it comes again in ${formatDuration(delay, { ignoreZero: true })}`;
    await writeError(
      `wirepost receive: the command ended with ${failure} for message ${id}, attempt ${attempt} of ${attempts}: ${then}\n`,
    );
    return false;
  }
}

/** What the command learns of its message beside the text. */
function environmentOf(receiver: string, { id, sender, time, attempt }: ReceivedMessage) {
  return {
    WIREPOST_ID: `${id}`,
    WIREPOST_SENDER: sender,
    WIREPOST_RECEIVER: receiver,
    WIREPOST_TIME: new Date(time).toISOString(),
    WIREPOST_ATTEMPT: `${attempt}`,
  };
}

/** Runs a command of the system's shell to its end, or until `end` is to end it. Returns how it failed: `exit 3`, `signal 9`; undefined if not. */
async function runShell(
  command: string,
  input: string,
  env: Record<string, string>,
  end: AbortSignal,
): Promise<string | undefined> {
  const [shell, flag] = Deno.build.os === "windows" ? ["cmd", "/c"] : ["sh", "-c"];
  const child = new Deno.Command(shell, { args: [flag, command], stdin: "piped", env }).spawn();
  const kill = () => tryKill(child);
  end.addEventListener("abort", kill);
  const writer = child.stdin.getWriter();
  // a command that does not read its input decides by how it ends
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, code, signal } = await child.status;
  end.removeEventListener("abort", kill);
  if (success) return undefined;
  // a shell's way to say which signal: 128 and its number
  return signal === null ? `exit ${code}` : `signal ${code - 128}`;
}

function tryKill(child: Deno.ChildProcess) {
  try {
    child.kill("SIGTERM");
  } catch {
    // it has ended
  }
}
