/**
 * The forum's file transfer: text head lines and raw bytes over TCP. `protocol/README.md`, "Files".
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";

/** Longest line that a client sends, in bytes without its end. */
export const MAX_REQUEST_BYTES = 80;

/** Longest line that a server sends, in bytes without its end. */
export const MAX_ANSWER_BYTES = 1024;

/** Most bytes of a file, 4 GiB. */
export const MAX_FILE_BYTES = 4 * 1024 ** 3;

/** A line that a client sends. */
export type TransferRequest =
  | { kind: "upload"; ticket: string }
  /** The content of the upload follows from here. */
  | { kind: "from"; offset: number }
  /** All of the upload was sent: its proof. */
  | { kind: "sum"; mac: string }
  /** `offset` is how many bytes of the file the client has. */
  | { kind: "download"; ticket: string; offset: number };

/** Why a transfer is not done, or not to its end. */
export type RefusalCode =
  /** A line is none that may stand there. */
  | "malformed"
  /** The ticket is unknown, used, too old, or one for the other direction. */
  | "ticket"
  /** As many transfers run as can, or another one took its place. */
  | "busy"
  /** The file is not there any more, or shorter than the offset. */
  | "gone"
  /** What came is not what was proven. */
  | "hash"
  /** An upload of the same name and size goes on over another connection. */
  | "elsewhere"
  /** There is no room for it. */
  | "full"
  /** The disk takes nothing. */
  | "storage"
  /** The client ended its side before all and its proof had come. */
  | "short"
  /** The thread does not take it: the text is the thread's answer. */
  | "thread"
  /** Nothing came for too long. */
  | "silence"
  /** The server stops. */
  | "ending";

/** A line that a server sends. */
export type TransferAnswer =
  /**
   * Of a download, the content follows from here. Of an upload, the server has as many bytes; `hash` is their SHA-256,
   * where there are any.
   */
  | { kind: "from"; offset: number; hash?: string }
  /** The server works on it: so many bytes are behind it. */
  | { kind: "wait" }
  /** The upload is in the thread, and on disk, and the server proves it. */
  | { kind: "stored"; mac: string }
  | { kind: "no"; code: RefusalCode; text: string };

const TICKET = /^[A-Za-z0-9_-]{22}$/;
const KEY = /^[A-Za-z0-9_-]{43}$/;
const HASH = /^[0-9a-f]{64}$/;
const OFFSET = /^(?:0|[1-9]\d{0,15})$/;
const CODES: ReadonlySet<string> = new Set<RefusalCode>(
  [
    "malformed",
    "ticket",
    "busy",
    "gone",
    "hash",
    "elsewhere",
    "short",
    "full",
    "storage",
    "thread",
    "silence",
    "ending",
  ],
);

const encoder = new TextEncoder();

/** The line, with its end. */
export function encodeTransferRequest(request: TransferRequest): Uint8Array<ArrayBuffer> {
  return encoder.encode(`P1 ${request.kind} ${requestFields(request)}\n`);
}

function requestFields(request: TransferRequest): string {
  switch (request.kind) {
    case "upload":
      return request.ticket;
    case "from":
      return `${request.offset}`;
    case "sum":
      return request.mac;
    case "download":
      return `${request.ticket} ${request.offset}`;
  }
}

/** What a line, without its end, asks for; undefined where it is no request. */
export function decodeTransferRequest(line: string): TransferRequest | undefined {
  const [word, kind, first = "", second, ...rest] = line.split(" ");
  if (word !== "P1" || rest.length > 0 || (second === undefined) === (kind === "download")) return undefined;
  switch (kind) {
    case "upload":
      return TICKET.test(first) ? { kind, ticket: first } : undefined;
    case "from":
      return OFFSET.test(first) ? { kind, offset: Number(first) } : undefined;
    case "sum":
      return HASH.test(first) ? { kind, mac: first } : undefined;
    case "download":
      if (!TICKET.test(first) || !OFFSET.test(second!)) return undefined;
      return { kind, ticket: first, offset: Number(second) };
    default:
      return undefined;
  }
}

/**
 * The line, with its end. Of a refusal's text, what is too long for a line is cut off, and control characters are
 * replaced.
 */
export function encodeTransferAnswer(answer: TransferAnswer): Uint8Array<ArrayBuffer> {
  switch (answer.kind) {
    case "from":
      return encoder.encode(
        `P1 from ${answer.offset}${answer.hash === undefined ? "" : ` ${answer.hash}`}\n`,
      );
    case "no":
      return encodeRefusal(`P1 no ${answer.code} ${answer.text.replace(/\p{Cc}/gu, "?")}`.trimEnd());
    case "stored":
      return encoder.encode(`P1 stored ${answer.mac}\n`);
    case "wait":
      return encoder.encode("P1 wait\n");
  }
}

function encodeRefusal(line: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MAX_ANSWER_BYTES + 1);
  // what doesn't fit is cut off between characters
  const { written } = encoder.encodeInto(line, bytes.subarray(0, MAX_ANSWER_BYTES));
  bytes[written] = 0x0a;
  return bytes.subarray(0, written + 1);
}

/** What a line, without its end, answers; undefined where it is no answer. */
export function decodeTransferAnswer(line: string): TransferAnswer | undefined {
  if (line === "P1 wait") return { kind: "wait" };
  const [, kind, field = "", text = ""] = /^P1 (from|stored|no) ([^ ]+)(?: (.*))?$/u.exec(line) ?? [];
  if (kind === "stored") return HASH.test(field) && text === "" ? { kind, mac: field } : undefined;
  if (kind === "from" && OFFSET.test(field)) {
    if (text === "") return { kind, offset: Number(field) };
    return HASH.test(text) ? { kind, offset: Number(field), hash: text } : undefined;
  }
  if (kind === "no" && CODES.has(field)) return { kind, code: field as RefusalCode, text };
  return undefined;
}

/** Whether this is the key of an upload's proof: 43 of base64url, 32 bytes. */
export function isUploadKey(key: string): boolean {
  return KEY.test(key);
}

/**
 * What proves to the other end of the session which content an upload has, or that it is stored: whoever sits on its
 * connection has no key.
 *
 * @param key What the session gave with the ticket.
 * @param hash SHA-256 of the whole, 64 small hexadecimal digits.
 */
export function uploadProof(kind: "sum" | "stored", key: string, hash: string): string {
  return proofOf(kind, key, hash).toHex();
}

/** Whether `mac` proves this. Takes as long whatever is wrong with it. */
export function isUploadProof(mac: string, kind: "sum" | "stored", key: string, hash: string): boolean {
  return HASH.test(mac) && timingSafeEqual(Uint8Array.fromHex(mac), proofOf(kind, key, hash));
}

function proofOf(kind: "sum" | "stored", key: string, hash: string): Uint8Array {
  const bytes = Uint8Array.fromBase64(key, { alphabet: "base64url" });
  return new Uint8Array(createHmac("sha256", bytes).update(`${kind} ${hash}`).digest());
}

/** Whether this is a SHA-256 as tickets are bound to: 64 small hexadecimal digits. */
export function isFileHash(hash: string): boolean {
  return HASH.test(hash);
}

/**
 * Whether this names a file of a thread: one word of 1 to 128 of the forum's characters that is not `.` or `..`. No path
 * can be one: there is no slash and no backslash in it.
 */
export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9!@#$%.?,_-]{1,128}$/.test(name) && name !== "." && name !== "..";
}
