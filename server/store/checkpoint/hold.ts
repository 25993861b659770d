/** How long a hold goes on after it was asked for last, in milliseconds (store 10.3). */
const HOLD_MS = 30_000;

/** What a backup needs to know of the state that is held for it. */
export interface HeldState {
  /** Of the hold. */
  id: string;
  /** Number of the last record that the database's file has, and will have while the hold goes on. */
  database: number;
  /** Number of the last record that was durable when this was asked, and the messages of that state. */
  journal: number;
  messages: number;
}

export interface HoldOptions {
  /**
   * Ends the write-back that runs, and begins no other, unless the hold has ended by then. Resolves to the number that is
   * durable in the database.
   */
  begin(isWanted: () => boolean): Promise<number>;
  /** Writes back again. */
  end(): void;
  /** Resolves when the state of now is durable. */
  durable(): Promise<{ number: number; messages: number }>;
  /** Calls back once, after `ms` milliseconds; the function returned cancels that. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** A hold that goes on, or has ended. */
interface CurrentHold {
  id: string;
  database: Promise<number>;
  cancel: () => void;
  /** Why it has ended. */
  why?: string;
}

/**
 * Keeps what a backup copies as it is, while the store goes on: the file of the database, the segments of the journal and
 * the contents of files (store 10.2). There is one at a time.
 *
 * Invariant: it ends by itself, so that what grows meanwhile does not grow for good.
 */
export class Hold {
  readonly #options: HoldOptions;
  #current: CurrentHold | undefined;
  /** The last one that has ended. */
  #last: Pick<CurrentHold, "why"> = { why: "there was none" };
  readonly #onEnd: (() => void)[] = [];

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#current !== undefined;
  }

  /** Calls back whenever a hold has ended. */
  onEnd(callback: () => void) {
    this.#onEnd.push(callback);
  }

  /**
   * Begins a hold; or, if its ID is given, lets it go on.
   *
   * @throws {Error} Another backup is being made; or the hold has ended, and why.
   */
  async ask(id?: string): Promise<HeldState> {
    const current = id === undefined ? this.#begin() : this.#find(id);
    // where it was broken off meanwhile, what became of its beginning is not why
    const database = await current.database.catch((error) => {
      if (this.#current === current) throw error;
    });
    if (this.#current !== current || database === undefined) throw ended(current);
    current.cancel();
    current.cancel = this.#options.setTimer(HOLD_MS, () => this.breakOff("it was not asked for any more"));
    const { number: journal, messages } = await this.#options.durable();
    if (this.#current !== current) throw ended(current);
    return { id: current.id, database, journal, messages };
  }

  #begin(): CurrentHold {
    if (this.#current !== undefined) {
      throw new Error(`another backup is being made: it ends, or its hold does after ${HOLD_MS / 1000} s`);
    }
    const id = crypto.getRandomValues(new Uint8Array(8)).toHex(), isWanted = () => this.#current?.id === id;
    const database = this.#options.begin(isWanted);
    database.catch((error) => isWanted() && this.breakOff((error as Error).message));
    return this.#current = { id, database, cancel: () => {} };
  }

  #find(id: string) {
    if (this.#current?.id !== id) throw ended(this.#last);
    return this.#current;
  }

  /** Ends a hold. @throws {Error} It has ended before, and why. */
  end(id: string) {
    this.#find(id);
    this.breakOff("the backup was made");
  }

  /** Ends the hold, if there is one: its backup fails. */
  breakOff(why: string) {
    if (this.#current === undefined) return;
    this.#current.cancel();
    this.#current.why = why;
    this.#last = this.#current;
    this.#current = undefined;
    this.#options.end();
    for (const callback of this.#onEnd) callback();
  }
}

function ended({ why }: Pick<CurrentHold, "why">): Error {
  return new Error(`the hold has ended: ${why}`);
}
