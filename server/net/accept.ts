/**
 * Accepts connections on a socket, whatever becomes of a single one.
 *
 * Invariant: only where this machine has no room for one more connection does anybody wait. What else goes wrong is
 * about one connection, most often that its client is gone again, and says nothing about the next one.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** What the system has run out of where nobody can be accepted for a while (accept(2)). */
const EXHAUSTED = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Milliseconds to wait then; doubled each time, up to the second. */
const FIRST_RETRY_MS = 5, LAST_RETRY_MS = 1000;

export interface AcceptOptions<C> {
  socket: { accept(): Promise<C> };
  /** Takes a connection. It must not throw. */
  accepted(connection: C): void;
  /** A client was gone before it was accepted. */
  onGone(): void;
  /** Nobody can be accepted for a while; `isFirst` until somebody is again. */
  onExhausted(error: Error, isFirst: boolean): void;
  /** Resolves when no more are to be accepted; the socket is closed then. */
  stopped: Promise<void>;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** Accepts until it is stopped, or the socket is closed. Never rejects. */
export async function acceptAll<C>({ socket, stopped, setTimer, ...options }: AcceptOptions<C>) {
  let isStopped = false;
  stopped.then(() => isStopped = true);
  for (let retryMs = FIRST_RETRY_MS; !isStopped;) {
    let connection: C;
    try {
      connection = await socket.accept();
    } catch (error) {
      if (isStopped || error instanceof Deno.errors.BadResource) return;
      if (!isExhausted(error)) {
        options.onGone();
        // an error that came back at once, again and again, would leave no time for anything else
        await new Promise<void>((resolve) => setImmediate(resolve));
        continue;
      }
      options.onExhausted(error as Error, retryMs === FIRST_RETRY_MS);
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = setTimer(retryMs, resolve);
      await Promise.race([promise, stopped]);
      cancel();
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
      continue;
    }
    retryMs = FIRST_RETRY_MS;
    options.accepted(connection);
  }
}

/** Whether the system has no room for a connection. Deno gives such errors no class of their own, but the code. */
function isExhausted(error: unknown): boolean {
  return EXHAUSTED.includes((error as { code?: string }).code ?? "");
}
