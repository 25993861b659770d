/**
 * The records of a sealed transfer: what a file's connection carries, encrypted with keys from the session's seal.
 * `protocol/transfer.md` section 10 is the specification.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { DirectionKey } from "../seal/keys.ts";
import { fromBase64url } from "../syntax/binary_text.ts";

/** Most bytes that a record carries; and the first one, because that much is kept of who has not shown its key. */
export const MAX_RECORD_BYTES = 262_144, MAX_FIRST_RECORD_BYTES = 1024;

/** Bytes in front of what is sealed, and of the tag behind it. */
const HEADER = 4, TAG = 16;

/** Bytes of the longest record, and of the longest first one. */
const RECORD = HEADER + MAX_RECORD_BYTES + TAG, FIRST_RECORD = HEADER + MAX_FIRST_RECORD_BYTES + TAG;

/**
 * Records that are opened in one go if they are there: what is done with their content, a piece at a time, costs less the
 * longer a piece is. A reader has room for one more, once the first has opened.
 */
export const PIECE_RECORDS = 2;

/** Bit of a header: nothing follows in this direction. */
const LAST = 0x8000_0000;

/** It is ten times as fast here as AES-256-GCM, and three times as fast as that of WebCrypto, which has its own thread. */
const CIPHER = "chacha20-poly1305";

type Bytes = Uint8Array<ArrayBuffer>;

/** The keys of one attempt, each for one direction. */
export interface TransferKeys {
  toServer: DirectionKey;
  toClient: DirectionKey;
}

/** A record is not what was sent: it was changed, repeated or left out on its way, or is of other keys. */
export class WrongRecordError extends Error {
  override name = "WrongRecordError";
}

/** The connection ended, or was closed, and the last record had not come. */
export class TruncatedError extends Error {
  override name = "TruncatedError";
}

/**
 * The keys of the transfer with this ticket (transfer.md 10.4).
 *
 * @param filesKey Of the handshake under which the ticket was issued.
 */
export function transferKeys(filesKey: Uint8Array, ticket: string): TransferKeys {
  const salt = fromBase64url(ticket);
  const derive = (direction: string): DirectionKey => {
    const bytes = new Uint8Array(hkdfSync("sha256", filesKey, salt, `Wirepost transfer 1 ${direction}`, 44));
    return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) };
  };
  return { toServer: derive("to server"), toClient: derive("to client") };
}

/** Overwrites the keys of a transfer that is over, or never began. */
export function eraseTransferKeys({ toServer, toClient }: TransferKeys) {
  for (const key of [toServer, toClient]) eraseKey(key);
}

function eraseKey({ key, iv }: DirectionKey) {
  key.fill(0);
  iv.fill(0);
}

/** The direction's iv, combined with the number by exclusive or, the highest byte first. */
function nonce(iv: Uint8Array, number: number): Uint8Array {
  const bytes = iv.slice();
  // 4 GiB are fewer records than 2^32
  for (let i = 0; i < 4; i++) bytes[11 - i]! ^= number >>> 8 * i & 0xff;
  return bytes;
}

/** What comes out of a cipher is new memory: it is copied to where it belongs, and returned. */
function through(cipher: { update(bytes: Uint8Array): Uint8Array }, from: Uint8Array, into: Uint8Array) {
  const bytes = cipher.update(from);
  into.set(bytes);
  release(bytes);
}

