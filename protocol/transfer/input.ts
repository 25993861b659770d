import type { DirectionKey } from "../seal/keys.ts";
import { concatBytes } from "../syntax/bytes.ts";
import { PIECE_RECORDS, RecordReader } from "./records.ts";

/** Bytes of content that are read in one go. An input has two such buffers. */
const BUFFER_BYTES = 512 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LF = 0x0a, CR = 0x0d;

type Bytes = Uint8Array<ArrayBuffer>;
type Receive = (buffer: Bytes) => Promise<number | null>;

/** What comes over the connection of a transfer: lines and content, from some point on in records. */
export class TransferInput {
  readonly #receive: Receive;
  #reader: RecordReader | undefined;
  /** What was read with a line and stands behind it, or of a record. */
  #buffered: Bytes = new Uint8Array(0);
  /** What content is read into, in turn; made with the first piece. */
  #buffers: Bytes[] = [];
  #isClosed = false;

  /** @param receive Reads what there is, and returns its length; null at the end. It is called again when it is done. */
  constructor(receive: Receive) {
    this.#receive = receive;
  }

  /** From here on everything is in records. The key is overwritten when it is used no more. */
  seal(key: DirectionKey) {
    let rest = this.#buffered;
    this.#buffered = new Uint8Array(0);
    this.#reader = new RecordReader(key, async (buffer) => {
      if (rest.length === 0) return await this.#receive(buffer);
      const bytes = rest.subarray(0, buffer.length);
      rest = rest.subarray(bytes.length);
      buffer.set(bytes);
      return bytes.length;
    });
    if (this.#isClosed) this.#reader.close();
  }

  /** Overwrites the key, if there is one: no record is opened any more. */
  close() {
    this.#isClosed = true;
    this.#reader?.close();
  }

  /** The next byte, which stays; null at the end. */
  async peek(): Promise<number | null> {
    if (this.#buffered.length === 0 && !await this.#more(1)) return null;
    return this.#buffered[0]!;
  }

  /**
   * The next line, without its end, which may be CR LF.
   *
   * @param maxBytes Most bytes of it.
   * @returns Null if the end comes before that of the line; undefined if it is longer, or not UTF-8.
   * @throws {Error} What `receive` throws, and {@linkcode RecordReader.next}.
   */
  async line(maxBytes: number): Promise<string | null | undefined> {
    for (let from = 0;;) {
      const end = this.#buffered.indexOf(LF, from);
      if (end > maxBytes || end < 0 && this.#buffered.length > maxBytes) return undefined;
      if (end >= 0) {
        const line = this.#take(end + 1);
        try {
          return decoder.decode(line.subarray(0, line[end - 1] === CR ? end - 1 : end));
        } catch {
          return undefined;
        }
      }
      from = this.#buffered.length;
      if (!await this.#more(maxBytes + 1 - from)) return null;
    }
  }

  /**
   * The next bytes of content.
   *
   * @param limit Most bytes.
   * @returns They stay as they are until the next call but one. Null at the end.
   * @throws {Error} What `receive` throws, and {@linkcode RecordReader.next}.
   */
  async piece(limit: number): Promise<Uint8Array | null> {
    if (this.#buffered.length > 0 || this.#reader !== undefined && await this.#more(0, PIECE_RECORDS)) {
      return this.#take(limit);
    }
    if (this.#reader !== undefined) return null;
    const buffer = this.#buffers.length < 2 ? new Uint8Array(BUFFER_BYTES) : this.#buffers.shift()!;
    this.#buffers.push(buffer);
    const read = await this.#receive(buffer.subarray(0, Math.min(limit, BUFFER_BYTES)));
    return read === null ? null : buffer.subarray(0, read);
  }

  #take(limit: number): Bytes {
    const bytes = this.#buffered.subarray(0, limit);
    this.#buffered = this.#buffered.subarray(bytes.length);
    return bytes;
  }

  /** Reads at most so many bytes more, or so many records. Returns whether there was anything. */
  async #more(limit: number, records = 1): Promise<boolean> {
    const bytes = this.#reader === undefined ? await this.#raw(limit) : await this.#reader.next(records);
    if (bytes === null || bytes.length === 0) return false;
    this.#buffered = this.#buffered.length === 0 ? bytes : concatBytes(this.#buffered, bytes);
    return true;
  }

  async #raw(limit: number): Promise<Bytes | null> {
    const buffer = new Uint8Array(limit), read = await this.#receive(buffer);
    return read === null ? null : buffer.subarray(0, read);
  }
}
