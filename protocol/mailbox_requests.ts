/**
 * The mailbox's requests and answers in a session: lines to values, and back. `protocol/session.md` is the
 * specification.
 *
 * @module
 */

import { isNumber, numberOf, numbers, split } from "./fields.ts";
import { ADMIN, isId, isMessage, SHARED_QUEUE } from "./mailbox.ts";
import type { BadRequest } from "./session.ts";

/** Most messages in one lease (session.md 2.8). */
export const MAX_LEASE_MESSAGES = 64;

/** Shortest and longest lease (session.md 2.5). */
export const MIN_LEASE_MS = 1000, MAX_LEASE_MS = 86_400_000;

/** Longest delay before a failed message is given out again, and most attempts (session.md 2.5). */
export const MAX_RETRY_DELAY_MS = 86_400_000, MAX_ATTEMPTS = 1000;

/** A request that changes something. `n` is its number. */
export type OrderedMailboxRequest =
  | {
    kind: "put";
    n: number;
    receiver: string;
    sender: string;
    delay: number;
    ttl: number | undefined;
    text: string;
  }
  | { kind: "ack" | "back" | "begin"; n: number; token: string; ids: number[] }
  | ({ kind: "fail"; n: number; token: string; ids: number[] } & Failure)
  | { kind: "extend"; n: number; token: string; duration: number };

/** A request that is answered in any order. `t` is its tag. */
export type UnorderedMailboxRequest =
  | {
    kind: "lease";
    t: number;
    mailbox: string;
    max: number;
    duration: number;
    wait: number;
    /** Whether a message counts as attempted only once it was begun with. */
    ahead?: true;
  }
  | { kind: "got" | "cancel"; t: number }
  | { kind: "stat"; t: number; mailbox: string }
  /** Shows the messages with IDs above `after`. */
  | { kind: "peek"; t: number; mailbox: string; after: number };

export type MailboxRequest = OrderedMailboxRequest | UnorderedMailboxRequest;

/** A failed attempt at a message, and what is to be done with the message. */
export interface Failure {
  /** Milliseconds before it is given out again. */
  delay: number;
  /** After so many attempts it becomes a dead letter. */
  attempts: number;
  /** Why it failed: see {@linkcode isReason}. */
  reason: string;
}

/** Whether the text can be the reason of a {@linkcode Failure}. */
export const isReason = isId;

/** A leased message. */
export interface LeasedMessage {
  /** Its number in the mailbox. */
  id: number;
  /** How many attempts at it there were, this one included. */
  attempt: number;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  /** ID of the sender; `""` in the shared queue. */
  sender: string;
  /** The text, as it was sent. */
  text: string;
}

/** The states of a message that is in a mailbox. */
const MESSAGE_STATES = ["ready", "leased", "delayed"] as const satisfies SeenMessage["state"][];

/** A message as a mailbox shows it. */
export interface SeenMessage {
  /** Its number. */
  id: number;
  /** Whether it can be received, is with a receiver, or waits for its time. */
  state: "ready" | "leased" | "delayed";
  /** How many attempts at it were counted. */
  attempts: number;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  /** ID of the sender; `""` in the shared queue. */
  sender: string;
  /** Bytes of the whole text. */
  bytes: number;
  /** The beginning of the text. */
  text: string;
}

export type MailboxAnswer =
  | { kind: "msg"; t: number; i: number; k: number; token: string; length: number; message: LeasedMessage }
  | { kind: "piece"; t: number; i: number; offset: number; text: string }
  | { kind: "none" | "denied" | "pending" | "got"; t: number }
  | { kind: "stat"; t: number; values: string }
  | { kind: "seen"; t: number; behind: number; message: SeenMessage }
  | { kind: "more" | "last"; t: number; id: number };

/** The end of a lease request whose messages count as attempted only once they were begun with. */
const AHEAD = ",ahead";
const TOKEN = /^[0-9a-f]{16}$/;

const isMailbox = (id: string) => id === SHARED_QUEUE || isId(id);

/**
 * The request of a line whose first field is `kind`. A put that can never be carried out is `bad`; undefined if the line
 * is no request of the mailbox.
 */
