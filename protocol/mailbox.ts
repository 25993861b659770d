/**
 * The mailbox's original wire: datagrams to requests, and replies to datagrams. `protocol/mailbox.md` is the
 * specification.
 *
 * @module
 */

import { decodeUtf8 } from "./syntax/utf8.ts";

/** UDP port that clients of the original use. */
export const MAILBOX_PORT = 21001;

/** Longest datagram: existing clients have room for no more (mailbox.md section 7). */
export const MAX_DATAGRAM_BYTES = 1024;

/**
 * How many messages a client puts before it checks that the server keeps up. A socket's buffer holds 212,992 bytes by
 * default, and the kernel counts up to 2,304 for a datagram of 1,024 (mailbox.md 6.3).
 */
export const PUTS_BEFORE_CHECK = 32;

/** Longest ID, in UTF-8. */
export const MAX_ID_BYTES = 64;

/** The mailbox that `for` and `req` name: an ID that no client can write, because IDs have at least one byte. */
export const SHARED_QUEUE = "";

/** A name that no sender may have. */
export const ADMIN = "admin";

/**
 * Why a datagram is no request, in the order in which it is checked. It is dropped and counted, and never answered
 * (mailbox.md 3.1).
 */
export const REFUSALS = [
  "too long",
  "not UTF-8",
  "not printable",
  "unknown type",
  "malformed",
  "bad ID",
  "reserved sender",
] as const;
export type Refusal = typeof REFUSALS[number];

/** What exactly is wrong with a datagram, and the reason by which it is counted. */
export const ORIGINAL_FAULTS = {
  "too long": "too long",
  "not UTF-8": "not UTF-8",
  "control character": "not printable",
  "empty": "unknown type",
  "reply": "unknown type",
  "no comma after type": "unknown type",
  "unknown type": "unknown type",
  "type alone": "malformed",
  "no sender": "malformed",
  "no text": "malformed",
  "more than a receiver": "malformed",
  "more than a type": "malformed",
  "control reply": "malformed",
  "receiver missing": "bad ID",
  "receiver too long": "bad ID",
  "receiver with control character": "bad ID",
  "sender missing": "bad ID",
  "sender too long": "bad ID",
  "sender with control character": "bad ID",
  "reserved sender": "reserved sender",
  "text too long": "too long",
} as const satisfies Record<string, Refusal>;
/** One of the keys of {@linkcode ORIGINAL_FAULTS}. */
export type OriginalFault = keyof typeof ORIGINAL_FAULTS;

/** A client's request. `bytes` is the length of the text in UTF-8. */
export type OriginalRequest =
  | { kind: "put"; mailbox: string; sender: string; text: string; bytes: number }
  | { kind: "take"; mailbox: string }
  | { kind: "control"; text: string };

/** A message in a reply. */
export interface OriginalMessage {
  /** ID of the sender; `""` in the shared queue. */
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  /** The text, as it was sent. */
  text: string;
}

const encoder = new TextEncoder();
const TAB = 0x09, LF = 0x0a, CR = 0x0d;

/** Unicode's control characters (C0, DEL, C1) except TAB: a message has none of them. */
const CONTROL = /[^\P{Cc}\t]/u;
/** An ID has no TAB either. */
const CONTROL_OR_TAB = /\p{Cc}/u;

/** Length of the text in UTF-8, in bytes. A lone surrogate counts as the U+FFFD that would be sent for it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // a surrogate pair is two units and four bytes
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++, bytes += 2;
    else bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

/** As much of the text from `at` on as takes at most so many bytes; no character is cut. */
export function cutText(text: string, at: number, bytes: number): string {
  const { read } = encoder.encodeInto(text.slice(at, at + bytes), new Uint8Array(bytes));
  return text.slice(at, at + read);
}

/** Whether the text can be an ID: 1 to 64 bytes, no comma, no control character, no space at either end. */
export function isId(text: string): boolean {
  return text !== "" && text.length <= MAX_ID_BYTES && !text.includes(",") && !CONTROL_OR_TAB.test(text) &&
    text[0] !== " " && text[text.length - 1] !== " " && text.isWellFormed() &&
    utf8Length(text) <= MAX_ID_BYTES;
}

/** @throws {TypeError} The text cannot be an ID. */
export function checkId(id: string) {
  if (!isId(id)) {
    throw new TypeError(
      `Cannot use '${id}' as an ID: expected 1 to 64 bytes with no comma, no control character, no space at an end`,
    );
  }
}

/** Whether the text can be a message: no control character except TAB. Its length is checked where it is encoded. */
export function isMessage(text: string): boolean {
  return messageLength(text) >= 0;
}

