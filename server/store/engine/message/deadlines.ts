/** An entry for a thing at no later than its time. */
interface Entry<T> {
  time: number;
  thing: T;
}

/** Entries more than after the last clearing out, at least, before the next one. */
const MIN_GROWTH = 1024;

/** Entries that are found not to be due any more one by one, before all are looked at. */
const PASSED_MAX = 64;

interface DeadlinesOptions<T> {
  /** When a thing is due; undefined: not any more. */
  timeOf(thing: T): number | undefined;
  /** The order of things that are due at one time. */
  isBefore(a: T, b: T): boolean;
}

/**
 * Things in the order in which they are due: a binary heap. Nothing has to be done when a thing is due later than before,
 * or not any more: that is found when it comes first.
 *
 * The order follows from the things alone, and not from when they were added.
 */
export class Deadlines<T> {
  readonly #options: DeadlinesOptions<T>;
  #heap: Entry<T>[] = [];
  /** How many entries the last clearing out has left. */
  #left = 0;

  constructor(options: DeadlinesOptions<T>) {
    this.#options = options;
  }

  /** Must be called when a thing is due earlier than before, and when it is added. */
  add(thing: T) {
    const time = this.#options.timeOf(thing);
    if (time === undefined) return;
    if (this.#heap.length > 2 * this.#left + MIN_GROWTH) this.#clearOut();
    this.#push({ time, thing });
  }

  /** Whether it has no entry; it may have some of things that are not due any more. */
  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** The thing that is due first. */
  peek(): T | undefined {
    let passed = 0;
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      // where many are not due any more, it takes less to look at all of them once than to remove one by one
      if (passed++ === PASSED_MAX) {
        this.#clearOut();
        continue;
      }
      const time = this.#options.timeOf(first.thing);
      if (time === first.time) return first.thing;
      this.remove();
      if (time !== undefined && time > first.time) this.#push({ ...first, time });
    }
    return undefined;
  }

  /** The thing that is due first, if that is now. */
  due(now: number): T | undefined {
    const entry = this.peek() === undefined ? undefined : this.#heap[0];
    return entry !== undefined && entry.time <= now ? entry.thing : undefined;
  }

  /** When the first thing is due. */
  get next(): number | undefined {
    return this.peek() === undefined ? undefined : this.#heap[0]!.time;
  }

  /** Removes the thing that {@linkcode peek} returns. */
  remove() {
    const heap = this.#heap, last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last, 0);
  }

  #push(entry: Entry<T>) {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    for (; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Puts an entry at this place, or below it. */
  #sink(entry: Entry<T>, at: number) {
    const heap = this.#heap;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, entry)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }

  #isBefore(a: Entry<T>, b: Entry<T>): boolean {
    return a.time < b.time || a.time === b.time && this.#options.isBefore(a.thing, b.thing);
  }

  /** Leaves one entry for each thing that is still due: one that was added often has many. */
  #clearOut() {
    const things = new Set(this.#heap.map(({ thing }) => thing)), heap: Entry<T>[] = this.#heap = [];
    for (const thing of things) {
      const time = this.#options.timeOf(thing);
      if (time !== undefined) heap.push({ time, thing });
    }
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) this.#sink(heap[at]!, at);
    this.#left = heap.length;
  }
}
