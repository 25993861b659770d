/** Signals that end a program which can still do something before, and their numbers. */
const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGUSR2: Deno.build.os === "linux" ? 12 : 31,
} as const;

/** Exit code after Ctrl-C. */
export const INTERRUPTED = 128 + SIGNALS.SIGINT;

/** Ctrl-C was pressed where something was asked for: who did it needs no word about it. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** What the operating system does not have is not listened for: SIGWINCH and SIGTERM are not on Windows. */
export function listen(signal: Deno.Signal, handler: () => void) {
  try {
    Deno.addSignalListener(signal, handler);
  } catch {
    // nobody can send it either
  }
}

export function unlisten(signal: Deno.Signal, handler: () => void) {
  try {
    Deno.removeSignalListener(signal, handler);
  } catch {
    // as above
  }
}

/**
 * Takes it over to end the program when a signal is to: calls `end` with the exit code by which a shell knows that,
 * until it is disposed of.
 */
export function onEndSignal(end: (code: number) => void): Disposable {
  const handlers = Object.entries(SIGNALS).map(([signal, number]) => ({
    signal: signal as keyof typeof SIGNALS,
    handler: () => end(128 + number),
  }));
  for (const { signal, handler } of handlers) listen(signal, handler);
  return {
    [Symbol.dispose]() {
      for (const { signal, handler } of handlers) unlisten(signal, handler);
    },
  };
}
