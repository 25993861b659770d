/**
 * Datagrams of sessions, with and without a seal, in words: each request and each answer is described by itself.
 *
 * @module
 */

import {
  type AnswerHeader,
  decodeAnswers,
  decodeRequests,
  decodeSealedRequests,
  MAX_SESSION_DATAGRAM_BYTES,
  type RequestHeader,
  type SessionAnswer,
  type SessionRequest,
} from "../session.ts";
import {
  decodeServiceAnswer,
  decodeServiceRequest,
  type ServiceAnswer,
  type ServiceRequest,
} from "../session/service_requests.ts";
import type { Described } from "../watch.ts";
import { FORUM_ANSWERS, FORUM_REQUESTS } from "./forum.ts";
import { refusal } from "./refusals.ts";
import { bytesOf, count, type Descriptions, duration, mailbox, named, quoted, shortId } from "./words.ts";

type Request = SessionRequest | ServiceRequest;
type Answer = SessionAnswer | ServiceAnswer;
const ids = (of: { ids: readonly number[] }) =>
  `${of.ids.length === 1 ? "message" : "messages"} ${of.ids.join(" ")}`;

const REQUESTS: Descriptions<Request> = {
  put: ({ n, receiver, sender, delay, ttl, text }) => ({
    what: `put ${n}: into ${mailbox(receiver)}${receiver === "" ? "" : ` from ${quoted(sender)}`}` +
      `${delay > 0 ? `, in ${duration(delay)}` : ""}${ttl === undefined ? "" : `, for ${duration(ttl)}`}` +
      `, ${bytesOf(text)}`,
    names: named(receiver, sender),
    text,
  }),
  part: ({ n, text }) => ({ what: `part ${n}: the beginning of a text, ${bytesOf(text)}`, text }),
  skip: ({ n }) => ({ what: `skip ${n}: withdraws a request` }),
  bad: ({ n, reason }) => ({ what: `request ${n}, which can't be carried out`, ...answered(reason) }),
  bye: () => ({ what: "bye: the client needs nothing more" }),
  ack: (of) => ({ what: `ack ${of.n}: ${ids(of)} done` }),
  back: (of) => ({ what: `back ${of.n}: releases ${ids(of)}` }),
  begin: (of) => ({ what: `begin ${of.n}: begins with ${ids(of)}` }),
  fail: (of) => ({
    what: `fail ${of.n}: ${ids(of)} failed (${of.reason}), again in ${duration(of.delay)}, at most ` +
      count(of.attempts, "attempt"),
  }),
  extend: ({ n, duration: ms }) => ({ what: `extend ${n}: a lease by ${duration(ms)}` }),
  lease: ({ t, mailbox: from, max, duration: ms, wait, ahead }) => ({
    what: `lease ${t}: up to ${count(max, "message")} from ${mailbox(from)} for ${duration(ms)}` +
      `${wait > 0 ? `, waits ${duration(wait)}` : ""}${ahead ? ", ahead" : ""}`,
    names: named(from),
  }),
  got: ({ t }) => ({ what: `got ${t}: its messages have arrived` }),
  cancel: ({ t }) => ({ what: `cancel ${t}: waits no longer` }),
  stat: ({ t, mailbox: of }) => ({
    what: `stat ${t}: counts of ${of === "" ? "all mailboxes" : quoted(of)}`,
    names: named(of),
  }),
  info: ({ t, name }) => ({
    what: `info ${t}: what runs${name === "" ? "" : `, and whether ${quoted(name)} has an account`}`,
    names: named(name),
  }),
  peek: ({ t, mailbox: of, after }) => ({
    what: `peek ${t}: shows ${mailbox(of)}${after === 0 ? "" : ` behind message ${after}`}`,
    names: named(of),
  }),
  ...FORUM_REQUESTS,
};

/** What an answer refuses, and where its errors stand. */
function answered(why: string): Pick<Described, "refused" | "why" | "rule"> {
  return { refused: "answered", why, rule: "session.md section 11" };
}

const range = ({ from, to }: { from: number; to: number }) => from === to ? `${from}` : `${from} to ${to}`;

