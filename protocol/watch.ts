/**
 * What an administrator who watches sends and is sent: subscriptions, and datagrams of events. `protocol/watch.md` is
 * the specification.
 *
 * @module
 */

import { cutText, utf8Length } from "./mailbox.ts";

/** Longest subscription (watch.md 1.2). */
const MAX_WATCH_SECONDS = 60;

/** Most values of one kind of filter. */
const MAX_VALUES = 16;

/** Longest datagram of events (watch.md 3.4). */
export const MAX_EVENTS_BYTES = 1200;

/** Bytes of the longest head: two numbers and the ID. */
const HEAD_BYTES = "A, events, 01234567, 123456789012345, 123456789012345\n".length;

/** A service whose events can be watched; `admin` stands for the administrator's commands. */
export type WatchedService = "mailbox" | "channels" | "room" | "forum" | "http" | "admin";

/** All of them. */
export const WATCHED_SERVICES: readonly WatchedService[] = [
  "mailbox",
  "channels",
  "room",
  "forum",
  "http",
  "admin",
];

/** Which events are wanted: where there are values, one of them has to hold. */
export interface WatchFilter {
  /** Of {@linkcode WatchedService}. */
  services: readonly string[];
  /** `HOST` or `HOST:PORT`, as events show it. */
  peers: readonly string[];
  /** Of mailboxes, senders, accounts, members, channels, threads and files. */
  names: readonly string[];
  /** Whether texts are wanted too. */
  texts: boolean;
}

/** One datagram, frame, line, request or answer, in words. */
export interface Described {
  what: string;
  /** The names that it is about. */
  names?: readonly string[];
  text?: string;
  /** Why it is refused or ignored, by the reason that is counted; or the reason that it answers. */
  refused?: string;
  /** The same in words. */
  why?: string;
  /** The rule by which: `mailbox.md 3.3`. */
  rule?: string;
}

/** An event as it travels, and as `wirepost watch --json` prints it (watch.md section 2). */
export interface WatchEvent {
  /** When the server saw it: RFC 3339, UTC, with milliseconds. */
  time: string;
  /** `in`: from the peer to the server; `out`: from the server to the peer. */
  direction: "in" | "out";
  /** Whose socket it was. */
  service: WatchedService;
  /** Address and port of the other end. */
  peer: string;
  /** What it says, in words. */
  what: string;
  /** The text in it, if the subscription asks for texts. */
  text?: string;
  /** Why it is refused or ignored, by the reason that is counted; or the reason that it answers. */
  refused?: string;
  /** The same in words. */
  why?: string;
  /** The rule by which: `mailbox.md 3.3`. */
  rule?: string;
  /** Whether `what`, `text` or `why` is not whole. */
  cut?: true;
}

/** Events of one datagram. */
export interface EventsDatagram {
  /** Of the subscription. */
  id: string;
  /** The number of the first event. */
  first: number;
  /** How many were left out since the subscription began. */
  dropped: number;
  events: WatchEvent[];
}

const KINDS = { service: "services", peer: "peers", name: "names" } as const;

/** The command that subscribes for so many seconds; 0 ends the subscription. */
export function encodeWatch(seconds: number, { services, peers, names, texts }: WatchFilter): string {
  const fields = (kind: keyof typeof KINDS, values: readonly string[]) =>
    values.map((value) => `${kind}=${encodeURIComponent(value)}`);
  return [
    "watch",
    seconds,
    ...fields("service", services),
    ...fields("peer", peers),
    ...fields("name", names),
    ...texts ? ["texts"] : [],
  ].join(", ");
}

/**
 * The subscription in the arguments of the command.
 *
 * @throws {RangeError} One of them is none.
 */
export function decodeWatch(args: readonly string[]): { seconds: number; filter: WatchFilter } {
  const [time = "", ...filters] = args, seconds = /^\d{1,2}$/.test(time) ? Number(time) : NaN;
  if (!(seconds <= MAX_WATCH_SECONDS)) {
    throw new RangeError(`not 0 to ${MAX_WATCH_SECONDS} seconds: '${time}'`);
  }
  const values = { services: [] as string[], peers: [] as string[], names: [] as string[] };
  let texts = false;
  for (const filter of filters) {
    const [, kind, encoded] = /^(service|peer|name)=(.+)$/s.exec(filter) ?? [];
    const value = encoded === undefined ? undefined : decodePercents(encoded);
    if (filter === "texts") texts = true;
    else if (kind === undefined || value === undefined) throw new RangeError(`not a filter: '${filter}'`);
    else if (kind === "service" && !WATCHED_SERVICES.some((service) => service === value)) {
      throw new RangeError(`not a service: '${value}'`);
    } else if (values[KINDS[kind as keyof typeof KINDS]].push(value) > MAX_VALUES) {
      throw new RangeError(`more than ${MAX_VALUES} of one filter`);
    }
  }
  return { seconds, filter: { ...values, texts } };
}

