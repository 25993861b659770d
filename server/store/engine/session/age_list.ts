/** An entry of a list. The links are the list's own. */
export interface Aged<T> {
  before: T | undefined;
  after: T | undefined;
}

/** Entries in the order in which they were added. Adding, removing and finding the first take the same time for any number. */
export class AgeList<T extends Aged<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get first(): T | undefined {
    return this.#first;
  }

  /** Adds an entry at the end. */
  add(entry: T) {
    entry.before = this.#last;
    entry.after = undefined;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
  }

  /** Removes an entry that is in this list. */
  remove(entry: T) {
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = entry.after = undefined;
  }
}
