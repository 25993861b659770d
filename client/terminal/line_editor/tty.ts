import { readInput, unreadInput } from "../input.ts";
import { isDumb, type Size, terminalSize, write, writeError } from "../output.ts";
import { onEndSignal, onSignal } from "../signals.ts";

/** A terminal that is read key by key. */
export interface Tty {
  /** Reports keys one by one from now on, and does not show them. */
  raw(): void;
  /** Undoes {@linkcode raw}. */
  restore(): void;
  /** The next bytes; null at its end, or if `signal` is aborted: what comes later is for the next reader. */
  read(signal: AbortSignal): Promise<Uint8Array | null>;
  /** Returns typed text for the next reader. */
  unread(text: string): void;
  /** Writes all of it. */
  write(text: string): Promise<void>;
  size(): Size;
  /** Calls `changed` when its size may have changed, until it is disposed of. */
  watch(changed: () => void): Disposable;
  /** Stops the program, as Ctrl-Z does, until it is resumed. Does nothing if that is not possible. */
  suspend(): void;
}

const encoder = new TextEncoder();

/** Switches bracketed paste on and off: the terminal marks what is pasted. */
const MARK_PASTES = "\x1b[?2004h", UNMARK_PASTES = "\x1b[?2004l";

// deno-lint-ignore no-control-regex -- control sequences
const SEQUENCES = /\x1b\[[0-9;?]*[A-Za-z]/g;

/**
 * The terminal of standard input, and of standard output or standard error. A raw terminal is restored however the
 * program ends: by a signal except SIGKILL, by {@linkcode Deno.exit}, or by an error that nobody caught.
 */
export class StandardTty implements Tty {
  readonly #output: "stdout" | "stderr";
  readonly #endsOnSignal: boolean;
  readonly #isDumb = isDumb();
  #isRaw = false;
  #signals: Disposable | undefined;
  readonly #onUnload = () => this.restore();

  /** @param endsOnSignal Whether it ends the program on a signal; otherwise the caller does. */
  constructor(output: "stdout" | "stderr", endsOnSignal = true) {
    this.#output = output;
    this.#endsOnSignal = endsOnSignal;
  }

  raw() {
    if (this.#isRaw) return;
    this.#isRaw = true;
    this.#enter();
    globalThis.addEventListener("unload", this.#onUnload);
    if (!this.#endsOnSignal) return;
    this.#signals = onEndSignal((code) => {
      this.restore();
      Deno.exit(code);
    });
  }

  restore() {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    globalThis.removeEventListener("unload", this.#onUnload);
    this.#signals?.[Symbol.dispose]();
    try {
      this.#leave();
    } catch {
      // the terminal itself has gone
    }
  }

  #enter() {
    Deno.stdin.setRaw(true);
    if (!this.#isDumb) Deno[this.#output].writeSync(encoder.encode(MARK_PASTES));
  }

  #leave() {
    try {
      if (!this.#isDumb) Deno[this.#output].writeSync(encoder.encode(UNMARK_PASTES));
    } finally {
      Deno.stdin.setRaw(false);
    }
  }

  read(signal: AbortSignal): Promise<Uint8Array | null> {
    return readInput(signal);
  }

  unread(text: string) {
    unreadInput(encoder.encode(text));
  }

  write(text: string): Promise<void> {
    // a dumb terminal would show them
    const plain = this.#isDumb ? text.replace(SEQUENCES, "") : text;
    return this.#output === "stdout" ? write(plain) : writeError(plain);
  }

  size(): Size {
    return terminalSize();
  }

  watch(changed: () => void): Disposable {
    const watching = new DisposableStack();
    watching.use(onSignal("SIGWINCH", changed));
    watching.use(onSignal("SIGCONT", () => {
      // a shell that resumes the program has changed the terminal's settings
      if (this.#isRaw) {
        Deno.stdin.setRaw(false);
        this.#enter();
      }
      changed();
    }));
    return watching;
  }

  suspend() {
    if (Deno.build.os === "windows") return;
    try {
      this.#leave();
      Deno.kill(Deno.pid, "SIGTSTP");
    } catch {
      // without --allow-run there is no signal to send
      this.#enter();
    }
  }
}
