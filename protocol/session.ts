/**
 * The reliable session: datagrams to requests and answers, and back. It carries the requests of services, which decode
 * and encode their own lines. `protocol/session.md` is the specification.
 *
 * @module
 */

import { utf8Length } from "./mailbox.ts";
import { isNumber, NUMBER } from "./syntax/fields.ts";
import { lineCodec, numberField, numbersField } from "./syntax/line_codec.ts";
import { decodeUtf8 } from "./syntax/utf8.ts";

/** Longest datagram of a session (session.md 1.1). */
export const MAX_SESSION_DATAGRAM_BYTES = 1200;

/** Longest text of a request with its parts, in UTF-8 (session.md 1.3). */
export const MAX_TEXT_BYTES = 65_000;

/** Why a session is refused whose account does not cover the mailbox of its name. */
export const NOT_CONFIRMED = "not confirmed";

/** Why a session without a log-in is refused where nobody is let in without one (accounts.md 2.8). */
export const LOG_IN_FIRST = "log in first";

/** A request that can never be carried out. */
export interface BadRequest {
  kind: "bad";
  n: number;
  reason: string;
}

/** A request of the session itself. `n` is its number in the order of those that change something. */
export type SessionRequest =
  /** The beginning of the text of the request that follows. */
  | { kind: "part"; n: number; text: string }
  /** Takes the number of a request that is not wanted any more. */
  | { kind: "skip"; n: number }
  | BadRequest
  /** The last request of the session: no outcome is needed any more. */
  | { kind: "bye" };

/** An answer of the session itself. `n` is the number, `t` the tag of the request that it answers. */
export type SessionAnswer =
  | { kind: "ok" | "have"; from: number; to: number }
  | { kind: "lost"; n: number; ids: number[] }
  | { kind: "bad"; n: number; reason: string }
  | { kind: "full"; n: number; limit: string }
  | { kind: "storage"; n: number }
  | { kind: "no"; t: number; reason: string }
  | { kind: "unknown" | "busy" | "ending" | "login" | "owned" };

/** Decodes the line of a service, whose first field is `kind`; undefined if it is none of that service. */
export type DecodeLine<T> = (kind: string, line: string) => T | undefined;

/** Digits of a cookie: the start time of its session (`born` in the specification), and the proof of its address. */
const START_TIME_DIGITS = 12, PROOF_DIGITS = 16;

/** The header of a datagram. `startId` and `cookie` are empty if there is none. What is kept of it has to be {@linkcode detached}. */
interface Header {
  session: string;
  startId: string;
  cookie: string;
}

/** The header of a client's datagram. */
export interface RequestHeader extends Header {
  low: number;
}

