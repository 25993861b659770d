/** The content of a file, in pages that are never changed, so that a copy of it costs little. */

const PAGE = 4096;

/** Unit in which a disk writes: a write can be torn between two. */
export const SECTOR = 512;

export class Content {
  size = 0;
  /** Pages that are not all zeros. */
  readonly #pages: Map<number, Uint8Array>;

  constructor(pages: Map<number, Uint8Array> = new Map(), size = 0) {
    this.#pages = pages;
    this.size = size;
  }

  copy(): Content {
    return new Content(new Map(this.#pages), this.size);
  }

  write(offset: number, bytes: Uint8Array) {
    for (let at = 0; at < bytes.length;) {
      const number = Math.floor((offset + at) / PAGE), from = (offset + at) % PAGE;
      const piece = bytes.subarray(at, at + PAGE - from), before = this.#pages.get(number);
      at += piece.length;
      if (before === undefined && piece.every((byte) => byte === 0)) continue;
      const page = before === undefined ? new Uint8Array(PAGE) : before.slice();
      page.set(piece, from);
      this.#pages.set(number, page);
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  truncate(size: number) {
    if (size < this.size) {
      for (const number of [...this.#pages.keys()]) if (number * PAGE >= size) this.#pages.delete(number);
      const last = Math.floor(size / PAGE), page = this.#pages.get(last);
      if (page !== undefined) {
        const cut = page.slice();
        cut.fill(0, size % PAGE);
        this.#pages.set(last, cut);
      }
    }
    this.size = size;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.size);
    for (const [number, page] of this.#pages) {
      all.set(page.subarray(0, Math.max(0, this.size - number * PAGE)), number * PAGE);
    }
    return all;
  }

  /** Writes a file with this content; where there are only zeros it has a hole. */
  save(path: string) {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
    file.truncateSync(this.size);
    for (const [number, page] of this.#pages) {
      const piece = page.subarray(0, Math.max(0, this.size - number * PAGE));
      file.seekSync(number * PAGE, Deno.SeekMode.Start);
      for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
    }
  }
}
