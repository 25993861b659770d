/**
 * The forum's commands in a session: lines of datagrams to requests and answers, and back. `protocol/README.md`,
 * "Forum", is the specification.
 *
 * @module
 */

import { isMessage } from "./mailbox.ts";
import { isFileHash, isFileName, isUploadKey } from "./transfer.ts";

/** The forum's port, UDP and TCP. */
export const FORUM_PORT = 10005;

/** No forum has more threads than this, and no thread more entries. */
export const MAX_THREADS = 1_000_000, MAX_THREAD_ENTRIES = 10_000_000;

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

/** A command that changes nothing that has an order. `t` is its tag. */
export type ForumUnorderedRequest =
  & { t: number }
  & (
    | { kind: "LST"; place: string }
    | { kind: "RDT"; place: string; title: string }
    /** `hash` is undefined if the client doesn't know it yet. */
    | { kind: "UPD"; attempt: number; size: number; hash: string | undefined; title: string; file: string }
    | { kind: "DWN"; title: string; file: string }
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
  | { kind: "stored"; t: number };

/** The fields of each line behind its kind and a comma. The last one takes the rest of the line. */
const REQUESTS = linesOf({
  CRT: "n,title",
  MSG: "n,title text",
  DLT: "n,title number",
  EDT: "n,title number text",
  LST: "t,place",
  RDT: "t,place,title",
  UPD: "t,attempt,size,hash,title file",
  DWN: "t,title file",
  RMV: "n,title",
});
const ANSWERS = linesOf({
  title: "t,place,id,title",
  line: "t,place,id,number,time,version,length,user text",
  rest: "t,id,version,offset,text",
  file: "t,place,id,time,size,user file",
  next: "t,place",
  end: "t,place",
  upload: "t,ticket,key",
  ticket: "t,ticket,size,hash",
  stored: "t",
});

const NUMBERS = ["n", "t", "attempt", "size", "id", "number", "time", "version", "length", "offset"];
const WORD = /^[A-Za-z0-9!@#$%.?,_-]{1,64}$/;
const NUMBER = /^\d{1,15}$/;
const PLACE = /^#?\d{1,15}$/;
const TICKET = /^[A-Za-z0-9_-]{22}$/;

type Check = (field: string) => boolean;

const isNumber: Check = (field) => NUMBER.test(field);

/** What is checked of the fields of an answer, and of a request. */
const ANSWER_CHECKS: Readonly<Record<string, Check>> = {
  ...Object.fromEntries(NUMBERS.map((name) => [name, isNumber])),
  place: (field) => PLACE.test(field),
  ticket: (field) => TICKET.test(field),
  key: isUploadKey,
  hash: isFileHash,
};
const REQUEST_CHECKS: Readonly<Record<string, Check>> = {
  ...ANSWER_CHECKS,
  hash: (field) => field === "-" || isFileHash(field),
  title: isWord,
  file: isFileName,
  // it may come in parts: whether the whole is a post is checked when it is complete
  text: isMessage,
};

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
): ForumOrderedRequest | ForumUnorderedRequest | { kind: "bad"; n: number; reason: string } | undefined {
  const fields = REQUESTS.get(kind), number = /^,(\d{1,15}),/.exec(line.slice(kind.length))?.[1];
  if (fields === undefined || number === undefined) return undefined;
  const request = decode(kind, line, fields, REQUEST_CHECKS) as
    | ForumOrderedRequest
    | ForumUnorderedRequest
    | undefined;
  if (request === undefined && fields[0]!.name === "n") {
    return { kind: "bad", n: Number(number), reason: "syntax" };
  }
  return request?.kind === "LST" && request.place.startsWith("#") ? undefined : request;
}

/** The line of a request. Its fields are checked by the caller. */
export function encodeForumRequest(request: ForumOrderedRequest | ForumUnorderedRequest): string {
  return `${request.kind},${encode(REQUESTS.get(request.kind)!, request)}`;
}

/** The fields of a change between its number and its text. A session sends a long text in parts. */
export function changeFields(change: ForumChange): string {
  return encode(REQUESTS.get(change.kind)!.slice(1), { ...change, text: "" });
}

/** The answer of a line, whose first field is `kind`; undefined for a line that is not the forum's. */
export function decodeForumAnswer(kind: string, line: string): ForumAnswer | undefined {
  const fields = ANSWERS.get(kind);
  return fields && decode(kind, line, fields, ANSWER_CHECKS) as ForumAnswer | undefined;
}

/** The line of an answer. */
export function encodeForumAnswer(answer: ForumAnswer): string {
  return `${answer.kind},${encode(ANSWERS.get(answer.kind)!, answer)}`;
}

/** A field, and what ends it: nothing, for the last one. */
interface Field {
  name: string;
  separator: string;
}

function linesOf(templates: Record<string, string>): ReadonlyMap<string, readonly Field[]> {
  return new Map(
    Object.entries(templates).map(([kind, template]) => {
      const fields = [...template.matchAll(/(\w+)([ ,]?)/g)];
      return [kind, fields.map(([, name = "", separator = ""]) => ({ name, separator }))];
    }),
  );
}

function encode(fields: readonly Field[], values: object): string {
  let line = "";
  for (const { name, separator } of fields) {
    line += `${(values as Record<string, string | number | undefined>)[name] ?? "-"}${separator}`;
  }
  return line;
}

function decode(
  kind: string,
  line: string,
  fields: readonly Field[],
  checks: Readonly<Record<string, Check>>,
): object | undefined {
  const values: Record<string, string | number | undefined> = { kind };
  let at = kind.length + 1;
  for (const { name, separator } of fields) {
    const end = separator === "" ? line.length : line.indexOf(separator, at);
    if (end < 0) return undefined;
    const field = line.slice(at, end), check = checks[name];
    if (check !== undefined && !check(field)) return undefined;
    values[name] = check === isNumber ? Number(field) : name === "hash" && field === "-" ? undefined : field;
    at = end + 1;
  }
  return values;
}