/** Length of a message in UTF-8, in bytes; -1 if the text can't be one. */
export function messageLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit < 0x7f) continue;
    if (unit < 0xa0) {
      if (unit !== TAB) return -1;
    } else if (unit < 0x800) bytes++;
    else if (unit < 0xd800 || unit >= 0xe000) bytes += 2;
    else {
      // a surrogate pair is two units and four bytes
      if (unit >= 0xdc00 || (text.charCodeAt(++i) & 0xfc00) !== 0xdc00) return -1;
      bytes += 2;
    }
  }
  return bytes;
}

/** The text without spaces at its ends. Other white space belongs to an ID. */
export function trimSpaces(text: string): string {
  let start = 0, end = text.length;
  while (start < end && text.charCodeAt(start) === 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) === 0x20) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** The text after the comma at `comma`, without the one space that the wire writes there. */
function messageAfter(text: string, comma: number): string {
  return text.slice(text.charCodeAt(comma + 1) === 0x20 ? comma + 2 : comma + 1);
}

/** Bytes that a reply adds to sender and text. */
const REPLY_OVERHEAD = "N, 2026-01-31T00:00:00.000Z, , ".length;
const SHARED_REPLY_OVERHEAD = "nxt, 2026-01-31T00:00:00.000Z, ".length;

/** The longest text whose reply is no longer than `max`, in bytes. */
function maxReplied(mailbox: string, sender: string, max: number): number {
  return mailbox === SHARED_QUEUE ? max - SHARED_REPLY_OVERHEAD : max - REPLY_OVERHEAD - utf8Length(sender);
}

/**
 * The greatest length of sender and text together with which a message can be taken on this wire, in bytes: its reply is
 * no longer than a datagram may be, or than existing clients have room for, whichever is more.
 *
 * @param max Longest datagram, in bytes.
 */
export function maxTaken(max: number): number {
  return Math.max(max, MAX_DATAGRAM_BYTES) - Math.max(REPLY_OVERHEAD, SHARED_REPLY_OVERHEAD);
}

/** The longest text from this sender to this mailbox, in bytes: its datagram and its reply are short enough with it. */
export function maxMessage(mailbox: string, sender: string): number {
  return Math.min(
    maxReplied(mailbox, sender, MAX_DATAGRAM_BYTES),
    MAX_DATAGRAM_BYTES - encodePut(mailbox, sender, "").length,
  );
}

/** The datagram without one line end and the NULs on both sides of it, which programs in C send. */
function withoutEnd(datagram: Uint8Array): Uint8Array {
  let end = nulEnd(datagram, datagram.length);
  if (datagram[end - 1] !== LF) return datagram.subarray(0, end);
  end -= datagram[end - 2] === CR ? 2 : 1;
  return datagram.subarray(0, nulEnd(datagram, end));
}

