import { EqualOwners } from "./equal_owners.ts";

/** An entry of a list. All of this is the list's own. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
  /** Which use of all entries its last use was: grows with each. */
  use: number;
}

/** Which use was the last one. */
export interface UseCounter {
  last: number;
}

interface List<T> {
  count: number;
  oldest: T | undefined;
  newest: T | undefined;
}

/**
 * A list of entries for each owner, in the order of their last use, and the owner with most. Every operation takes the
 * same time, or little more, however many entries there are; a Map would walk over what was removed from its beginning.
 *
 * Invariant: all that it answers depends on the entries and the order of their last uses alone, so that a table that is
 * read from a file behaves as the one that was written.
 */
export class OwnerLists<T extends Linked<T>> {
  readonly #lists = new Map<string, List<T>>();
  /** Owners by how many entries they have, and the highest such number. */
  readonly #byCount = new Map<number, EqualOwners>();
  #most = 0;
  readonly #uses: UseCounter;
  #size = 0;

  /** @param uses Counts the uses of entries; shared by lists whose entries are one table. */
  constructor(uses: UseCounter = { last: 0 }) {
    this.#uses = uses;
  }

  /** Entries in all. */
  get size(): number {
    return this.#size;
  }

  /** How many entries this owner has. */
  count(owner: string): number {
    return this.#lists.get(owner)?.count ?? 0;
  }

  /** The owner with most entries; of several, the one whose oldest entry was used longest ago. */
  get largest(): string | undefined {
    return this.#byCount.get(this.#most)?.first;
  }

  /** The entry that this owner has used longest ago. */
  oldest(owner: string): T | undefined {
    return this.#lists.get(owner)?.oldest;
  }

  /** Adds an entry, as the one that was used last. */
  add(owner: string, entry: T) {
    entry.use = ++this.#uses.last;
    this.#add(owner, entry);
  }

  /** Adds an entry with the use that it had in an earlier table; those that were used before it have been added. */
  load(owner: string, entry: T) {
    this.#uses.last = Math.max(this.#uses.last, entry.use);
    this.#add(owner, entry);
  }

  #add(owner: string, entry: T) {
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
    if (list === undefined) return;
    entry.use = ++this.#uses.last;
    if (list.newest === entry) return;
    unlink(list, entry);
    append(list, entry);
  }

  remove(owner: string, entry: T) {
    const list = this.#lists.get(owner);
    if (list === undefined) return;
    unlink(list, entry);
    this.#resize(owner, list, -1);
  }

  /** The owners with most entries, at most `owners` of them; of several with as many, the first by their names. */
  top(owners: number): [owner: string, count: number][] {
    const top: [string, number][] = [];
    for (let count = this.#most; count > 0 && top.length < owners; count--) {
      const same = [...this.#byCount.get(count)?.owners ?? []].sort();
      for (const owner of same.slice(0, owners - top.length)) top.push([owner, count]);
    }
    return top;
  }

  #resize(owner: string, list: List<T>, by: 1 | -1) {
    const before = list.count, after = list.count += by;
    this.#size += by;
    const same = this.#byCount.get(before);
    same?.remove(owner);
    const isLast = same?.owners.size === 0;
    if (isLast) this.#byCount.delete(before);
    if (after === 0) this.#lists.delete(owner);
    else {
      let others = this.#byCount.get(after);
      if (others === undefined) {
        others = new EqualOwners((owner) => this.#lists.get(owner)!.oldest!.use);
        this.#byCount.set(after, others);
      }
      others.add(owner);
    }
    // an owner that had most has one less at most, and then that is the most
    if (after > this.#most || before === this.#most && isLast) this.#most = after;
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
