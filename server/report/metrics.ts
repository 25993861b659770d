/** Counts of what happened since the start, by name, in the order in which each happened first. */
export class Metrics {
  readonly #counts = new Map<string, number>();

  add(name: string, more = 1) {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + more);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  entries(): [string, number][] {
    return [...this.#counts];
  }
}
