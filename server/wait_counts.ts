/** Waits in all, and of one network. */
const MAX_WAITS = 100_000, MAX_WAITS_OF_NETWORK = 10_000;

/** How many wait, in all and by network. */
export class WaitCounts {
  all = 0;
  /** By network, where they are counted for one. */
  readonly #of = new Map<string, number>();

  isFullFor(network: string): boolean {
    return this.all >= MAX_WAITS || network !== "" && (this.#of.get(network) ?? 0) >= MAX_WAITS_OF_NETWORK;
  }

  add(network: string, by: number) {
    this.all += by;
    const count = (this.#of.get(network) ?? 0) + by;
    if (count > 0) this.#of.set(network, count);
    else this.#of.delete(network);
  }
}
