/**
 * What the head of a request says: where it goes, and whether its body is one that is read. http.md sections 1 and 4.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { mediaType, preferredForm } from "../../../protocol/http/accept.ts";
import { Refusal } from "../../../protocol/http/problem.ts";
import type { Route } from "../../../protocol/http/route.ts";

/** A target is a path, or as of a proxy a whole URL (RFC 9112, section 3.2). */
export function splitTarget(target: string): { authority: string | undefined; path: string; query: string } {
  const [, authority, rest = target] = target.startsWith("/")
    ? []
    : /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? [];
  const mark = rest.indexOf("?");
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return { authority, path: path === "" ? "/" : path, query: mark < 0 ? "" : rest.slice(mark + 1) };
}

/**
 * How to log in (http.md 4.3). Where Basic is offered, a browser shows its own window for a password. So it is not offered
 * to a script of the page, which has a form for that, and not where the password would be sent in the clear.
 *
 * @param isPrivate Whether a password may be sent.
 */
export function challenge({ headers }: IncomingMessage, isPrivate: boolean): string {
  return isPrivate && !isOfScript(headers) ? 'Basic realm="Wirepost", charset="UTF-8"' : "Bearer";
}

/** Browsers send `Sec-Fetch-Dest` over TLS and on this machine alone; elsewhere a script's request names its page. */
function isOfScript({ accept, referer, ...headers }: IncomingMessage["headers"]): boolean {
  const dest = headers["sec-fetch-dest"];
  return dest === undefined ? referer !== undefined && preferredForm(accept) !== "html" : dest === "empty";
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** @throws {Refusal} The body is of a type or a length that is not read. */
export function checkBody(incoming: IncomingMessage, { body }: Route) {
  const { headers } = incoming;
  if (!hasBody(incoming)) return;
  if (body === undefined) throw new Refusal("bad body", "the request has a body, and none is expected");
  const type = mediaType(headers["content-type"]);
  const coding = headers["content-encoding"];
  if (coding !== undefined && coding !== "identity") {
    throw new Refusal("wrong type", `the body is encoded by ${coding}: expected none`);
  }
  // what curl sends for -d, and programs for bytes of which they know nothing, is taken as text
  const isAnyText = type === undefined || type === "application/x-www-form-urlencoded" ||
    type === "application/octet-stream";
  if (!isAnyText && !Object.hasOwn(body.types, type)) {
    const expected = Object.keys(body.types).join(" or ");
    throw new Refusal("wrong type", `the body is of type ${type}: expected ${expected}`);
  }
  if (body.maxBytes !== undefined && Number(headers["content-length"] ?? 0) > body.maxBytes) {
    throw new Refusal("too long", `the body is longer than ${body.maxBytes} bytes`);
  }
}
