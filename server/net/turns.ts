export interface TurnsOptions {
  /** Which part of all time the work may take, over 0 and at most 1. */
  share: number;
  /** For how long a piece of work counts at least, in milliseconds. */
  least: number;
  /** How much work is done at once after a while without any, in milliseconds. */
  saved: number;
  /** Milliseconds, from any beginning. */
  monotonicClock(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** Something that takes time. */
export interface Work {
  run(): void;
  /** Is called in its place where it has waited until nobody wants it any more. */
  stale(): void;
}

/** How many may wait at a time, with how much work each, and with how much more than one piece each in all. */
const MAX_WAITING = 1024, MAX_EACH = 128, MAX_MORE = 8192;

/** How long a piece of work waits at most, in milliseconds. */
const STALE = 10_000;

/** For how long a piece counts at most, in milliseconds: it was rather the system that did something else. */
const MOST = 10;

/**
 * Gives a part of the time to work that anybody may ask for. What comes too fast waits, and those who wait take turns,
 * a piece of work each: whoever asks for much waits for himself, and not others for him.
 */
export class Turns {
  readonly #options: TurnsOptions;
  /** By who asked, in the order of their turns; then by the name of the work. Nobody in it waits for nothing. */
  readonly #waiting = new Map<string, Map<string, Work & { since: number }>>();
  /** Pieces of work that wait. */
  #pieces = 0;
  /** When all that was saved will be there again. */
  #whole = -Infinity;
  #stopTimer: (() => void) | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Whether no more work can wait for this one. */
  isFull(who: string): boolean {
    const own = this.#waiting.get(who);
    if (own === undefined) return this.#waiting.size >= MAX_WAITING;
    return own.size >= MAX_EACH || this.#pieces - this.#waiting.size >= MAX_MORE;
  }

  /** Whether this work waits. */
  has(who: string, name: string): boolean {
    return this.#waiting.get(who)?.has(name) ?? false;
  }

  /** Does the work, now or in its turn. Returns whether it does; otherwise {@linkcode isFull}. */
  take(who: string, name: string, work: Work): boolean {
    if (this.#waiting.size === 0 && this.#wait() === 0) {
      this.#run(work);
      return true;
    }
    if (this.isFull(who)) return false;
    let own = this.#waiting.get(who);
    if (own === undefined) this.#waiting.set(who, own = new Map());
    own.set(name, { ...work, since: this.#options.monotonicClock() });
    this.#pieces++;
    this.#setTimer();
    return true;
  }

  /** Does nothing any more of what waits. */
  close() {
    this.#stopTimer?.();
    this.#waiting.clear();
    this.#pieces = 0;
  }

  /** Milliseconds until the next piece may be done. */
  #wait(): number {
    const { share, least, saved, monotonicClock } = this.#options;
    return Math.max(0, Math.ceil(this.#whole - (saved - least) / share - monotonicClock()));
  }

  #run(work: Work) {
    const { share, least, monotonicClock } = this.#options, began = monotonicClock();
    work.run();
    const counts = Math.min(Math.max(monotonicClock() - began, least), MOST);
    this.#whole = Math.max(this.#whole, began) + counts / share;
  }

  #next() {
    const [who, own] = this.#waiting.entries().next().value!;
    const [name, work] = own.entries().next().value!;
    own.delete(name);
    this.#pieces--;
    // behind all others
    this.#waiting.delete(who);
    if (own.size > 0) this.#waiting.set(who, own);
    if (this.#options.monotonicClock() - work.since > STALE) work.stale();
    else this.#run(work);
  }

  #setTimer() {
    this.#stopTimer ??= this.#options.setTimer(this.#wait(), () => {
      this.#stopTimer = undefined;
      while (this.#waiting.size > 0 && this.#wait() === 0) this.#next();
      if (this.#waiting.size > 0) this.#setTimer();
    });
  }
}
