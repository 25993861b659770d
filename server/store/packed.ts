/**
 * Requests as they are handed from one thread to another. Handing an object over costs several times as much as handing
 * its values over, so puts, which come by the thousand, go as rows of values.
 *
 * @module
 */

import type { Put } from "./message_requests.ts";
import type { Change, SessionChanges } from "./session_requests.ts";
import type { StoreRequest } from "./store.ts";

type Value = string | number;

/** A put's place among the rows stands for it. */
type PackedRequest =
  | Exclude<StoreRequest, Put | SessionChanges>
  | number
  | Omit<SessionChanges, "changes"> & { changes: (Exclude<Change, Put> | number)[] };

export interface PackedRequests {
  requests: PackedRequest[];
  /** {@linkcode PUT_VALUES} for each put. */
  puts: Value[];
}

/** Values of a put. */
const PUT_VALUES = 8;

/** Stands for a time that is not given. */
const NONE = -1;

export function packRequests(requests: readonly StoreRequest[]): PackedRequests {
  const puts: Value[] = [];
  const packed = requests.map((request): PackedRequest => {
    if (request.kind === "put") return packPut(request, puts);
    if (request.kind !== "session") return request;
    const changes = request.changes.map((change) => change.kind === "put" ? packPut(change, puts) : change);
    return { ...request, changes };
  });
  return { requests: packed, puts };
}

function packPut(put: Put & { numbers?: number }, puts: Value[]): number {
  const { mailbox, sender, time, message, bytes, delay = NONE, expires = NONE, numbers = NONE } = put;
  puts.push(mailbox, sender, time, message, bytes, delay, expires, numbers);
  return puts.length / PUT_VALUES - 1;
}

export function unpackRequests({ requests, puts }: PackedRequests): StoreRequest[] {
  const unpack = (change: Change | number) => typeof change === "number" ? unpackPut(puts, change) : change;
  return requests.map((request) => {
    if (typeof request === "number") return unpackPut(puts, request);
    return request.kind === "session" ? { ...request, changes: request.changes.map(unpack) } : request;
  });
}

function unpackPut(puts: readonly Value[], index: number): Put & { numbers?: number } {
  const at = index * PUT_VALUES;
  const put: Put & { numbers?: number } = {
    kind: "put",
    mailbox: puts[at] as string,
    sender: puts[at + 1] as string,
    time: puts[at + 2] as number,
    message: puts[at + 3] as string,
    bytes: puts[at + 4] as number,
  };
  if (puts[at + 5] !== NONE) put.delay = puts[at + 5] as number;
  if (puts[at + 6] !== NONE) put.expires = puts[at + 6] as number;
  if (puts[at + 7] !== NONE) put.numbers = puts[at + 7] as number;
  return put;
}