function decodePercents(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The row of an event, which fits into a datagram: `text` is cut for that, then `what`, then `why` (watch.md 3.4). */
export function encodeEvent(event: WatchEvent): string {
  const max = MAX_EVENTS_BYTES - HEAD_BYTES;
  let row = JSON.stringify(event), over = utf8Length(row) - max;
  // no more of any can fit
  const whole = (text = "") => over > 0 ? cutText(text, 0, max) : text;
  let what = whole(event.what), text = whole(event.text), why = whole(event.why);
  for (; over > 0 && what + text + why !== ""; over = utf8Length(row) - max) {
    if (text !== "") text = shortened(text, over);
    else if (what !== "") what = shortened(what, over);
    else why = shortened(why, over);
    const given = {
      ...event.text === undefined ? {} : { text },
      ...event.why === undefined ? {} : { why },
    };
    row = JSON.stringify({ ...event, what, ...given, cut: true });
  }
  return row;
}

/** The text without about half of so many bytes: a character may take six in a row, so it is shortened step by step. */
function shortened(text: string, bytes: number): string {
  const length = utf8Length(text);
  return cutText(text, 0, length - Math.max(1, Math.ceil(Math.min(bytes, length) / 2)));
}

/** The text behind `A, ` of a datagram of these rows; without any, it says that the server stops (watch.md 2.6). */
export function encodeEvents(id: string, first: number, dropped: number, rows: readonly string[]): string {
  return [`events, ${id}, ${first}, ${dropped}`, ...rows].join("\n");
}

/** How many of the rows fit into one datagram; at least one does. */
export function fittingRows(rows: readonly string[]): number {
  let count = 0;
  for (let bytes = HEAD_BYTES; count < rows.length; count++) {
    bytes += utf8Length(rows[count]!) + (count > 0 ? 1 : 0);
    if (bytes > MAX_EVENTS_BYTES && count > 0) break;
  }
  return count;
}

const EVENTS = /^events, ([0-9a-f]{8}), (\d{1,15}), (\d{1,15})(?:\n|$)/;

/** The events behind `A, ` in a datagram; undefined if there are none, or one of them can't be read. */
export function decodeEvents(text: string): EventsDatagram | undefined {
  const match = EVENTS.exec(text);
  if (match === null) return undefined;
  const events: WatchEvent[] = [];
  const rows = text.slice(match[0].length);
  for (const row of rows === "" && !match[0].endsWith("\n") ? [] : rows.split("\n")) {
    const event = decodeEvent(row);
    if (event === undefined) return undefined;
    events.push(event);
  }
  return { id: match[1]!, first: Number(match[2]), dropped: Number(match[3]), events };
}

const OPTIONAL = ["text", "refused", "why", "rule"] as const;

function decodeEvent(row: string): WatchEvent | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = JSON.parse(row);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { time, direction, service, peer, what } = value;
  if (![time, service, peer, what].every((member) => typeof member === "string")) return undefined;
  if (direction !== "in" && direction !== "out") return undefined;
  const event = { time, direction, service, peer, what } as WatchEvent;
  for (const name of OPTIONAL) if (typeof value[name] === "string") event[name] = value[name];
  if (value.cut === true) event.cut = true;
  return event;
}

/** The answer to a subscription: its ID, the number of the next event, and how many were left out. */
export interface WatchAnswer {
  id: string;
  next: number;
  dropped: number;
}

const ANSWER = /^([0-9a-f]{8}), (\d{1,15}), (\d{1,15})$/;

/** Reads the fields of the answer behind `ok`. */
export function decodeWatchAnswer(fields: readonly string[]): WatchAnswer | undefined {
  const match = ANSWER.exec(fields.join(", "));
  return match === null ? undefined : { id: match[1]!, next: Number(match[2]), dropped: Number(match[3]) };
}
