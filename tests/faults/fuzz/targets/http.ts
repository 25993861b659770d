/** What stands in requests of HTTP: paths, queries, and headers. The head itself is read by Deno. */

import { mediaType, preferredForm } from "../../../../protocol/http/accept.ts";
import {
  encodeCookie,
  parseAuthorization,
  parseClaim,
  parseCookie,
  signedPart,
} from "../../../../protocol/http/credentials.ts";
import { encodeProblem, Refusal } from "../../../../protocol/http/problem.ts";
import {
  formatDuration,
  parseDuration,
  parseQuery,
  type QueryParameters,
} from "../../../../protocol/http/query.ts";
import { Router } from "../../../../protocol/http/router.ts";
import { ROUTES } from "../../../../protocol/http/routes.ts";
import { originOf } from "../../../../server/wire/http/access/proxies.ts";
import { Site } from "../../../../server/wire/http/access/site.ts";
import { Networks } from "../../../../server/quota/address.ts";
import { allowing, holds, isSame, type Target, textOf } from "../engine/target.ts";
import { isBounded } from "./bounds.ts";

const QUERY: QueryParameters = {
  text: { kind: "text", help: "" },
  tag: { kind: "texts", help: "" },
  count: { kind: "count", help: "", min: 1, max: 100 },
  wait: { kind: "duration", help: "", max: 60_000 },
  all: { kind: "flag", help: "" },
};

const router = new Router(ROUTES), site = new Site(["wirepost.example"]);

const PROXIES = new Networks(["127.0.0.0/8", "10.0.0.0/8"]);

const CONNECTION = { hostname: "127.0.0.1", port: 1, network: "", isTls: false, isPrivate: true };

const CLAIM = `1.alice..1999999999.${"0".repeat(64)}`;

export const HTTP_TEXTS: Target = {
  name: "http_texts",
  covers: ["protocol/http/", "server/wire/http/access/"],
  words: [
    ...[
      "/",
      "/healthz",
      "/v1/",
      "%2e",
      "..",
      "%",
      "%C3%A4",
      "?",
      "&",
      "=",
      "+",
      "text=",
      "tag=a",
      "count=7",
      "wait=30s",
      "all",
    ],
    ...[
      "text/html",
      "application/json",
      "*/*",
      ";q=0.5",
      ",",
      ";",
      "Basic ",
      "Bearer ",
      "YTpi",
      "wirepost=",
      "__proto__",
    ],
    ...[
      "constructor",
      "toString",
      "hasOwnProperty",
      "localhost:80",
      "[::1]",
      "https://",
      "1.alice..",
      "0".repeat(64),
      "10.0.0.1",
    ],
  ],
  seeds: [
    ...Object.values(ROUTES).map(({ path }) => path.replaceAll(/\{\w+\}/g, "name")),
    ...[
      "text=a+b&tag=1&tag=2&count=7&wait=30s&all",
      "text/html;q=0.5, application/json",
      "Basic YWxpY2U6cGFzcw==",
      "Bearer token",
    ],
    ...[
      CLAIM,
      `a=b; wirepost=${CLAIM}`,
      "10.0.0.1, [2001:db8::7], 203.0.113.5",
      "localhost:80",
      "https://wirepost.example",
      "90m",
    ],
  ],
  maxBytes: 16_384,
  shortInputs: 1500,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const text = textOf(input);
    holds(
      ["text", "json", "html"].includes(preferredForm(text)),
      () => `a form ${String(preferredForm(text))}`,
    );
    mediaType(text);
    for (const method of ["GET", "HEAD", "POST", text.slice(0, 20)]) {
      const found = refusable(() => router.find(method, text));
      if (found !== undefined) isBounded(found.path, input);
    }
    const values = refusable(() => parseQuery(text, QUERY));
    if (values !== undefined) isBounded(values, input);
    const ms = parseDuration(text);
    if (ms !== undefined) isSame(parseDuration(formatDuration(ms)), ms, "duration");
    const credentials = parseAuthorization(text);
    if (credentials !== undefined) isBounded(credentials, input);
    const claimed = parseClaim(parseCookie(text, "wirepost") ?? text);
    if (claimed !== undefined) {
      const { claim, signature } = claimed, value = `${signedPart(claim)}.${signature}`;
      isSame(parseClaim(value), claimed, "claim");
      isSame(parseCookie(encodeCookie(false, value, 1), "wirepost"), value, "cookie");
    }
    checkHeaders(text);
  },
};

/** What it gives, or undefined if it refuses: then the answer can be written. */
function refusable<T>(work: () => T): T | undefined {
  return allowing([Refusal], () => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Refusal) JSON.parse(encodeProblem(error));
      throw error;
    }
  });
}

function checkHeaders(text: string) {
  const incoming = (headers: Record<string, string>, method = "POST") =>
    ({ method, headers, httpVersion: "1.1", rawHeaders: ["Host", text] }) as never;
  refusable(() => site.check(incoming({ origin: text, "sec-fetch-site": text }), text));
  refusable(() => site.check(incoming({ origin: text }), "localhost"));
  const origin = originOf(incoming({ "x-forwarded-for": text }), CONNECTION as never, PROXIES);
  holds(origin.hostname.length <= 64 && origin.network.length <= 64, () => `from ${origin.hostname}`);
}
