import type { Line } from "../../protocol/line.ts";
import { readLines } from "./input.ts";
import type { LineEditor } from "./line_editor.ts";
import { write } from "./output.ts";
import { promptSecret } from "./secret.ts";

/** Lines of a pipe or file, or of a terminal whose output goes elsewhere: no prompt is shown, and nothing is edited. */
export class PipedLines implements LineEditor {
  readonly isTerminal = false;
  readonly interrupted = new AbortController().signal;
  readonly #lines: AsyncGenerator<Line>;
  readonly #closed = Promise.withResolvers<undefined>();

  /** @param max Longest line, in bytes. */
  constructor(public prompt: string, max: number) {
    this.#lines = readLines(max);
  }

  async read(options: { secret?: boolean } = {}): Promise<Line | undefined> {
    // the terminal would show it
    if (options.secret && Deno.stdin.isTerminal()) {
      const text = await promptSecret(this.prompt);
      return text === undefined ? undefined : { text };
    }
    const next = this.#lines.next().then(({ value, done }) => done ? undefined : value);
    return await Promise.race([next, this.#closed.promise]);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line> {
    for (let line = await this.read(); line !== undefined; line = await this.read()) yield line;
  }

  print(text: string): Promise<void> {
    return write(text.endsWith("\n") ? text : `${text}\n`);
  }

  close(): Promise<void> {
    this.#closed.resolve(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
