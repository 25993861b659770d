/**
 * The reliable session: datagrams to requests and answers, and back. `protocol/README.md`, "Session", is the
 * specification.
 *
 * @module
 */

import { split } from "./fields.ts";
import {
  decodeForumAnswer,
  decodeForumRequest,
  encodeForumAnswer,
  encodeForumRequest,
  type ForumAnswer,
  type ForumOrderedRequest,
  type ForumUnorderedRequest,
} from "./forum.ts";
import { ADMIN, isId, isMessage, SHARED_QUEUE, utf8Length } from "./mailbox.ts";

/** Longest datagram of a session, in bytes. */
export const MAX_SESSION_DATAGRAM = 1200;

/** Longest text of a message, in bytes. */
export const MAX_TEXT = 65_000;

/** Most messages of one lease. */
export const MAX_LEASE = 64;

/** Least and most time for which a message is leased, in milliseconds. */
export const MIN_LEASE_TIME = 1000, MAX_LEASE_TIME = 86_400_000;

/** Longest delay after which a message that failed is given out again, in milliseconds, and most attempts at one. */
export const MAX_RETRY_DELAY = 86_400_000, MAX_ATTEMPTS = 1000;

/** Why nothing is done for a session that is logged in to an account which does not cover the mailbox. */
export const NOT_CONFIRMED = "not confirmed";

/** A request that changes something. `n` is its number. `bad` is one that can never be carried out. */
export type NumberedRequest =
  | ForumOrderedRequest
  | {
    kind: "put";
    n: number;
    receiver: string;
    sender: string;
    delay: number;
    ttl: number | undefined;
    text: string;
  }
  | { kind: "part"; n: number; text: string }
  | { kind: "ack"; n: number; token: string; ids: number[] }
  | { kind: "back"; n: number; token: string; ids: number[] }
  | ({ kind: "fail"; n: number; token: string; ids: number[] } & Failure)
  | { kind: "extend"; n: number; token: string; duration: number }
  | { kind: "begin"; n: number; token: string; ids: number[] }
  | { kind: "skip"; n: number }
  | { kind: "bad"; n: number; reason: string };

/** A request that changes nothing that has an order. `t` is its tag. */
export type TaggedRequest =
  | ForumUnorderedRequest
  | {
    kind: "lease";
    t: number;
    mailbox: string;
    max: number;
    duration: number;
    wait: number;
    /** Whether a message counts as given out only once it was begun with. */
    ahead?: true;
  }
  | { kind: "got"; t: number }
  | { kind: "cancel"; t: number }
  | { kind: "stat"; t: number; mailbox: string };

/** Nothing more is asked for, and nothing has no outcome. */
export interface Bye {
  kind: "bye";
}

export type SessionRequest = NumberedRequest | TaggedRequest | Bye;

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

export type SessionAnswer =
  | ForumAnswer
  | { kind: "ok" | "have"; from: number; to: number }
  | { kind: "lost"; n: number; ids: number[] }
  | { kind: "bad"; n: number; reason: string }
  | { kind: "full"; n: number; limit: string }
  | { kind: "storage"; n: number }
  | { kind: "msg"; t: number; i: number; k: number; token: string; length: number; message: LeasedMessage }
  | { kind: "piece"; t: number; i: number; offset: number; text: string }
  | { kind: "none" | "denied" | "pending" | "got"; t: number }
  | { kind: "stat"; t: number; values: string }
  | { kind: "unknown" }
  | { kind: "busy" }
  | { kind: "ending" }
  | { kind: "login" }
  | { kind: "owned" };

/** Digits of a cookie, of which the first are its session's BORN: the time at which it began. */
const BORN_DIGITS = 12, PROOF_DIGITS = 16;

/** What a client's datagram begins with. `epoch` and `cookie` are empty where the client has none. */
export interface RequestHeader {
  session: string;
  epoch: string;
  cookie: string;
  low: number;
}

