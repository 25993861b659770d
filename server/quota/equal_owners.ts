/** An owner with the use of its oldest entry, as it was when that was looked at last. */
interface Ranked {
  owner: string;
  use: number;
}

/** Places in the heap that may be out of date, beside as many as there are owners. */
const MAX_STALE = 64;

/**
 * Owners with equally many entries: finds the one whose oldest entry was used longest ago.
 *
 * It is a heap by that use. While an owner has as many entries, its oldest one is used later and later, so what the heap
 * says is never too late: it is looked at again only when an owner comes to the top. What has left stays in the heap until
 * then.
 */
export class EqualOwners {
  readonly owners = new Set<string>();
  readonly #oldestUseOf: (owner: string) => number;
  #heap: Ranked[] = [];

  /** @param oldestUseOf The use of the oldest entry of an owner that is here. */
  constructor(oldestUseOf: (owner: string) => number) {
    this.#oldestUseOf = oldestUseOf;
  }

  add(owner: string) {
    this.owners.add(owner);
    if (this.#heap.length > 2 * this.owners.size + MAX_STALE) this.#rebuild();
    else this.#push({ owner, use: this.#oldestUseOf(owner) });
  }

  remove(owner: string) {
    this.owners.delete(owner);
  }

  /** The owner whose oldest entry was used longest ago. */
  get first(): string | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return undefined;
      const use = this.owners.has(top.owner) ? this.#oldestUseOf(top.owner) : undefined;
      if (use === top.use) return top.owner;
      if (use === undefined) this.#pop();
      else {
        top.use = use;
        this.#sink();
      }
    }
  }

  #rebuild() {
    this.#heap = Array.from(this.owners, (owner) => ({ owner, use: this.#oldestUseOf(owner) }))
      .sort((a, b) => a.use - b.use);
  }

  #push(ranked: Ranked) {
    const heap = this.#heap;
    let at = heap.push(ranked) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.use <= ranked.use) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = ranked;
  }

  #pop() {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  /** Moves the top down to its place. */
  #sink() {
    const heap = this.#heap, ranked = heap[0]!;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.use < heap[below]!.use) below++;
      if (heap[below]!.use >= ranked.use) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = ranked;
  }
}
