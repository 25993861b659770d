/**
 * Simple clients of channels and room: sockets that write bytes and wait for the answers.
 *
 * @module
 */

import { encodeFrames, FrameDecoder } from "../protocol/syntax/frame.ts";
import { LineDecoder } from "../protocol/syntax/line.ts";
import { PATIENCE_MS } from "./patience.ts";

const encoder = new TextEncoder();

/** A socket, and the messages that have come from it. */
abstract class StreamPeer implements Disposable {
  readonly conn: Deno.TcpConn | Deno.TlsConn;
  /** What was received and not yet asked for. */
  readonly #messages: string[] = [];
  readonly #buffer = new Uint8Array(65_536);

  protected constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    if ("setNoDelay" in conn) conn.setNoDelay(true);
    this.conn = conn;
  }

  get port(): number {
    return (this.conn.localAddr as Deno.NetAddr).port;
  }

  /** The bytes of a message on this wire. */
  abstract encode(text: string): Uint8Array;
  protected abstract decode(bytes: Uint8Array): string[];

  async write(bytes: Uint8Array) {
    for (let from = 0; from < bytes.length;) from += await this.conn.write(bytes.subarray(from));
  }

  async send(...texts: string[]) {
    const all = texts.map((text) => this.encode(text));
    const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const each of all) bytes.set(each, at), at += each.length;
    await this.write(bytes);
  }

  /**
   * The next message; undefined when the server has closed.
   *
   * @throws {Error} Nothing came: better than a test that never ends.
   */
  async next(): Promise<string | undefined> {
    while (this.#messages.length === 0) {
      const timer = setTimeout(() => this.conn.close(), PATIENCE_MS);
      try {
        const length = await this.conn.read(this.#buffer);
        if (length === null) return undefined;
        this.#messages.push(...this.decode(this.#buffer.subarray(0, length)));
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionReset) return undefined;
        throw new Error(`Nothing came within ${PATIENCE_MS / 1000} s: ${(error as Error).message}`);
      } finally {
        clearTimeout(timer);
      }
    }
    return this.#messages.shift();
  }

  /** Ends the output, and returns what still arrives. */
  async rest(): Promise<string[]> {
    await this.conn.closeWrite();
    const rest: string[] = [];
    for (let text = await this.next(); text !== undefined; text = await this.next()) rest.push(text);
    return rest;
  }

  [Symbol.dispose]() {
    try {
      this.conn.close();
    } catch {
      // it is closed already
    }
  }
}

/**
 * Connects, and makes the handshake, which would otherwise be made with the first read or write. What is sent first must not
 * wait until the server's system has acknowledged the handshake's end.
 */
export async function connectTls(port: number, cert: string): Promise<Deno.TlsConn> {
  const hostname = "127.0.0.1", tcp = await Deno.connect({ hostname, port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, { hostname, caCerts: [cert] });
  try {
    await conn.handshake();
  } catch (error) {
    conn.close();
    throw error;
  }
  return conn;
}

/** A client of the channels. */
export class FramePeer extends StreamPeer {
  readonly #decoder = new FrameDecoder();

  static async connect(port: number, hostname = "127.0.0.1"): Promise<FramePeer> {
    return new FramePeer(await Deno.connect({ hostname, port }));
  }

  /** A client that speaks TLS, to a server with this certificate. */
  static async overTls(port: number, cert: string): Promise<FramePeer> {
    return new FramePeer(await connectTls(port, cert));
  }

  /** A client that has sent its name. */
  static async named(name: string, port: number): Promise<FramePeer> {
    const peer = await FramePeer.connect(port);
    await peer.send(name);
    return peer;
  }

  override encode(text: string): Uint8Array {
    return encodeFrames(text);
  }

  protected override decode(bytes: Uint8Array): string[] {
    return this.#decoder.decode(bytes);
  }

  /** Waits until the server has carried out all that was sent, and returns what came before that. */
  async settle(): Promise<string[]> {
    await this.send("/");
    const before: string[] = [];
    for (;;) {
      const text = await this.next();
      if (text === undefined) throw new Error("The server has closed");
      if (text.startsWith("/ is not a valid")) return before;
      before.push(text);
    }
  }
}

/** A client of the room. */
export class LinePeer extends StreamPeer {
  readonly #decoder = new LineDecoder(1_000_000);

  static async connect(port: number, hostname = "127.0.0.1"): Promise<LinePeer> {
    return new LinePeer(await Deno.connect({ hostname, port }));
  }

  /** A client that speaks TLS, to a server with this certificate. */
  static async overTls(port: number, cert: string): Promise<LinePeer> {
    return new LinePeer(await connectTls(port, cert));
  }

  override encode(text: string): Uint8Array {
    return encoder.encode(`${text}\n`);
  }

  protected override decode(bytes: Uint8Array): string[] {
    return [...this.#decoder.decode(bytes)].map((line) => "text" in line ? line.text : `(${line.error})`);
  }
}
