/**
 * The mailbox's requests and answers in a session: lines to values, and back. `protocol/session.md` is the
 * specification.
 *
 * @module
 */

import { ADMIN, isId, messageLength, SHARED_QUEUE } from "../mailbox.ts";
import type { BadRequest } from "../session.ts";
import { FieldReader, isNumber } from "../syntax/fields.ts";
import { lineCodec, numberField, numbersField, textField } from "../syntax/line_codec.ts";

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
    /** Bytes of the text in UTF-8. */
    bytes: number;
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
    ahead?: boolean;
  }
  | { kind: "got" | "cancel"; t: number }
  | { kind: "stat"; t: number; mailbox: string }
  | { kind: "info"; t: number; name: string }
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
const isReason = isId;

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
  | { kind: "msg"; t: number; i: number; k: number; token: string; length: number } & LeasedMessage
  | { kind: "piece"; t: number; i: number; offset: number; text: string }
  | { kind: "none" | "denied" | "pending" | "got"; t: number }
  | { kind: "stat" | "info"; t: number; values: string }
  | { kind: "seen"; t: number; behind: number } & SeenMessage
  | { kind: "more" | "last"; t: number; id: number };

/** What a server says of itself, and what the account of a name protects (session.md 3.15). */
export interface ServerInfo {
  /** The port of each service that runs, by its name: `mailbox`, `channels`, `room`, `forum`. */
  services: Record<string, number>;
  /** Whether the account of the name covers the mailbox, and the forum; neither if the name has none. */
  account: { mailbox: boolean; forum: boolean };
  /** Whether nobody is let in without a log-in (accounts.md 2.8). */
  isLoginRequired: boolean;
}

/** The end of a lease request whose messages count as attempted only once they were begun with. */
const AHEAD = ",ahead";
const TOKEN = /^[0-9a-f]{16}$/;

const MESSAGE_STATES = ["ready", "leased", "delayed"];

const isMailbox = (id: string) => id === SHARED_QUEUE || isId(id);

const number = numberField();

const requests = lineCodec<Exclude<MailboxRequest, { kind: "put" }>>({
  ack: "n,token,ids",
  back: "n,token,ids",
  begin: "n,token,ids",
  fail: "n,token,delay,attempts,reason,ids",
  extend: "n,token,duration",
  lease: "t,mailbox,max,duration,wait",
  got: "t",
  cancel: "t",
  stat: "t,mailbox",
  info: "t,name",
  peek: "t,mailbox,after",
}, {
  n: number,
  t: number,
  wait: number,
  token: textField((text) => TOKEN.test(text)),
  ids: numbersField,
  delay: numberField(0, MAX_RETRY_DELAY_MS),
  attempts: numberField(1, MAX_ATTEMPTS),
  reason: textField(isReason),
  duration: numberField(MIN_LEASE_MS, MAX_LEASE_MS),
  mailbox: textField(isMailbox),
  name: textField((name) => name === "" || isId(name)),
  max: numberField(1, MAX_LEASE_MESSAGES),
  after: number,
});

const answers = lineCodec<MailboxAnswer>({
  msg: "t,i,k,token,id,attempt,time,sender,length,text",
  piece: "t,i,offset,text",
  none: "t",
  denied: "t",
  pending: "t",
  got: "t",
  stat: "t,values",
  info: "t,values",
  seen: "t,behind,id,state,attempts,time,sender,bytes,text",
  more: "t,id",
  last: "t,id",
}, {
  t: number,
  i: number,
  k: number,
  id: number,
  attempt: number,
  time: number,
  length: number,
  offset: number,
  behind: number,
  state: textField((state) => MESSAGE_STATES.includes(state)),
  attempts: number,
  bytes: number,
});

/** The line of an answer. */
export function encodeMailboxAnswer(answer: MailboxAnswer): string {
  if (answer.kind !== "msg") return answers.encode(answer);
  // there are more of these than of all others
  const { t, i, k, token, id, attempt, time, sender, length, text } = answer;
  return `msg,${t},${i},${k},${token},${id},${attempt},${time},${sender},${length},${text}`;
}

/** The answer of a line whose first field is `kind`; undefined if the line is no answer of the mailbox. */
export function decodeMailboxAnswer(kind: string, line: string): MailboxAnswer | undefined {
  return kind === "msg" ? decodeMessage(line) : answers.decode(kind, line);
}

