/**
 * The forum's file transfer, client's half: what uploads and downloads share. `protocol/transfer.md` is the
 * specification.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import type { RefusalCode } from "../../protocol/transfer.ts";
import { fileError } from "../file/file_error.ts";

/** The content of a file, as the server names it. */
export interface FileContent {
  /** In bytes. */
  size: number;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  hash: string;
}

/** How far a transfer is. */
export interface TransferProgress {
  /**
   * What is being done. The beginning of a file is hashed before an earlier transfer goes on, and the whole file once
   * more after an upload if it is so new that its times would not show a change.
   */
  step: "hash" | "transfer";
  /** Bytes that are done, of `size`. */
  done: number;
  /** In bytes. */
  size: number;
}

/** How a file is transferred. */
export interface TransferOptions {
  /** Lets the content travel in the clear. By default it is sealed, and a server that is too old for that is refused. */
  isPlain?: boolean | undefined;
  /** Ends it; what has arrived is kept for a later attempt. */
  signal?: AbortSignal | undefined;
  /** Called at least once for each MiB. */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Called with the reason before the transfer is tried again. */
  onRetry?: ((reason: string) => void) | undefined;
}

/** The server, and the limits of attempts at a transfer. */
export interface AttemptOptions extends TransferOptions {
  hostname: string;
  port: number;
  /** Milliseconds within which 64 KiB more must be transferred, or the rest; 60 s by default. */
  stallMsMax?: number;
  /** Milliseconds without a byte in either direction after which a connection is given up; 30 s by default. */
  idleMsMax?: number;
  /** Milliseconds for which the server may work without accepting a byte more; 10 min by default. */
  workMsMax?: number;
}

/** A transfer failed. */
export class TransferError extends Error {
  /** The name of the class. */
  override name = "TransferError";
  /** The server's refusal, if that is the reason. */
  readonly code: RefusalCode | undefined;
  /** Whether the same transfer can go on later with what has arrived. */
  readonly canResume: boolean;

  /** @ignore */
  constructor(
    message: string,
    { code, canResume = false }: { code?: RefusalCode; canResume?: boolean } = {},
  ) {
    super(message);
    this.code = code;
    this.canResume = canResume;
  }
}

/** The connection was lost, or not made: another attempt may succeed. */
export class ConnectionLostError extends Error {
  override name = "ConnectionLostError";
}

/** Defaults of {@linkcode AttemptOptions}, in milliseconds. */
const LIMITS = { stallMsMax: 60_000, idleMsMax: 30_000, workMsMax: 600_000 };

/** Bytes that count as progress: a transfer in single bytes would never end (transfer.md 6.2). */
const PROGRESS_BYTES = 65_536;

/** Milliseconds before it is tried again: at first, and at most (transfer.md 1.5). */
const FIRST_PAUSE_MS = 100, MAX_PAUSE_MS = 5000;

/** Refusals after which another attempt may succeed. */
const TEMPORARY: ReadonlySet<RefusalCode> = new Set(["ticket", "busy", "short", "silence", "ending"]);

/** Attempts at one transfer, until one succeeds or there is no progress any more. */
export class Attempts {
  readonly options: AttemptOptions & typeof LIMITS;
  readonly #action: string;
  /** How many bytes of the file were transferred at the last progress. */
  #done = 0;
  /** When there was progress last, or either side worked; and the same without the server's work. */
  #progressAt = performance.now();
  #ownProgressAt = this.#progressAt;
  #pauseMs = FIRST_PAUSE_MS;

  /** @param action What the transfer does, for its errors: `send 'notes.txt'`. */
  constructor(options: AttemptOptions, action: string) {
    this.options = { ...LIMITS, ...options };
    this.#action = action;
  }

  /** When the transfer is given up if there is no progress, in milliseconds of `performance.now()`. */
  get deadline(): number {
    return this.#progressAt + this.options.stallMsMax;
  }

  /** Takes note of how many bytes were transferred. Those that are transferred again are no progress. */
  moved(bytes: number) {
    if (bytes < this.#done + PROGRESS_BYTES) return;
    this.#done = bytes;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.worked();
  }

  /** The client does its part: the transfer does not stall meanwhile. */
  worked() {
    this.#progressAt = this.#ownProgressAt = performance.now();
  }

  /** The server does its part: nor does it then, up to a limit. */
  serverWorked() {
    const now = performance.now(), { workMsMax } = this.options;
    if (now - this.#ownProgressAt < workMsMax) this.#progressAt = now;
  }

  /**
   * Runs the attempt until one returns.
   *
   * @throws {TransferError} It failed for good, or stalled.
   * @throws What else the attempt throws, and the reason of the signal.
   */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const { signal, onRetry } = this.options;
    this.#done = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.worked();
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ConnectionLostError)) throw error;
        if (performance.now() + this.#pauseMs > this.deadline) {
          throw cannot(this.#action, error.message, { canResume: true });
        }
        onRetry?.(error.message);
      }
      // an aborted signal ends the pause; the loop then throws its reason
      await pause(this.#pauseMs, undefined, signal && { signal }).catch(() => {});
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    }
  }

  /** The error for this reason. */
  failure(why: string, code?: RefusalCode): TransferError {
    return cannot(this.#action, why, code && { code });
  }

  /** The error for a refusal: a temporary one is like a lost connection. */
  refused({ code, text }: { code: RefusalCode; text: string }): Error {
    const why = text || code;
    if (TEMPORARY.has(code)) return new ConnectionLostError(`the server answers: ${why}`);
    // the thread's reason is a code that the caller puts into words
    return code === "thread" ? new TransferError(text, { code }) : this.failure(why, code);
  }
}

/** The error `Cannot ACTION: WHY`. */
export function cannot(
  action: string,
  why: unknown,
  options?: { code?: RefusalCode; canResume?: boolean },
): TransferError {
  return new TransferError(`Cannot ${action}: ${typeof why === "string" ? why : fileError(why)}`, options);
}
