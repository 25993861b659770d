/**
 * The mailbox's requests and answers in a session: lines to values, and back. `protocol/README.md`, "Session", is the
 * specification.
 *
 * @module
 */

import { isNumber, numbers, split } from "./fields.ts";
import { ADMIN, isId, isMessage, SHARED_QUEUE } from "./mailbox.ts";
import type { BadRequest } from "./session.ts";

/** Most messages of one lease. */
export const MAX_LEASE_MESSAGES = 64;

/** Least and most time for which a message is leased, in milliseconds. */
export const MIN_LEASE_MS = 1000, MAX_LEASE_MS = 86_400_000;

/** Longest delay after which a message that failed is given out again, in milliseconds, and most attempts at one. */
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

/** A request that has no place in an order. `t` is its tag. */
export type UnorderedMailboxRequest =
  | {
    kind: "lease";
    t: number;
    mailbox: string;
    max: number;
    duration: number;
    wait: number;
    /** Whether an attempt counts only once its message was begun with. */
    ahead?: true;
  }
  | { kind: "got" | "cancel"; t: number }
  | { kind: "stat"; t: number; mailbox: string };

export type MailboxRequest = OrderedMailboxRequest | UnorderedMailboxRequest;

/** An attempt at a message that failed, and what is to become of the message. */
export interface Failure {
  /** Milliseconds for which it is not given out. */
  delay: number;
  /** With so many it is a dead letter. */
  attempts: number;
  /** Why, as {@linkcode isReason} has it. */
  reason: string;
}

/** Whether the text can be the reason of a {@linkcode Failure}. */
export const isReason = isId;

/** A message as a lease gives it. `time` is in milliseconds since 1970. */
export interface LeasedMessage {
  id: number;
  attempt: number;
  time: number;
  sender: string;
  text: string;
}

export type MailboxAnswer =
  | { kind: "msg"; t: number; i: number; k: number; token: string; length: number; message: LeasedMessage }
  | { kind: "piece"; t: number; i: number; offset: number; text: string }
  | { kind: "none" | "denied" | "pending" | "got"; t: number }
  | { kind: "stat"; t: number; values: string };

/** What stands at the end of a lease of messages that may never be begun with. */
const AHEAD = ",ahead";
const TOKEN = /^[0-9a-f]{16}$/;

const isMailbox = (id: string) => id === SHARED_QUEUE || isId(id);

/**
 * The request of a line whose first field is `kind`. A put that can never be carried out is `bad`; undefined if the line
 * is no request of the mailbox.
 */
export function decodeMailboxRequest(kind: string, line: string): MailboxRequest | BadRequest | undefined {
  switch (kind) {
    case "put": {
      const fields = split(line, 7);
      if (fields === undefined || !isNumber(fields[1]!)) return undefined;
      const [, n = "", receiver = "", sender = "", delay = "", ttl = "", text = ""] = fields;
      const bad = badPut(receiver, sender, delay, ttl, text);
      if (bad !== undefined) return { kind: "bad", n: Number(n), reason: bad };
      return {
        kind,
        n: Number(n),
        receiver,
        sender,
        delay: Number(delay),
        ttl: ttl === "" ? undefined : Number(ttl),
        text,
      };
    }
    case "ack":
    case "back":
    case "begin": {
      const [, n = "", token = "", list = ""] = split(line, 4) ?? [];
      const ids = numbers(list);
      return isNumber(n) && TOKEN.test(token) && ids ? { kind, n: Number(n), token, ids } : undefined;
    }
    case "fail": {
      const [, n = "", token = "", delay = "", attempts = "", reason = "", list = ""] = split(line, 7) ?? [];
      const ids = numbers(list);
      if (![n, delay, attempts].every(isNumber) || !TOKEN.test(token) || !ids) return undefined;
      const failure = { delay: Number(delay), attempts: Number(attempts), reason };
      return isFailure(failure) ? { kind, n: Number(n), token, ...failure, ids } : undefined;
    }
    case "extend": {
      const [, n = "", token = "", duration = ""] = split(line, 4) ?? [];
      if (!isNumber(n) || !TOKEN.test(token) || !isLeaseTime(duration)) return undefined;
      return { kind, n: Number(n), token, duration: Number(duration) };
    }
    case "lease": {
      const [, t = "", mailbox = "", max = "", duration = "", rest = ""] = split(line, 6) ?? [];
      const isAhead = rest.endsWith(AHEAD), wait = isAhead ? rest.slice(0, -AHEAD.length) : rest;
      if (![t, max, duration, wait].every(isNumber) || !isMailbox(mailbox) || !isLeaseTime(duration)) {
        return undefined;
      }
      if (Number(max) < 1 || Number(max) > MAX_LEASE_MESSAGES) return undefined;
      return {
        kind,
        t: Number(t),
        mailbox,
        max: Number(max),
        duration: Number(duration),
        wait: Number(wait),
        ...isAhead ? { ahead: true } : {},
      };
    }
    case "stat": {
      const [, t = "", mailbox = ""] = split(line, 3) ?? [];
      return isNumber(t) && isMailbox(mailbox) ? { kind, t: Number(t), mailbox } : undefined;
    }
    case "got":
    case "cancel": {
      const t = line.slice(kind.length + 1);
      return isNumber(t) ? { kind, t: Number(t) } : undefined;
    }
  }
}