export function decodeMailboxRequest(kind: string, line: string): MailboxRequest | BadRequest | undefined {
  switch (kind) {
    case "put":
      return decodePut(line);
    case "ack":
    case "back":
    case "begin": {
      const fields = split(line, 4);
      if (fields === undefined) return undefined;
      const [, n, token, list] = fields, ids = numbers(list);
      return isNumber(n) && TOKEN.test(token) && ids ? { kind, n: Number(n), token, ids } : undefined;
    }
    case "fail": {
      const fields = split(line, 7);
      if (fields === undefined) return undefined;
      const [, n, token, delay, attempts, reason, list] = fields, ids = numbers(list);
      if (![n, delay, attempts].every(isNumber) || !TOKEN.test(token) || !ids) return undefined;
      const failure = { delay: Number(delay), attempts: Number(attempts), reason };
      return isFailure(failure) ? { kind, n: Number(n), token, ...failure, ids } : undefined;
    }
    case "extend": {
      const fields = split(line, 4);
      if (fields === undefined) return undefined;
      const [, n, token, duration] = fields;
      if (!isNumber(n) || !TOKEN.test(token) || !isLeaseDuration(duration)) return undefined;
      return { kind, n: Number(n), token, duration: Number(duration) };
    }
    case "lease":
      return decodeLease(line);
    case "stat": {
      const [, t, mailbox] = split(line, 3) ?? [];
      if (t === undefined || !isNumber(t) || !isMailbox(mailbox!)) return undefined;
      return { kind, t: Number(t), mailbox: mailbox! };
    }
    case "peek": {
      const [, t, mailbox, after] = split(line, 4) ?? [];
      if (t === undefined || !isNumber(t) || !isMailbox(mailbox!) || !isNumber(after!)) return undefined;
      return { kind, t: Number(t), mailbox: mailbox!, after: Number(after) };
    }
    case "got":
    case "cancel": {
      const t = numberOf(kind, line);
      return t === undefined ? undefined : { kind, t };
    }
  }
}

function decodePut(line: string): MailboxRequest | BadRequest | undefined {
  const fields = split(line, 7);
  if (fields === undefined || !isNumber(fields[1])) return undefined;
  const [, , receiver, sender, delay, ttl, text] = fields, n = Number(fields[1]);
  const reason = badPut(receiver, sender, delay, ttl, text);
  if (reason !== undefined) return { kind: "bad", n, reason };
  const time = { delay: Number(delay), ttl: ttl === "" ? undefined : Number(ttl) };
  return { kind: "put", n, receiver, sender, ...time, text };
}

function decodeLease(line: string): MailboxRequest | undefined {
  const isAhead = line.endsWith(AHEAD), fields = split(isAhead ? line.slice(0, -AHEAD.length) : line, 6);
  if (fields === undefined) return undefined;
  const [, t, mailbox, max, duration, wait] = fields;
  if (![t, max, wait].every(isNumber) || !isMailbox(mailbox) || !isLeaseDuration(duration)) return undefined;
  if (Number(max) < 1 || Number(max) > MAX_LEASE_MESSAGES) return undefined;
  const times = { duration: Number(duration), wait: Number(wait) };
  return {
    kind: "lease",
    t: Number(t),
    mailbox,
    max: Number(max),
    ...times,
    ...isAhead ? { ahead: true } : {},
  };
}

/** The answer of a line whose first field is `kind`; undefined if the line is no answer of the mailbox. */
export function decodeMailboxAnswer(kind: string, line: string): MailboxAnswer | undefined {
  switch (kind) {
    case "msg":
      return decodeMessage(line);
    case "piece": {
      const fields = split(line, 5);
      if (fields === undefined || !fields.slice(1, 4).every(isNumber)) return undefined;
      const [t, i, offset] = fields.slice(1, 4).map(Number) as [number, number, number];
      return { kind, t, i, offset, text: fields[4] };
    }
    case "none":
    case "denied":
    case "pending":
    case "got": {
      const t = numberOf(kind, line);
      return t === undefined ? undefined : { kind, t };
    }
    case "stat": {
      const [, t, values] = split(line, 3) ?? [];
      return t !== undefined && isNumber(t) ? { kind, t: Number(t), values: values! } : undefined;
    }
    case "seen":
      return decodeSeen(line);
    case "more":
    case "last": {
      const [, t, id] = split(line, 3) ?? [];
      if (t === undefined || !isNumber(t) || !isNumber(id!)) return undefined;
      return { kind, t: Number(t), id: Number(id) };
    }
  }
}

