/**
 * Where a request comes from, also behind a proxy that is trusted. http.md 5.4.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isLoopback, networkOf, type Networks, plainAddress } from "../../../quota/address.ts";
import type { HttpConnection } from "../connection.ts";
import type { RequestOrigin } from "./logins.ts";

/** The client of a request: the last address in `X-Forwarded-For` that is no trusted proxy's, or else the connection's. */
export function originOf(
  { headers }: IncomingMessage,
  connection: HttpConnection,
  proxies: Networks,
): RequestOrigin {
  const { hostname, port, network, isTls, isPrivate } = connection;
  const forwarded = headers["x-forwarded-for"];
  if (forwarded === undefined || !proxies.has(hostname)) return { hostname, port, network, isTls, isPrivate };
  const hops = `${forwarded}`.split(",").map((hop) => plainAddress(hop.trim().replaceAll(/^\[|\]$/g, "")));
  const client = hops.toReversed().find((hop) => isIP(hop) === 0 || !proxies.has(hop));
  if (client === undefined || isIP(client) === 0) return { hostname, port, network, isTls, isPrivate };
  const isForwardedTls = headers["x-forwarded-proto"] === "https";
  return {
    hostname: client,
    port: 0,
    network: networkOf(client),
    isTls: isForwardedTls,
    // up to the proxy, and from there on
    isPrivate: isPrivate && (isForwardedTls || isLoopback(client)),
  };
}
