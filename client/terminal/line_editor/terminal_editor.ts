import { EditedLine } from "./edited_line.ts";
import { History } from "./history.ts";
import { type Key, KeyDecoder, type KeyName } from "./keys.ts";
import { LineEditor } from "./line_editor.ts";
import { withLineEnd } from "../output.ts";
import { Screen, visible } from "./screen.ts";
import type { Tty } from "./tty.ts";

/** Lines of the history, and UTF-16 code units of all of them. */
const HISTORY_LINES = 1000, HISTORY_LENGTH = 1024 * 1024;
/** UTF-16 code units that may be queued. Beyond that the terminal is read only when a line has been taken. */
const MAX_QUEUED = 4 * 1024 * 1024;
/** If none is taken for so long, the terminal is read again, so that Ctrl-C works, and further lines are dropped. */
const FULL_QUEUE_TIMEOUT_MS = 1000;

/** Edits lines on a terminal. One writer writes everything, so that nothing is mixed up. */
export class TerminalEditor extends LineEditor<{ text: string }> {
  readonly isTerminal = true;
  readonly #tty: Tty;
  #prompt: string;
  readonly #keys = new KeyDecoder();
  readonly #history = new History(HISTORY_LINES, HISTORY_LENGTH);
  readonly #line: EditedLine;
  readonly #screen = new Screen();
  readonly #interrupted = new AbortController();
  readonly interrupted: AbortSignal = this.#interrupted.signal;
  readonly #watching: Disposable;
  /** Complete lines that were not read yet. */
  #queue: string[] = [];
  #queued = 0;
  /** Called when a line is taken from the queue. */
  #onTaken: (() => void) | undefined;
  /** Whether lines are dropped because the queue is full, and how many were. */
  #isDropping = false;
  #dropped = 0;
  /** The pending read. */
  #reader: { secret: boolean; resolve(line: { text: string } | undefined): void } | undefined;
  /** Whether there will be no more lines than those in the queue. */
  #isEnded = false;
  #closing: Promise<void> | undefined;
  readonly #close = new AbortController();
  /** What the writer has to do: print text above the line, ring, clear, redraw for a new size. */
  #output = "";
  #isRinging = false;
  #isCleared = false;
  #isResized = false;
  #isOutdated = false;
  #isSuspending = false;
  #writing: Promise<void> | undefined;

