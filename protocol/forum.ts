/**
 * The forum's commands in a session: lines of datagrams to requests and answers, and back, and what is said to the user.
 * `protocol/README.md`, "Forum", is the specification.
 *
 * @module
 */

import { split } from "./fields.ts";
import { isMessage } from "./mailbox.ts";
import { isFileHash, isFileName, isUploadKey } from "./transfer.ts";

/** The forum's port, UDP and TCP. */
export const FORUM_PORT = 10005;

/** More threads than this, and more entries of one, no forum has. */
export const MAX_THREADS = 1_000_000, MAX_THREAD_ENTRIES = 10_000_000;

/** The commands, in the order in which a user is told them. */
export const FORUM_COMMANDS = ["CRT", "MSG", "DLT", "EDT", "LST", "RDT", "UPD", "DWN", "RMV", "XIT"] as const;

export type ForumCommandName = typeof FORUM_COMMANDS[number];

/** A command that changes something. `n` is its number; `number` that of a message in its thread. */
export type ForumOrderedRequest =
  | { kind: "CRT"; n: number; title: string }
  | { kind: "MSG"; n: number; title: string; text: string }
  | { kind: "DLT"; n: number; title: string; number: number }
  | { kind: "EDT"; n: number; title: string; number: number; text: string }
  | { kind: "RMV"; n: number; title: string };

/** A command that changes nothing that has an order. `t` is its tag. */
export type ForumUnorderedRequest =
  | { kind: "LST"; t: number; place: string }
  | { kind: "RDT"; t: number; place: string; title: string }
  /** `hash` is undefined where the client doesn't know it yet. */
  | {
    kind: "UPD";
    t: number;
    attempt: number;
    size: number;
    hash: string | undefined;
    title: string;
    file: string;
  }
  | { kind: "DWN"; t: number; title: string; file: string };

/** An entry of a thread, or a thread, that stands behind `place`. `time` is in milliseconds since 1970. */
export type ForumRow =
  | { kind: "title"; t: number; place: string; id: number; title: string }
  | {
    kind: "line";
    t: number;
    place: string;
    id: number;
    /** The message's number in its thread. */
    number: number;
    time: number;
    version: number;
    /** Bytes of the whole text. */
    length: number;
    user: string;
    text: string;
  }
  | {
    kind: "file";
    t: number;
    place: string;
    id: number;
    time: number;
    size: number;
    user: string;
    file: string;
  };

export type ForumAnswer =
  | ForumRow
  | { kind: "rest"; t: number; id: number; version: number; offset: number; text: string }
  | { kind: "next" | "end"; t: number; place: string }
  | { kind: "upload"; t: number; ticket: string; key: string }
  | { kind: "ticket"; t: number; ticket: string; size: number; hash: string }
  | { kind: "stored"; t: number };

