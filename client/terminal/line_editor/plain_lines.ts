import type { Line } from "../../../protocol/syntax/line.ts";
import { promptSecret } from "../ask.ts";
import { readLines } from "../input.ts";
import { LineEditor, type ReadOptions } from "./line_editor.ts";
import { withLineEnd, write, writeError } from "../output.ts";

/**
 * Lines of a pipe or file, or of a terminal that edits them itself because it can't move its cursor or the output goes
 * elsewhere. A terminal is shown the prompt and no more.
 */
export class PlainLines extends LineEditor {
  readonly isTerminal: boolean = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  readonly interrupted: AbortSignal = new AbortController().signal;
  readonly #lines: AsyncGenerator<Line>;
  readonly #closed = Promise.withResolvers<undefined>();
  /** Shows the prompt, if somebody types. */
  readonly #show: ((text: string) => Promise<void>) | undefined;
  /** Whether the cursor stands behind a prompt. */
  #isPrompting = false;
  /** The last write; the next one follows it. */
  #writing: Promise<void> = Promise.resolve();

  /** @param max Longest line, in bytes. */
  constructor(public prompt: string, max: number) {
    super();
    this.#lines = readLines(max);
    const isTyped = Deno.stdin.isTerminal();
    this.#show = this.isTerminal ? write : isTyped && Deno.stderr.isTerminal() ? writeError : undefined;
  }

  async read(options: ReadOptions = {}): Promise<Line | undefined> {
    // the terminal would show it
    if (options.secret && Deno.stdin.isTerminal()) {
      const text = await promptSecret(this.prompt, this.isTerminal ? "stdout" : "stderr");
      return text === undefined ? undefined : { text };
    }
    this.#isPrompting = true;
    await this.inTurn(() => this.#show?.(this.prompt));
    const line = await this.next();
    this.#isPrompting = false;
    // a typed line has its line end
    if (line === undefined) await this.inTurn(() => this.#show?.("\n"));
    return line;
  }

  /** The next line of the input, or undefined at its end or when it is closed. */
  protected next(): Promise<Line | undefined> {
    const next = this.#lines.next().then(({ value, done }) => done ? undefined : value);
    return Promise.race([next, this.#closed.promise]);
  }

  print(text: string): Promise<void> {
    return this.#writeTo(write, text);
  }

  notify(text: string): Promise<void> {
    return this.#writeTo(this.isTerminal ? write : writeError, text);
  }

  /** Writes below what is being typed, and shows the prompt again. */
  #writeTo(output: (text: string) => Promise<void>, text: string): Promise<void> {
    return this.inTurn(async () => {
      const line = withLineEnd(text), show = this.#isPrompting ? this.#show : undefined;
      // in one write, so that what is typed meanwhile does not come before the prompt
      if (show === output) return await show(`\n${line}${this.prompt}`);
      await show?.("\n");
      await output(line);
      await show?.(this.prompt);
    });
  }

  /** Writes when what came before is written: a prompt belongs to the text before it. */
  protected inTurn(write: () => Promise<void> | undefined): Promise<void> {
    const done = this.#writing.then(write);
    // the caller gets the error; the next write fails by itself
    this.#writing = done.catch(() => {});
    return done;
  }

  async close() {
    this.#closed.resolve(undefined);
    await this.#writing;
  }
}