const ANSWERS: Descriptions<Answer> = {
  ok: (of) => ({ what: `ok ${range(of)}: done` }),
  have: (of) => ({ what: `have ${range(of)}: arrived, not done yet` }),
  lost: (of) => ({
    what: `lost ${of.n}: ${
      of.ids.length === 0 ? "the lease has ended" : `${ids(of)} not this lease's any more`
    }`,
    ...answered("given out again, or removed"),
  }),
  bad: ({ n, reason }) => ({ what: `bad ${n}`, ...answered(reason) }),
  full: ({ n, limit }) => ({ what: `full ${n}: not done for the time being`, ...answered(limit) }),
  storage: ({ n }) => ({
    what: `storage ${n}: not done for the time being`,
    ...answered("the server cannot write to disk"),
  }),
  no: ({ t, reason }) => ({ what: `no ${t}`, ...answered(reason) }),
  unknown: () => ({
    what: "unknown",
    ...answered("the server does not know this session"),
    rule: "session.md 8.9",
  }),
  busy: () => ({
    what: "busy",
    ...answered("no room for a session, a wait or a lease"),
    rule: "session.md 3.9",
  }),
  ending: () => ({ what: "ending", ...answered("the server stops") }),
  login: () => ({ what: "login", ...answered("the session has no user"), rule: "forum.md 1.7" }),
  owned: () => ({
    what: "owned",
    ...answered("the session belongs to an account, and this is not sealed by it"),
    rule: "seal.md 5.12",
  }),
  msg: ({ t, i, k, length, id, attempt, sender, text }) => ({
    what: `msg ${t}: ${i} of ${k}, message ${id}${sender === "" ? "" : ` from ${quoted(sender)}`}` +
      `${attempt > 1 ? `, attempt ${attempt}` : ""}, ${count(length, "byte")}`,
    names: named(sender),
    text,
  }),
  piece: ({ t, i, offset, text }) => ({
    what: `piece ${t}: of message ${i}, from byte ${offset}, ${bytesOf(text)}`,
    text,
  }),
  none: ({ t }) => ({ what: `none ${t}: no message` }),
  denied: ({ t }) => ({
    what: `denied ${t}`,
    ...answered("the mailbox is another account's"),
    rule: "accounts.md 2.1",
  }),
  pending: ({ t }) => ({ what: `pending ${t}: waits for a message` }),
  got: ({ t }) => ({ what: `got ${t}: known` }),
  stat: ({ t, values }) => ({ what: `stat ${t}: ${values.replaceAll(",", ", ")}` }),
  info: ({ t, values }) => ({ what: `info ${t}: ${values.replaceAll(",", ", ")}` }),
  seen: ({ t, id, state, sender, bytes, text }) => ({
    what: `seen ${t}: message ${id}${sender === "" ? "" : ` from ${quoted(sender)}`}, ${state}, ` +
      count(bytes, "byte"),
    names: named(sender),
    text,
  }),
  more: ({ t, id }) => ({ what: `more ${t}: there are messages behind ${id}` }),
  last: ({ t, id }) => ({ what: `last ${t}: no message is behind ${id}` }),
  ...FORUM_ANSWERS,
};

function describeOf<T extends { kind: string }>(table: Descriptions<T>, of: T): Described {
  return table[of.kind as T["kind"]](of as never);
}

/** A client's datagram of a session: each request in it, or what it asks for without one. */
export function describeRequests(datagram: Uint8Array): Described[] {
  const decoded = decodeRequests(datagram, decodeServiceRequest);
  if (decoded === undefined) return [describeMalformed(datagram, HEADER_FORM)];
  const { header, requests } = decoded;
  return lines(
    header.session,
    requests.length > 0 ? described(REQUESTS, requests) : [{ what: askedBy(header) }],
  );
}

/** The same of what a client has sealed. */
export function describeSealedRequests(session: string, body: Uint8Array, account: string): Described[] {
  const decoded = decodeSealedRequests(body, decodeServiceRequest);
  if (decoded === undefined) return [describeMalformed(body, "a number")];
  const requests = decoded.requests.length > 0
    ? described(REQUESTS, decoded.requests)
    : [{ what: "asks whether the server is there" }];
  return sealed(lines(session, requests), account);
}

function described<T extends { kind: string }>(table: Descriptions<T>, of: readonly T[]): Described[] {
  return of.map((one) => describeOf(table, one));
}

/** What a datagram without a request is for (session.md 4.3). */
function askedBy({ startId, cookie, low }: RequestHeader): string {
  if (cookie === "") return "begins: it has no start ID and no cookie yet";
  return startId === "" ? "goes on after another process" : `asks for nothing, low ${low}`;
}

/** The server's datagram of a session. */
export function describeAnswers(datagram: Uint8Array): Described[] {
  const decoded = decodeAnswers<ServiceAnswer>(datagram, decodeServiceAnswer);
  if (decoded === undefined) {
    return [{ what: `an answer that can't be read, ${count(datagram.length, "byte")}` }];
  }
  const { header, answers } = decoded;
  return lines(header.session, answers.length > 0 ? described(ANSWERS, answers) : [{ what: sentBy(header) }]);
}

