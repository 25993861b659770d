/**
 * Shows texts that are longer than the screen.
 *
 * @module
 */

import type { KeyReader } from "./line_editor/keys/queue.ts";
import { rowsOf } from "./line_editor/screen.ts";
import { isDumb, type Size, terminalSize, withLineEnd, write } from "./output.ts";
import { signalsHandled } from "./signals.ts";

/** The user has seen enough. */
export class PagerLeftError extends Error {
  override name = "PagerLeftError";
}

/** The user's pager can't be run. */
export class PagerError extends Error {
  override name = "PagerError";
}

/** The terminal that shows the text. A line editor is one. */
export interface PagerTerminal {
  readonly size: Size;
  /** Whether another program can use it. */
  readonly isLent: boolean;
  /** Takes it again. */
  resume(): void;
  print(line: string): Promise<void>;
  /** Reads single keys, if that is possible. */
  readKeys(): KeyReader | undefined;
}

/** The terminal of standard output, where no line editor is. */
export const STANDARD_TERMINAL: PagerTerminal = {
  get size(): Size {
    return terminalSize();
  },
  isLent: true,
  resume() {},
  print: (line) => write(withLineEnd(line)),
  readKeys: () => undefined,
};

/** The prompt between two pages. */
const MORE = "-- Space: next page, Enter: next line, q: enough -- ";

/** Options of `less` where the user has set none: it shows colours, and leaves the text on the screen. */
const LESS = "RX";

/** Exit codes of a shell that can't run a program. */
const NOT_RUN: readonly number[] = [126, 127];

/** The shell's command line of the user's pager: `PAGER`, or `less` if it is there; undefined if there is none. */
export async function pagerCommand(): Promise<string | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const named = Deno.env.get("PAGER");
  if (named) return named;
  for (const directory of (Deno.env.get("PATH") ?? "").split(":").filter(Boolean)) {
    const isThere = await Deno.stat(`${directory}/less`).then(({ isFile }) => isFile, () => false);
    if (isThere) return "less";
  }
}

/** What shows the lines of a text that is longer than the screen. */
interface Pages {
  /** @throws {PagerLeftError} The user has seen enough. */
  print(line: string): Promise<void>;
  /** Waits until the user has seen all, or enough. */
  end(): Promise<void>;
}

interface PagerOptions {
  /** Ends another program that has the terminal. */
  signal: AbortSignal;
  /** Called when another program gets the terminal, and with it Ctrl-C, and when it has ended. */
  onLent?: ((isLent: boolean) => void) | undefined;
}

/** Prints lines as they are while they fit on the screen, and page by page if there are more. */
export class Pager {
  readonly #terminal: PagerTerminal;
  readonly #command: string | undefined;
  readonly #options: PagerOptions;
  /** The lines of the first screen. */
  #first: string[] = [];
  #rows = 0;
  #pages: Pages | undefined;

  /** @param command The pager's command line, if the terminal is lent; otherwise a key is read before each page. */
  constructor(terminal: PagerTerminal, command: string | undefined, options: PagerOptions) {
    this.#terminal = terminal;
    this.#command = command;
    this.#options = options;
  }

  /** @throws {PagerLeftError} The user has seen enough. */
  async print(line: string) {
    if (this.#pages !== undefined) return await this.#pages.print(line);
    const { columns, rows } = this.#terminal.size;
    this.#first.push(line);
    this.#rows += rowsOf(line, columns);
    // the prompt needs a row
    if (this.#rows < rows) return;
    const pages = this.#pages = this.#open(), first = this.#first;
    this.#first = [];
    for (const line of first) await pages.print(line);
  }

  #open(): Pages {
    const terminal = this.#terminal,
      plain: Pages = {
        print: (line) => terminal.print(line),
        end: () => Promise.resolve(),
      };
    if (isDumb()) return plain;
    if (this.#command !== undefined && terminal.isLent) return new ProgramPages(this.#command, this.#options);
    const keys = terminal.readKeys();
    return keys === undefined ? plain : new KeyPages(terminal, keys);
  }

  /**
   * Waits until the user has seen all, or enough.
   *
   * @throws {PagerError} Another program that should show it can't be run.
   */
  async end() {
    try {
      for (const line of this.#first.splice(0)) await this.#terminal.print(line);
      await this.#pages?.end();
    } finally {
      this.#terminal.resume();
    }
  }
}

/** Another program, which has the terminal meanwhile. */
class ProgramPages implements Pages {
  readonly #command: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #options: PagerOptions;
  readonly #encoder = new TextEncoder();
  readonly #kill = () => {
    try {
      this.#child.kill();
    } catch {
      // it has ended
    }
  };

  constructor(command: string, options: PagerOptions) {
    this.#command = command;
    this.#options = options;
    options.onLent?.(true);
    const env = Deno.env.get("LESS") === undefined ? { LESS } : {};
    this.#child = new Deno.Command("/bin/sh", { args: ["-c", command], env, stdin: "piped" }).spawn();
    this.#input = this.#child.stdin.getWriter();
    options.signal.addEventListener("abort", this.#kill);
  }

  async print(line: string) {
    try {
      await this.#input.write(this.#encoder.encode(`${line}\n`));
    } catch {
      throw new PagerLeftError("The pager has ended");
    }
  }

  async end() {
    // it may have ended already
    await this.#input.close().catch(() => {});
    const { code } = await this.#child.status;
    this.#options.signal.removeEventListener("abort", this.#kill);
    // a Ctrl-C that was for the pager is not for this program
    await signalsHandled();
    this.#options.onLent?.(false);
    if (NOT_RUN.includes(code)) throw new PagerError(`Cannot run the pager '${this.#command}'`);
  }
}

/** This program: a key for each page. */
class KeyPages implements Pages {
  readonly #terminal: PagerTerminal;
  readonly #keys: KeyReader;
  /** Rows that may be printed before the next key. */
  #rows: number;

  constructor(terminal: PagerTerminal, keys: KeyReader) {
    this.#terminal = terminal;
    this.#keys = keys;
    this.#rows = terminal.size.rows - 1;
  }

  async print(line: string) {
    const height = rowsOf(line, this.#terminal.size.columns);
    if (height > this.#rows && this.#rows < this.#terminal.size.rows - 1) {
      this.#rows = await this.#ask(height);
    }
    await this.#terminal.print(line);
    this.#rows -= height;
  }

  /** Waits for a key. Returns the rows that may be printed behind it. */
  async #ask(height: number): Promise<number> {
    for (;;) {
      const key = await this.#keys.next(MORE);
      if (key === undefined) throw new PagerLeftError("There are no more keys");
      const name = "text" in key ? key.text : key.key;
      if (name === "q" || name === "Q" || name === "escape" || name === "end-of-input") {
        throw new PagerLeftError("The user has seen enough");
      }
      if (name === " " || name === "f") return this.#terminal.size.rows - 1;
      if (name === "enter" || name === "down" || name === "j") return height;
    }
  }

  end(): Promise<void> {
    this.#keys[Symbol.dispose]();
    return Promise.resolve();
  }
}
