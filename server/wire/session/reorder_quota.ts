import { type Linked, OwnerLists } from "../../quota/owner_lists.ts";

/**
 * Bytes of requests that may wait in all sessions for lower numbers. As many again are for those that arrive in their
 * turn, so that sessions that hold back lower numbers stop no other session (session.md 5.4).
 */
export const MAX_EARLY_BYTES = 64 * 1024 * 1024;

/** The requests of one session that wait for lower numbers. Its client repeats what is dropped. */
export interface ReorderBuffer extends Linked<ReorderBuffer> {
  /** The network that it is counted for: an address can make accounts of its own. */
  readonly owner: string;
  /** Drops everything, and reports that by {@linkcode ReorderQuota.changed}. */
  drop(): void;
}

/** The memory that all sessions share for requests that can't be carried out yet. */
export class ReorderQuota {
  #bytes = 0;
  readonly #buffers = new OwnerLists<ReorderBuffer>();

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether one more request can be held. For one that arrived in its turn, the owner with most buffers drops the oldest
   * of them if there is no room.
   */
  hasRoom(bytes: number, own: ReorderBuffer, inTurn: boolean): boolean {
    if (!inTurn) return this.#bytes + bytes <= MAX_EARLY_BYTES;
    while (this.#bytes + bytes > 2 * MAX_EARLY_BYTES) {
      // not its own: the request goes on with those
      const oldest = this.#buffers.top(2).map(([owner]) => this.#buffers.oldest(owner));
      const other = oldest.find((buffer) => buffer !== own);
      if (other === undefined) return false;
      other.drop();
    }
    return true;
  }

  /** A buffer that held `before` bytes holds `after` now. */
  changed(buffer: ReorderBuffer, before: number, after: number) {
    this.#bytes += after - before;
    if (before === 0 && after > 0) this.#buffers.add(buffer.owner, buffer);
    else if (before > 0 && after === 0) this.#buffers.remove(buffer.owner, buffer);
  }
}
