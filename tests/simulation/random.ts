/** Pseudo-random numbers that a seed determines: sfc32 (Chris Doty-Humphrey, PractRand). */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 12; i++) this.#next();
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21 | this.#c >>> 11) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to 1, without it. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** Another one, whose numbers depend on this one's state now. */
  split(): Random {
    return new Random(this.#next());
  }

  bytes = (count: number): Uint8Array<ArrayBuffer> => {
    return Uint8Array.from({ length: count }, () => this.#next() & 0xff);
  };
}
