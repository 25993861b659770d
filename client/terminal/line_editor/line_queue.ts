/** UTF-16 code units that may be queued. Beyond that the terminal is read only when a line has been taken. */
const MAX_QUEUED_UNITS = 4 * 1024 * 1024;
/** If none is taken for so long, the terminal is read again, so that Ctrl-C works, and further lines are dropped. */
const FULL_QUEUE_TIMEOUT_MS = 1000;

/** Complete lines that nobody has read yet. It is bounded; lines that are dropped are counted. */
export class LineQueue {
  #lines: string[] = [];
  #length = 0;
  /** Called when a line is taken. */
  #onTaken: (() => void) | undefined;
  /** Whether lines are dropped because the queue is full, and how many were. */
  #isDropping = false;
  #dropped = 0;
  readonly #report: (text: string) => void;

  /** @param report Gets what the user has to read about dropped lines. */
  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds a line, unless lines are dropped. Returns whether this is the first one that is. */
  add(line: string): boolean {
    if (!this.#isDropping || this.#length <= MAX_QUEUED_UNITS) {
      this.#lines.push(line);
      this.#length += lengthOf(line);
      return false;
    }
    if (this.#dropped++ > 0) return false;
    this.#report("Too many lines wait: further ones are dropped\n");
    return true;
  }

  /** Removes the oldest line. */
  take(): string | undefined {
    const line = this.#lines.shift();
    if (line === undefined) return undefined;
    this.#length -= lengthOf(line);
    this.stopWaiting();
    if (this.#length <= MAX_QUEUED_UNITS) this.#endDropping();
    return line;
  }

  clear() {
    this.#lines = [];
    this.#length = 0;
    this.#endDropping();
  }

  /** Waits until there is room for another line, or lines are dropped. */
  async room() {
    while (this.#length > MAX_QUEUED_UNITS && !this.#isDropping) this.#isDropping = !await this.#taken();
  }

  /** Ends {@linkcode room}. */
  stopWaiting() {
    this.#onTaken?.();
  }

  /** Waits until a line is taken. Returns false if none is in time. */
  async #taken(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, FULL_QUEUE_TIMEOUT_MS, false);
    this.#onTaken = () => resolve(true);
    const isTaken = await promise;
    clearTimeout(timer);
    this.#onTaken = undefined;
    return isTaken;
  }

  #endDropping() {
    if (this.#dropped > 0) this.#report(`Lines that were dropped: ${this.#dropped}\n`);
    this.#isDropping = false;
    this.#dropped = 0;
  }
}

/** What a line counts, so that empty ones count too. */
function lengthOf(line: string): number {
  return line.length + 1;
}
