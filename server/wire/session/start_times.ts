import { STARTED_LONG_AGO, startTimeOf } from "../../../protocol/session.ts";
import type { Store } from "../../store/store.ts";

/**
 * Gives each session its start time, in milliseconds since 1970.
 *
 * Invariant: it is later than that of every session that the store knows or has forgotten, however the clock is set.
 * Otherwise a clock that is set back would make every new session look like a forgotten one.
 */
export class SessionStartTimes {
  readonly #wallClock: () => number;
  #latest: number;

  /** @param latest The latest one that the store knows: see {@linkcode readLatestStart}. */
  constructor(latest: number, wallClock: () => number) {
    this.#wallClock = wallClock;
    this.#latest = latest + 1;
  }

  /** The start time of a session that begins now. While the clock is behind, each is one more than the last. */
  next(): number {
    const now = Math.floor(this.#wallClock());
    return this.#latest = now >= this.#latest ? now : this.#latest + 1;
  }

  /**
   * The start time in a cookie; 0, as of a forgotten session, if it can't have been given yet: once that session was
   * forgotten, all others that began before such a time would count as forgotten too.
   */
  read(cookie: string): number {
    const time = parseInt(startTimeOf(cookie), 16);
    return time <= Math.max(this.#latest, this.#wallClock()) ? time : 0;
  }
}

/** A start time as it stands in a cookie. */
export function startTimeDigits(time: number): string {
  return time.toString(16).padStart(STARTED_LONG_AGO.length, "0");
}

/** The latest start time of a session that the store knows or has forgotten. */
export async function readLatestStart(store: Pick<Store, "apply">): Promise<number> {
  const [time] = await store.apply([{ kind: "latest start" }]);
  return time as number;
}
