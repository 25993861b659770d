import { EditedLine } from "./edited_line.ts";
import { History } from "./history.ts";
import { type Key, KeyDecoder, type KeyName } from "./keys.ts";
import type { LineEditor } from "./line_editor.ts";
import { Screen, visible } from "./screen.ts";
import type { Tty } from "./tty.ts";

/** Lines that can be gone back to, and UTF-16 code units of all of them. */
const HISTORY_LINES = 1000, HISTORY_LENGTH = 1024 * 1024;
/** UTF-16 code units that may wait to be read; beyond it, the terminal is not read from, while lines are taken. */
const MAX_WAITING = 4 * 1024 * 1024;
/** Milliseconds in which none was taken after which it is read again, or Ctrl-C would stay unseen; lines are dropped. */
const PATIENCE = 1000;

/** Edits lines on a terminal. All that it shows goes through one writer, so that nothing is torn apart. */
export class TerminalEditor implements LineEditor {
  readonly isTerminal = true;
  readonly #tty: Tty;
  #prompt: string;
  readonly #keys = new KeyDecoder();
  readonly #history = new History(HISTORY_LINES, HISTORY_LENGTH);
  readonly #line: EditedLine;
  readonly #screen = new Screen();
  readonly #interrupt = new AbortController();
  readonly #unwatch: () => void;
  /** Lines that were ended and not read yet. */
  #waiting: string[] = [];
  #waitingLength = 0;
  /** Told when a line was taken from those that wait. */
  #taken: (() => void) | undefined;
  /** Whether lines are dropped while too many wait, and how many were. */
  #dropping = false;
  #dropped = 0;
  /** Who waits for a line. */
  #asking: { secret: boolean; resolve(line: { text: string } | undefined): void } | undefined;
  /** No line comes any more but those that wait. */
  #ended = false;
  #closing: Promise<void> | undefined;
  readonly #leaving = new AbortController();
  /** What the writer has still to do. */
  #above = "";
  #bell = false;
  #clear = false;
  #resized = false;
  #due = false;
  #suspending = false;
  #writing: Promise<void> | undefined;

