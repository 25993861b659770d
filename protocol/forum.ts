/**
 * The forum's commands in a session: lines of datagrams to requests and answers, and back.
 * `protocol/forum.md` is the specification.
 *
 * @module
 */

import { isMessage } from "./mailbox.ts";
import type { BadRequest } from "./session.ts";
import { lineCodec, numberField, textField } from "./syntax/line_codec.ts";
import { isFileHash, isFileName, isUploadKey } from "./transfer.ts";

/** The forum's port, UDP and TCP. */
export const FORUM_PORT = 10005;

/** No forum has more threads than this, and no thread more entries (forum.md 3.6). */
export const MAX_THREADS = 1_000_000, MAX_THREAD_ENTRIES = 10_000_000;

/** A value of the forum's `info`: it seals transfers, if it is asked by `UPS` and `DWS` (forum.md 3.10). */
export const SEALS_FILES = "files sealed";

/** Why a server that is started with `--plaintext off` gives no ticket for a transfer in the clear (transfer.md 10.18). */
export const SEALED_FILES_ONLY = "no ticket the server takes no files in the clear";

/** The commands, in the order in which a user is shown them. */
export const FORUM_COMMANDS = ["CRT", "MSG", "DLT", "EDT", "LST", "RDT", "UPD", "DWN", "RMV", "XIT"] as const;

export type ForumCommandName = typeof FORUM_COMMANDS[number];

/** A command that changes something. `number` is that of a message in its thread. */
export type ForumChange =
  | { kind: "CRT" | "RMV"; title: string }
  | { kind: "MSG"; title: string; text: string }
  | { kind: "DLT"; title: string; number: number }
  | { kind: "EDT"; title: string; number: number; text: string };

/** A change with its number in the session. */
export type ForumOrderedRequest = ForumChange & { n: number };

interface FileOfThread {
  title: string;
  file: string;
}

interface UploadRequest extends FileOfThread {
  attempt: number;
  size: number;
  /** Undefined if the client doesn't know it yet. */
  hash: string | undefined;
}

/** A command that changes nothing that has an order. `t` is its tag. */
export type ForumUnorderedRequest =
  & { t: number }
  & (
    | { kind: "LST"; place: string }
    | { kind: "RDT"; place: string; title: string }
    | { kind: "UPD" } & UploadRequest
    | { kind: "UPS" } & UploadRequest
    | { kind: "DWN" } & FileOfThread
    | { kind: "DWS" } & FileOfThread
  );

/** A thread, or an entry of one, that stands behind `place`. `time` is in milliseconds since 1970. */
export type ForumRow =
  & { t: number; place: string; id: number }
  & (
    | { kind: "title"; title: string }
    | {
      kind: "line";
      /** The message's number in its thread. */
      number: number;
      time: number;
      version: number;
      /** Bytes of the whole text. */
      length: number;
      user: string;
      text: string;
    }
    | { kind: "file"; time: number; size: number; user: string; file: string }
  );

export type ForumAnswer =
  | ForumRow
  | { kind: "rest"; t: number; id: number; version: number; offset: number; text: string }
  | { kind: "next" | "end"; t: number; place: string }
  | { kind: "upload"; t: number; ticket: string; key: string }
  | { kind: "ticket"; t: number; ticket: string; size: number; hash: string }
  | { kind: "stored"; t: number }
  /** The same as the mailbox's. */
  | { kind: "info"; t: number; values: string };

const WORD = /^[A-Za-z0-9!@#$%.?,_-]{1,64}$/;
const PLACE = /^#?\d{1,15}$/;
const TICKET = /^[A-Za-z0-9_-]{22}$/;

const NUMBERS = ["n", "t", "attempt", "size", "id", "number", "time", "version", "length", "offset"];
const hash = textField(isFileHash);

const ANSWER_FIELDS = {
  ...Object.fromEntries(NUMBERS.map((name) => [name, numberField()])),
  place: textField((text) => PLACE.test(text)),
  ticket: textField((text) => TICKET.test(text)),
  key: textField(isUploadKey),
  hash,
};
const REQUEST_FIELDS = {
  ...ANSWER_FIELDS,
  hash: (text: string) => text === "-" ? undefined : hash(text),
  title: textField(isWord),
  file: textField(isFileName),
  // it may come in parts: whether the whole is a post is checked when it is complete
  text: textField(isMessage),
};

const requests = lineCodec<ForumOrderedRequest | ForumUnorderedRequest>({
  CRT: "n,title",
  MSG: "n,title text",
  DLT: "n,title number",
  EDT: "n,title number text",
  LST: "t,place",
  RDT: "t,place,title",
  UPD: "t,attempt,size,hash,title file",
  UPS: "t,attempt,size,hash,title file",
  DWN: "t,title file",
  DWS: "t,title file",
  RMV: "n,title",
}, REQUEST_FIELDS);
/** Encodes an answer; or decodes one, and gives undefined for a line that is not the forum's. */
export const { encode: encodeForumAnswer, decode: decodeForumAnswer } = lineCodec<ForumAnswer>({
  title: "t,place,id,title",
  line: "t,place,id,number,time,version,length,user text",
  rest: "t,id,version,offset,text",
  file: "t,place,id,time,size,user file",
  next: "t,place",
  end: "t,place",
  upload: "t,ticket,key",
  ticket: "t,ticket,size,hash",
  stored: "t",
  info: "t,values",
}, ANSWER_FIELDS);

/** The beginning of a change: its kind and its number. */
const CHANGE = /^(?:CRT|MSG|DLT|EDT|RMV),(\d{1,15}),/;

/** Whether this can be a title, or a user's name. */
export function isWord(text: string): boolean {
  return WORD.test(text);
}

/** Whether this can be the text of a message: something to read, without control characters other than TAB. */
export function isPost(text: string): boolean {
  return isMessage(text) && /\S/.test(text);
}

/**
 * Decodes a request.
 *
 * @param kind The first field of the line.
 * @returns `bad` for a change that can never be carried out; undefined for a line that is not the forum's.
 */
export function decodeForumRequest(
  kind: string,
  line: string,
): ForumOrderedRequest | ForumUnorderedRequest | BadRequest | undefined {
  const request = requests.decode(kind, line);
  if (request !== undefined) {
    return request.kind === "LST" && request.place.startsWith("#") ? undefined : request;
  }
  const [, n] = CHANGE.exec(line) ?? [];
  return n === undefined ? undefined : { kind: "bad", n: Number(n), reason: "syntax" };
}

/** The line of a request. Its fields are checked by the caller. */
export const encodeForumRequest = requests.encode;

/** The fields of a change between its number and its text. A session sends a long text in parts. */
export function changeFields(change: ForumChange): string {
  const empty = { ...change, n: 0, ..."text" in change ? { text: "" } : {} };
  return requests.encode(empty).slice(`${change.kind},0,`.length);
}
