import type { Line } from "../../protocol/line.ts";
import { readLines } from "./input.ts";
import { write, writeError } from "./output.ts";

/** Where lines are typed, and where text is shown whenever it comes. */
export interface Screen {
  /** Whether somebody sits at it. */
  readonly interactive: boolean;
  /** What was typed, line by line. */
  lines(): AsyncIterator<Line>;
  /** Asks for the next line. */
  prompt(text: string): Promise<void>;
  /** Shows a result: text that ends with a line end. */
  print(text: string): Promise<void>;
  /** Shows what is no result. */
  tell(text: string): Promise<void>;
}

/** Standard input and output as they are. What comes while a line is being typed is shown above the prompt. */
export class PlainScreen implements Screen {
  readonly interactive: boolean = Deno.stdin.isTerminal();
  readonly #max: number;
  /** The prompt, while it is shown. */
  #prompt = "";
  #last: Promise<void> = Promise.resolve();

  /** @param max Longest line, in bytes. */
  constructor(max: number) {
    this.#max = max;
  }

  async *lines(): AsyncGenerator<Line, void, void> {
    for await (const line of readLines(this.#max)) {
      this.#prompt = "";
      yield line;
    }
  }

  prompt(text: string): Promise<void> {
    if (!this.interactive) return Promise.resolve();
    return this.#inTurn(async () => {
      await write(text);
      this.#prompt = text;
    });
  }

  print(text: string): Promise<void> {
    return this.#above(() => write(text));
  }

  tell(text: string): Promise<void> {
    return this.#above(() => writeError(text));
  }

  #above(show: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#prompt !== "") await write("\r\x1b[K");
      await show();
      if (this.#prompt !== "") await write(this.#prompt);
    });
  }

  /** One after the other: what is shown must not mix. */
  #inTurn(show: () => Promise<void>): Promise<void> {
    const shown = this.#last.then(show);
    this.#last = shown.catch(() => {});
    return shown;
  }
}
