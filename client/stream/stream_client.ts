import type { Connection } from "./connection.ts";

/** Milliseconds that a server has to close a connection on which everything was said. */
export const CLOSE_TIMEOUT_MS = 2000;

/**
 * A live connection on which text goes both ways. Messages that nobody takes are not read from the server, which may
 * cut off a client that does not read.
 *
 * At the end of `await using` what was sent does arrive: the server is told that no more comes and has 2 seconds to
 * close, in which messages that nobody takes are dropped.
 */
export abstract class StreamClient implements AsyncIterable<string>, AsyncDisposable {
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.close();
  /** What is left of the last read. Its bytes stand in the buffer until they are decoded. */
  #messages: Iterator<string> = [].values();
  /** Only there once somebody reads, so that an idle connection costs little. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #reading = false;
  #ended = false;
  #closed = false;
  readonly #over = Promise.withResolvers<void>();

  /** @ignore */
  constructor(connection: Connection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
    if (signal?.aborted) this.close();
    else signal?.addEventListener("abort", this.#abort);
  }

  /** The messages that end in these bytes. */
  protected abstract decode(bytes: Uint8Array): Iterable<string>;
  /** The messages that the end of the stream ends. */
  protected abstract decodeEnd(): Iterable<string>;

  /** Messages that came and were dropped because they are too long. */
  get dropped(): number {
    return 0;
  }

  /** Writes behind what was written, as fast as the server reads. */
  protected async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw new Error(`Cannot send to the server: ${(error as Error).message}`);
    }
  }

  /**
   * The next message, or undefined where the server has closed, or {@linkcode close} was called. One call at a time;
   * iteration calls it until there is no more.
   *
   * @throws {Error} The connection broke; or the reason of the signal that ended it.
   */
  async receive(): Promise<string | undefined> {
    if (this.#reading) throw new Error("Cannot receive: another call waits for a message");
    this.#reading = true;
    try {
      let next = this.#messages.next();
      while (next.done && !this.#ended) {
        await this.#read();
        next = this.#messages.next();
      }
      this.#signal?.throwIfAborted();
      return this.#closed || next.done ? undefined : next.value;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#reading = false;
    }
  }

  async #read() {
    let bytes: Uint8Array | null;
    try {
      bytes = await this.#connection.read(this.#buffer ??= new Uint8Array(65_536));
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (this.#closed) return this.#end();
      throw new Error(`Cannot receive from the server: ${(error as Error).message}`);
    }
    this.#messages = (bytes === null ? this.decodeEnd() : this.decode(bytes))[Symbol.iterator]();
    if (bytes === null) this.#end();
  }

  #end() {
    this.#ended = true;
    this.#over.resolve();
  }

  /** The messages, as {@linkcode receive} gives them. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (let text = await this.receive(); text !== undefined; text = await this.receive()) yield text;
  }

  /**
   * Says that nothing more will be sent, behind what was. A server of Wirepost then sends what it still has to say, and
   * closes.
   */
  async finish(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // what can't be written can't be read either, and that will say so
    }
  }

  /** Closes the connection at once: what was sent just before may not arrive. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#connection.close();
    this.#end();
  }

  /** Closes it when the server has closed, or after 2 seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    const timer = setTimeout(() => this.close(), CLOSE_TIMEOUT_MS);
    try {
      await this.finish();
      // whoever reads goes on until the end
      if (this.#reading) await this.#over.promise;
      else for await (const _ of this);
    } catch {
      // it broke: nothing more arrives
    } finally {
      clearTimeout(timer);
      this.close();
    }
  }
}
