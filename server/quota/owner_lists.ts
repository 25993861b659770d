/** What a table holds: a link of the list of its holder, in the order of last use. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
}

/** The list of one holder. */
interface List<T> {
  count: number;
  oldest: T | undefined;
  newest: T | undefined;
}

/**
 * Things by who holds them, each holder's in the order of their last use, and who holds most. Every operation takes the
 * same time, however many there are; a Map would walk over what was removed from its beginning.
 */
export class OwnerLists<T extends Linked<T>> {
  readonly #lists = new Map<string, List<T>>();
  /** Names of holders by how many things they have, and the highest such number. */
  readonly #byCount = new Map<number, Set<string>>();
  #most = 0;
  #size = 0;

  /** Things in all. */
  get size(): number {
    return this.#size;
  }

  /** How many things this holder has. */
  count(holder: string): number {
    return this.#lists.get(holder)?.count ?? 0;
  }

  /** Who holds most, or one of those. */
  get largest(): string | undefined {
    const [holder] = this.#byCount.get(this.#most) ?? [];
    return holder;
  }

  /** What this holder has used longest ago. */
  oldest(holder: string): T | undefined {
    return this.#lists.get(holder)?.oldest;
  }

  /** Adds a thing, as the one that was used last. */
  add(holder: string, thing: T) {
    let list = this.#lists.get(holder);
    if (list === undefined) {
      this.#lists.set(holder, list = { count: 0, oldest: undefined, newest: undefined });
    }
    append(list, thing);
    this.#resize(holder, list, 1);
  }

  /** The thing was used. */
  use(holder: string, thing: T) {
    const list = this.#lists.get(holder);
    if (list === undefined || list.newest === thing) return;
    unlink(list, thing);
    append(list, thing);
  }

  remove(holder: string, thing: T) {
    const list = this.#lists.get(holder);
    if (list === undefined) return;
    unlink(list, thing);
    this.#resize(holder, list, -1);
  }

  /** The holders who have most, with how many things each has. */
  top(holders: number): [holder: string, count: number][] {
    const top: [string, number][] = [];
    for (let count = this.#most; count > 0 && top.length < holders; count--) {
      for (const holder of this.#byCount.get(count) ?? []) {
        if (top.push([holder, count]) === holders) break;
      }
    }
    return top;
  }

  #resize(holder: string, list: List<T>, by: 1 | -1) {
    const before = list.count, after = list.count += by;
    this.#size += by;
    const same = this.#byCount.get(before);
    same?.delete(holder);
    if (same?.size === 0) this.#byCount.delete(before);
    if (after === 0) this.#lists.delete(holder);
    else {
      const others = this.#byCount.get(after);
      if (others === undefined) this.#byCount.set(after, new Set([holder]));
      else others.add(holder);
    }
    // who had most has one less at most, and then this one has that many
    if (after > this.#most || before === this.#most && same?.size === 0) this.#most = after;
  }
}

function append<T extends Linked<T>>(list: List<T>, thing: T) {
  thing.older = list.newest;
  thing.newer = undefined;
  if (list.newest === undefined) list.oldest = thing;
  else list.newest.newer = thing;
  list.newest = thing;
}

function unlink<T extends Linked<T>>(list: List<T>, thing: T) {
  const { older, newer } = thing;
  if (older === undefined) list.oldest = newer;
  else older.newer = newer;
  if (newer === undefined) list.newest = older;
  else newer.older = older;
  thing.older = thing.newer = undefined;
}