  /** @param max Longest line, in UTF-16 code units. */
  constructor(tty: Tty, prompt: string, max: number) {
    super();
    this.#tty = tty;
    this.#prompt = prompt;
    this.#line = new EditedLine(max, this.#history);
    tty.raw();
    this.#watching = tty.watch(() => {
      this.#isResized = true;
      this.#update();
    });
    this.#read();
  }

  get prompt(): string {
    return this.#prompt;
  }

  set prompt(prompt: string) {
    this.#prompt = prompt;
    this.#update();
  }

  read(options: { secret?: boolean } = {}): Promise<{ text: string } | undefined> {
    const { promise, resolve } = Promise.withResolvers<{ text: string } | undefined>();
    const { secret = false } = options;
    const queued = this.#queue.shift();
    if (queued !== undefined) {
      this.#queued -= queuedLength(queued);
      this.#onTaken?.();
      if (this.#queued <= MAX_QUEUED) this.#endDropping();
      resolve(this.#show(queued, secret));
    } else if (this.#isEnded) resolve(undefined);
    else this.#reader = { secret, resolve };
    this.#update();
    return promise;
  }

  print(text: string): Promise<void> {
    const line = withLineEnd(text);
    if (this.#closing !== undefined) return this.#closing.then(() => this.#writeToTty(line));
    this.#output += line;
    return this.#update();
  }

  notify(text: string): Promise<void> {
    return this.print(text);
  }

  override clearHistory() {
    this.#history.clear();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#restore();
  }

  async #restore() {
    this.#close.abort();
    const rest = this.#queue.map((line) => `${line}\n`).join("") + this.#line.text;
    if (rest !== "") this.#tty.unread(rest);
    this.#watching[Symbol.dispose]();
    this.#onTaken?.();
    try {
      await this.#writing;
      await this.#writeToTty(this.#render() + this.#screen.leave(this.#tty.size()));
    } finally {
      this.#tty.restore();
      this.#end();
    }
  }

  async #read() {
    try {
      while (this.#closing === undefined) {
        const bytes = await this.#tty.read(this.#close.signal);
        if (this.#closing !== undefined) return;
        if (bytes === null) break;
        for (const key of this.#keys.decode(bytes)) this.#press(key);
        this.#update();
        while (this.#queued > MAX_QUEUED && !this.#isDropping && this.#closing === undefined) {
          this.#isDropping = !await this.#lineTaken();
        }
      }
    } catch {
      // the terminal has gone
    }
    this.#end();
  }

  /** Waits until a line is taken. Returns false if none is in time. */
  async #lineTaken(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, FULL_QUEUE_TIMEOUT_MS, false);
    this.#onTaken = () => resolve(true);
    const isTaken = await promise;
    clearTimeout(timer);
    this.#onTaken = undefined;
    return isTaken;
  }

  #endDropping() {
    if (this.#dropped > 0) this.#output += `Lines that were dropped: ${this.#dropped}\n`;
    this.#isDropping = false;
    this.#dropped = 0;
  }

  #press(key: Key) {
    if ("text" in key) {
      if (!this.#isEnded && !this.#line.insert(key.text)) this.#isRinging = true;
      return;
    }
    if (key.key === "interrupt") return this.#interrupt();
    if (this.#isEnded) return;
    this.#handle(key.key);
  }

  #handle(key: KeyName) {
    switch (key) {
      case "enter":
        return this.#enter();
      case "end-of-input":
        return this.#line.text === "" ? this.#end() : this.#line.press("delete");
      case "clear":
        this.#isCleared = true;
        return;
      case "suspend":
        this.#suspend();
        return;
      case "up":
      case "down":
        // a secret has no history
        if (!this.#reader?.secret) this.#line.press(key);
        return;
      default:
        return this.#line.press(key);
    }
  }

  #enter() {
    const text = this.#line.take();
    this.#history.reset();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) return reader.resolve(this.#show(text, reader.secret));
    if (this.#isDropping && this.#queued > MAX_QUEUED) {
      if (this.#dropped++ > 0) return;
      this.#output += "Too many lines wait: further ones are dropped\n";
      this.#isRinging = true;
      return;
    }
    this.#queue.push(text);
    this.#queued += queuedLength(text);
  }

  /** Leaves a line that is read on the screen, and adds it to the history. */
  #show(text: string, secret: boolean): { text: string } {
    if (secret) this.#line.clearKilled();
    else this.#history.add(text);
    this.#output += `${this.#prompt}${secret ? "" : visible(text)}\n`;
    return { text };
  }

  #interrupt() {
    if (this.interrupted.aborted) return;
    const reader = this.#reader, text = this.#line.take();
    this.#output += reader === undefined
      ? "^C\n"
      : `${this.#prompt}${reader.secret ? "" : visible(text)}^C\n`;
    this.#queue = [];
    this.#queued = 0;
    this.#endDropping();
    this.#end();
    this.#interrupted.abort();
  }

  #end() {
    this.#isEnded = true;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(undefined);
  }

  async #suspend() {
    this.#isSuspending = true;
    await this.#writing;
    // the line is drawn again after the program resumes
    await this.#writeToTty(this.#screen.erase(this.#tty.size()));
    if (this.#closing === undefined) this.#tty.suspend();
    this.#isSuspending = false;
    this.#update();
  }

  /** Brings the screen up to date, and resolves when it is. */
  #update(): Promise<void> {
    this.#isOutdated = true;
    return this.#writing ??= this.#write();
  }

  async #write() {
    // what happens in one turn of the event loop is written at once
    await Promise.resolve();
    while (this.#isOutdated && !this.#isSuspending && this.#closing === undefined) {
      this.#isOutdated = false;
      await this.#writeToTty(this.#render());
    }
    this.#writing = undefined;
  }

  #render(): string {
    const size = this.#tty.size(), reader = this.#reader;
    let out = "";
    if (this.#isCleared) out += this.#screen.clear();
    if (this.#isResized) out += this.#screen.erase(size);
    if (this.#output !== "") out += this.#screen.print(this.#output, size);
    const { text, cursor } = reader?.secret ? { text: "", cursor: 0 } : this.#line;
    out += reader === undefined
      ? this.#screen.erase(size)
      : this.#screen.draw({ prompt: this.#prompt, text, cursor }, size);
    if (this.#isRinging) out += "\x07";
    this.#output = "";
    this.#isCleared = this.#isResized = this.#isRinging = false;
    return out;
  }

  async #writeToTty(text: string) {
    if (text === "") return;
    try {
      await this.#tty.write(text);
    } catch {
      // the terminal has gone
      this.#end();
    }
  }
}

/** What a queued line counts, so that empty ones count too. */
function queuedLength(line: string): number {
  return line.length + 1;
}