/** A `msg`. Receivers get more of these than of all others, so it is read without a list of its fields. */
function decodeMessage(line: string): MailboxAnswer | undefined {
  const fields = new FieldReader(line, "msg,".length);
  const t = fields.number(), i = fields.number(), k = fields.number(), token = fields.text();
  const id = fields.number(), attempt = fields.number(), time = fields.number(), sender = fields.text();
  const length = fields.number();
  if (fields.isWrong) return undefined;
  return { kind: "msg", t, i, k, token, id, attempt, time, sender, length, text: fields.rest() };
}

/**
 * The request of a line whose first field is `kind`. A put that can never be carried out is `bad`; undefined if the line
 * is no request of the mailbox.
 */
export function decodeMailboxRequest(kind: string, line: string): MailboxRequest | BadRequest | undefined {
  if (kind === "put") return decodePut(line);
  const ahead = kind === "lease" && line.endsWith(AHEAD);
  const request = requests.decode(kind, ahead ? line.slice(0, -AHEAD.length) : line);
  return request?.kind === "lease" ? { ...request, ahead } : request;
}

/** The IDs of a put without times that was right, and how they stand in it: most puts have those of the one before. */
let lastIds = { fields: "\n", receiver: "", sender: "" };

/** A `put`. Servers get more of these than of all others, so it is read without a list of its fields. */
function decodePut(line: string): MailboxRequest | BadRequest | undefined {
  const fields = new FieldReader(line, "put,".length), n = fields.number();
  if (!fields.isWrong && fields.skip(lastIds.fields)) {
    const { receiver, sender } = lastIds, text = fields.rest(), bytes = messageLength(text);
    if (bytes < 0) return { kind: "bad", n, reason: "not printable" };
    return { kind: "put", n, receiver, sender, delay: 0, ttl: undefined, text, bytes };
  }
  const receiver = fields.text(), sender = fields.text(), delay = fields.text(), ttl = fields.text();
  if (fields.isWrong) return undefined;
  const text = fields.rest(), bytes = messageLength(text);
  const reason = badPut(receiver, sender, delay, ttl) ?? (bytes < 0 ? "not printable" : undefined);
  if (reason !== undefined) return { kind: "bad", n, reason };
  if (delay === "" && ttl === "") lastIds = { fields: `${receiver},${sender},,,`, receiver, sender };
  const time = { delay: Number(delay), ttl: ttl === "" ? undefined : Number(ttl) };
  return { kind: "put", n, receiver, sender, ...time, text, bytes };
}

/** Whether the wire allows these values. */
export function isFailure({ delay, attempts, reason }: Failure): boolean {
  return Number.isInteger(delay) && delay >= 0 && delay <= MAX_RETRY_DELAY_MS &&
    Number.isInteger(attempts) && attempts >= 1 && attempts <= MAX_ATTEMPTS && isReason(reason);
}

function badPut(to: string, from: string, delay: string, ttl: string): string | undefined {
  if (!isMailbox(to)) return "bad receiver";
  if (to === SHARED_QUEUE ? from !== "" : !isId(from) || from === ADMIN) return "bad sender";
  if (delay !== "" && !isNumber(delay) || ttl !== "" && !isNumber(ttl)) return "bad time";
  return undefined;
}

/** The fields of a failure in a `fail`, between token and IDs. */
export function failureFields({ delay, attempts, reason }: Failure): string {
  return `${delay},${attempts},${reason}`;
}

/** The line of an unordered request. Its fields are checked by the caller. */
export function encodeMailboxRequest(request: UnorderedMailboxRequest): string {
  return requests.encode(request) + (request.kind === "lease" && request.ahead ? AHEAD : "");
}

/** The values of an answer `info`. */
export function encodeInfo({ services, account, isLoginRequired }: ServerInfo): string {
  return [
    ...Object.entries(services).map(([name, port]) => `${name} ${port}`),
    ...account.mailbox ? ["account mailbox"] : [],
    ...account.forum ? ["account forum"] : [],
    ...isLoginRequired ? ["auth required"] : [],
  ].join(",");
}

/** What an answer `info` says. What else stands in it is left out. */
export function decodeInfo(values: string): ServerInfo {
  const fields = values.split(",").map((field) => /^(\S+) (.*)$/.exec(field)?.slice(1) ?? []);
  const covers = (service: string) => fields.some(([name, value]) => name === "account" && value === service);
  return {
    services: Object.fromEntries(
      fields.filter(([, port]) => isNumber(port ?? "")).map(([name, port]) => [name, Number(port)]),
    ),
    account: { mailbox: covers("mailbox"), forum: covers("forum") },
    isLoginRequired: fields.some(([name, value]) => name === "auth" && value === "required"),
  };
}