/** Returns memory at once: otherwise each MiB of a file costs the collection of a MiB of garbage. */
function release({ buffer, length }: Uint8Array) {
  // small ones share their memory with others
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

/** Seals what is written in one direction, and writes it. */
export class RecordWriter {
  #key: DirectionKey | undefined;
  readonly #write: (record: Uint8Array) => Promise<void>;
  /** Made with the first record: a server has connections that never come to it. */
  #record: Bytes | undefined;
  /** Of the last record. */
  #number = 0;
  #isLast = false;
  /** Resolves when nothing is being written. */
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param key It is overwritten behind the last record.
   * @param write Writes all of the bytes, which do not change until it is done.
   */
  constructor(key: DirectionKey, write: (record: Uint8Array) => Promise<void>) {
    this.#key = key;
    this.#write = write;
  }

  /**
   * Writes the bytes, which must not change until it is done, behind those of earlier calls.
   *
   * @param isLast Whether nothing follows.
   * @throws {Error} Writing fails, or has failed before.
   */
  write(bytes: Uint8Array, isLast = false): Promise<void> {
    const before = this.#writing;
    return this.#writing = this.#writeBehind(before, bytes, isLast);
  }

  async #writeBehind(before: Promise<void>, bytes: Uint8Array, isLast: boolean) {
    await before;
    for (let at = 0; at < bytes.length || isLast && !this.#isLast; at += MAX_RECORD_BYTES) {
      const end = at + MAX_RECORD_BYTES;
      await this.#write(this.#seal(bytes.subarray(at, end), isLast && end >= bytes.length));
    }
  }

  #seal(plain: Uint8Array, isLast: boolean): Uint8Array {
    if (this.#key === undefined) throw new TypeError("Cannot write a record behind the last one");
    const record = this.#record ??= new Uint8Array(RECORD), { length } = plain, { key, iv } = this.#key;
    new DataView(record.buffer).setUint32(0, length + (isLast ? LAST : 0));
    const cipher = createCipheriv(CIPHER, key, nonce(iv, ++this.#number), { authTagLength: TAG });
    cipher.setAAD(record.subarray(0, HEADER), { plaintextLength: length });
    const sealed = cipher.update(plain);
    cipher.final();
    record.set(sealed, HEADER);
    record.set(cipher.getAuthTag(), HEADER + length);
    release(sealed);
    if (isLast) this.erase();
    return record.subarray(0, HEADER + length + TAG);
  }

  /** Nothing can be written any more. */
  erase() {
    if (this.#key !== undefined) eraseKey(this.#key);
    this.#key = undefined;
    this.#isLast = true;
  }
}

/** Reads and opens the records of one direction. */
export class RecordReader {
  #key: DirectionKey | undefined;
  readonly #read: (buffer: Bytes) => Promise<number | null>;
  /** No more than a first record, until that has opened: no more is kept for a client that has not shown its key. */
  #buffer = new Uint8Array(FIRST_RECORD);
  /** What was read and is not opened yet: from here, and to here. */
  #from = 0;
  #to = 0;
  /** Of the last record that was opened. */
  #number = 0;
  /** What is opened goes into these, in turn. */
  #opened: Bytes = new Uint8Array(0);
  #other: Bytes = new Uint8Array(0);
  #failure: WrongRecordError | TruncatedError | undefined;

  /**
   * @param key It is overwritten behind the last record, or the first that is wrong.
   * @param read Reads what there is, and returns its length; null at the end.
   */
  constructor(key: DirectionKey, read: (buffer: Bytes) => Promise<number | null>) {
    this.#key = key;
    this.#read = read;
  }

  /**
   * What the next record carries. It stays as it is until the next call but one.
   *
   * @param records More than one: also what those behind it carry, so many in all, if they have come as a whole.
   * @returns Null behind the last one.
   * @throws {WrongRecordError} It is not what was sent. None of it is returned, and nothing behind it.
   * @throws {TruncatedError} The connection ended before the last record, or the reader was closed.
   * @throws {Error} What `read` throws.
   */
  async next(records = 1): Promise<Bytes | null> {
    // it may be closed while it waits
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#key === undefined) return null;
      const length = this.#complete();
      if (length !== undefined) return this.#take(length, records);
      await this.#fill();
    }
  }

  /** Opens a record that is there, and those behind it: what is wrong with one of those fails with the next call. */
  #take(length: number, records: number): Bytes {
    [this.#opened, this.#other] = [this.#other, this.#opened];
    let opened = 0;
    try {
      for (let more: number | undefined = length; more !== undefined; more = this.#complete()) {
        this.#open(more, opened);
        opened += more;
        if (--records === 0 || this.#key === undefined) break;
      }
    } catch (error) {
      if (opened === 0 || error !== this.#failure) throw error;
    }
    return this.#opened.subarray(0, opened);
  }

  /** What the next record carries, in bytes; undefined if it is not there as a whole. */
  #complete(): number | undefined {
    const there = this.#to - this.#from;
    if (there < HEADER) return undefined;
    const word = new DataView(this.#buffer.buffer, this.#from).getUint32(0);
    const length = word >= LAST ? word - LAST : word;
    const max = this.#number === 0 ? MAX_FIRST_RECORD_BYTES : MAX_RECORD_BYTES;
    if (length > max || word === 0) throw this.#wrong();
    return there < HEADER + length + TAG ? undefined : length;
  }

  async #fill() {
    if (this.#from > 0) this.#buffer.copyWithin(0, this.#from, this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    const read = await this.#read(this.#buffer.subarray(this.#to));
    if (read === null) throw new TruncatedError("Cannot read a record: the connection has ended");
    this.#to += read;
  }

  /** Opens a record that is there, behind so many bytes of what was opened with it. */
  #open(length: number, behind: number) {
    const record = this.#buffer.subarray(this.#from, this.#from += HEADER + length + TAG),
      { key, iv } = this.#key!;
    const cipher = createDecipheriv(CIPHER, key, nonce(iv, this.#number + 1), { authTagLength: TAG });
    cipher.setAAD(record.subarray(0, HEADER), { plaintextLength: length });
    cipher.setAuthTag(record.subarray(HEADER + length));
    this.#makeRoom(behind + length, behind);
    through(cipher, record.subarray(HEADER, HEADER + length), this.#opened.subarray(behind));
    try {
      cipher.final();
    } catch {
      throw this.#wrong();
    }
    if (this.#number++ === 0) this.#enlarge();
    if (record[0]! >= 0x80) this.#erase();
  }

  /** Makes room for so many bytes in all; those that are there stay. */
  #makeRoom(length: number, there: number) {
    if (this.#opened.length >= length) return;
    const opened = new Uint8Array(
      length <= MAX_FIRST_RECORD_BYTES ? MAX_FIRST_RECORD_BYTES : PIECE_RECORDS * MAX_RECORD_BYTES,
    );
    opened.set(this.#opened.subarray(0, there));
    this.#opened = opened;
  }

  /** So many records are there at a time that what is behind one is seldom moved. */
  #enlarge() {
    const buffer = new Uint8Array((PIECE_RECORDS + 1) * RECORD);
    buffer.set(this.#buffer);
    this.#buffer = buffer;
  }

  #wrong(): WrongRecordError {
    this.#erase();
    return this.#failure = new WrongRecordError(
      `Cannot open record ${this.#number + 1}: it is not what was sent`,
    );
  }

  /** Opens nothing any more, also of what was read already: anybody can seal with a key that was overwritten. */
  close() {
    if (this.#key === undefined) return;
    this.#erase();
    this.#failure = new TruncatedError("Cannot read a record: its reader is closed");
  }

  #erase() {
    if (this.#key !== undefined) eraseKey(this.#key);
    this.#key = undefined;
  }
}
