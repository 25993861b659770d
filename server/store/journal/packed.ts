/**
 * Requests as they are passed from one thread to another. To pass an object costs several times as much as to pass its
 * values, so puts, of which there are thousands, become rows of values.
 *
 * @module
 */

import type { Put } from "../requests/message.ts";
import type { OrderedBatch, OrderedRequest } from "../requests/session.ts";
import type { StoreRequest } from "../store.ts";

type Value = string | number;

/** In place of a put stands the index of its row. */
type PackedRequest =
  | Exclude<StoreRequest, Put | OrderedBatch>
  | number
  | Omit<OrderedBatch, "changes"> & { changes: (Exclude<OrderedRequest, Put> | number)[] };

export interface PackedRequests {
  requests: PackedRequest[];
  /** {@linkcode PUT_VALUES} for each put. */
  puts: Value[];
  /** Their owners: a row has the index of its owner, since many have the same. */
  owners: string[];
}

/** Values of a put. */
const PUT_VALUES = 9;

/** Stands for a number that is not given. */
const NONE = -1;

export function packRequests(requests: readonly StoreRequest[]): PackedRequests {
  const puts: Value[] = [], owners: string[] = [], indexes = new Map<string, number>();
  const indexOf = (owner: string | undefined) => {
    if (owner === undefined) return NONE;
    let at = indexes.get(owner);
    if (at === undefined) indexes.set(owner, at = owners.push(owner) - 1);
    return at;
  };
  const pack = (put: Put & { numbers?: number }) => packPut(put, indexOf(put.owner), puts);
  const packed = requests.map((request): PackedRequest => {
    if (request.kind === "put") return pack(request);
    if (request.kind !== "session") return request;
    const changes = request.changes.map((change) => change.kind === "put" ? pack(change) : change);
    return { ...request, changes };
  });
  return { requests: packed, puts, owners };
}

function packPut(put: Put & { numbers?: number }, owner: number, puts: Value[]): number {
  const { mailbox, sender, time, text, bytes, delay = NONE, expires = NONE, numbers = NONE } = put;
  puts.push(mailbox, sender, time, text, bytes, delay, expires, numbers, owner);
  return puts.length / PUT_VALUES - 1;
}

export function unpackRequests({ requests, puts, owners }: PackedRequests): StoreRequest[] {
  const unpackPut = (at: number) => putAt(puts, at, owners);
  const unpack = (change: OrderedRequest | number) => typeof change === "number" ? unpackPut(change) : change;
  return requests.map((request) => {
    if (typeof request === "number") return unpackPut(request);
    return request.kind === "session" ? { ...request, changes: request.changes.map(unpack) } : request;
  });
}

function putAt(
  puts: readonly Value[],
  index: number,
  owners: readonly string[],
): Put & { numbers?: number } {
  const at = index * PUT_VALUES;
  const put: Put & { numbers?: number } = {
    kind: "put",
    mailbox: puts[at] as string,
    sender: puts[at + 1] as string,
    time: puts[at + 2] as number,
    text: puts[at + 3] as string,
    bytes: puts[at + 4] as number,
  };
  if (puts[at + 5] !== NONE) put.delay = puts[at + 5] as number;
  if (puts[at + 6] !== NONE) put.expires = puts[at + 6] as number;
  if (puts[at + 7] !== NONE) put.numbers = puts[at + 7] as number;
  if (puts[at + 8] !== NONE) put.owner = owners[puts[at + 8] as number]!;
  return put;
}
