/**
 * The binary form of requests in a record (store 2.2); `request_decoder.ts` reads it. Those that are frequent have a form of
 * their own; any other is one JSON text. A field that is undefined is a field that is missing.
 *
 * | kind | request | what follows: texts, numbers, and flags in one byte                                              |
 * | ---- | ------- | ------------------------------------------------------------------------------------------------ |
 * | 0    | others  | JSON, in which a number that is not finite is `{"number":"Infinity"}`                             |
 * | 1    | put     | flags, [mailbox], [sender], [time], text, [bytes], [owner], [delay], [expires]                    |
 * | 2    | take    | mailbox                                                                                           |
 * | 3    | session | flags, session, [account], [startTime], [network], first, low, how many changes, the changes      |
 * | 4    | lease   | flags, session, [network], [account], tag, mailbox, max, maxBytes, duration                       |
 * | 5    | confirm | session, tag                                                                                      |
 * | 6    | release | session, tag                                                                                      |
 * | 7    | open    | flags, session, [account], [startTime]                                                            |
 * | 8    | end     | flags, session, [account], [startTime], low                                                       |
 *
 * Of the changes of a session, 0 and 1 are as above; 128 more than its kind: its `numbers` follow.
 *
 * | kind | change  | what follows                                                                                      |
 * | ---- | ------- | ------------------------------------------------------------------------------------------------- |
 * | 2    | ack     | token, IDs                                                                                        |
 * | 3    | back    | token, IDs                                                                                        |
 * | 4    | begin   | token, IDs                                                                                        |
 * | 5    | fail    | token, IDs, delay, attempts, reason                                                               |
 * | 6    | extend  | token, duration                                                                                   |
 * | 7    | skip    |                                                                                                   |
 * | 8    | bad     | reason                                                                                            |
 *
 * IDs are twice their count, and the IDs; one more, and each is the difference to the one before.
 *
 * @module
 */

import type { LeaseRequest } from "../../requests/lease.ts";
import type { Put } from "../../requests/message.ts";
import type { EndSession, OpenSession, OrderedBatch, OrderedRequest } from "../../requests/session.ts";
import type { StoreRequest } from "../../store.ts";
import { jsonOf } from "../../database/json.ts";
import { ByteWriter, NUMBER_BYTES_MAX, textBytesMax } from "./byte_writer.ts";

/** Kinds of requests. */
export const REQUEST = {
  json: 0,
  put: 1,
  take: 2,
  session: 3,
  lease: 4,
  confirm: 5,
  release: 6,
  open: 7,
  end: 8,
};

/** Kinds of changes of a session. */
export const CHANGE = { json: 0, put: 1, ack: 2, back: 3, begin: 4, fail: 5, extend: 6, skip: 7, bad: 8 };

/** Added to the kind of a change that has `numbers`. */
export const WITH_NUMBERS = 128;

/**
 * Flags of a put. "Same" is: as in the put before it in the record, or for the owner in the last one that had one. `bytes`:
 * they are not those of the text.
 */
export const PUT_FLAGS = {
  sameMailbox: 1,
  sameSender: 2,
  sameTime: 4,
  bytes: 8,
  owner: 16,
  sameOwner: 32,
  delay: 64,
  expires: 128,
};

/** Flags of the requests of sessions. */
export const SESSION_FLAGS = { account: 1, startTime: 2, network: 4, freshGiven: 8, fresh: 16 };

/** Flags of a lease. */
export const LEASE_FLAGS = {
  account: 1,
  network: 4,
  aheadGiven: 8,
  ahead: 16,
  subscribe: 32,
  takenGiven: 64,
  taken: 128,
};

/** More bytes than a request or a change has beside its texts and lists. */
const FIELDS_BYTES = 96;

/** What the put before has, which the next one may refer to. */
export interface LastPut {
  mailbox: string | undefined;
  sender: string | undefined;
  time: number | undefined;
  owner: string | undefined;
}

