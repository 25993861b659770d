import { type Held, HolderLists } from "../../quota/holder_lists.ts";

/**
 * What waits in all sessions for lower numbers, or for the put of a part, in bytes. As much again is for what comes in
 * its turn, so that those who keep the numbers before theirs back hold up nobody else.
 */
const MAX_BYTES = 64 * 1024 * 1024;

/** What one session has waiting: it repeats what is dropped. */
export interface ReorderBuffer extends Held<ReorderBuffer> {
  /** Whose it is: a network or an account. */
  readonly holder: string;
  /** Drops all of it, and counts that. */
  drop(): void;
}

/** The memory that all sessions share for requests that can't be carried out yet. */
export class ReorderQuota {
  #bytes = 0;
  readonly #waiting = new HolderLists<ReorderBuffer>();

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether a session's next request can be kept. One that comes in its turn finds room: the session that has kept
   * something longest, of the one who has most such sessions, drops what it has.
   */
  hasRoom(bytes: number, own: ReorderBuffer, inTurn: boolean): boolean {
    if (!inTurn) return this.#bytes + bytes <= MAX_BYTES;
    while (this.#bytes + bytes > 2 * MAX_BYTES) {
      // its own parts are what it goes on with
      const other = this.#waiting.top(2).map(([holder]) => this.#waiting.oldest(holder)).find((one) =>
        one !== own
      );
      if (other === undefined) return false;
      other.drop();
    }
    return true;
  }

  /** What a session keeps has changed from so many bytes to so many. */
  changed(session: ReorderBuffer, before: number, after: number) {
    this.#bytes += after - before;
    if (before === 0 && after > 0) this.#waiting.add(session.holder, session);
    else if (before > 0 && after === 0) this.#waiting.remove(session.holder, session);
  }
}
