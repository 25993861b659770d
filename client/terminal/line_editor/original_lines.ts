import type { Line } from "../../../protocol/syntax/line.ts";
import { withLineEnd, write, writeError } from "../output.ts";
import { PlainLines } from "./plain_lines.ts";

/** What an original client writes to standard output, besides texts and prompts. */
export interface OriginalForm {
  /** Where `notify` goes. */
  notices: "stdout" | "stderr";
  /** For a client that gets messages while it reads: what stands before a message, and before the last text. */
  live?: { beforeMessage: string; beforeLast: string };
}

/**
 * Lines of a pipe or file, for a script that was written for an original client: standard output gets what that client
 * writes, byte for byte. A prompt is written before each line is read, and again after a message that comes meanwhile.
 */
export class OriginalLines extends PlainLines {
  override readonly isTerminal = false;
  readonly #form: OriginalForm;
  #isClosed = false;

  /** @param max Longest line, in bytes. */
  constructor(prompt: string, max: number, form: OriginalForm) {
    super(prompt, max);
    this.#form = form;
  }

  override async read(): Promise<Line | undefined> {
    if (this.#isClosed) return undefined;
    await this.#write(this.prompt);
    return await this.next();
  }

  override print(text: string): Promise<void> {
    const { live } = this.#form, line = withLineEnd(text);
    if (live === undefined) return this.#write(line);
    if (this.#isClosed) return this.#write(`${live.beforeLast}${line}`);
    return this.#write(`${live.beforeMessage}${line}${this.prompt}`);
  }

  override notify(text: string): Promise<void> {
    return this.#form.notices === "stdout" ? this.print(text) : writeError(withLineEnd(text));
  }

  #write(text: string): Promise<void> {
    return this.inTurn(() => write(text));
  }

  override close(): Promise<void> {
    this.#isClosed = true;
    return super.close();
  }
}
