/**
 * The key of a request that may be repeated: the header Idempotency-Key. http.md 8.3, 9.5, 10.9.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Refusal } from "../../../protocol/http/problem.ts";
import type { RequestKey } from "../../store/requests/keyed.ts";
import type { HttpClient } from "./exchange.ts";

/** A key is 1 to 255 visible characters of ASCII; quotes around it, as of a structured header, belong to it. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Makes the key of a request of all that has to be the same when it is repeated; undefined if there is no header. It
 * holds for its client alone: the account, or the network of one without.
 *
 * @throws {Refusal} `bad header`.
 */
export function requestKey(
  { account, network }: HttpClient,
  header: string | undefined,
): ((parts: readonly string[]) => RequestKey) | undefined {
  if (header === undefined) return undefined;
  if (!KEY.test(header)) {
    throw new Refusal("bad header", "Idempotency-Key: expected 1 to 255 visible characters of ASCII");
  }
  const key = hashOf([account, account === "" ? network : "", header]);
  return (parts) => ({ key, digest: hashOf(parts) });
}

/** What the store refuses because of a key. */
export function keyRefusal(outcome: "other request" | "keys full"): Refusal {
  return outcome === "other request"
    ? new Refusal("other body")
    : new Refusal("keys full", undefined, { retryAfter: 3600 });
}

function hashOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
