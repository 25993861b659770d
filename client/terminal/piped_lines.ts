import type { Line } from "../../protocol/line.ts";
import { readLines } from "./input.ts";
import type { LineEditor } from "./line_editor.ts";
import { write, writeError } from "./output.ts";
import { promptSecret } from "./secret.ts";

/**
 * Lines of a pipe or file, or of a terminal that edits them itself, because it can't move its cursor or the output goes
 * elsewhere. To whoever types on a terminal the prompt is shown, and no more than that.
 */
export class PipedLines implements LineEditor {
  readonly isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  readonly interrupted = new AbortController().signal;
  readonly #lines: AsyncGenerator<Line>;
  readonly #closed = Promise.withResolvers<undefined>();
  /** Where the prompt is shown. */
  readonly #show: ((text: string) => Promise<void>) | undefined;
  /** Whether the cursor stands behind a prompt. */
  #isAsking = false;

  /** @param max Longest line, in bytes. */
  constructor(public prompt: string, max: number) {
    this.#lines = readLines(max);
    const isTyped = Deno.stdin.isTerminal();
    this.#show = this.isTerminal ? write : isTyped && Deno.stderr.isTerminal() ? writeError : undefined;
  }

  async read(options: { secret?: boolean } = {}): Promise<Line | undefined> {
    // the terminal would show it
    if (options.secret && Deno.stdin.isTerminal()) {
      const text = await promptSecret(this.prompt, this.isTerminal ? "stdout" : "stderr");
      return text === undefined ? undefined : { text };
    }
    this.#isAsking = true;
    await this.#show?.(this.prompt);
    const next = this.#lines.next().then(({ value, done }) => done ? undefined : value);
    const line = await Promise.race([next, this.#closed.promise]);
    // a line ends with the key that ends it
    if (line === undefined) await this.#show?.("\n");
    this.#isAsking = false;
    return line;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line> {
    for (let line = await this.read(); line !== undefined; line = await this.read()) yield line;
  }

  print(text: string): Promise<void> {
    return this.#put(write, text);
  }

  notify(text: string): Promise<void> {
    return this.#put(this.isTerminal ? write : writeError, text);
  }

  /** What comes while something is typed stands below it, and the prompt comes again. */
  async #put(to: (text: string) => Promise<void>, text: string) {
    const show = this.#isAsking ? this.#show : undefined;
    await show?.("\n");
    await to(text.endsWith("\n") ? text : `${text}\n`);
    await show?.(this.prompt);
  }

  clearHistory() {}

  close(): Promise<void> {
    this.#closed.resolve(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
