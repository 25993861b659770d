/**
 * A simple client of HTTP: a socket that writes requests as they are given, and reads answers.
 *
 * @module
 */

import { PATIENCE_MS } from "./patience.ts";
import { connectTls } from "./stream.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

export interface HttpReply {
  status: number;
  /** By their names in lower case. */
  headers: Record<string, string>;
  body: string;
}

export interface HttpRequestOptions {
  headers?: Record<string, string>;
  body?: string;
}

export class HttpPeer implements Disposable {
  readonly conn: Deno.TcpConn | Deno.TlsConn;
  /** What was received and not yet read. */
  #rest: Uint8Array = new Uint8Array();

  protected constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    this.conn = conn;
  }

  static async connect(port: number, hostname = "127.0.0.1"): Promise<HttpPeer> {
    return new HttpPeer(await Deno.connect({ hostname, port }));
  }

  /** A client that speaks TLS, to a server with this certificate. */
  static async overTls(port: number, cert: string): Promise<HttpPeer> {
    return new HttpPeer(await connectTls(port, cert));
  }

  /** Writes it as it stands. */
  async write(text: string | Uint8Array) {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** Sends a request: `GET /healthz`. `host` and `content-length` are added unless they are given. */
  async send(line: string, { headers = {}, body }: HttpRequestOptions = {}) {
    const all = {
      ...headers.host === undefined ? { host: "localhost" } : {},
      ...headers,
      ...body === undefined ? {} : { "content-length": `${encoder.encode(body).length}` },
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    await this.write(`${line} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
  }

  /** Sends a request, and returns its answer. */
  async request(line: string, options?: HttpRequestOptions): Promise<HttpReply> {
    await this.send(line, options);
    return await this.reply(line.startsWith("HEAD "));
  }

  /** The next answer. */
  async reply(isHead = false): Promise<HttpReply> {
    const head = (await this.#until("\r\n\r\n")).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head[0]!)?.[1]);
    const headers = Object.fromEntries(
      head.slice(1).filter((line) => line !== "").map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = isHead ? 0 : Number(headers["content-length"] ?? 0);
    return { status, headers, body: decoder.decode(await this.#take(length)) };
  }

  /** The next line of an answer that does not end, without its line end; undefined when the server has closed. */
  async line(): Promise<string | undefined> {
    try {
      return (await this.#until("\n")).replace(/\r?\n$/, "");
    } catch (error) {
      if (error instanceof Ended) return undefined;
      throw error;
    }
  }

  /** What comes until the server closes. */
  async rest(): Promise<string> {
    while (await this.#more());
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    return decoder.decode(rest);
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const text = decoder.decode(this.#rest), at = text.indexOf(end);
      if (at >= 0) {
        return decoder.decode(await this.#take(encoder.encode(text.slice(0, at + end.length)).length));
      }
      if (!await this.#more()) throw new Ended();
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    while (this.#rest.length < length) if (!await this.#more()) throw new Ended();
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** Reads more. Returns whether there was any. */
  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536), timer = setTimeout(() => this.conn.close(), PATIENCE_MS);
    try {
      const length = await this.conn.read(buffer);
      if (length === null) return false;
      const rest = new Uint8Array(this.#rest.length + length);
      rest.set(this.#rest);
      rest.set(buffer.subarray(0, length), this.#rest.length);
      this.#rest = rest;
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw new Error(`Nothing came within ${PATIENCE_MS / 1000} s: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose]() {
    try {
      this.conn.close();
    } catch {
      // it is closed already
    }
  }
}

/** The server has closed the connection within an answer. */
class Ended extends Error {}

/** One request on a connection of its own. */
export async function httpRequest(
  port: number,
  line: string,
  options?: HttpRequestOptions,
): Promise<HttpReply> {
  using peer = await HttpPeer.connect(port);
  return await peer.request(line, options);
}
