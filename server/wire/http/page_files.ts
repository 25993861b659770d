/**
 * The page and its files, as they are sent to a browser. http.md section 13.
 *
 * Files are compressed when they, or the page that names them, are asked for the first time: off the thread, and kept so.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { Refusal } from "../../../protocol/http/problem.ts";
import type { Handled, HttpAnswer } from "./exchange.ts";

/** What of the headers of a request decides how a file is sent. */
export interface FileRequest {
  readonly "accept-encoding"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
}

/** The page; `main.ts` hands it in, because it is the client's. */
export interface WebPage {
  /** Its files, by path. The path changes with the content. */
  readonly files: ReadonlyMap<string, { readonly type: string; readonly text: string }>;
  /** Content for browsers without JavaScript, by the names of routes: made of the JSON of the route's answer. */
  readonly contents: Readonly<Record<string, (json: never) => string>>;
  /** The page itself, around such a content. */
  html(content?: string): string;
  /** The content where a log-in is missing, which leads back to this path. */
  login(path: string): string;
}

/** What a page may load, and from where: nothing but from here, and no script or style within it (http.md 13.4). */
const CONTENT_SECURITY_POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"],
].join("; ");

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  // a form that is sent names its origin only to a page that may name where it comes from (5.2)
  "referrer-policy": "same-origin",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "vary": "Accept, Accept-Encoding",
};

/** How long a file is kept by a browser, in seconds: a year, because another content has another path. */
const KEPT_S = 31_536_000;

/** Almost as small as brotli makes it at best, in a tenth of the time. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

const ENCODERS = {
  br: (bytes: Uint8Array) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: (bytes: Uint8Array) => promisify(gzip)(bytes),
};
type Encoding = keyof typeof ENCODERS;

const encoder = new TextEncoder();

export class PageFiles {
  readonly #page: WebPage;
  /** Compressed files, by encoding and path. */
  readonly #encoded = new Map<string, Promise<Uint8Array>>();

  constructor(page: WebPage) {
    this.#page = page;
  }

  /** The answer to a request for a file; undefined if there is none at this path. */
  async file(method: string, path: string, request: FileRequest): Promise<HttpAnswer | undefined> {
    const file = this.#page.files.get(path);
    if (file === undefined || method !== "GET" && method !== "HEAD") return undefined;
    const headers = { "content-type": file.type, "cache-control": `public, max-age=${KEPT_S}, immutable` };
    return await this.#answer(path, file.text, headers, request);
  }

  /** Whether the page has a content for browsers without JavaScript at this route. */
  hasContent(route: string): boolean {
    return Object.hasOwn(this.#page.contents, route);
  }

  /** The page, as it is at every address. */
  async html(request: FileRequest): Promise<HttpAnswer> {
    const html = this.#page.html(), encoding = preferredEncoding(request["accept-encoding"]);
    if (encoding !== undefined) this.#compressNamed(html, encoding);
    return await this.#answer("", html, PAGE_HEADERS, request);
  }

  /** What a browser that was sent this page asks for next. */
  #compressNamed(html: string, encoding: Encoding) {
    for (const [, path = ""] of html.matchAll(/(?:href|src)="([^"]+)"/g)) {
      const file = this.#page.files.get(path);
      if (file === undefined) continue;
      // who asks for the file sees that it has failed
      this.#compressed(`${encoding} ${path}`, encoding, encoder.encode(file.text)).catch(() => {});
    }
  }

  /**
   * The page around what a route answers in JSON. What it refuses is said by the page itself, under the same status.
   *
   * @param path Of the request.
   * @param handle Has the route answer.
   */
  async htmlAround(
    route: string,
    path: string,
    request: FileRequest,
    handle: () => Promise<Handled>,
  ): Promise<Handled> {
    let handled: Handled;
    try {
      handled = await handle();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status } = error, content = status === 401 ? this.#page.login(path) : undefined;
      // sent whole each time: the status would be lost where the browser has the page already
      const { "if-none-match": _, ...fresh } = request;
      const kept = content === undefined ? "" : undefined;
      const answer = await this.#answer(kept, this.#page.html(content), PAGE_HEADERS, fresh);
      return { ...answer, status };
    }
    if (handled === "opened" || typeof handled.body !== "string") return handled;
    const content = this.#page.contents[route]!(JSON.parse(handled.body) as never);
    return await this.#answer(undefined, this.#page.html(content), PAGE_HEADERS, request);
  }

  /** @param path Under which it is kept compressed; undefined if it is another one each time. */
  async #answer(
    path: string | undefined,
    text: string,
    headers: Readonly<Record<string, string>>,
    request: FileRequest,
  ): Promise<HttpAnswer> {
    const bytes = encoder.encode(text);
    const encoding = path === undefined ? undefined : preferredEncoding(request["accept-encoding"]);
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}${encoding ?? ""}"`;
    const all = { "vary": "Accept-Encoding", ...headers, etag };
    if (request["if-none-match"]?.split(/\s*,\s*/).includes(etag)) return { status: 304, headers: all };
    if (encoding === undefined) return { status: 200, headers: all, body: bytes };
    const body = await this.#compressed(`${encoding} ${path}`, encoding, bytes);
    return { status: 200, headers: { ...all, "content-encoding": encoding }, body };
  }

  #compressed(key: string, encoding: Encoding, bytes: Uint8Array): Promise<Uint8Array> {
    let compressed = this.#encoded.get(key);
    if (compressed === undefined) this.#encoded.set(key, compressed = ENCODERS[encoding](bytes));
    return compressed;
  }
}

/** The best encoding that an `Accept-Encoding` header allows. */
function preferredEncoding(accepted = ""): Encoding | undefined {
  const names = accepted.split(",").map((part) => part.trim().toLowerCase())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part)).map((part) => part.split(";", 1)[0]);
  return (["br", "gzip"] as const).find((encoding) => names.includes(encoding));
}