/** The header of a server's datagram. */
export interface AnswerHeader extends Header {
  done: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const LF = 0x0a;

const HEADER = /^P1([<>]) ([\w-]{22}) ([0-9a-f]{8}|-) ([0-9a-f]{28}|-) (\d{1,15})$/;

/** The same text. A part of a datagram keeps the whole datagram in memory. */
export function detached(text: string): string {
  return decoder.decode(encoder.encode(text));
}

/** Whether these bytes begin as a datagram of a session does: `P1>` or `P1<`. */
export function isSessionDatagram(datagram: Uint8Array): boolean {
  return datagram[0] === 0x50 && datagram[1] === 0x31 && (datagram[2] === 0x3e || datagram[2] === 0x3c);
}

/** A client's datagram, or undefined if any part of it can't be decoded: then nothing of it is carried out. */
export function decodeRequests<R>(
  datagram: Uint8Array,
  decodeLine: DecodeLine<R>,
): { header: RequestHeader; requests: (SessionRequest | R)[] } | undefined {
  const parsed = parse(datagram, ">", (line) => request(line, decodeLine));
  return parsed && { header: { ...parsed.header, low: parsed.number }, requests: parsed.records };
}

/** The same of what a client has sealed: there the seal names the session. */
export function decodeSealedRequests<R>(
  body: Uint8Array,
  decodeLine: DecodeLine<R>,
): { low: number; requests: (SessionRequest | R)[] } | undefined {
  const parsed = parseLines(body, NUMBER, (line) => request(line, decodeLine));
  return parsed && { low: Number(parsed.match[0]), requests: parsed.records };
}

/** A server's datagram, or undefined if any part of it can't be decoded. */
export function decodeAnswers<A>(
  datagram: Uint8Array,
  decodeLine: DecodeLine<A>,
): { header: AnswerHeader; answers: (SessionAnswer | A)[] } | undefined {
  const parsed = parse(datagram, "<", (line) => answer(line, decodeLine));
  return parsed && { header: { ...parsed.header, done: parsed.number }, answers: parsed.records };
}

function parse<T>(datagram: Uint8Array, direction: "<" | ">", record: (line: string) => T | undefined) {
  const parsed = parseLines(datagram, HEADER, record);
  if (parsed === undefined) return undefined;
  const { match, records } = parsed;
  if (match[1] !== direction) return undefined;
  const given = (field: string) => field === "-" ? "" : field;
  const header = { session: match[2]!, startId: given(match[3]!), cookie: given(match[4]!) };
  return { header, number: Number(match[5]), records };
}

function parseLines<T>(datagram: Uint8Array, header: RegExp, record: (line: string) => T | undefined) {
  if (datagram.length > MAX_SESSION_DATAGRAM_BYTES) return undefined;
  const text = decodeUtf8(datagram);
  if (text === undefined) return undefined;
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

const requests = lineCodec<Extract<SessionRequest, { kind: "part" | "skip" }>>(
  { part: "n,text", skip: "n" },
  { n: numberField() },
);

function request<R>(line: string, decodeLine: DecodeLine<R>): SessionRequest | R | undefined {
  if (line === "bye") return { kind: line };
  const kind = kindOf(line);
  return decodeLine(kind, line) ?? requests.decode(kind, line);
}

const answers = lineCodec<Exclude<SessionAnswer, { kind: "ok" | "have" }>>({
  lost: "n,ids",
  bad: "n,reason",
  full: "n,limit",
  storage: "n",
  no: "t,reason",
  unknown: "",
  busy: "",
  ending: "",
  login: "",
  owned: "",
}, { n: numberField(), t: numberField(), ids: (text) => text === "" ? [] : numbersField(text) });

function answer<A>(line: string, decodeLine: DecodeLine<A>): SessionAnswer | A | undefined {
  const kind = kindOf(line);
  if (kind !== "ok" && kind !== "have") return decodeLine(kind, line) ?? answers.decode(kind, line);
  const [from = "", to = from] = line.slice(kind.length + 1).split("-");
  return isNumber(from) && isNumber(to) ? { kind, from: Number(from), to: Number(to) } : undefined;
}

function kindOf(line: string): string {
  const comma = line.indexOf(",");
  return comma < 0 ? line : line.slice(0, comma);
}

/** The line of an answer in a datagram. */
export function encodeAnswer(answer: SessionAnswer): string {
  if (!("from" in answer)) return answers.encode(answer);
  const { kind, from, to } = answer;
  return from === to ? `${kind},${from}` : `${kind},${from}-${to}`;
}

/** Length of a line in a datagram with its separator, in bytes. */
export function lineLength(line: string): number {
  return 1 + utf8Length(line);
}

/** A client's datagram of these lines. */
export function encodeRequests(header: RequestHeader, lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return datagram(">", header, header.low, lines);
}

/** A server's datagram of these lines. */
export function encodeAnswers(header: AnswerHeader, lines: readonly string[]): Uint8Array<ArrayBuffer> {
  return datagram("<", header, header.done, lines);
}

/** A server's datagrams of these lines, each as full as can be; one if there are none. */
export function packAnswers(header: AnswerHeader, lines: readonly string[]): Uint8Array<ArrayBuffer>[] {
  const all = encodeAnswers(header, lines), end = all.indexOf(LF);
  if (end < 0 || all.length - end <= MAX_LINES_BYTES) return [all];
  const head = all.subarray(0, end), datagrams: Uint8Array<ArrayBuffer>[] = [];
  for (let from = end; from < all.length;) {
    const lines = all.subarray(from, linesEnd(all, from)), datagram = new Uint8Array(end + lines.length);
    datagram.set(head);
    datagram.set(lines, end);
    datagrams.push(datagram);
    from += lines.length;
  }
  return datagrams;
}

/** The end of the lines from here on that fit into a datagram, each with its separator before it; one at least. */
function linesEnd(bytes: Uint8Array, from: number): number {
  if (bytes.length - from <= MAX_LINES_BYTES) return bytes.length;
  const last = bytes.lastIndexOf(LF, from + MAX_LINES_BYTES);
  if (last > from) return last;
  const next = bytes.indexOf(LF, from + 1);
  return next < 0 ? bytes.length : next;
}

/** Bytes that a seal adds to a datagram: its number, and its tag. */
const SEAL = "012345678\n".length + 16;

/** Longest header; the rest of a datagram is for lines. A sealed one is longer, though its cookie is shorter. */
export const MAX_HEADER_BYTES = SEAL +
  "P1> 0123456789012345678901 01234567 0123456789abcdef 012345678901234".length;

/** Bytes of a datagram for its lines, each with the separator before it. */
export const MAX_LINES_BYTES = MAX_SESSION_DATAGRAM_BYTES - MAX_HEADER_BYTES;

/** The start time of a session as it stands in its cookie; `""` if there is no cookie. */
export function startTimeOf(cookie: string): string {
  return cookie.slice(0, START_TIME_DIGITS);
}

/** A cookie that has the start time of a session, and proves nothing. */
export function unprovedCookie(startTime: string): string {
  return startTime.padEnd(START_TIME_DIGITS + PROOF_DIGITS, "0");
}

/** A start time that no session has: if the server does not know the session, it has forgotten it. */
export const STARTED_LONG_AGO = "0".repeat(START_TIME_DIGITS);

/** Where the part of a datagram begins that is sealed: after its cookie. */
export function bodyAt(datagram: Uint8Array): number {
  return datagram.indexOf(0x20, "P1> 0123456789012345678901 01234567 ".length) + 1;
}

function datagram(
  direction: "<" | ">",
  { session, startId, cookie }: Header,
  number: number,
  lines: readonly string[],
): Uint8Array<ArrayBuffer> {
  const header = `P1${direction} ${session} ${startId || "-"} ${cookie || "-"} ${number}`;
  return encoder.encode(lines.length === 0 ? header : `${header}\n${lines.join("\n")}`);
}
