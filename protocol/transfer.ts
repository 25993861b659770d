/**
 * The forum's file transfer: text head lines and raw bytes over TCP. `protocol/transfer.md`.
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { lineCodec, textField } from "./syntax/line_codec.ts";
import { fromBase64url, fromHex, toHex } from "./syntax/binary_text.ts";

/** Longest line that a client sends, in bytes without its end. */
export const MAX_REQUEST_BYTES = 80;

/** Longest line that a server sends, in bytes without its end. */
export const MAX_ANSWER_BYTES = 1024;

/** Most bytes of a file, 4 GiB. */
export const MAX_FILE_BYTES = 4 * 1024 ** 3;

/** A line that a client sends. */
export type TransferRequest =
  | { kind: "upload"; ticket: string }
  /** Everything that follows is sealed. */
  | { kind: "sealed"; ticket: string }
  /** The content of the upload follows from here. */
  | { kind: "from"; offset: number }
  /** The proof of the upload, after its last byte. */
  | { kind: "sum"; mac: string }
  /** `offset` is how many bytes of the file the client has. */
  | { kind: "download"; ticket: string; offset: number };

/** Why a transfer is refused, or ends before it is done. */
export const REFUSAL_CODES = [
  /** A line is malformed, or must not stand there. */
  "malformed",
  /** The ticket is unknown, used, too old, or one for the other direction. */
  "ticket",
  /** Too many transfers run, or another one took the slot of this one. */
  "busy",
  /** The file was removed, or is shorter than the offset. */
  "gone",
  /** The content does not match its proof. */
  "hash",
  /** An upload of the same name and size has begun over another connection. */
  "elsewhere",
  /** A limit of the files is reached. */
  "full",
  /** The disk failed. */
  "storage",
  /** The client ended its side before all and its proof had come. */
  "short",
  /** The thread refuses it: the text is the thread's reason. */
  "thread",
  /** Nothing came for too long. */
  "silence",
  /** The server stops. */
  "ending",
] as const;

/** One of {@linkcode REFUSAL_CODES}. */
export type RefusalCode = typeof REFUSAL_CODES[number];

/** A line that a server sends. */
export type TransferAnswer =
  /**
   * Of a download, the content follows from here. Of an upload, the server has so many bytes; `hash` is their SHA-256,
   * if there are any.
   */
  | { kind: "from"; offset: number; hash?: string }
  /** The server is working: the client has to wait. */
  | { kind: "wait" }
  /** The upload is in the thread and on disk, which the server proves. */
  | { kind: "stored"; mac: string }
  | { kind: "no"; code: RefusalCode; text: string };

const TICKET = /^[A-Za-z0-9_-]{22}$/;
const KEY = /^[A-Za-z0-9_-]{43}$/;
const HASH = /^[0-9a-f]{64}$/;
const OFFSET = /^(?:0|[1-9]\d{0,15})$/;
const CODES: ReadonlySet<string> = new Set(REFUSAL_CODES);

const encoder = new TextEncoder();

const requests = lineCodec<TransferRequest>({
  upload: "ticket",
  sealed: "ticket",
  from: "offset",
  sum: "mac",
  download: "ticket offset",
}, {
  ticket: textField((text) => TICKET.test(text)),
  offset: (text) => OFFSET.test(text) ? Number(text) : null,
  mac: textField(isFileHash),
}, " ");

/** The line, with its end. */
export function encodeTransferRequest(request: TransferRequest): Uint8Array<ArrayBuffer> {
  return encoder.encode(`P1 ${requests.encode(request)}\n`);
}

/** Decodes a line without its end; undefined if it is malformed. */
export function decodeTransferRequest(line: string): TransferRequest | undefined {
  const [, request = "", kind = ""] = /^P1 ((\w+) .*)$/.exec(line) ?? [];
  return requests.decode(kind, request);
}

/** The line, with its end. A refusal's text is cut if it is too long, and its control characters are replaced. */
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
  // cuts between characters
  const { written } = encoder.encodeInto(line, bytes.subarray(0, MAX_ANSWER_BYTES));
  bytes[written] = 0x0a;
  return bytes.subarray(0, written + 1);
}

/** Decodes a line without its end; undefined if it is malformed. */
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
 * Proves to the other end of the session which content an upload has, or that it is stored: an attacker on the connection
 * does not know the key (transfer.md 3.3, 3.5).
 *
 * @param key The key that came with the ticket.
 * @param hash SHA-256 of the whole, 64 lower-case hexadecimal digits.
 */
export function uploadProof(kind: "sum" | "stored", key: string, hash: string): string {
  return toHex(proofOf(kind, key, hash));
}

/** Whether `mac` proves this. The time does not depend on what is wrong with it. */
export function isUploadProof(mac: string, kind: "sum" | "stored", key: string, hash: string): boolean {
  return HASH.test(mac) && timingSafeEqual(fromHex(mac), proofOf(kind, key, hash));
}

function proofOf(kind: "sum" | "stored", key: string, hash: string): Uint8Array {
  const bytes = fromBase64url(key);
  return new Uint8Array(createHmac("sha256", bytes).update(`${kind} ${hash}`).digest());
}

/** Whether this is a SHA-256: 64 lower-case hexadecimal digits. */
export function isFileHash(hash: string): boolean {
  return HASH.test(hash);
}

/**
 * Whether this can be the name of a file in a thread: 1 to 128 of the forum's characters, but not `.` or `..`. It is never
 * a path: it has no slash and no backslash (transfer.md 5.1).
 */
export function isFileName(name: string): boolean {
  return /^[A-Za-z0-9!@#$%.?,_-]{1,128}$/.test(name) && name !== "." && name !== "..";
}
