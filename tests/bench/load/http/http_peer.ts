/**
 * Requests over HTTP/1.1 on connections that stay open, by the C library's sockets: the server is what is measured.
 *
 * @module
 */

import { Socket } from "../libc.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

const HEAD_END = "\r\n\r\n";

/** The bytes of a request, with the headers that curl sends. */
export function encodeRequest(method: string, target: string, body = ""): Uint8Array<ArrayBuffer> {
  const length = method === "GET" ? "" : `Content-Length: ${body.length}\r\nContent-Type: text/plain\r\n`;
  return encoder.encode(
    `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n${length}\r\n${body}`,
  );
}

/** A connection with one request in flight. */
export class HttpPeer implements Disposable {
  readonly socket: Socket;
  #text = "";

  /** @param receiveBytes As of a {@linkcode Socket}. */
  constructor(port: number, receiveBytes?: number) {
    this.socket = new Socket("tcp", port, receiveBytes);
  }

  /** Whether what has come makes the answer whole. `buffer` is for that alone. */
  receive(buffer: Uint8Array<ArrayBuffer>): boolean {
    const length = this.socket.receive(buffer);
    if (length === 0) throw new Error("Cannot measure: the server has closed a connection");
    return length > 0 && this.#isWhole(decoder.decode(buffer.subarray(0, length)));
  }

  #isWhole(more: string): boolean {
    this.#text += more;
    const end = this.#text.indexOf(HEAD_END);
    if (end < 0) return false;
    if (!this.#text.startsWith("HTTP/1.1 20")) throw new Error(`Cannot measure: got ${this.#text}`);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(this.#text) ?? [];
    if (length === undefined) throw new Error("Cannot measure: an answer has no Content-Length");
    const isWhole = this.#text.length >= end + HEAD_END.length + Number(length);
    if (isWhole) this.#text = "";
    return isWhole;
  }

  /** Sends a request, and waits for its answer. */
  ask(request: Uint8Array<ArrayBuffer>, buffer: Uint8Array<ArrayBuffer>) {
    this.socket.sendAll(request);
    while (
      !this.#isWhole(decoder.decode(buffer.subarray(0, this.socket.receiveSomething(buffer))))
    ) { /* more comes */ }
  }

  [Symbol.dispose]() {
    this.socket[Symbol.dispose]();
  }
}