/** What a server's datagram begins with. */
export interface AnswerHeader {
  session: string;
  epoch: string;
  cookie: string;
  done: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const HEADER = /^P1([<>]) ([\w-]{22}) ([0-9a-f]{8}|-) ([0-9a-f]{28}|-) (\d{1,15})$/;
/** Where the session's ID begins. */
const SESSION_AT = "P1> ".length;
const NUMBER = /^\d{1,15}$/;
/** What stands behind a lease of messages that may never be begun with. */
const AHEAD = ",ahead";
const TOKEN = /^[0-9a-f]{16}$/;

/** Whether these bytes begin as a datagram of a session does: `P1>` or `P1<`. */
export function isSessionDatagram(datagram: Uint8Array): boolean {
  return datagram[0] === 0x50 && datagram[1] === 0x31 && (datagram[2] === 0x3e || datagram[2] === 0x3c);
}

/** A client's datagram, or undefined where it is none: then nothing of it is carried out. */
export function decodeRequests(
  datagram: Uint8Array,
): { header: RequestHeader; requests: SessionRequest[] } | undefined {
  const parsed = parse(datagram, ">", request);
  if (parsed === undefined) return undefined;
  const { session, epoch, cookie, number, records } = parsed;
  return { header: { session, epoch, cookie, low: number }, requests: records };
}

/** What a client's datagram says under a seal, which names the session, or undefined where it is none. */
export function decodeSealedRequests(
  body: Uint8Array,
): { low: number; requests: SessionRequest[] } | undefined {
  const parsed = parseLines(body, NUMBER, request);
  return parsed && { low: Number(parsed.match[0]), requests: parsed.records };
}

/** A server's datagram, or undefined where it is none. */
export function decodeAnswers(
  datagram: Uint8Array,
): { header: AnswerHeader; answers: SessionAnswer[] } | undefined {
  const parsed = parse(datagram, "<", answer);
  if (parsed === undefined) return undefined;
  const { session, epoch, cookie, number, records } = parsed;
  return { header: { session, epoch, cookie, done: number }, answers: records };
}

function parse<T>(datagram: Uint8Array, direction: "<" | ">", record: (line: string) => T | undefined) {
  const parsed = parseLines(datagram, HEADER, record);
  if (parsed === undefined) return undefined;
  const { match, records } = parsed;
  if (match[1] !== direction) return undefined;
  const given = (field: string) => field === "-" ? "" : field;
  return {
    // not match[2], which as a slice would keep the whole text for as long as the session is known
    session: decoder.decode(datagram.subarray(SESSION_AT, SESSION_AT + 22)),
    epoch: given(match[3]!),
    cookie: given(match[4]!),
    number: Number(match[5]),
    records,
  };
}

function parseLines<T>(datagram: Uint8Array, header: RegExp, record: (line: string) => T | undefined) {
  if (datagram.length > MAX_SESSION_DATAGRAM) return undefined;
  let text: string;
  try {
    text = decoder.decode(datagram);
  } catch {
    return undefined;
  }
  const lines = text.split("\n");
  const match = header.exec(lines[0]!);
  if (match === null) return undefined;
  const records: T[] = [];
  for (let i = 1; i < lines.length; i++) {
    const parsed = record(lines[i]!);
    if (parsed === undefined) return undefined;
    records.push(parsed);
  }
  return { match, records };
}

const isNumber = (text: string) => NUMBER.test(text);
const isMailbox = (id: string) => id === SHARED_QUEUE || isId(id);

function numbers(text: string): number[] | undefined {
  const fields = text.split(" ");
  return fields.every(isNumber) ? fields.map(Number) : undefined;
}

function request(line: string): SessionRequest | undefined {
  const comma = line.indexOf(",");
  const kind = comma < 0 ? line : line.slice(0, comma);
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
    case "part": {
      const fields = split(line, 3);
      if (fields === undefined || !isNumber(fields[1]!)) return undefined;
      return { kind, n: Number(fields[1]), text: fields[2]! };
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
      if (Number(max) < 1 || Number(max) > MAX_LEASE) return undefined;
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
    case "skip": {
      const n = line.slice(comma + 1);
      return isNumber(n) ? { kind, n: Number(n) } : undefined;
    }
    case "got":
    case "cancel": {
      const t = line.slice(comma + 1);
      return isNumber(t) ? { kind, t: Number(t) } : undefined;
    }
    case "bye":
      return line === kind ? { kind } : undefined;
    default:
      return decodeForumRequest(kind, line);
  }
}

function answer(line: string): SessionAnswer | undefined {
  const comma = line.indexOf(",");
  const kind = comma < 0 ? line : line.slice(0, comma), rest = comma < 0 ? "" : line.slice(comma + 1);
  switch (kind) {
    case "ok":
    case "have": {
      const [from = "", to = from] = rest.split("-");
      return isNumber(from) && isNumber(to) ? { kind, from: Number(from), to: Number(to) } : undefined;
    }
    case "lost": {
      const [n = "", list = ""] = rest.split(",");
      const ids = list === "" ? [] : numbers(list);
      return isNumber(n) && ids ? { kind, n: Number(n), ids } : undefined;
    }
    case "bad": {
      const [, n = "", reason] = split(line, 3) ?? [];
      return isNumber(n) && reason !== undefined ? { kind, n: Number(n), reason } : undefined;
    }
    case "full": {
      const [, n = "", limit] = split(line, 3) ?? [];
      return isNumber(n) && limit !== undefined ? { kind, n: Number(n), limit } : undefined;
    }
    case "storage":
      return isNumber(rest) ? { kind, n: Number(rest) } : undefined;
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
    case "got":
      return isNumber(rest) ? { kind, t: Number(rest) } : undefined;
    case "stat": {
      const [, t = "", values] = split(line, 3) ?? [];
      return isNumber(t) && values !== undefined ? { kind, t: Number(t), values } : undefined;
    }
    case "unknown":
    case "busy":
    case "ending":
    case "login":
    case "owned":
      return { kind };
    default:
      return decodeForumAnswer(kind, line);
  }
}

function isLeaseTime(text: string): boolean {
  return isNumber(text) && Number(text) >= MIN_LEASE_TIME && Number(text) <= MAX_LEASE_TIME;
}

/** Whether these values are what the wire allows. */
export function isFailure({ delay, attempts, reason }: Failure): boolean {
  return Number.isInteger(delay) && delay >= 0 && delay <= MAX_RETRY_DELAY &&
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

/** The line of a request in a datagram. Its fields are checked by the caller. */
export function encodeRequest(request: Exclude<SessionRequest, { kind: "bad" }>): string {
  switch (request.kind) {
    case "put": {
      const { n, receiver, sender, delay, ttl, text } = request;
      return `put,${n},${receiver},${sender},${delay === 0 ? "" : delay},${ttl ?? ""},${text}`;
    }
    case "part":
      return `part,${request.n},${request.text}`;
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
    case "skip":
      return `skip,${request.n}`;
    case "lease": {
      const { t, mailbox, max, duration, wait } = request;
      return `lease,${t},${mailbox},${max},${duration},${wait}${request.ahead ? AHEAD : ""}`;
    }
    case "stat":
      return `stat,${request.t},${request.mailbox}`;
    case "got":
    case "cancel":
      return `${request.kind},${request.t}`;
    case "bye":
      return request.kind;
    default:
      return encodeForumRequest(request);
  }
}

/** The line of an answer in a datagram. */
export function encodeAnswer(answer: SessionAnswer): string {
  switch (answer.kind) {
    case "ok":
    case "have":
      return answer.from === answer.to
        ? `${answer.kind},${answer.from}`
        : `${answer.kind},${answer.from}-${answer.to}`;
    case "lost":
      return `lost,${answer.n},${answer.ids.join(" ")}`;
    case "bad":
      return `bad,${answer.n},${answer.reason}`;
    case "full":
      return `full,${answer.n},${answer.limit}`;
    case "storage":
      return `storage,${answer.n}`;
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
    case "unknown":
    case "busy":
    case "ending":
    case "login":
    case "owned":
      return answer.kind;
    default:
      return encodeForumAnswer(answer);
  }
}

/** Bytes that the line takes in a datagram, its separator included. */
export function lineLength(line: string): number {
  return 1 + utf8Length(line);
}

/** A client's datagram of these lines. */
export function encodeRequests(header: RequestHeader, lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return datagram(">", header.session, header.epoch, header.cookie, header.low, lines);
}

/** A server's datagram of these lines. */
export function encodeAnswers(header: AnswerHeader, lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return datagram("<", header.session, header.epoch, header.cookie, header.done, lines);
}

/** Bytes that a seal adds to a datagram: what its own header is longer by, and its tag. */
const SEAL = "012345678\n".length + 16;

/**
 * Most bytes that the header takes: what is left of {@linkcode MAX_SESSION_DATAGRAM} is for lines. A sealed one has the
 * shorter cookie of "Seal", and is the longer one all the same.
 */
export const MAX_HEADER = SEAL +
  "P1> 0123456789012345678901 01234567 0123456789abcdef 012345678901234".length;

/** The BORN of a session as it stands in its cookie, or `""` where there is none. */
export function bornOf(cookie: string): string {
  return cookie.slice(0, BORN_DIGITS);
}

/** The cookie of a client that knows when its session began, and that the server has not given a right one. */
export function unprovedCookie(born: string): string {
  return born.padEnd(BORN_DIGITS + PROOF_DIGITS, "0");
}

/** A BORN that no session has: the server knows a session that says so, or has forgotten it. */
export const BORN_LONG_AGO = "0".repeat(BORN_DIGITS);

/** Where what is sealed of a datagram begins: behind its cookie, if it has one. */
export function bodyAt(datagram: Uint8Array): number {
  return datagram.indexOf(0x20, "P1> 0123456789012345678901 01234567 ".length) + 1;
}

function datagram(
  direction: "<" | ">",
  session: string,
  epoch: string,
  cookie: string,
  number: number,
  lines: readonly string[],
): Uint8Array<ArrayBuffer> {
  const header = `P1${direction} ${session} ${epoch || "-"} ${cookie || "-"} ${number}`;
  return encoder.encode(lines.length === 0 ? header : `${header}\n${lines.join("\n")}`);
}
