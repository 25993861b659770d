/**
 * Whether a request may come from where it says: a name of this server, and no page of another site. http.md section 5.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Refusal } from "../../../../protocol/http/problem.ts";

/** Methods that change nothing. */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD"];

/** The host of `HOST[:PORT]`, in lower case and without brackets. */
function hostOf(authority: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s@/\\?#]+))(?::\d{1,5})?$/.exec(authority);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Names under which the server is reached, beside IP addresses and localhost. */
export class Site {
  readonly #names: ReadonlySet<string>;
  /** The authority that was right last: nearly all requests have the same. */
  #last: string | undefined;

  constructor(names: readonly string[]) {
    this.#names = new Set(["localhost", ...names.map((name) => name.toLowerCase())]);
  }

  /**
   * Checks `Host`, and where a page of another site could have sent the request, `Origin` and `Sec-Fetch-Site`.
   *
   * @param authority Where the client believes to be: the `Host` header, or the authority of the target.
   * @throws {Refusal} `bad host`, `malformed` or `cross-site`.
   */
  check({ method = "", headers, rawHeaders, httpVersion }: IncomingMessage, authority: string) {
    if (httpVersion !== "1.1" && httpVersion !== "1.0") throw new Refusal("malformed");
    const hosts = countOf("host", rawHeaders);
    // a client of HTTP/1.0 is no browser
    if (hosts === 0 && httpVersion === "1.0") return;
    if (hosts !== 1) throw new Refusal("malformed", "there is not exactly one Host header");
    if (authority !== this.#last) this.#checkAuthority(authority);
    if (SAFE_METHODS.includes(method)) return;
    const site = headers["sec-fetch-site"], { origin } = headers;
    if (site !== undefined && site !== "same-origin" && site !== "none") throw new Refusal("cross-site");
    if (origin !== undefined && origin.replace(/^https?:\/\//, "") !== authority) {
      throw new Refusal("cross-site");
    }
  }

  #checkAuthority(authority: string) {
    const host = hostOf(authority);
    if (host === undefined) throw new Refusal("malformed", "the Host header can't be read");
    if (isIP(host) === 0 && !this.#names.has(host)) {
      throw new Refusal(
        "bad host",
        `the server is not called '${host}': 'serve --web-host ${host}' lets it be`,
      );
    }
    this.#last = authority;
  }
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i]!;
    if (header.length === name.length && header.toLowerCase() === name) count++;
  }
  return count;
}
