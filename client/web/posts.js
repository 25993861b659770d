// @ts-check

/**
 * Messages that are posted, by the thousand: how many may be without an outcome, and what one that fails means for those
 * behind it.
 *
 * Invariant: where one fails, none of the same receiver is sent that was posted before its poster knew.
 *
 * @module
 */

/** Messages without an outcome, and the length of their texts, beyond which there is no room for more. */
const MAX_POSTED = 4096, MAX_POSTED_LENGTH = 1024 * 1024;

export class Posts {
  #count = 0;
  #length = 0;
  /** @type {(() => void)[]} */
  #onRoom = [];
  /** @type {Map<string, { open: number, failed?: Error }>} What is posted to a receiver, until something of it fails. */
  #runs = new Map();

  get hasRoom() {
    return this.#count < MAX_POSTED && this.#length < MAX_POSTED_LENGTH;
  }

  /**
   * Resolves when there is room for more.
   *
   * @returns {Promise<void>}
   */
  ready() {
    return this.hasRoom ? Promise.resolve() : new Promise((resolve) => this.#onRoom.push(resolve));
  }

  /**
   * @param {string} receiver
   * @param {number} length Of the text.
   * @param {(act: () => Promise<unknown>) => Promise<unknown>} inTurn Does it when it is the message's turn.
   * @param {() => Promise<unknown>} put
   * @param {(error?: Error) => void} settle
   * @throws {RangeError} Too many have no outcome.
   */
  add(receiver, length, inTurn, put, settle) {
    if (this.#count >= 2 * MAX_POSTED) {
      throw new RangeError("Cannot post: too many messages have no outcome");
    }
    this.#count++;
    this.#length += length;
    const run = this.#runs.get(receiver) ?? { open: 0 };
    this.#runs.set(receiver, run);
    run.open++;
    /** @param {Error} [error] */
    const settled = (error) => {
      this.#count--;
      this.#length -= length;
      if (this.hasRoom) { for (const resolve of this.#onRoom.splice(0)) resolve(); }
      settle(error);
      // the poster knows now, and may begin again
      run.open--;
      if ((error !== undefined || run.open === 0) && this.#runs.get(receiver) === run) {
        this.#runs.delete(receiver);
      }
    };
    inTurn(async () => {
      if (run.failed !== undefined) throw run.failed;
      try {
        await put();
      } catch (error) {
        run.failed = /** @type {Error} */ (error);
        throw error;
      }
    }).then(() => settled(), settled);
  }
}
