import type { Connection } from "./connection.ts";
import { logIn, type LoginOptions } from "./login.ts";

/** How long a server has to close a connection after the client has sent everything (channels.md 3.6). */
export const CLOSE_TIMEOUT_MS = 2000;

/**
 * A connection on which text goes both ways. Messages are read from the server only as they are received here, and a
 * server may cut off a client that does not read.
 *
 * At the end of `await using` what was sent does arrive: the client ends its side, and the server has 2 seconds to close,
 * in which messages that are not received here are dropped.
 */
export abstract class StreamClient implements AsyncIterable<string>, AsyncDisposable {
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.close();
  /** What is left of the last read. Its bytes stand in the buffer until they are decoded. */
  #messages: Iterator<string> = [].values();
  /** What came while it logged in, to be received next. */
  #held: string[] = [];
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

  /** Messages that were received and dropped because they are too long. */
  get dropped(): number {
    return 0;
  }

  /** Sends a text. */
  abstract send(text: string): Promise<void>;

  /**
   * Logs in to an account, by whose name others see this client from then on. What comes meanwhile is received afterwards.
   * To be called while nobody receives.
   *
   * @throws {LoginRefusedError} The server refuses it, or has no log-in: then it was not sent the password.
   * @throws {TypeError|RangeError} It can't be a password, or is too long for this wire.
   * @throws {Error} The connection broke, or the server has closed it.
   */
  async logIn(as: LoginOptions): Promise<void> {
    this.#held.push(...await logIn(this, as));
  }

  /** Writes after what was written before, as fast as the server reads. */
  protected async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw new Error(`Cannot send to the server: ${(error as Error).message}`);
    }
  }

  /**
   * The next message, or undefined if the server has closed or {@linkcode close} was called. One call at a time.
   * Iteration calls it until there are no more.
   *
   * @throws {Error} The connection broke; or the reason of the signal that ended it.
   */
  async receive(): Promise<string | undefined> {
    if (this.#reading) throw new Error("Cannot receive: another call waits for a message");
    const held = this.#held.shift();
    if (held !== undefined && !this.#closed) return held;
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

  /** Ends this side after what was sent. A Wirepost server then sends what it still has for this client, and closes. */
  async finish(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch {
      // the connection is broken: receive() throws
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
      // a call that receives already goes on until the end
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