/** The start of the NULs before `end`. */
function nulEnd(bytes: Uint8Array, end: number): number {
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/**
 * The request in a datagram, or what is wrong with it.
 *
 * @param max Longest datagram and longest reply, in bytes.
 */
export function decodeOriginalRequest(
  datagram: Uint8Array,
  max = MAX_DATAGRAM_BYTES,
): OriginalRequest | OriginalFault {
  if (datagram.length > max) return "too long";
  const ended = withoutEnd(datagram);
  const text = decodeUtf8(ended);
  if (text === undefined) return "not UTF-8";
  const ascii = text.length === ended.length;
  if (CONTROL.test(text)) return "control character";

  const comma = text.indexOf(",");
  switch (trimSpaces(comma < 0 ? text : text.slice(0, comma)).toLowerCase()) {
    case "f": {
      const second = comma < 0 ? -1 : text.indexOf(",", comma + 1);
      const third = second < 0 ? -1 : text.indexOf(",", second + 1);
      if (third < 0) return comma < 0 ? "type alone" : second < 0 ? "no sender" : "no text";
      const mailbox = trimSpaces(text.slice(comma + 1, second));
      const sender = trimSpaces(text.slice(second + 1, third));
      if (!isId(mailbox)) return faultOfId("receiver", mailbox);
      if (!isId(sender)) return faultOfId("sender", sender);
      if (sender === ADMIN) return "reserved sender";
      return put(mailbox, sender, messageAfter(text, third), ascii, max);
    }
    case "r": {
      if (comma < 0) return "type alone";
      if (text.includes(",", comma + 1)) return "more than a receiver";
      const mailbox = trimSpaces(text.slice(comma + 1));
      return isId(mailbox) ? { kind: "take", mailbox } : faultOfId("receiver", mailbox);
    }
    case "for":
      return comma < 0 ? "type alone" : put(SHARED_QUEUE, "", messageAfter(text, comma), ascii, max);
    case "req":
      return comma < 0 ? { kind: "take", mailbox: SHARED_QUEUE } : "more than a type";
    case "a":
      return comma < 0 ? "type alone" : control(trimSpaces(text.slice(comma + 1)));
    default:
      return faultOfType(text);
  }
}

/** Only as precise as a person needs it: it is called for what is refused. */
function faultOfType(text: string): OriginalFault {
  if (text.trim() === "") return "empty";
  if (/^ *(n|x|nxt|xxx) *(,|$)/i.test(text)) return "reply";
  return /^ *(f|r|for|req|a)[^\p{L}\p{N},]/iu.test(text) ? "no comma after type" : "unknown type";
}

/** What is wrong with what is no ID; there is no comma in it, and no space at an end. */
function faultOfId<Field extends "receiver" | "sender">(field: Field, text: string) {
  if (text === "") return `${field} missing` as const;
  return CONTROL_OR_TAB.test(text)
    ? `${field} with control character` as const
    : `${field} too long` as const;
}

/** A reply looks like a request here, and two servers must not answer each other for ever (mailbox.md 3.2). */
function control(text: string): OriginalRequest | OriginalFault {
  return /^(ok|error|events) *(,|$)/i.test(text) ? "control reply" : { kind: "control", text };
}

function put(
  mailbox: string,
  sender: string,
  text: string,
  ascii: boolean,
  max: number,
): OriginalRequest | OriginalFault {
  const bytes = ascii ? text.length : utf8Length(text);
  // it could be stored, but never sent back whole
  if (bytes > maxReplied(mailbox, sender, max)) return "text too long";
  return { kind: "put", mailbox, sender, text, bytes };
}

let formattedTime = -1, formatted = "";

/** ISO 8601, UTC, with milliseconds. Many messages have the same time, so the last one is kept. */
function formatTime(time: number): string {
  if (time !== formattedTime) formatted = new Date(time).toISOString(), formattedTime = time;
  return formatted;
}

/** `N, timeStamp, senderID, message`, or of the shared queue `nxt, timeStamp, message`, or `nxt, message`. */
export function encodeMail(
  mailbox: string,
  mail: OriginalMessage,
  timestamps = true,
): Uint8Array<ArrayBuffer> {
  return encoder.encode(
    mailbox !== SHARED_QUEUE
      ? `N, ${formatTime(mail.time)}, ${mail.sender}, ${mail.text}`
      : timestamps
      ? `nxt, ${formatTime(mail.time)}, ${mail.text}`
      : `nxt, ${mail.text}`,
  );
}

/** `X`, or of the shared queue `xxx`: no message is there. */
export function encodeNone(mailbox: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(mailbox === SHARED_QUEUE ? "xxx" : "X");
}

/** `F, receiverID, senderID, message`, or of the shared queue `for, message`. Fields are checked by the caller. */
export function encodePut(mailbox: string, sender: string, message: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(
    mailbox === SHARED_QUEUE ? `for, ${message}` : `F, ${mailbox}, ${sender}, ${message}`,
  );
}

/** `R, receiverID`, or of the shared queue `req`. */
export function encodeTake(mailbox: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(mailbox === SHARED_QUEUE ? "req" : `R, ${mailbox}`);
}

/** `A, …`: a control message, or its reply. */
export function encodeControl(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`A, ${text}`);
}

/** A server's reply. `time` is NaN if there is none, as in a first-generation `nxt, message`. */
export type OriginalReply =
  | { kind: "mail"; shared: boolean; mail: OriginalMessage }
  | { kind: "none"; shared: boolean }
  | { kind: "control"; text: string };

/** `2026-01-31T00:00:00.000Z`. Other servers write other forms, so the client accepts what Date.parse accepts. */
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;

/** The reply in a datagram; undefined if it is none. */
export function decodeOriginalReply(datagram: Uint8Array): OriginalReply | undefined {
  const text = decodeUtf8(datagram.subarray(0, nulEnd(datagram, datagram.length)));
  if (text === undefined) return undefined;
  const comma = text.indexOf(",");
  const type = trimSpaces(comma < 0 ? text : text.slice(0, comma)).toLowerCase();
  if (comma < 0) {
    return type === "x" || type === "xxx" ? { kind: "none", shared: type === "xxx" } : undefined;
  }
  const second = text.indexOf(",", comma + 1);
  switch (type) {
    case "n": {
      const third = second < 0 ? -1 : text.indexOf(",", second + 1);
      if (third < 0) return undefined;
      const time = Date.parse(trimSpaces(text.slice(comma + 1, second)));
      const sender = trimSpaces(text.slice(second + 1, third));
      return { kind: "mail", shared: false, mail: { sender, time, text: messageAfter(text, third) } };
    }
    case "nxt": {
      const first = second < 0 ? "" : trimSpaces(text.slice(comma + 1, second));
      const time = TIME.test(first) ? Date.parse(first) : NaN;
      const message = messageAfter(text, Number.isNaN(time) ? comma : second);
      return { kind: "mail", shared: true, mail: { sender: "", time, text: message } };
    }
    case "a":
      return { kind: "control", text: trimSpaces(text.slice(comma + 1)) };
    default:
      return undefined;
  }
}