export function noPut(): LastPut {
  return { mailbox: undefined, sender: undefined, time: undefined, owner: undefined };
}

/** Writes the requests of one record. */
export function encodeRequests(to: ByteWriter, requests: readonly StoreRequest[]) {
  const last = noPut();
  for (const request of requests) encodeRequest(to, request, last);
}

function encodeRequest(to: ByteWriter, request: StoreRequest, last: LastPut) {
  to.reserve(FIELDS_BYTES);
  switch (request.kind) {
    case "put":
      to.byte(REQUEST.put);
      return encodePut(to, request, last);
    case "take":
      to.byte(REQUEST.take);
      return to.text(request.mailbox);
    case "session":
      to.byte(REQUEST.session);
      return encodeBatch(to, request, last);
    case "lease":
      to.byte(REQUEST.lease);
      return encodeLease(to, request);
    case "confirm":
    case "release":
      to.byte(request.kind === "confirm" ? REQUEST.confirm : REQUEST.release);
      to.text(request.session);
      return to.number(request.tag);
    case "open":
      to.byte(REQUEST.open);
      return encodeSession(to, request, 0);
    case "end":
      to.byte(REQUEST.end);
      encodeSession(to, request, 0);
      return to.number(request.low);
    default:
      to.byte(REQUEST.json);
      return to.text(jsonOf(request));
  }
}

function encodePut(to: ByteWriter, put: Put, last: LastPut) {
  const { mailbox, sender, time, text, bytes, owner, delay, expires } = put;
  const flagsAt = to.length;
  let flags = 0;
  to.byte(0);
  if (mailbox === last.mailbox) flags |= PUT_FLAGS.sameMailbox;
  else to.text(last.mailbox = mailbox);
  if (sender === last.sender) flags |= PUT_FLAGS.sameSender;
  else to.text(last.sender = sender);
  if (time === last.time) flags |= PUT_FLAGS.sameTime;
  else to.number(last.time = time);
  if (to.text(text) !== bytes) {
    flags |= PUT_FLAGS.bytes;
    to.number(bytes);
  }
  if (owner !== undefined) {
    flags |= PUT_FLAGS.owner;
    if (owner === last.owner) flags |= PUT_FLAGS.sameOwner;
    else to.text(last.owner = owner);
  }
  if (delay !== undefined) {
    flags |= PUT_FLAGS.delay;
    to.number(delay);
  }
  if (expires !== undefined) {
    flags |= PUT_FLAGS.expires;
    to.number(expires);
  }
  to.bytes[flagsAt] = flags;
}

/** Writes what all requests of a session have, with more flags. */
function encodeSession(
  to: ByteWriter,
  { session, account, startTime }: OpenSession | EndSession | OrderedBatch,
  flags: number,
) {
  const given = (account === undefined ? 0 : SESSION_FLAGS.account) |
    (startTime === undefined ? 0 : SESSION_FLAGS.startTime);
  to.byte(flags | given);
  to.text(session);
  if (account !== undefined) to.text(account);
  if (startTime !== undefined) to.number(startTime);
}

function encodeBatch(to: ByteWriter, batch: OrderedBatch, last: LastPut) {
  const { fresh, network, first, low, changes } = batch;
  const freshFlags = fresh === undefined
    ? 0
    : fresh
    ? SESSION_FLAGS.freshGiven | SESSION_FLAGS.fresh
    : SESSION_FLAGS.freshGiven;
  encodeSession(to, batch, (network === undefined ? 0 : SESSION_FLAGS.network) | freshFlags);
  if (network !== undefined) to.text(network);
  to.number(first);
  to.number(low);
  to.varint(changes.length);
  for (const change of changes) encodeChange(to, change, last);
}

