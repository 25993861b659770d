import { readInput, unreadInput } from "./input.ts";
import { isDumb, writeBytes, writeErrorBytes } from "./output.ts";
import type { Size } from "./screen.ts";
import { listen, onEndSignal, unlisten } from "./signals.ts";

/** A terminal that is read key by key. */
export interface Tty {
  /** From now on its keys come one by one, and are not shown; {@linkcode restore} takes it back. */
  raw(): void;
  restore(): void;
  /** What it sends next; null at its end, or where `signal` is aborted: what comes then is the next reader's. */
  read(signal: AbortSignal): Promise<Uint8Array | null>;
  /** Gives back what was typed for the next reader. */
  unread(text: string): void;
  /** Writes all of it. */
  write(text: string): Promise<void>;
  size(): Size;
  /** Calls `changed` when its size may have changed, until the function that is returned is called. */
  watch(changed: () => void): () => void;
  /** Stops the program, as Ctrl-Z does, until it is told to go on. Does nothing where that can't be. */
  suspend(): void;
}

const encoder = new TextEncoder();

/** Sequences that make a terminal mark what is pasted, and stop marking it. */
const MARK_PASTES = "\x1b[?2004h", LEAVE_PASTES = "\x1b[?2004l";

// deno-lint-ignore no-control-regex -- what a terminal obeys
const SEQUENCES = /\x1b\[[0-9;?]*[A-Za-z]/g;

/**
 * The terminal of standard input, and of standard output or standard error. While it is raw, it is given back whatever
 * ends the program but SIGKILL: a signal, {@linkcode Deno.exit}, or an error that nobody caught.
 */
export class StandardTty implements Tty {
  readonly #output: "stdout" | "stderr";
  readonly #endsOnSignal: boolean;
  readonly #isDumb = isDumb();
  #isRaw = false;
  #signals: Disposable | undefined;
  readonly #giveBack = () => this.restore();

  /** @param endsOnSignal Whether it ends the program on a signal; otherwise its user does, who has something to do. */
  constructor(output: "stdout" | "stderr", endsOnSignal = true) {
    this.#output = output;
    this.#endsOnSignal = endsOnSignal;
  }

  raw() {
    if (this.#isRaw) return;
    this.#isRaw = true;
    this.#take();
    globalThis.addEventListener("unload", this.#giveBack);
    if (!this.#endsOnSignal) return;
    this.#signals = onEndSignal((code) => {
      this.restore();
      Deno.exit(code);
    });
  }

  restore() {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    globalThis.removeEventListener("unload", this.#giveBack);
    this.#signals?.[Symbol.dispose]();
    try {
      this.#leave();
    } catch {
      // the terminal itself has gone
    }
  }

  #take() {
    Deno.stdin.setRaw(true);
    if (!this.#isDumb) Deno[this.#output].writeSync(encoder.encode(MARK_PASTES));
  }

  #leave() {
    try {
      if (!this.#isDumb) Deno[this.#output].writeSync(encoder.encode(LEAVE_PASTES));
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
    // it would show them
    const bytes = encoder.encode(this.#isDumb ? text.replace(SEQUENCES, "") : text);
    return this.#output === "stdout" ? writeBytes(bytes) : writeErrorBytes(bytes);
  }

  size(): Size {
    try {
      const { columns, rows } = Deno.consoleSize();
      // some say 0, because nobody has told them
      if (columns > 1 && rows > 1) return { columns, rows };
    } catch {
      // as below
    }
    return { columns: 80, rows: 24 };
  }

  watch(changed: () => void): () => void {
    // a shell that lets the program go on has changed the terminal's settings
    const again = () => {
      if (this.#isRaw) {
        Deno.stdin.setRaw(false);
        this.#take();
      }
      changed();
    };
    listen("SIGWINCH", changed);
    listen("SIGCONT", again);
    return () => {
      unlisten("SIGWINCH", changed);
      unlisten("SIGCONT", again);
    };
  }

  suspend() {
    if (Deno.build.os === "windows") return;
    try {
      this.#leave();
      Deno.kill(Deno.pid, "SIGTSTP");
    } catch {
      // without --allow-run there is no signal to send
      this.#take();
    }
  }
}
