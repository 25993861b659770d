import { parseJson } from "../../database/json.ts";
import type { LeaseRequest } from "../../requests/lease.ts";
import type { Put } from "../../requests/message.ts";
import type { OpenSession, OrderedBatch, OrderedRequest } from "../../requests/session.ts";
import type { StoreRequest } from "../../store.ts";
import { type ByteReader, FormatError } from "./byte_reader.ts";
import {
  CHANGE,
  type LastPut,
  LEASE_FLAGS,
  noPut,
  PUT_FLAGS,
  REQUEST,
  SESSION_FLAGS,
  WITH_NUMBERS,
} from "./request_codec.ts";

/**
 * Reads so many requests, and all that is there.
 *
 * @throws {FormatError}
 */
export function decodeRequests(from: ByteReader, count: number): StoreRequest[] {
  if (count > from.left) throw new FormatError(`Cannot read ${count} requests: ${from.left} bytes are left`);
  const last = noPut();
  const requests: StoreRequest[] = [];
  while (requests.length < count) requests.push(decodeRequest(from, last));
  if (from.left > 0) throw new FormatError(`Cannot read requests: ${from.left} bytes are left after them`);
  return requests;
}

function decodeRequest(from: ByteReader, last: LastPut): StoreRequest {
  const kind = from.byte();
  switch (kind) {
    case REQUEST.json:
      return decodeJson(from) as StoreRequest;
    case REQUEST.put:
      return decodePut(from, last);
    case REQUEST.take:
      return { kind: "take", mailbox: from.text() };
    case REQUEST.session:
      return decodeBatch(from, last);
    case REQUEST.lease:
      return decodeLease(from);
    case REQUEST.confirm:
      return { kind: "confirm", session: from.text(), tag: from.number() };
    case REQUEST.release:
      return { kind: "release", session: from.text(), tag: from.number() };
    case REQUEST.open:
      return { kind: "open", ...decodeSession(from, from.byte()) };
    case REQUEST.end:
      return { kind: "end", ...decodeSession(from, from.byte()), low: from.number() };
    default:
      throw new FormatError(`Cannot read a request: its kind ${kind} is not known`);
  }
}

function decodeJson(from: ByteReader): { kind: string } {
  const text = from.text();
  try {
    return parseJson(text) as { kind: string };
  } catch {
    throw new FormatError(`Cannot read a request: it is not JSON, but ${text.slice(0, 80)}`);
  }
}

/** A value of the put before. */
function same<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new FormatError("Cannot read a put: it refers to one before, and is the first");
  }
  return value;
}

function decodePut(from: ByteReader, last: LastPut): Put {
  const flags = from.byte();
  const mailbox = last.mailbox = flags & PUT_FLAGS.sameMailbox ? same(last.mailbox) : from.text();
  const sender = last.sender = flags & PUT_FLAGS.sameSender ? same(last.sender) : from.text();
  const time = last.time = flags & PUT_FLAGS.sameTime ? same(last.time) : from.number();
  const text = from.text();
  const bytes = flags & PUT_FLAGS.bytes ? from.number() : from.textBytes;
  const put: Put = { kind: "put", mailbox, sender, time, text, bytes };
  if (flags & PUT_FLAGS.owner) {
    put.owner = last.owner = flags & PUT_FLAGS.sameOwner ? same(last.owner) : from.text();
  }
  if (flags & PUT_FLAGS.delay) put.delay = from.number();
  if (flags & PUT_FLAGS.expires) put.expires = from.number();
  return put;
}

type SessionFields = Omit<OpenSession, "kind">;

/** Reads what all requests of a session have. */
function decodeSession(from: ByteReader, flags: number): SessionFields {
  const fields: SessionFields = { session: from.text() };
  if (flags & SESSION_FLAGS.account) fields.account = from.text();
  if (flags & SESSION_FLAGS.startTime) fields.startTime = from.number();
  return fields;
}

function decodeBatch(from: ByteReader, last: LastPut): OrderedBatch {
  const flags = from.byte();
  const session = decodeSession(from, flags);
  const network = flags & SESSION_FLAGS.network ? from.text() : undefined;
  const first = from.number(), low = from.number();
  const changes = Array.from({ length: from.count() }, () => decodeChange(from, last));
  const batch: OrderedBatch = { kind: "session", ...session, first, low, changes };
  if (flags & SESSION_FLAGS.freshGiven) batch.fresh = (flags & SESSION_FLAGS.fresh) !== 0;
  if (network !== undefined) batch.network = network;
  return batch;
}

function decodeChange(from: ByteReader, last: LastPut): OrderedRequest {
  const kind = from.byte();
  if (kind === CHANGE.json) return decodeJson(from) as OrderedRequest;
  const numbers = kind & WITH_NUMBERS ? from.number() : undefined;
  const change = decodeChangeOf(kind & ~WITH_NUMBERS, from, last);
  if (numbers !== undefined) change.numbers = numbers;
  return change;
}

function decodeChangeOf(kind: number, from: ByteReader, last: LastPut): OrderedRequest {
  switch (kind) {
    case CHANGE.put:
      return decodePut(from, last);
    case CHANGE.ack:
      return { kind: "ack", token: from.text(), ids: decodeIds(from) };
    case CHANGE.back:
      return { kind: "back", token: from.text(), ids: decodeIds(from) };
    case CHANGE.begin:
      return { kind: "begin", token: from.text(), ids: decodeIds(from) };
    case CHANGE.fail: {
      const token = from.text(), ids = decodeIds(from), delay = from.number(), attempts = from.number();
      return { kind: "fail", token, ids, delay, attempts, reason: from.text() };
    }
    case CHANGE.extend:
      return { kind: "extend", token: from.text(), duration: from.number() };
    case CHANGE.skip:
      return { kind: "skip" };
    case CHANGE.bad:
      return { kind: "bad", reason: from.text() };
    default:
      throw new FormatError(`Cannot read a change of a session: its kind ${kind} is not known`);
  }
}

function decodeIds(from: ByteReader): number[] {
  const form = from.varint(), count = Math.floor(form / 2);
  if (count > from.left) throw new FormatError(`Cannot read ${count} IDs: ${from.left} bytes are left`);
  let before = 0;
  return Array.from({ length: count }, () => {
    const id = from.number() + before;
    if (form % 2 === 1) before = id;
    return id;
  });
}

function decodeLease(from: ByteReader): LeaseRequest {
  const flags = from.byte(), session = from.text();
  const network = flags & LEASE_FLAGS.network ? from.text() : undefined;
  const account = flags & LEASE_FLAGS.account ? from.text() : undefined;
  const mailbox = from.text();
  const tag = from.number(), max = from.number(), maxBytes = from.number(), duration = from.number();
  const subscribe = (flags & LEASE_FLAGS.subscribe) !== 0;
  const lease: LeaseRequest = { kind: "lease", session, tag, mailbox, max, maxBytes, duration, subscribe };
  if (network !== undefined) lease.network = network;
  if (account !== undefined) lease.account = account;
  if (flags & LEASE_FLAGS.aheadGiven) lease.ahead = (flags & LEASE_FLAGS.ahead) !== 0;
  if (flags & LEASE_FLAGS.takenGiven) lease.taken = (flags & LEASE_FLAGS.taken) !== 0;
  return lease;
}
