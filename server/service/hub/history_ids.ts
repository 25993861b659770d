/**
 * The history IDs of a channel: a number names a message only together with the ID that held when it was said, and within
 * one ID no number is given twice (channels.md 8.6).
 *
 * @module
 */

/** IDs that are kept of a channel. */
const MAX_IDS = 8;

export class HistoryIds {
  /** The oldest first. Each holds from its number to that of the next one; several may begin with the same number. */
  readonly #ids: { id: string; from: number }[];

  private constructor(ids: { id: string; from: number }[]) {
    this.#ids = ids;
  }

  /** Of a channel in which nothing was said yet. */
  static create(): HistoryIds {
    return new HistoryIds([{ id: randomId(), from: 1 }]);
  }

  /** Reads the text of {@linkcode encode}; undefined if it has no ID. */
  static decode(text: string): HistoryIds | undefined {
    const ids = [...text.matchAll(/([A-Za-z0-9]+):(\d+)/g)].map(([, id = "", from]) => ({
      id,
      from: Number(from),
    }));
    return ids.length === 0 ? undefined : new HistoryIds(ids);
  }

  encode(): string {
    return this.#ids.map(({ id, from }) => `${id}:${from}`).join(" ");
  }

  /** The one that holds now. */
  get current(): string {
    return this.#ids.at(-1)!.id;
  }

  /** A new ID holds from this number: what had it, or a higher one, may have been lost. */
  renew(from: number) {
    this.#ids.push({ id: randomId(), from });
    if (this.#ids.length > MAX_IDS) this.#ids.shift();
  }

  /** The ID of the message with this number. */
  at(number: number): string {
    return (this.#ids.findLast(({ from }) => from <= number) ?? this.#ids[0]!).id;
  }

  /** The number from which a later ID holds, if the ID is known; Infinity for the current one. */
  endOf(id: string): number | undefined {
    const i = this.#ids.findIndex((one) => one.id === id);
    return i < 0 ? undefined : this.#ids[i + 1]?.from ?? Infinity;
  }

  /** Whether an ID begins with this number, other than the first of the channel. */
  beginsAt(number: number): boolean {
    return this.#ids.some(({ from }, i) => from === number && (i > 0 || from > 1));
  }
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
