import type { SessionState } from "../../../../server/store/requests/session.ts";

/** Which sessions of one network a store keeps, in an array: the one that was used longest ago is the first. */
export class KeptSessions {
  #kept: [string, SessionState][] = [];
  /** Names of those that made room. */
  #names = new Set<string>();

  constructor(readonly most: number) {}

  get(session: string): SessionState | undefined {
    return this.#kept.find(([id]) => id === session)?.[1];
  }

  isForgotten(session: string): boolean {
    return this.#names.has(session);
  }

  use(session: string) {
    const one = this.#kept.find(([id]) => id === session);
    if (one !== undefined) this.#kept = [...this.#kept.filter((other) => other !== one), one];
  }

  /** Who has to make room for one more: nobody or a session. */
  leaving(): string | undefined {
    return this.#kept.length < this.most ? undefined : this.#kept[0]![0];
  }

  forget(session: string) {
    this.#kept = this.#kept.filter(([id]) => id !== session);
    this.#names.add(session);
  }

  set(session: string, state: SessionState) {
    this.#kept = [...this.#kept.filter(([id]) => id !== session), [session, state]];
  }
}
