/**
 * Requests that come whole in one read, and their answers, without node:http: that takes more time for a put than all the
 * rest. Only the plainest are taken; a connection whose client sends anything else is node:http's from then on, for good.
 *
 * Invariant: what is taken here node:http would have read the same: one POST of HTTP/1.1 with one Host and one
 * Content-Length, which is all that has come, in the strict grammar of RFC 9112. So no byte is ever read as part of two
 * requests, or by both.
 *
 * @module
 */

import { STATUS_TEXTS } from "../../../protocol/http/problem.ts";
import type { HttpConnection } from "./connection.ts";

/** The routes whose handlers answer at once, and need no more than the head and the body: puts, and what is said. */
const TARGET = /^\/(?:queue|(?:mailbox|channel)\/[^/?#]+)(?:\?|$)/;

const REQUEST_LINE = /^POST (\/[\x21-\x7e]*) HTTP\/1\.1$/;

/** Name and value; no space before the colon, no empty value, nothing but visible ASCII and spaces. */
const HEADER = /^([A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/;

/** Headers of which node:http makes nothing of its own. */
const NAMES: ReadonlySet<string> = new Set([
  ...["host", "user-agent", "accept", "accept-encoding", "accept-language", "content-type", "content-length"],
  ...["connection", "idempotency-key", "authorization"],
]);

const HEAD_END = "\r\n\r\n";

const decoder = new TextDecoder("latin1");

/** What is used of node:http's `IncomingMessage`, and the body. */
export class WholeRequest {
  readonly method = "POST";
  readonly httpVersion = "1.1";
  readonly complete = true;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;

  private constructor(url: string, headers: Record<string, string>, body: Uint8Array) {
    this.url = url;
    this.headers = headers;
    this.rawHeaders = ["host", headers["host"]!];
    this.body = body;
  }

  /** The request that these bytes are; undefined if they are anything else. */
  static parse(bytes: Uint8Array, maxHeadBytes: number): WholeRequest | undefined {
    // P
    if (bytes[0] !== 0x50) return undefined;
    const text = decoder.decode(bytes), end = text.indexOf(HEAD_END);
    if (end < 0 || end > maxHeadBytes) return undefined;
    const [first = "", ...lines] = text.slice(0, end).split("\r\n"), [, url] = REQUEST_LINE.exec(first) ?? [];
    if (url === undefined || !TARGET.test(url)) return undefined;
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [, name = "", value = ""] = HEADER.exec(line) ?? [], key = name.toLowerCase();
      if (!NAMES.has(key) || key in headers) return undefined;
      headers[key] = value;
    }
    const { host, connection = "keep-alive", "content-length": length = "" } = headers;
    if (host === undefined || connection.toLowerCase() !== "keep-alive") return undefined;
    const from = end + HEAD_END.length;
    // with a zero before it, or longer, others may read another number
    if (!/^[1-9]\d{0,6}$/.test(length) || Number(length) !== bytes.length - from) return undefined;
    return new WholeRequest(url, headers, bytes.slice(from));
  }
}

/** What is used of node:http's `ServerResponse`. */
export class WholeAnswer {
  readonly #connection: HttpConnection;
  readonly #wallClock: number;
  readonly #idleMs: number;
  #head = "";
  #isLast = false;
  #isClosed = false;
  writableEnded = false;
  statusCode = 0;
  readonly #onClose: (() => void)[] = [];

  /**
   * @param wallClock Milliseconds since 1970.
   * @param idleMs How long the connection stays open behind it.
   */
  constructor(connection: HttpConnection, wallClock: number, idleMs: number) {
    this.#connection = connection;
    this.#wallClock = wallClock;
    this.#idleMs = idleMs;
  }

  get destroyed(): boolean {
    return this.#connection.destroyed;
  }

  /** Called back when it was sent, or can't be. Nothing else is reported. */
  once(event: string, callback: () => void): this {
    if (event === "close") this.#onClose.push(callback);
    return this;
  }

  /** The connection ends behind it: no other header is set so. */
  setHeader(name: "connection", value: "close") {
    this.#isLast = name === "connection" && value === "close";
  }

  writeHead(status: number, headers: Readonly<Record<string, string | number>>) {
    this.statusCode = status;
    this.#head = `HTTP/1.1 ${status} ${STATUS_TEXTS[status]}\r\n`;
    for (const [name, value] of Object.entries(headers)) this.#head += `${name}: ${value}\r\n`;
  }

  /** Sends it. */
  end(body: string | Uint8Array) {
    this.writableEnded = true;
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    const keep = this.#isLast
      ? "Connection: close\r\n"
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(this.#idleMs / 1000)}\r\n`;
    const head = `${this.#head}Date: ${dateText(this.#wallClock)}\r\n${keep}\r\n`;
    this.#connection.sendWhole(head + text, this.#isLast, () => this.#close());
  }

  /** Resolves when it was sent, or can't be. */
  sent(): Promise<void> {
    if (!this.writableEnded) this.#close();
    return this.#isClosed ? Promise.resolve() : new Promise((resolve) => this.#onClose.push(resolve));
  }

  #close() {
    this.#isClosed = true;
    for (const callback of this.#onClose) callback();
  }
}

let shownSecond = NaN, shownDate = "";

/** The time of a `Date` header: nearly all answers have that of the one before. */
function dateText(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== shownSecond) [shownSecond, shownDate] = [second, new Date(ms).toUTCString()];
  return shownDate;
}
