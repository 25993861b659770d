/**
 * How a server comes to its end, and is closed.
 *
 * @module
 */

import { within } from "../quota/uptime.ts";
import type { Log } from "../report/log.ts";

/** A stop that takes longer, in milliseconds, is broken off. */
export const MAX_STOP_MS = 5000;

/** How long the last line of the log may take, in milliseconds. */
const MAX_LAST_LINE_MS = 100;

/** How a server comes to its end: an administrator stops it, or the store can't be relied on any more. */
export class Ending {
  readonly #stopping = Promise.withResolvers<void>();
  readonly #lost = Promise.withResolvers<Error>();

  /** Resolves when the server is stopped; rejects if the store is lost before. */
  get stopping(): Promise<void> {
    return this.#stopping.promise;
  }

  /** Resolves if the store is lost: also while a server that was stopped is closed, and takes its last checkpoint. */
  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  readonly stop = () => this.#stopping.resolve();

  readonly lose = (error: unknown) => {
    this.#stopping.reject(error);
    this.#lost.resolve(error as Error);
  };
}

/**
 * Closes the server as `Server.end` says.
 *
 * @param failure Or what resolves to it if there is one before the server is closed.
 */
export async function end(
  log: Log,
  close: () => Promise<void>,
  failure: Error | Promise<Error>,
): Promise<boolean> {
  const closed = failure instanceof Error
    ? failure
    : await Promise.race([failure, within(MAX_STOP_MS, close()).catch((error: Error) => error)]);
  if (closed instanceof Error) {
    log.error({ service: "store", what: closed.message });
    await within(MAX_STOP_MS, log.flush());
    return false;
  }
  const isClosed = closed;
  if (!isClosed) {
    const what = `the stop took longer than ${MAX_STOP_MS / 1000} s and was broken off`;
    log.error({ service: "server", what });
    // it may be standard error itself that is stuck
    await within(MAX_LAST_LINE_MS, log.flush());
  }
  return isClosed;
}
