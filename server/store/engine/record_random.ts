import { createHash } from "node:crypto";

/** Bytes of a record's seed, and of one hash. */
const SEED_BYTES = 32;

/**
 * The randomness of a record: what SHA-256 makes of its seed and a counter (store 4.6), so that the same record leads to
 * the same bytes wherever it is applied.
 */
export class RecordRandom {
  /** The seed, and behind it the counter: 8 bytes, the lowest first. */
  readonly #message = new Uint8Array(SEED_BYTES + 8);
  readonly #counter = new DataView(this.#message.buffer, SEED_BYTES);
  #blocks = 0;
  /** The block that bytes are taken from, and how many of them are used. */
  #block: Uint8Array = this.#message;
  #used = SEED_BYTES;

  /** From now on bytes come from this seed. */
  begin(seed: Uint8Array) {
    this.#message.set(seed);
    this.#blocks = 0;
    this.#used = SEED_BYTES;
  }

  /** The next `bytes` bytes. */
  readonly next = (bytes: number): Uint8Array => {
    const drawn = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      if (this.#used === SEED_BYTES) this.#nextBlock();
      const piece = this.#block.subarray(this.#used, Math.min(SEED_BYTES, this.#used + bytes - at));
      drawn.set(piece, at);
      at += piece.length;
      this.#used += piece.length;
    }
    return drawn;
  };

  #nextBlock() {
    this.#counter.setUint32(0, this.#blocks++, true);
    this.#block = createHash("sha256").update(this.#message).digest();
    this.#used = 0;
  }
}
