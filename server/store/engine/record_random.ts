import { createHash } from "node:crypto";

/** Bytes of one SHA-256. */
const BLOCK_BYTES = 32;

/**
 * The randomness of a record: what SHA-256 makes of its seed and a counter (store 4.6), so that the same record leads to
 * the same bytes wherever it is applied.
 */
export class RecordRandom {
  #seed: Uint8Array = new Uint8Array(BLOCK_BYTES);
  #counter = 0;
  /** The block that bytes are taken from, and how many of them are used. */
  #block: Uint8Array = new Uint8Array();
  #used = 0;

  /** From now on bytes come from this seed. */
  begin(seed: Uint8Array) {
    this.#seed = seed;
    this.#counter = 0;
    this.#block = new Uint8Array();
    this.#used = 0;
  }

  /** The next `bytes` bytes. */
  readonly next = (bytes: number): Uint8Array => {
    const drawn = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      if (this.#used === this.#block.length) this.#nextBlock();
      const piece = this.#block.subarray(this.#used, this.#used + bytes - at);
      drawn.set(piece, at);
      at += piece.length;
      this.#used += piece.length;
    }
    return drawn;
  };

  #nextBlock() {
    const counter = new Uint8Array(8);
    new DataView(counter.buffer).setBigUint64(0, BigInt(this.#counter++), true);
    this.#block = new Uint8Array(createHash("sha256").update(this.#seed).update(counter).digest());
    this.#used = 0;
  }
}