  /** @param max Longest line, in UTF-16 code units. */
  constructor(tty: Tty, prompt: string, max: number) {
    this.#tty = tty;
    this.#prompt = prompt;
    this.#line = new EditedLine(max, this.#history);
    tty.raw();
    this.#unwatch = tty.watch(() => {
      this.#resized = true;
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

  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  read(options: { secret?: boolean } = {}): Promise<{ text: string } | undefined> {
    const { promise, resolve } = Promise.withResolvers<{ text: string } | undefined>();
    const { secret = false } = options;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#waitingLength -= weight(waiting);
      this.#taken?.();
      if (this.#waitingLength <= MAX_WAITING) this.#endDropping();
      resolve(this.#show(waiting, secret));
    } else if (this.#ended) resolve(undefined);
    else this.#asking = { secret, resolve };
    this.#update();
    return promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<{ text: string }> {
    for (let line = await this.read(); line !== undefined; line = await this.read()) yield line;
  }

  print(text: string): Promise<void> {
    const line = text.endsWith("\n") ? text : `${text}\n`;
    if (this.#closing !== undefined) return this.#closing.then(() => this.#put(line));
    this.#above += line;
    return this.#update();
  }

  clearHistory() {
    this.#history.clear();
  }

  notify(text: string): Promise<void> {
    return this.print(text);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close() {
    this.#leaving.abort();
    const rest = this.#waiting.map((line) => `${line}\n`).join("") + this.#line.text;
    if (rest !== "") this.#tty.unread(rest);
    this.#unwatch();
    this.#taken?.();
    try {
      await this.#writing;
      await this.#put(this.#compose() + this.#screen.leave(this.#tty.size()));
    } finally {
      this.#tty.restore();
      this.#end();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read() {
    try {
      while (this.#closing === undefined) {
        const bytes = await this.#tty.read(this.#leaving.signal);
        if (this.#closing !== undefined) return;
        if (bytes === null) break;
        for (const key of this.#keys.decode(bytes)) this.#press(key);
        this.#update();
        while (this.#waitingLength > MAX_WAITING && !this.#dropping && this.#closing === undefined) {
          this.#dropping = !await this.#isTaken();
        }
      }
    } catch {
      // the terminal has gone
    }
    this.#end();
  }

  /** Waits until a line is taken; false where none is. */
  async #isTaken(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, PATIENCE, false);
    this.#taken = () => resolve(true);
    const taken = await promise;
    clearTimeout(timer);
    this.#taken = undefined;
    return taken;
  }

  #endDropping() {
    if (this.#dropped > 0) this.#above += `Lines that were dropped: ${this.#dropped}\n`;
    this.#dropping = false;
    this.#dropped = 0;
  }

  #press(key: Key) {
    if ("text" in key) {
      if (!this.#ended && !this.#line.insert(key.text)) this.#bell = true;
      return;
    }
    if (key.key === "interrupt") return this.#interrupted();
    if (this.#ended) return;
    this.#obey(key.key);
  }

  #obey(key: KeyName) {
    switch (key) {
      case "enter":
        return this.#enter();
      case "end-of-input":
        return this.#line.text === "" ? this.#end() : this.#line.press("delete");
      case "clear":
        this.#clear = true;
        return;
      case "suspend":
        this.#suspend();
        return;
      case "up":
      case "down":
        // another line has no place where a secret is typed
        if (!this.#asking?.secret) this.#line.press(key);
        return;
      default:
        return this.#line.press(key);
    }
  }

  #enter() {
    const text = this.#line.take();
    this.#history.reset();
    const asking = this.#asking;
    this.#asking = undefined;
    if (asking !== undefined) return asking.resolve(this.#show(text, asking.secret));
    if (this.#dropping && this.#waitingLength > MAX_WAITING) {
      if (this.#dropped++ > 0) return;
      this.#above += "Too many lines wait: further ones are dropped\n";
      this.#bell = true;
      return;
    }
    this.#waiting.push(text);
    this.#waitingLength += weight(text);
  }

  /** Leaves a line that is read on the screen, as it was typed. */
  #show(text: string, secret: boolean): { text: string } {
    if (secret) this.#line.clearKilled();
    else this.#history.add(text);
    this.#above += `${this.#prompt}${secret ? "" : visible(text)}\n`;
    return { text };
  }

  #interrupted() {
    if (this.interrupted.aborted) return;
    const asking = this.#asking, text = this.#line.take();
    this.#above += asking === undefined ? "^C\n" : `${this.#prompt}${asking.secret ? "" : visible(text)}^C\n`;
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#endDropping();
    this.#end();
    this.#interrupt.abort();
  }

  /** Nothing more is read. */
  #end() {
    this.#ended = true;
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.resolve(undefined);
  }

  async #suspend() {
    this.#suspending = true;
    await this.#writing;
    // it comes back with the program
    await this.#put(this.#screen.erase(this.#tty.size()));
    if (this.#closing === undefined) this.#tty.suspend();
    this.#suspending = false;
    this.#update();
  }

  /** Has the writer bring the screen up to date, and resolves when it has. */
  #update(): Promise<void> {
    this.#due = true;
    return this.#writing ??= this.#write();
  }

  async #write() {
    // what happens in one turn is written in one piece
    await Promise.resolve();
    while (this.#due && !this.#suspending && this.#closing === undefined) {
      this.#due = false;
      await this.#put(this.#compose());
    }
    this.#writing = undefined;
  }

  #compose(): string {
    const size = this.#tty.size(), asking = this.#asking;
    let out = "";
    if (this.#clear) out += this.#screen.clear();
    if (this.#resized) out += this.#screen.erase(size);
    if (this.#above !== "") out += this.#screen.print(this.#above, size);
    const { text, cursor } = asking?.secret ? { text: "", cursor: 0 } : this.#line;
    out += asking === undefined
      ? this.#screen.erase(size)
      : this.#screen.draw({ prompt: this.#prompt, text, cursor }, size);
    if (this.#bell) out += "\x07";
    this.#above = "";
    this.#clear = this.#resized = this.#bell = false;
    return out;
  }

  async #put(text: string) {
    if (text === "") return;
    try {
      await this.#tty.write(text);
    } catch {
      // the terminal has gone
      this.#end();
    }
  }
}

/** What a waiting line counts, so that empty ones count too. */
function weight(line: string): number {
  return line.length + 1;
}
