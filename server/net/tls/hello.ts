/** Most bytes of a hello, with the heads of its records: as many as in one record (RFC 8446, 5.1). */
const MAX_HELLO_BYTES = 16_384;

/** Bytes that a hello is expected to have, and of the heads of a record and of a message of the handshake. */
const COMMON_BYTES = 1024, RECORD_HEAD_BYTES = 5, MESSAGE_HEAD_BYTES = 4;

/** The types of a record with a handshake, and of a hello in it; the first byte of every version of TLS. */
const HANDSHAKE_RECORD = 0x16, CLIENT_HELLO = 1, MAJOR_VERSION = 3;

/**
 * Collects the bytes of a client's hello, until it is whole: in one record or several (RFC 8446, 4 and 5.1). Nothing is
 * computed for it before.
 */
export class Hello {
  #buffer = new Uint8Array(COMMON_BYTES);
  #length = 0;
  /** Where the next record begins, and how many bytes of the message came in those before it. */
  #at = 0;
  #messageBytes = 0;
  /** The head of the message. */
  readonly #head: number[] = [];

  /** All bytes so far. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds bytes, and returns whether it is whole then, or can't be a hello. Takes linear time in all. */
  add(bytes: Uint8Array): "whole" | "part" | "malformed" {
    this.#append(bytes);
    const buffer = this.#buffer;
    while (this.#length >= this.#at + RECORD_HEAD_BYTES) {
      const at = this.#at, recordBytes = buffer[at + 3]! << 8 | buffer[at + 4]!;
      const next = at + RECORD_HEAD_BYTES + recordBytes;
      const isHandshake = buffer[at] === HANDSHAKE_RECORD && buffer[at + 1] === MAJOR_VERSION;
      if (!isHandshake || recordBytes === 0 || next > MAX_HELLO_BYTES) return "malformed";
      if (this.#length < next) break;
      const missing = MESSAGE_HEAD_BYTES - this.#head.length, content = at + RECORD_HEAD_BYTES;
      this.#head.push(...buffer.subarray(content, Math.min(content + missing, next)));
      this.#messageBytes += recordBytes;
      this.#at = next;
      if (this.#head[0] !== CLIENT_HELLO) return "malformed";
      if (this.#head.length < MESSAGE_HEAD_BYTES) continue;
      const [, high, middle, low] = this.#head as [number, number, number, number];
      const bodyBytes = high << 16 | middle << 8 | low;
      if (bodyBytes > MAX_HELLO_BYTES) return "malformed";
      if (this.#messageBytes >= MESSAGE_HEAD_BYTES + bodyBytes) return "whole";
    }
    return this.#length >= MAX_HELLO_BYTES ? "malformed" : "part";
  }

  #append(bytes: Uint8Array) {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }
}
