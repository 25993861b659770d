import type { SegmentHead } from "./segment.ts";
import { isForNow, type OpenSegment, type SegmentPool } from "./segment_pool.ts";

/** When it is tried again to make a segment for which there was no room, in milliseconds. */
const RETRY_MS = 1000;

interface NextSegmentOptions {
  pool: SegmentPool;
  /** The head of the segment after the last one. */
  head(): SegmentHead;
  /** Called if it cannot be made, and never can. */
  lose(error: Error): void;
}

/** The segment after the last one, which is made before that is full: nobody waits for it (store 3.7). */
export class NextSegment {
  readonly #options: NextSegmentOptions;
  #segment: OpenSegment | undefined;
  /** Ends when it is made, or cannot be made for now. */
  #making: Promise<void> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(options: NextSegmentOptions) {
    this.#options = options;
  }

  /** Undefined until it is made. */
  get segment(): OpenSegment | undefined {
    return this.#segment;
  }

  /** Begins to make it, unless it is there, is being made, or could not be made just now. */
  make() {
    if (this.#segment || this.#making || this.#retry !== undefined || this.#isStopped) return;
    const { pool, head, lose } = this.#options;
    this.#making = pool.make(head()).then((segment) => {
      this.#making = undefined;
      this.#segment = segment;
    }, (error) => {
      this.#making = undefined;
      if (!isForNow(error)) lose(error);
      else if (!this.#isStopped) this.#retry = setTimeout(() => this.tryAgain(), RETRY_MS);
    });
  }

  /** Makes it, and waits until it is there, or cannot be made for now. */
  async made() {
    this.make();
    await this.#making;
  }

  /** Tries again to make it if there was no room for it. */
  tryAgain() {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.make();
  }

  /** It is the last one now. */
  used() {
    this.#segment = undefined;
  }

  /** Makes none any more. */
  stop() {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }
}