const WORD = /^[A-Za-z0-9!@#$%.?,_-]{1,64}$/;
const NUMBER = /^\d{1,15}$/;
const PLACE = /^#?\d{1,15}$/;
const TICKET = /^[A-Za-z0-9_-]{22}$/;

/** Whether this can be a title, or a user's name. */
export function isWord(text: string): boolean {
  return WORD.test(text);
}

/** Whether this can be the text of a message: something to read, without control characters other than TAB. */
export function isPost(text: string): boolean {
  return isMessage(text) && /\S/.test(text);
}

/** What stands before the first `space`, and behind it; undefined where there is none. */
function halves(text: string, separator: string): [string, string] | undefined {
  const at = text.indexOf(separator);
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * The request of a line, whose first field is `kind`. A change that can never be carried out is `bad`; undefined where
 * the line is none of the forum's.
 */
export function decodeForumRequest(
  kind: string,
  line: string,
): ForumOrderedRequest | ForumUnorderedRequest | { kind: "bad"; n: number; reason: string } | undefined {
  if (!(FORUM_COMMANDS as readonly string[]).includes(kind) || line[kind.length] !== ",") return undefined;
  const [head, rest] = halves(line.slice(kind.length + 1), ",") ?? [line.slice(kind.length + 1), undefined];
  if (!NUMBER.test(head)) return undefined;
  if (rest === undefined) return undefined;
  if (kind === "LST" || kind === "RDT" || kind === "UPD" || kind === "DWN") {
    return question(kind, Number(head), rest);
  }
  return change(kind, Number(head), rest) ?? { kind: "bad", n: Number(head), reason: "syntax" };
}

function question(
  kind: "LST" | "RDT" | "UPD" | "DWN",
  t: number,
  rest: string,
): ForumUnorderedRequest | undefined {
  switch (kind) {
    case "LST":
      return PLACE.test(rest) && !rest.startsWith("#") ? { kind, t, place: rest } : undefined;
    case "RDT": {
      const [place, title] = halves(rest, ",") ?? ["", ""];
      return PLACE.test(place) && isWord(title) ? { kind, t, place, title } : undefined;
    }
    case "UPD": {
      const [, attempt, size, given = "", words = ""] = /^(\d{1,15}),(\d{1,15}),([^,]*),(.*)$/.exec(rest) ??
        [];
      const [title, file] = halves(words, " ") ?? ["", ""];
      const hash = given === "-" ? undefined : given;
      if (hash !== undefined && !isFileHash(hash) || !isWord(title) || !isFileName(file)) return undefined;
      return { kind, t, attempt: Number(attempt), size: Number(size), hash, title, file };
    }
    case "DWN": {
      const [title, file] = halves(rest, " ") ?? ["", ""];
      return isWord(title) && isFileName(file) ? { kind, t, title, file } : undefined;
    }
  }
}

function change(kind: string, n: number, rest: string): ForumOrderedRequest | undefined {
  const [title, more] = halves(rest, " ") ?? [rest, undefined];
  if (!isWord(title)) return undefined;
  if (kind === "CRT" || kind === "RMV") return more === undefined ? { kind, n, title } : undefined;
  if (more === undefined) return undefined;
  // the text may have begun in parts: whether it is one as a whole is looked at when it is together
  if (kind === "MSG") return isMessage(more) ? { kind, n, title, text: more } : undefined;
  const [number, text] = halves(more, " ") ?? [more, undefined];
  if (!NUMBER.test(number)) return undefined;
  if (kind === "DLT") return text === undefined ? { kind, n, title, number: Number(number) } : undefined;
  if (text === undefined || !isMessage(text)) return undefined;
  return { kind: "EDT", n, title, number: Number(number), text };
}

/** The line of a request in a datagram. Its fields are checked by the caller. */
export function encodeForumRequest(request: ForumOrderedRequest | ForumUnorderedRequest): string {
  return "n" in request
    ? `${request.kind},${request.n},${changeFields(request)}`
    : `${request.kind},${request.t}${questionFields(request)}`;
}

type Unnumbered<R> = R extends unknown ? Omit<R, "n"> : never;

/** What stands behind the number of a change. Where it has a text, that stands at its end. */
export function changeFields(change: Unnumbered<ForumOrderedRequest>): string {
  switch (change.kind) {
    case "CRT":
    case "RMV":
      return change.title;
    case "MSG":
      return `${change.title} ${change.text}`;
    case "DLT":
      return `${change.title} ${change.number}`;
    case "EDT":
      return `${change.title} ${change.number} ${change.text}`;
  }
}

function questionFields(question: ForumUnorderedRequest): string {
  switch (question.kind) {
    case "LST":
      return `,${question.place}`;
    case "RDT":
      return `,${question.place},${question.title}`;
    case "UPD": {
      const { attempt, size, hash = "-", title, file } = question;
      return `,${attempt},${size},${hash},${title} ${file}`;
    }
    case "DWN":
      return `,${question.title} ${question.file}`;
  }
}

/** The answer of a line, whose first field is `kind`; undefined where the line is none of the forum's. */
export function decodeForumAnswer(kind: string, line: string): ForumAnswer | undefined {
  const counts: Record<string, number> = {
    title: 4,
    line: 8,
    rest: 5,
    file: 6,
    next: 2,
    end: 2,
    upload: 3,
    ticket: 4,
    stored: 1,
  };
  const count = counts[kind];
  if (count === undefined) return undefined;
  const fields = split(line.slice(kind.length + 1), count);
  if (fields === undefined) return undefined;
  return NUMBER.test(fields[0]!)
    ? answer(kind as ForumAnswer["kind"], Number(fields[0]), fields.slice(1))
    : undefined;
}

function answer(kind: ForumAnswer["kind"], t: number, fields: string[]): ForumAnswer | undefined {
  const [first = "", ...rest] = fields, last = fields.at(-1) ?? "";
  const [user, behind] = halves(last, " ") ?? ["", ""];
  const numbers = rest.slice(0, -1);
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = numbers.map(Number);
  switch (kind) {
    case "title":
    case "line":
    case "file":
      if (!PLACE.test(first) || !numbers.every((field) => NUMBER.test(field))) return undefined;
      if (kind === "title") return { kind, t, place: first, id: a, title: last };
      return kind === "line"
        ? { kind, t, place: first, id: a, number: b, time: c, version: d, length: e, user, text: behind }
        : { kind, t, place: first, id: a, time: b, size: c, user, file: behind };
    case "rest":
      if (![first, ...numbers].every((field) => NUMBER.test(field))) return undefined;
      return { kind, t, id: Number(first), version: a, offset: b, text: last };
    case "next":
    case "end":
      return PLACE.test(first) ? { kind, t, place: first } : undefined;
    case "upload":
      if (!TICKET.test(first) || !isUploadKey(last)) return undefined;
      return { kind, t, ticket: first, key: last };
    case "ticket":
      if (!TICKET.test(first) || !NUMBER.test(numbers[0]!) || !isFileHash(last)) return undefined;
      return { kind, t, ticket: first, size: a, hash: last };
    case "stored":
      return { kind, t };
  }
}

/** The line of an answer in a datagram. */
export function encodeForumAnswer(answer: ForumAnswer): string {
  const { kind, t } = answer;
  switch (kind) {
    case "title":
      return `title,${t},${answer.place},${answer.id},${answer.title}`;
    case "line": {
      const { place, id, number, time, version, length, user, text } = answer;
      return `line,${t},${place},${id},${number},${time},${version},${length},${user} ${text}`;
    }
    case "rest":
      return `rest,${t},${answer.id},${answer.version},${answer.offset},${answer.text}`;
    case "file": {
      const { place, id, time, size, user, file } = answer;
      return `file,${t},${place},${id},${time},${size},${user} ${file}`;
    }
    case "next":
    case "end":
      return `${kind},${t},${answer.place}`;
    case "upload":
      return `upload,${t},${answer.ticket},${answer.key}`;
    case "ticket":
      return `ticket,${t},${answer.ticket},${answer.size},${answer.hash}`;
    case "stored":
      return `${kind},${t}`;
  }
}
