/**
 * What a test and a kept process (`host.ts`) send each other over TCP: frames of one letter, the length of the content in
 * four bytes, and the content.
 *
 * @module
 */

/**
 * A test sends `s` (start, a {@linkcode CommandLine}), `i` (input) and `e` (end of the input). A host sends `o` (output),
 * `r` (errors) and `x` (the exit code).
 */
export type FrameKind = "s" | "i" | "e" | "o" | "r" | "x";

/** A command line, and where it runs. */
export interface CommandLine {
  args: readonly string[];
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
}

/** Bytes before the content: the letter, and the length. */
const HEAD_BYTES = 5;

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** The frames of one connection, which is for one run of the program. */
export class Frames {
  readonly #connection: Deno.Conn;
  /** Ends when the frames before are written: writes of two frames must not mix. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** @throws {Error} The other side has closed the connection. */
  send(kind: FrameKind, content: Uint8Array | string = ""): Promise<void> {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    const frame = new Uint8Array(HEAD_BYTES + bytes.length);
    frame[0] = kind.charCodeAt(0);
    new DataView(frame.buffer).setUint32(1, bytes.length);
    frame.set(bytes, HEAD_BYTES);
    const written = this.#written.then(async () => {
      for (let at = 0; at < frame.length;) at += await this.#connection.write(frame.subarray(at));
    });
    this.#written = written.catch(() => {});
    return written;
  }

  /** The next frame; undefined at the end of the connection, also if it broke. */
  async receive(): Promise<{ kind: FrameKind; content: Uint8Array<ArrayBuffer> } | undefined> {
    const head = await this.#read(HEAD_BYTES);
    if (head === undefined) return undefined;
    const content = await this.#read(new DataView(head.buffer).getUint32(1));
    return content && { kind: decoder.decode(head.subarray(0, 1)) as FrameKind, content };
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = await this.#connection.read(bytes.subarray(at)).catch(() => null);
      if (count === null) return undefined;
      at += count;
    }
    return bytes;
  }
}
