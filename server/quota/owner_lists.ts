/** An entry of a list. The links are the list's own. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
}

interface List<T> {
  count: number;
  oldest: T | undefined;
  newest: T | undefined;
}

/**
 * A list of entries for each owner, in the order of their last use, and the owner with most. Every operation takes the
 * same time, however many entries there are; a Map would walk over what was removed from its beginning.
 */
export class OwnerLists<T extends Linked<T>> {
  readonly #lists = new Map<string, List<T>>();
  /** Owners by how many entries they have, and the highest such number. */
  readonly #byCount = new Map<number, Set<string>>();
  #most = 0;
  #size = 0;

  /** Entries in all. */
  get size(): number {
    return this.#size;
  }

  /** How many entries this owner has. */
  count(owner: string): number {
    return this.#lists.get(owner)?.count ?? 0;
  }

  /** An owner with most entries. */
  get largest(): string | undefined {
    const [owner] = this.#byCount.get(this.#most) ?? [];
    return owner;
  }

  /** The entry that this owner has used longest ago. */
  oldest(owner: string): T | undefined {
    return this.#lists.get(owner)?.oldest;
  }

  /** Adds an entry, as the one that was used last. */
  add(owner: string, entry: T) {
    let list = this.#lists.get(owner);
    if (list === undefined) {
      this.#lists.set(owner, list = { count: 0, oldest: undefined, newest: undefined });
    }
    append(list, entry);
    this.#resize(owner, list, 1);
  }

  /** The entry was used. */
  use(owner: string, entry: T) {
    const list = this.#lists.get(owner);
    if (list === undefined || list.newest === entry) return;
    unlink(list, entry);
    append(list, entry);
  }

  remove(owner: string, entry: T) {
    const list = this.#lists.get(owner);
    if (list === undefined) return;
    unlink(list, entry);
    this.#resize(owner, list, -1);
  }

  /** The owners with most entries, at most `owners` of them. */
  top(owners: number): [owner: string, count: number][] {
    const top: [string, number][] = [];
    for (let count = this.#most; count > 0 && top.length < owners; count--) {
      for (const owner of this.#byCount.get(count) ?? []) {
        if (top.push([owner, count]) === owners) break;
      }
    }
    return top;
  }

  #resize(owner: string, list: List<T>, by: 1 | -1) {
    const before = list.count, after = list.count += by;
    this.#size += by;
    const same = this.#byCount.get(before);
    same?.delete(owner);
    if (same?.size === 0) this.#byCount.delete(before);
    if (after === 0) this.#lists.delete(owner);
    else {
      const others = this.#byCount.get(after);
      if (others === undefined) this.#byCount.set(after, new Set([owner]));
      else others.add(owner);
    }
    // an owner that had most has one less at most, and then that is the most
    if (after > this.#most || before === this.#most && same?.size === 0) this.#most = after;
  }
}

function append<T extends Linked<T>>(list: List<T>, entry: T) {
  entry.older = list.newest;
  entry.newer = undefined;
  if (list.newest === undefined) list.oldest = entry;
  else list.newest.newer = entry;
  list.newest = entry;
}

function unlink<T extends Linked<T>>(list: List<T>, entry: T) {
  const { older, newer } = entry;
  if (older === undefined) list.oldest = newer;
  else older.newer = newer;
  if (newer === undefined) list.newest = older;
  else newer.older = older;
  entry.older = entry.newer = undefined;
}
