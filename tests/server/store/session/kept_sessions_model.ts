import type { SessionState } from "../../../../server/store/requests/session.ts";

/** A session that is kept. */
interface Kept {
  state: SessionState;
  born: number;
  /** When it was used last, as the disk knows. */
  used: number;
}

/** Which sessions of one network a store keeps, in an array: the one that was used longest ago is the first. */
export class KeptSessions {
  #kept: [string, Kept][] = [];
  /** Names of those that made room since the start, and the greatest time at which one of all began. */
  #names = new Set<string>();
  #horizon = 0;
  #floor = 0;

  constructor(readonly most: number) {}

  get(session: string): SessionState | undefined {
    return this.#kept.find(([id]) => id === session)?.[1].state;
  }

  isForgotten(session: string, born: number): boolean {
    return this.#names.has(session) || born <= this.#floor;
  }

  use(session: string, now: number) {
    this.#passOver(session);
    const [, kept] = this.#kept.find(([id]) => id === session) ?? [];
    if (kept !== undefined) kept.used = now;
  }

  #passOver(session: string) {
    const one = this.#kept.find(([id]) => id === session);
    if (one !== undefined) this.#kept = [...this.#kept.filter((other) => other !== one), one];
  }

  /** Who has to make room for one more: nobody or a session. */
  leaving(): string | undefined {
    return this.#kept.length < this.most ? undefined : this.#kept[0]![0];
  }

  forget(session: string) {
    const { born } = this.#kept.find(([id]) => id === session)![1];
    this.#kept = this.#kept.filter(([id]) => id !== session);
    this.#names.add(session);
    this.#horizon = Math.max(this.#horizon, born);
  }

  set(session: string, state: SessionState, born: number, used: number) {
    const before = this.#kept.find(([id]) => id === session)?.[1], kept = { born, ...before, state, used };
    this.#kept = [...this.#kept.filter(([id]) => id !== session), [session, kept]];
  }

  restart() {
    this.#names = new Set();
    this.#floor = this.#horizon;
    this.#kept.sort(([a, { used }], [b, other]) => used - other.used || (a < b ? -1 : 1));
  }
}
