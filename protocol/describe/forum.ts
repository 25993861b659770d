/**
 * The forum's requests and answers in sessions, in words.
 *
 * @module
 */

import type { ForumAnswer, ForumOrderedRequest, ForumUnorderedRequest } from "../forum.ts";
import type { Described } from "../watch.ts";
import { bytesOf, count, type Descriptions, quoted } from "./words.ts";

const behind = (place: string) =>
  place === "0" ? "" : place.startsWith("#") ? `, from message ${place.slice(1)}` : `, behind ${place}`;

type Transfer<Kind> = Extract<ForumUnorderedRequest, { kind: Kind }>;

const upload = ({ kind, t, attempt, size, title, file }: Transfer<"UPD" | "UPS">): Described => ({
  what: `${kind} ${t}: upload ${quoted(file)} of ${count(size, "byte")} to thread ${quoted(title)}` +
    `${attempt > 0 ? `, attempt ${attempt + 1}` : ""}${kind === "UPS" ? ", sealed" : ""}`,
  names: [title, file],
});
const download = ({ kind, t, title, file }: Transfer<"DWN" | "DWS">): Described => ({
  what: `${kind} ${t}: download ${quoted(file)} from thread ${quoted(title)}` +
    `${kind === "DWS" ? ", sealed" : ""}`,
  names: [title, file],
});

/** Of each request. */
export const FORUM_REQUESTS: Descriptions<ForumOrderedRequest | ForumUnorderedRequest> = {
  CRT: ({ n, title }) => ({ what: `CRT ${n}: make thread ${quoted(title)}`, names: [title] }),
  RMV: ({ n, title }) => ({ what: `RMV ${n}: remove thread ${quoted(title)}`, names: [title] }),
  MSG: ({ n, title, text }) => ({
    what: `MSG ${n}: post into thread ${quoted(title)}, ${bytesOf(text)}`,
    names: [title],
    text,
  }),
  DLT: ({ n, title, number }) => ({
    what: `DLT ${n}: delete message ${number} of thread ${quoted(title)}`,
    names: [title],
  }),
  EDT: ({ n, title, number, text }) => ({
    what: `EDT ${n}: edit message ${number} of thread ${quoted(title)}, ${bytesOf(text)}`,
    names: [title],
    text,
  }),
  LST: ({ t, place }) => ({ what: `LST ${t}: list the threads${behind(place)}` }),
  RDT: ({ t, place, title }) => ({
    what: `RDT ${t}: read thread ${quoted(title)}${behind(place)}`,
    names: [title],
  }),
  UPD: upload,
  UPS: upload,
  DWN: download,
  DWS: download,
};

/** Of each answer that the mailbox has not. */
export const FORUM_ANSWERS: Descriptions<Exclude<ForumAnswer, { kind: "info" }>> = {
  title: ({ t, title }) => ({ what: `title ${t}: thread ${quoted(title)}`, names: [title] }),
  line: ({ t, number, user, length, text }) => ({
    what: `line ${t}: message ${number} of ${quoted(user)}, ${count(length, "byte")}`,
    names: [user],
    text,
  }),
  rest: ({ t, offset, text }) => ({ what: `rest ${t}: from byte ${offset}, ${bytesOf(text)}`, text }),
  file: ({ t, user, file, size }) => ({
    what: `file ${t}: ${quoted(file)} of ${quoted(user)}, ${count(size, "byte")}`,
    names: [user, file],
  }),
  next: ({ t, place }) => ({ what: `next ${t}: more behind ${place}` }),
  end: ({ t }) => ({ what: `end ${t}: nothing more` }),
  upload: ({ t }) => ({ what: `upload ${t}: a ticket and a key` }),
  ticket: ({ t, size }) => ({ what: `ticket ${t}: a ticket for ${count(size, "byte")}` }),
  stored: ({ t }) => ({ what: `stored ${t}: it is in its thread already` }),
};
