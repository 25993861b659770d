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

/** Milliseconds in which a signal to this process arrives under any load. */
const MAX_DELIVERY_MS = 1000;

/**
 * Resolves when the handlers of the signals that have come before are called. They are called some time after the signal:
 * when another program that got the same Ctrl-C has ended, its end may be reported first. A signal of one's own comes
 * behind them.
 */
export async function signalsHandled() {
  let arrived = Promise.withResolvers<void>();
  const timer = setInterval(() => arrived.resolve(), MAX_DELIVERY_MS);
  using _ = onSignal(OWN_SIGNAL, () => arrived.resolve());
  try {
    // signals that come together are handled in any order: the second one comes behind all that came with the first
    for (let i = 0; i < 2; i++) {
      arrived = Promise.withResolvers();
      Deno.kill(Deno.pid, OWN_SIGNAL);
      await arrived.promise;
    }
    await new Promise((resolve) => setTimeout(resolve));
  } catch {
    // without --allow-run there is no signal to send, and no other program
  } finally {
    clearInterval(timer);
  }
}

/** A signal that does nothing to a process that does not handle it. */
const OWN_SIGNAL = "SIGURG";
