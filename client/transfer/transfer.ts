/**
 * The forum's file transfer, client's half. `protocol/README.md`, "Files", is the specification.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import type { RefusalCode } from "../../protocol/transfer.ts";
import { ConnectionLostError, type TransferTarget } from "./transfer_connection.ts";

/** What a file is. */
export interface FileContent {
  /** In bytes. */
  size: number;
  /** SHA-256, 64 small hexadecimal digits. */
  hash: string;
}

/** How far a transfer is. */
export interface TransferProgress {
  /**
   * What is being done. What an earlier run left of a transfer is hashed before it goes on, and an upload of a file that
   * is as new as a change could hide once more in the end.
   */
  step: "hash" | "transfer";
  /** Bytes that are done, of `size`. */
  done: number;
  size: number;
}

export interface TransferOptions {
  hostname: string;
  port: number;
  /** Ends it; what has arrived is kept for a later attempt. */
  signal?: AbortSignal | undefined;
  /** Called while it goes on, at least once for each MiB. */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Called when it was cut, with the reason, before it is tried again. */
  onRetry?: ((reason: string) => void) | undefined;
  /** Milliseconds within which a transfer has to come 64 KiB further, or to its end; 60 s by default. */
  patience?: number;
  /** Milliseconds without a byte either way after which a connection counts as cut; 30 s by default. */
  silence?: number;
  /** Milliseconds for which the server may say that it works, with no byte more; 10 min by default. */
  workMsMax?: number;
}

/** A transfer failed, and says why. */
export class TransferError extends Error {
  override name = "TransferError";
  /** What the server answered, where it was the server's word. */
  readonly code: RefusalCode | undefined;
  /** Whether it was given up because nothing moved any more: the same transfer goes on later with what has arrived. */
  readonly canResume: boolean;

  constructor(
    message: string,
    { code, canResume = false }: { code?: RefusalCode; canResume?: boolean } = {},
  ) {
    super(message);
    this.code = code;
    this.canResume = canResume;
  }
}

/** Milliseconds that a transfer may go without progress, that a silence may last, and the server's work. */
const PATIENCE = 60_000, SILENCE = 30_000, LONGEST_WORK = 600_000;

/** Bytes that make progress: one that comes in single bytes would never end. */
const LEAST_PROGRESS = 65_536;

/** Milliseconds before it is tried again: at first, and at most. */
const FIRST_PAUSE = 100, LAST_PAUSE = 5000;

/** Refusals after which another attempt can do better. */
const PASSING: ReadonlySet<RefusalCode> = new Set(["ticket", "busy", "short", "silence", "ending"]);

/** Attempts at one transfer, until one does it or nothing moves any more. */
export class Attempts {
  readonly #options: TransferOptions;
  readonly #what: string;
  /** How far the file had come when that last was progress, in bytes. */
  #reached = 0;
  /** When it was, or when it was known that one side works; and when it was, or when the client last worked. */
  #progressed = performance.now();
  #moved = this.#progressed;
  #pause = FIRST_PAUSE;

  /** @param what What the transfer does, for its errors: `send 'notes.txt'`. */
  constructor(options: TransferOptions, what: string) {
    this.#options = options;
    this.#what = what;
  }

  /** Where and how a connection is made. */
  get target(): TransferTarget {
    const { hostname, port, signal, silence = SILENCE, patience = PATIENCE } = this.#options;
    return {
      hostname,
      port,
      signal,
      silence,
      deadline: () => this.#progressed + patience,
      waits: () => this.#waits(),
    };
  }

  /** Tells that the transfer has come so far, in bytes. What was moved before and moves again is no progress. */
  reached(bytes: number) {
    if (bytes < this.#reached + LEAST_PROGRESS) return;
    this.#reached = bytes;
    this.worked();
    this.#pause = FIRST_PAUSE;
  }

  /** Tells that the client does its part: that is no time in which nothing moves. */
  worked() {
    this.#progressed = this.#moved = performance.now();
  }

  /** The server says that it works: nor is that, unless it says nothing else for too long. */
  #waits() {
    const now = performance.now();
    if (now - this.#moved < (this.#options.workMsMax ?? LONGEST_WORK)) this.#progressed = now;
  }

  /**
   * Runs the attempt until one returns something. Patience begins anew.
   *
   * @throws {TransferError} It failed for good, or for longer than patience lasts.
   * @throws Whatever else the attempt throws, and the reason of the signal.
   */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const { signal, onRetry, patience = PATIENCE } = this.#options;
    this.#reached = 0;
    this.#pause = FIRST_PAUSE;
    this.worked();
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ConnectionLostError)) throw error;
        if (performance.now() - this.#progressed + this.#pause > patience) {
          throw new TransferError(`Cannot ${this.#what}: ${error.message}`, { canResume: true });
        }
        onRetry?.(error.message);
      }
      // an aborted signal ends the pause; the loop then throws its reason
      await pause(this.#pause, undefined, signal && { signal }).catch(() => {});
      this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
    }
  }

  /** What a refusal comes to: one that passes is as a cut. */
  refused({ code, text }: { code: RefusalCode; text: string }): Error {
    const why = text || code;
    if (PASSING.has(code)) return new ConnectionLostError(`the server answers: ${why}`);
    // a thread's answer is meant for the user as it is
    return new TransferError(code === "thread" ? text : `Cannot ${this.#what}: ${why}`, { code });
  }
}