function decodeMessage(line: string): MailboxAnswer | undefined {
  const fields = split(line, 11);
  if (fields === undefined) return undefined;
  const [, t, i, k, token, id, attempt, time, sender, length, text] = fields;
  if (![t, i, k, id, attempt, time, length].every(isNumber)) return undefined;
  const message = { id: Number(id), attempt: Number(attempt), time: Number(time), sender, text };
  return { kind: "msg", t: Number(t), i: Number(i), k: Number(k), token, length: Number(length), message };
}

function decodeSeen(line: string): MailboxAnswer | undefined {
  const fields = split(line, 10);
  if (fields === undefined) return undefined;
  const [, t, behind, id, word, attempts, time, sender, length, text] = fields;
  const state = MESSAGE_STATES.find((state) => state === word);
  if (state === undefined || ![t, behind, id, attempts, time, length].every(isNumber)) return undefined;
  const numbers = { id: Number(id), attempts: Number(attempts), time: Number(time), bytes: Number(length) };
  return { kind: "seen", t: Number(t), behind: Number(behind), message: { ...numbers, state, sender, text } };
}

function isLeaseDuration(text: string): boolean {
  return isNumber(text) && Number(text) >= MIN_LEASE_MS && Number(text) <= MAX_LEASE_MS;
}

/** Whether the wire allows these values. */
export function isFailure({ delay, attempts, reason }: Failure): boolean {
  return Number.isInteger(delay) && delay >= 0 && delay <= MAX_RETRY_DELAY_MS &&
    Number.isInteger(attempts) && attempts >= 1 && attempts <= MAX_ATTEMPTS && isReason(reason);
}

function badPut(to: string, from: string, delay: string, ttl: string, text: string): string | undefined {
  if (!isMailbox(to)) return "bad receiver";
  if (to === SHARED_QUEUE ? from !== "" : !isId(from) || from === ADMIN) return "bad sender";
  if (delay !== "" && !isNumber(delay) || ttl !== "" && !isNumber(ttl)) return "bad time";
  if (!isMessage(text)) return "not printable";
  return undefined;
}

/** The fields of a failure in a `fail`, between token and IDs. */
export function failureFields({ delay, attempts, reason }: Failure): string {
  return `${delay},${attempts},${reason}`;
}

/** The line of an unordered request. Its fields are checked by the caller. */
export function encodeMailboxRequest(request: UnorderedMailboxRequest): string {
  switch (request.kind) {
    case "lease": {
      const { t, mailbox, max, duration, wait } = request;
      return `lease,${t},${mailbox},${max},${duration},${wait}${request.ahead ? AHEAD : ""}`;
    }
    case "stat":
      return `stat,${request.t},${request.mailbox}`;
    case "peek":
      return `peek,${request.t},${request.mailbox},${request.after}`;
    case "got":
    case "cancel":
      return `${request.kind},${request.t}`;
  }
}

/** The line of an answer. */
export function encodeMailboxAnswer(answer: MailboxAnswer): string {
  switch (answer.kind) {
    case "msg": {
      const { t, i, k, token, length, message: { id, attempt, time, sender, text } } = answer;
      return `msg,${t},${i},${k},${token},${id},${attempt},${time},${sender},${length},${text}`;
    }
    case "piece":
      return `piece,${answer.t},${answer.i},${answer.offset},${answer.text}`;
    case "none":
    case "denied":
    case "pending":
    case "got":
      return `${answer.kind},${answer.t}`;
    case "stat":
      return `stat,${answer.t},${answer.values}`;
    case "seen": {
      const { t, behind, message: { id, state, attempts, time, sender, bytes, text } } = answer;
      return `seen,${t},${behind},${id},${state},${attempts},${time},${sender},${bytes},${text}`;
    }
    case "more":
    case "last":
      return `${answer.kind},${answer.t},${answer.id}`;
  }
}
