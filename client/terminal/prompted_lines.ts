import type { Line } from "../../protocol/line.ts";
import { readLines } from "./input.ts";
import type { LineEditor } from "./line_editor.ts";
import { write, writeError } from "./output.ts";

/** What an original client writes to standard output, besides texts and prompts. */
export interface OriginalForm {
  /** Where {@linkcode LineEditor.notify} goes. */
  notices: "stdout" | "stderr";
  /** Of a client to which messages come while a line is read: what stands before a message, and before the last text. */
  live?: { beforeMessage: string; beforeLast: string };
}

/**
 * Lines of a pipe or file, for a program that was written for an original client: standard output gets what that client
 * writes, byte for byte. A prompt is written for each line that is read, and again behind a message that came meanwhile.
 */
export class PromptedLines implements LineEditor {
  readonly isTerminal = false;
  readonly interrupted = new AbortController().signal;
  readonly #form: OriginalForm;
  readonly #lines: AsyncGenerator<Line>;
  readonly #closed = Promise.withResolvers<undefined>();
  #isClosed = false;
  /** The last write, behind which the next one goes. */
  #writing: Promise<void> = Promise.resolve();

  /** @param max Longest line, in bytes. */
  constructor(public prompt: string, max: number, form: OriginalForm) {
    this.#form = form;
    this.#lines = readLines(max);
  }

  async read(): Promise<Line | undefined> {
    if (this.#isClosed) return undefined;
    await this.#write(this.prompt);
    const next = this.#lines.next().then(({ value, done }) => done ? undefined : value);
    return await Promise.race([next, this.#closed.promise]);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Line> {
    for (let line = await this.read(); line !== undefined; line = await this.read()) yield line;
  }

  print(text: string): Promise<void> {
    const { live } = this.#form, line = text.endsWith("\n") ? text : `${text}\n`;
    if (live === undefined) return this.#write(line);
    if (this.#isClosed) return this.#write(`${live.beforeLast}${line}`);
    return this.#write(`${live.beforeMessage}${line}${this.prompt}`);
  }

  notify(text: string): Promise<void> {
    return this.#form.notices === "stdout"
      ? this.print(text)
      : writeError(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Writes behind what was written before. */
  #write(text: string): Promise<void> {
    const done = this.#writing.then(() => write(text));
    // the caller learns of the failure; the next write fails by itself
    this.#writing = done.catch(() => {});
    return done;
  }

  clearHistory() {}

  async close() {
    this.#isClosed = true;
    this.#closed.resolve(undefined);
    await this.#writing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
