/** Numbers, of which the lowest comes first: a binary heap. */
export class LowestFirst {
  #heap: number[] = [];

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** The lowest number. */
  get first(): number | undefined {
    return this.#heap[0];
  }

  /** Adds a number. If it is there already, {@linkcode shift} removes both. */
  add(number: number) {
    const heap = this.#heap;
    let at = heap.push(number) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= number) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = number;
  }

  /** Removes the lowest number. */
  shift() {
    const lowest = this.#heap[0];
    while (this.#heap.length > 0 && this.#heap[0] === lowest) this.#removeFirst();
  }

  #removeFirst() {
    const heap = this.#heap, last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }

  clear() {
    this.#heap = [];
  }
}