/** The answer of a line whose first field is `kind`; undefined if the line is no answer of the mailbox. */
export function decodeMailboxAnswer(kind: string, line: string): MailboxAnswer | undefined {
  switch (kind) {
    case "msg": {
      const [
        ,
        t = "",
        i = "",
        k = "",
        token = "",
        id = "",
        attempt = "",
        time = "",
        sender = "",
        length = "",
        text,
      ] = split(line, 11) ?? [];
      if (text === undefined || ![t, i, k, id, attempt, time, length].every(isNumber)) return undefined;
      const message = { id: Number(id), attempt: Number(attempt), time: Number(time), sender, text };
      return { kind, t: Number(t), i: Number(i), k: Number(k), token, length: Number(length), message };
    }
    case "piece": {
      const [, t = "", i = "", offset = "", text] = split(line, 5) ?? [];
      if (text === undefined || ![t, i, offset].every(isNumber)) return undefined;
      return { kind, t: Number(t), i: Number(i), offset: Number(offset), text };
    }
    case "none":
    case "denied":
    case "pending":
    case "got": {
      const t = line.slice(kind.length + 1);
      return isNumber(t) ? { kind, t: Number(t) } : undefined;
    }
    case "stat": {
      const [, t = "", values] = split(line, 3) ?? [];
      return isNumber(t) && values !== undefined ? { kind, t: Number(t), values } : undefined;
    }
  }
}

function isLeaseTime(text: string): boolean {
  return isNumber(text) && Number(text) >= MIN_LEASE_MS && Number(text) <= MAX_LEASE_MS;
}

/** Whether these values are what the wire allows. */
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

/** What of a failure stands in a `fail`, between token and IDs. */
export function failureFields({ delay, attempts, reason }: Failure): string {
  return `${delay},${attempts},${reason}`;
}

/** The line of a request. Its fields are checked by the caller. */
export function encodeMailboxRequest(request: MailboxRequest): string {
  switch (request.kind) {
    case "put": {
      const { n, receiver, sender, delay, ttl, text } = request;
      return `put,${n},${receiver},${sender},${delay === 0 ? "" : delay},${ttl ?? ""},${text}`;
    }
    case "ack":
    case "begin":
    case "back":
      return `${request.kind},${request.n},${request.token},${request.ids.join(" ")}`;
    case "fail": {
      const { n, token, ids } = request;
      return `fail,${n},${token},${failureFields(request)},${ids.join(" ")}`;
    }
    case "extend":
      return `extend,${request.n},${request.token},${request.duration}`;
    case "lease": {
      const { t, mailbox, max, duration, wait } = request;
      return `lease,${t},${mailbox},${max},${duration},${wait}${request.ahead ? AHEAD : ""}`;
    }
    case "stat":
      return `stat,${request.t},${request.mailbox}`;
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
  }
}
