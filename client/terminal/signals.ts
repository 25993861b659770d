/** Signals that end a program, and that it can handle, with their numbers. */
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

/** Ctrl-C was pressed at a question. Nothing is printed about it. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** Handles a signal until it is disposed of. A signal that the operating system does not have never comes. */
export function onSignal(signal: Deno.Signal, handler: () => void): Disposable {
  try {
    Deno.addSignalListener(signal, handler);
  } catch {
    return { [Symbol.dispose]() {} };
  }
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, handler) };
}

/** Calls `end` instead of ending the program on a signal, until it is disposed of: with the exit code for the signal. */
export function onEndSignal(end: (code: number) => void): Disposable {
  const handlers = new DisposableStack();
  for (const [signal, number] of Object.entries(SIGNALS)) {
    handlers.use(onSignal(signal as keyof typeof SIGNALS, () => end(128 + number)));
  }
  return handlers;
}
