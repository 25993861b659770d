/**
 * What clients of the channels ask and are sent that have announced themselves. `protocol/channels.md` section 8 is the
 * specification.
 *
 * @module
 */

import { utf8Length } from "../mailbox.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The control message by which a client announces itself: no client of the original sends a LF within a message. */
export const ANNOUNCEMENT = "/wirepost\n1";

/** Messages of a page of a history, and bytes of its frames beyond which none is added. */
export const MAX_PAGE_MESSAGES = 100, MAX_PAGE_BYTES = 32 * 1024;

/** Names in the answer to `/who`. */
export const MAX_MEMBER_NAMES = 200;

/** Begins everything that only announced clients are sent. A server relays no control character from anybody. */
const STX = "\x02";

/** Which messages of a channel are asked for: the last ones, or those behind one. */
export type HistoryQuery = { last: number } | { history: string; after: number };

export type AnnouncedRequest =
  | { kind: "announcement" }
  | { kind: "who" }
  | { kind: "history"; query: HistoryQuery };

/** Reads the text of a control message; undefined if it is none of an announced client. */
export function decodeAnnouncedRequest(text: string): AnnouncedRequest | undefined {
  if (text === ANNOUNCEMENT) return { kind: "announcement" };
  if (text === "/who") return { kind: "who" };
  const [, last, history, after] =
    /^\/history (?:(\d{1,16})|since ([A-Za-z0-9]{1,16}) (\d{1,16}))$/.exec(text) ?? [];
  if (last !== undefined) return { kind: "history", query: { last: Number(last) } };
  return history === undefined ? undefined : { kind: "history", query: { history, after: Number(after) } };
}

/** The control message that {@linkcode decodeAnnouncedRequest} reads. */
export function encodeHistoryQuery(query: HistoryQuery): string {
  return "last" in query ? `/history ${query.last}` : `/history since ${query.history} ${query.after}`;
}

/** The texts that a server sends, without what follows the prefix of a message. Times are milliseconds since 1970. */
export const ANNOUNCED_TEXTS = {
  announced: (name: string) => `${STX}wirepost 1 ${name}`,
  entered: (history: string, last: number, channel: string) => `${STX}channel ${history} ${last} ${channel}`,
  prefix: (kind: "message" | "part", number: number, time: number, name: string) =>
    `${STX}${kind} ${number} ${time} ${utf8Length(name)} ${name} `,
  sent: (number: number, time: number) => `${STX}sent ${number} ${time}`,
  refused: `${STX}refused`,
  joined: (name: string) => `${STX}joined ${name}`,
  left: (name: string) => `${STX}left ${name}`,
  members: (count: number) => `${STX}members ${count}`,
  member: (name: string) => `${STX}member ${name}`,
  page: (history: string, entries: number, last: number) => `${STX}history ${history} ${entries} ${last}`,
  gap: (count: number | undefined) => count === undefined ? `${STX}gap` : `${STX}gap ${count}`,
};

/** What an announced client is sent. */
export type Announced =
  | { kind: "announced"; name: string }
  | { kind: "channel"; history: string; last: number; channel: string }
  | { kind: "message" | "part"; number: number; time: number; name: string; text: string }
  | { kind: "sent"; number: number; time: number }
  | { kind: "refused" }
  | { kind: "joined" | "left" | "member"; name: string }
  | { kind: "members"; count: number }
  /** `entries` is how many messages and gaps follow. */
  | { kind: "history"; history: string; entries: number; last: number }
  | { kind: "gap"; count?: number };

/** Number, time, bytes of the name, and name and text, whose end is lost if it is white space. */
const SAID = /^(\d{1,16}) (\d{1,16}) (\d{1,3})(?: (.*))?$/;

/** The forms, by their first word, with a reader of what the form has found. */
const FORMS: Readonly<Record<string, [RegExp, (...found: string[]) => Announced]>> = {
  wirepost: [/^1 ?(.*)$/, (name = "") => ({ kind: "announced", name })],
  channel: [
    /^([A-Za-z0-9]{1,16}) (\d{1,16}) (.*)$/,
    (history = "", last, channel = "") => ({ kind: "channel", history, last: Number(last), channel }),
  ],
  message: [SAID, saidAs("message")],
  part: [SAID, saidAs("part")],
  sent: [
    /^(\d{1,16}) (\d{1,16})$/,
    (number, time) => ({ kind: "sent", number: Number(number), time: Number(time) }),
  ],
  refused: [/^$/, () => ({ kind: "refused" })],
  joined: [/^(.*)$/, (name = "") => ({ kind: "joined", name })],
  left: [/^(.*)$/, (name = "") => ({ kind: "left", name })],
  member: [/^(.*)$/, (name = "") => ({ kind: "member", name })],
  members: [/^(\d{1,16})$/, (count) => ({ kind: "members", count: Number(count) })],
  history: [
    /^([A-Za-z0-9]{1,16}) (\d{1,16}) (\d{1,16})$/,
    (history = "", entries, last) => (
      { kind: "history", history, entries: Number(entries), last: Number(last) }
    ),
  ],
  gap: [
    /^(\d{1,16})?$/,
    (count) => count === undefined ? { kind: "gap" } : { kind: "gap", count: Number(count) },
  ],
};

function saidAs(kind: "message" | "part"): (...found: string[]) => Announced {
  return (number, time, nameBytes, rest = "") => {
    const bytes = encoder.encode(rest), end = Number(nameBytes);
    const name = decoder.decode(bytes.subarray(0, end)), text = decoder.decode(bytes.subarray(end + 1));
    return { kind, number: Number(number), time: Number(time), name, text };
  };
}

/** Whether the text of a frame is only for announced clients. */
export function isAnnounced(text: string): boolean {
  return text.startsWith(STX);
}

/** Reads the text of a frame that {@linkcode isAnnounced}; undefined if it has none of the forms. */
export function decodeAnnounced(text: string): Announced | undefined {
  const [, word = "", rest = ""] = /^.([a-z]+)(?: (.*))?$/s.exec(isAnnounced(text) ? text : "") ?? [];
  const [form, read] = (Object.hasOwn(FORMS, word) ? FORMS[word] : undefined) ?? [];
  const found = form?.exec(rest);
  return found && read ? read(...found.slice(1)) : undefined;
}