function sentBy({ cookie, done }: AnswerHeader): string {
  return cookie === "" ? `nothing new, done ${done}` : "challenge: a start ID and a cookie";
}

/**
 * The same of what the server seals.
 *
 * @param body What stands behind the cookie of the datagram without a seal.
 */
export function describeSealedAnswers(session: string, body: Uint8Array, account: string): Described[] {
  const datagram = new Uint8Array([...encoder.encode(`P1< ${NO_SESSION} 00000000 - `), ...body]);
  const decoded = decodeAnswers<ServiceAnswer>(datagram, decodeServiceAnswer);
  const answers = decoded === undefined || decoded.answers.length === 0
    ? [{ what: "nothing new" }]
    : described(ANSWERS, decoded.answers);
  return sealed(lines(session, answers), account);
}

const NO_SESSION = "-".repeat(22);

const encoder = new TextEncoder();

/** Each begins with the session that it belongs to. */
function lines(session: string, descriptions: Described[]): Described[] {
  return descriptions.map((one) => ({ ...one, what: `session ${shortId(session)} ${one.what}` }));
}

/** Marks what was sealed, and names the account. */
function sealed(descriptions: Described[], account: string): Described[] {
  return descriptions.map((one) => ({
    ...one,
    what: `${quoted(account)} sealed: ${one.what}`,
    names: [account, ...one.names ?? []],
  }));
}

/** The form of a header, for those who write one by hand. */
const HEADER_FORM = "'P1> SESSION START-ID COOKIE LOW'";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A client's datagram that is none of a session's grammar: which line of it, as far as that can be said. */
function describeMalformed(datagram: Uint8Array, header: string): Described {
  const what = `a session's datagram, ${count(datagram.length, "byte")}`;
  return { what, ...refusal("malformed"), why: faultOf(datagram, header) };
}

function faultOf(datagram: Uint8Array, header: string): string {
  if (datagram.length > MAX_SESSION_DATAGRAM_BYTES) {
    return `longer than ${MAX_SESSION_DATAGRAM_BYTES} bytes (session.md 1.1)`;
  }
  let text: string;
  try {
    text = strict.decode(datagram);
  } catch {
    return "its bytes are not UTF-8";
  }
  const [first = "", ...rest] = text.split("\n");
  const isHeader = (line: string) =>
    decodeRequests(encoder.encode(line), () => undefined) !== undefined ||
    decodeSealedRequests(encoder.encode(line), () => undefined) !== undefined;
  if (!isHeader(first)) return `its first line is not ${header}`;
  if (rest.at(-1) === "") return "it ends with a line end";
  const probe = (line: string) =>
    decodeSealedRequests(encoder.encode(`1\n${line}`), decodeServiceRequest) !== undefined;
  const at = rest.findIndex((line) => !probe(line)), kind = /^[A-Za-z]{1,8}(?=,|$)/.exec(rest[at] ?? "")?.[0];
  if (kind === undefined) return `line ${at + 2} is no request`;
  return Object.hasOwn(REQUESTS, kind)
    ? `line ${at + 2}: '${kind}' with other fields than it has`
    : `line ${at + 2}: no request is called '${kind}'`;
}
