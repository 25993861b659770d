import { candidateList, type Complete, Completer } from "./completion.ts";
import { EditedLine } from "./edited_line.ts";
import { History } from "./history/history.ts";
import { HistorySearch } from "./history/search.ts";
import { KeyQueue, type KeyReader } from "./keys/queue.ts";
import { type Key, KeyDecoder, type KeyName } from "./keys/keys.ts";
import { LineEditor, type ReadOptions } from "./line_editor.ts";
import { LineQueue } from "./line_queue.ts";
import { type Size, withLineEnd } from "../output.ts";
import { Screen, type View, visible } from "./screen.ts";
import type { Tty } from "./tty.ts";

/** Lines of the history, and UTF-16 code units of all of them. */
const HISTORY_LINES = 1000, HISTORY_LENGTH = 1024 * 1024;
/** Milliseconds after which an ESC is a key of its own, and not the beginning of another. */
const ESCAPE_MS = 50;
/** Keys that may wait while a word is completed; at one more, the completion is given up. */
const MAX_WAITING_KEYS = 1000;

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
  readonly #queue = new LineQueue((text) => this.#output += text);
  readonly #completer = new Completer();
  /** Keys that wait while a word is completed. */
  #waitingKeys: Key[] | undefined;
  #search: HistorySearch | undefined;
  #escapeTimer: ReturnType<typeof setTimeout> | undefined;
  /** The pending read. */
  #reader: { secret: boolean; hold: boolean; resolve(line: { text: string } | undefined): void } | undefined;
  /** Where keys go that are read one by one. */
  #keyQueue: KeyQueue | undefined;
  /** Whether bytes are being read; a read can't be cancelled. */
  #isReading = false;
  /** Resolves when reading, which was held, goes on. */
  #held: PromiseWithResolvers<void> | undefined;
  #isLent = false;
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

  read(options: ReadOptions = {}): Promise<{ text: string } | undefined> {
    const { promise, resolve } = Promise.withResolvers<{ text: string } | undefined>();
    const { secret = false, hold = false } = options;
    this.resume();
    const queued = this.#queue.take();
    if (queued !== undefined) {
      resolve(this.#show(queued, secret));
    } else if (this.#isEnded) resolve(undefined);
    else this.#reader = { secret, hold, resolve };
    if (secret) this.#search = undefined;
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

  override async clear() {
    // what was printed before is cleared too
    await this.#update();
    this.#isCleared = true;
    await this.#update();
  }

  override lend() {
    if (this.#held === undefined || this.#isLent || this.#queue.lines.length > 0) return;
    this.#isLent = true;
    this.#tty.restore();
  }

  override get isLent(): boolean {
    return this.#isLent;
  }

  override resume() {
    if (this.#isLent) this.#tty.raw();
    this.#isLent = false;
    this.#held?.resolve();
    this.#held = undefined;
  }

  override readKeys(): KeyReader {
    this.resume();
    const keys = this.#keyQueue = new KeyQueue();
    return {
      next: (prompt) => {
        const next = keys.next(prompt);
        if (this.#isEnded) keys.end();
        this.#update();
        return next;
      },
      [Symbol.dispose]: () => {
        this.#keyQueue = undefined;
        this.#pressAll(keys.keys);
      },
    };
  }

  override get size(): Size {
    return this.#tty.size();
  }

  override clearHistory() {
    this.#history.clear();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#restore();
  }

  async #restore() {
    this.#close.abort();
    const waiting = (this.#waitingKeys ?? []).map((key) =>
      "text" in key ? key.text : key.key === "enter" ? "\n" : ""
    );
    const rest = [...this.#queue.lines.map((line) => `${line}\n`), this.#line.text, ...waiting].join("");
    if (rest !== "") this.#tty.unread(rest);
    this.#queue.clear();
    this.#watching[Symbol.dispose]();
    clearTimeout(this.#escapeTimer);
    this.#queue.stopWaiting();
    this.#waitingKeys = undefined;
    this.#completer.reset();
    try {
      await this.#writing;
      await this.#writeToTty(this.#render() + this.#screen.leave(this.#tty.size()));
    } finally {
      if (!this.#isLent) this.#tty.restore();
      this.#held?.resolve();
      this.#end();
    }
  }

  async #read() {
    try {
      while (this.#closing === undefined) {
        this.#isReading = true;
        const bytes = await this.#tty.read(this.#close.signal);
        this.#isReading = false;
        if (this.#closing !== undefined) return;
        if (bytes === null) break;
        clearTimeout(this.#escapeTimer);
        this.#pressAll(this.#keys.decode(bytes));
        if (this.#search !== undefined && this.#keys.isEscaping) {
          this.#escapeTimer = setTimeout(() => this.#pressAll(this.#keys.endEscape()), ESCAPE_MS);
        }
        await this.#queue.room();
        await this.#held?.promise;
      }
    } catch {
      // the terminal has gone
    }
    this.#end();
  }

  #pressAll(keys: readonly Key[]) {
    for (const key of keys) this.#press(key);
    this.#update();
  }

  #press(key: Key) {
    const isKey = "key" in key;
    if (isKey && key.key === "interrupt") return this.#interrupt();
    if (this.#isEnded) return;
    if (this.#keyQueue !== undefined) {
      if (!this.#keyQueue.add(key)) this.#isRinging = true;
      return;
    }
    if (this.#waitingKeys !== undefined) {
      this.#waitingKeys.push(key);
      if (this.#waitingKeys.length <= MAX_WAITING_KEYS) return;
      this.#completer.reset();
      this.#endCompletion();
      return;
    }
    if (this.#search !== undefined && !this.#searched(this.#search, key)) return;
    if (isKey) return this.#handle(key.key);
    if (!this.#line.insert(key.text)) this.#isRinging = true;
  }

  /** Applies a key to the search. Returns whether the search has ended, and the key is for the line. */
  #searched(search: HistorySearch, key: Key): boolean {
    const outcome = search.press(key);
    if (outcome === "not found") this.#isRinging = true;
    if (outcome === "on" || outcome === "not found") return false;
    this.#search = undefined;
    if (outcome === "left") return false;
    search.take(this.#line);
    // the line was only just taken: there is no word to be completed yet
    return !("key" in key && key.key === "tab");
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
      case "tab":
        return this.#tab();
      case "search":
        // a secret has no history
        if (!this.#reader?.secret) this.#search = new HistorySearch(this.#history);
        return;
      case "up":
      case "down":
        if (!this.#reader?.secret) this.#line.press(key);
        return;
      default:
        return this.#line.press(key);
    }
  }

  #tab() {
    const { complete } = this;
    if (complete !== undefined && !this.#reader?.secret) this.#complete(complete);
    else if (!this.#line.insert("\t")) this.#isRinging = true;
  }

  /** Completes the word before the cursor. Keys wait until that is done, so that they mean what the user expects. */
  async #complete(find: Complete) {
    const keys: Key[] = this.#waitingKeys = [];
    const list = (candidates: readonly string[]) => {
      this.#output += candidateList(candidates, this.#tty.size());
    };
    const isDone = await this.#completer.complete(this.#line, find, list);
    if (this.#waitingKeys !== keys) return;
    if (!isDone) this.#isRinging = true;
    this.#endCompletion();
    this.#update();
  }

  #endCompletion() {
    const keys = this.#waitingKeys ?? [];
    this.#waitingKeys = undefined;
    for (const key of keys) this.#press(key);
  }

  #enter() {
    const text = this.#line.take();
    this.#history.reset();
    this.#completer.reset();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) {
      // a read that has begun can't be cancelled
      if (reader.hold && !this.#isReading) this.#held = Promise.withResolvers<void>();
      return reader.resolve(this.#show(text, reader.secret));
    }
    if (this.#queue.add(text)) this.#isRinging = true;
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
    this.#search = undefined;
    this.#waitingKeys = undefined;
    this.#completer.reset();
    this.#queue.clear();
    this.#end();
    this.#interrupted.abort();
  }

  #end() {
    this.#isEnded = true;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(undefined);
    this.#keyQueue?.end();
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
    const size = this.#tty.size(), view = this.#view();
    let out = "";
    if (this.#isCleared) out += this.#screen.clear();
    if (this.#isResized) out += this.#screen.erase(size);
    if (this.#output !== "") out += this.#screen.print(this.#output, size);
    out += view === undefined ? this.#screen.erase(size) : this.#screen.draw(view, size);
    if (this.#isRinging) out += "\x07";
    this.#output = "";
    this.#isCleared = this.#isResized = this.#isRinging = false;
    return out;
  }

  /** What the bottom of the screen shows, if anything is read. */
  #view(): View | undefined {
    const prompt = this.#keyQueue?.prompt, search = this.#search;
    if (prompt !== undefined) return { prompt, text: "", cursor: 0 };
    if (this.#reader === undefined) return undefined;
    if (this.#reader.secret) return { prompt: this.#prompt, text: "", cursor: 0 };
    const { text, cursor } = search?.line ?? this.#line;
    return { prompt: search?.prompt ?? this.#prompt, text, cursor };
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