function encodeChange(to: ByteWriter, change: OrderedRequest, last: LastPut) {
  const { numbers } = change;
  to.reserve(FIELDS_BYTES);
  const begin = (kind: number) => {
    if (numbers === undefined) return to.byte(kind);
    to.byte(kind | WITH_NUMBERS);
    to.number(numbers);
  };
  switch (change.kind) {
    case "put":
      begin(CHANGE.put);
      return encodePut(to, change, last);
    case "ack":
      begin(CHANGE.ack);
      return encodeIds(to, change.token, change.ids);
    case "back":
      begin(CHANGE.back);
      return encodeIds(to, change.token, change.ids);
    case "begin":
      begin(CHANGE.begin);
      return encodeIds(to, change.token, change.ids);
    case "fail":
      begin(CHANGE.fail);
      encodeIds(to, change.token, change.ids);
      to.number(change.delay);
      to.number(change.attempts);
      return to.text(change.reason);
    case "extend":
      begin(CHANGE.extend);
      to.text(change.token);
      return to.number(change.duration);
    case "skip":
      return begin(CHANGE.skip);
    case "bad":
      begin(CHANGE.bad);
      return to.text(change.reason);
    default:
      to.byte(CHANGE.json);
      return to.text(jsonOf(change));
  }
}

function encodeIds(to: ByteWriter, token: string, ids: readonly number[]) {
  to.text(token);
  to.reserve((ids.length + 3) * NUMBER_BYTES_MAX);
  const ascending = ids.every((id, i) => Number.isSafeInteger(id) && id >= (i === 0 ? 0 : ids[i - 1]!));
  to.varint(2 * ids.length + (ascending ? 1 : 0));
  let before = 0;
  for (const id of ids) {
    to.number(id - before);
    if (ascending) before = id;
  }
}

function encodeLease(to: ByteWriter, lease: LeaseRequest) {
  const { session, network, account, tag, mailbox, max, maxBytes, duration, ahead, subscribe, taken } = lease;
  let flags = subscribe ? LEASE_FLAGS.subscribe : 0;
  if (network !== undefined) flags |= LEASE_FLAGS.network;
  if (account !== undefined) flags |= LEASE_FLAGS.account;
  if (ahead !== undefined) {
    flags |= ahead ? LEASE_FLAGS.aheadGiven | LEASE_FLAGS.ahead : LEASE_FLAGS.aheadGiven;
  }
  if (taken !== undefined) {
    flags |= taken ? LEASE_FLAGS.takenGiven | LEASE_FLAGS.taken : LEASE_FLAGS.takenGiven;
  }
  to.byte(flags);
  to.text(session);
  if (network !== undefined) to.text(network);
  if (account !== undefined) to.text(account);
  to.text(mailbox);
  to.number(tag);
  to.number(max);
  to.number(maxBytes);
  to.number(duration);
}

/** The bytes of the request in a record, if nothing before it there says the same. It costs as much as to write it. */
export function requestBytes(request: StoreRequest): number {
  const to = new ByteWriter(4096);
  encodeRequests(to, [request]);
  return to.length;
}

/** No more bytes than this has the request in a record: up to three times what it has. */
export function requestBytesMax(request: StoreRequest | OrderedRequest): number {
  switch (request.kind) {
    case "put": {
      const { mailbox, sender, text, owner = "" } = request;
      return FIELDS_BYTES + textBytesMax(mailbox.length + sender.length + text.length + owner.length);
    }
    case "ack":
    case "back":
    case "begin":
      return FIELDS_BYTES + textBytesMax(request.token.length) + NUMBER_BYTES_MAX * request.ids.length;
    case "session": {
      const { session, account = "", network = "", changes } = request;
      let bytes = FIELDS_BYTES + textBytesMax(session.length + account.length + network.length);
      for (const change of changes) bytes += requestBytesMax(change);
      return bytes;
    }
    default:
      // no form is longer than JSON, which names the fields
      return FIELDS_BYTES + textBytesMax(jsonOf(request).length);
  }
}
