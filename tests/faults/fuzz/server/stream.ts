/** Connections in memory, as a listener gives them to the server. */

import type { Stream, StreamSocket } from "../../../../server/net/listener.ts";
import type { Bytes } from "../engine/target.ts";

/** The server's end of a connection; the script has the other. */
export class FuzzedStream implements Stream {
  readonly remoteAddr: Deno.NetAddr;
  isClosed = false;
  /** Called with what the server writes, once the client reads it. */
  onWritten: (bytes: Bytes) => void = () => {};
  #isReading = true;
  #isEnded = false;
  readonly #sent: Bytes[] = [];
  #waiting: ((length: number | null) => void) | undefined;
  #buffer: Uint8Array | undefined;
  #fail: ((error: Error) => void) | undefined;
  readonly #unread: { bytes: Bytes; done: (length: number) => void; fail: (error: Error) => void }[] = [];

  constructor(hostname: string, port: number) {
    this.remoteAddr = { transport: "tcp", hostname, port };
  }

  /** Whether the server waits for more. */
  get isAwaited(): boolean {
    return this.isClosed || this.#waiting !== undefined && this.#sent.length === 0;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(new Deno.errors.BadResource("closed"));
      [this.#buffer, this.#waiting, this.#fail] = [buffer, resolve, reject];
      this.#pass();
    });
  }

  #pass() {
    const waiting = this.#waiting, first = this.#sent[0];
    if (waiting === undefined || first === undefined && !this.#isEnded) return;
    this.#waiting = this.#fail = undefined;
    if (first === undefined) return waiting(null);
    const length = Math.min(first.length, this.#buffer!.length);
    this.#buffer!.set(first.subarray(0, length));
    if (length < first.length) this.#sent[0] = first.subarray(length);
    else this.#sent.shift();
    waiting(length);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.isClosed) return Promise.reject(new Deno.errors.BrokenPipe("closed"));
    const copy = bytes.slice() as Bytes;
    if (!this.#isReading) {
      return new Promise((done, fail) => this.#unread.push({ bytes: copy, done, fail }));
    }
    this.onWritten(copy);
    return Promise.resolve(copy.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close() {
    if (this.isClosed) throw new Deno.errors.BadResource("closed twice");
    this.isClosed = true;
    this.#fail?.(new Deno.errors.BadResource("closed"));
    for (const { fail } of this.#unread.splice(0)) fail(new Deno.errors.BadResource("closed"));
  }

  /** The client sends bytes. */
  send(bytes: Bytes) {
    if (bytes.length > 0) this.#sent.push(bytes);
    this.#pass();
  }

  /** The client sends no more. */
  end() {
    this.#isEnded = true;
    this.#pass();
  }

  /** The client is gone. */
  cut() {
    this.#isEnded = true;
    this.#fail?.(new Deno.errors.ConnectionReset("gone"));
    this.#waiting = this.#fail = undefined;
    for (const { fail } of this.#unread.splice(0)) fail(new Deno.errors.ConnectionReset("gone"));
    this.setReading(true);
  }

  /** The client reads what it is sent, or lets it stand. */
  setReading(isReading: boolean) {
    this.#isReading = isReading;
    if (!isReading) return;
    for (const { bytes, done } of this.#unread.splice(0)) {
      this.onWritten(bytes);
      done(bytes.length);
    }
  }
}

/** Accepts the connections that a script makes. */
export class FuzzedListener implements StreamSocket {
  readonly addr: Deno.NetAddr = { transport: "tcp", hostname: "10.0.0.1", port: 55555 };
  readonly #streams: FuzzedStream[] = [];
  #waiting: ((stream: FuzzedStream) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  connect(hostname: string, port: number): FuzzedStream {
    const stream = new FuzzedStream(hostname, port);
    this.#streams.push(stream);
    this.#pass();
    return stream;
  }

  accept(): Promise<FuzzedStream> {
    return new Promise((resolve, reject) => {
      [this.#waiting, this.#fail] = [resolve, reject];
      this.#pass();
    });
  }

  #pass() {
    if (this.#waiting === undefined || this.#streams.length === 0) return;
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#streams.shift()!);
  }

  close() {
    this.#fail?.(new Deno.errors.BadResource("closed"));
  }
}
