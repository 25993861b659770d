import { STARTED_LONG_AGO, startTimeOf } from "../../../protocol/session.ts";
import type { Store } from "../../store/store.ts";

/**
 * Gives each session the time at which it begins, its BORN. It never goes back, and is over that of every session that
 * the store has known: otherwise a clock that is set back would make every new session one that was forgotten.
 */
export class SessionStartTimes {
  readonly #now: () => number;
  #latest: number;

  /**
   * @param known The greatest BORN that the store knows of: see {@linkcode readLatestStart}.
   * @param wallClock Milliseconds since 1970.
   */
  constructor(known: number, wallClock: () => number) {
    this.#now = wallClock;
    this.#latest = known + 1;
  }

  /** BORN of a session that begins now. Where the clock was set back, each is another one: so it is over all before. */
  next(): number {
    const now = Math.floor(this.#now());
    return this.#latest = now >= this.#latest ? now : this.#latest + 1;
  }

  /**
   * The BORN in a cookie. One that can't have been given yet is 0, as that of a session that was forgotten: it would make
   * every other session one that was forgotten, once it is.
   */
  read(cookie: string): number {
    const born = parseInt(startTimeOf(cookie), 16);
    return born <= Math.max(this.#latest, this.#now()) ? born : 0;
  }
}

/** The digits of a BORN that stand in a cookie. */
export function startTimeDigits(born: number): string {
  return born.toString(16).padStart(STARTED_LONG_AGO.length, "0");
}

/** The greatest BORN that the store knows of. */
export async function readLatestStart(store: Pick<Store, "apply">): Promise<number> {
  const [born] = await store.apply([{ kind: "latest start" }]);
  return born as number;
}
