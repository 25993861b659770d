/**
 * Names and passwords in `Authorization`, and the page's cookie. http.md section 4.
 *
 * @module
 */

import { decodeUtf8 } from "../syntax/utf8.ts";

export interface BasicCredentials {
  readonly name: string;
  readonly password: string;
}

/** What an `Authorization` header carries; undefined if it can't be read. */
export function parseAuthorization(
  header: string,
): BasicCredentials | { readonly token: string } | undefined {
  const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer") return { token: value };
  if (scheme.toLowerCase() !== "basic") return undefined;
  let text: string | undefined;
  try {
    text = decodeUtf8(Uint8Array.fromBase64(value));
  } catch {
    return undefined;
  }
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 0) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The cookie's name: where it travels over TLS, one that no other host and no plain connection can set (RFC 6265bis). */
export function cookieName(isTls: boolean): string {
  return isTls ? "__Host-wirepost" : "wirepost";
}

/** The value of a cookie in a `Cookie` header. */
export function parseCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(";") ?? []) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}

/** A `Set-Cookie` header; without a value the cookie is removed. */
export function encodeCookie(isTls: boolean, value: string, maxAgeSeconds: number): string {
  return `${cookieName(isTls)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict` +
    (isTls ? "; Secure" : "");
}

/** What the page's cookie says; the signature is over {@linkcode signedPart}. */
export interface CookieClaim {
  readonly account: string;
  /** The ID of the token by which it has logged in; `""` by the password. */
  readonly token: string;
  /** Until when it holds, in seconds since 1970. */
  readonly until: number;
}

/** The part of the cookie's value that is signed. */
export function signedPart({ account, token, until }: CookieClaim): string {
  return `1.${encodeURIComponent(account).replaceAll(".", "%2E")}.${token}.${until}`;
}

/** The claim of a cookie's value, and its signature; undefined if it is none. */
export function parseClaim(value: string): { claim: CookieClaim; signature: string } | undefined {
  const match = /^1\.([^.]+)\.([0-9a-f]*)\.(\d{1,12})\.([0-9a-f]{64})$/.exec(value);
  if (match === null) return undefined;
  try {
    const account = decodeURIComponent(match[1]!);
    return { claim: { account, token: match[2]!, until: Number(match[3]) }, signature: match[4]! };
  } catch {
    return undefined;
  }
}
