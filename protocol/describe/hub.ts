/**
 * Frames of the channels and lines of the room, in words.
 *
 * @module
 */

import { MUTED_TEXT } from "../admin.ts";
import {
  type Announced,
  type AnnouncedRequest,
  decodeAnnounced,
  decodeAnnouncedRequest,
  isAnnounced,
} from "../channels/announced.ts";
import { CHANNELS_TEXTS, type ChannelsRequest, decodeChannelsRequest } from "../channels.ts";
import { LOGIN_DEMANDS, LOGIN_REFUSALS, LOGIN_TEXTS } from "../channels/login.ts";
import { utf8Length } from "../mailbox.ts";
import { decodeFrame, FRAME_BYTES } from "../syntax/frame.ts";
import type { Described } from "../watch.ts";
import { refusal } from "./refusals.ts";
import { beginning, bytesOf, count, type Descriptions, quoted } from "./words.ts";

/** Who sends, and the channel that it is in; empty if it has none yet. */
export interface DescribedMember {
  name: string;
  channel: string;
}

/** A client's first frame: its name. */
export function describeName(text: string): Described {
  return { what: `name ${quoted(text)}`, names: [text] };
}

const CONTROLS: Descriptions<ChannelsRequest> = {
  list: () => ({ what: "/list: asks for the channels" }),
  create: ({ channel = "" }) => ({ what: `/create: channel ${quoted(channel)}`, names: [channel] }),
  join: ({ channel = "" }) => ({ what: `/join: channel ${quoted(channel)}`, names: [channel] }),
  unknown: ({ text }) => ({ what: `${beginning(text)}: no control message, ${bytesOf(text)}`, text }),
  message: ({ text }) => ({ what: `message, ${bytesOf(text)}`, text }),
};

/** Of clients that announce themselves (channels.md section 8). */
const ANNOUNCED_CONTROLS: Descriptions<AnnouncedRequest> = {
  announcement: () => ({ what: "/wirepost: announces itself" }),
  who: () => ({ what: "/who: asks who is there" }),
  history: ({ query }) => ({
    what: `/history: asks for ${
      "last" in query
        ? `the last ${count(query.last, "message")}`
        : `what was said after message ${query.after}`
    }`,
  }),
};

/** A client's further frame; `isControl` is false for a line of a message, which may begin with `/` too. */
export function describeFrame(
  text: string,
  isControl: boolean,
  { name, channel }: DescribedMember,
): Described {
  const announced = isControl ? decodeAnnouncedRequest(text) : undefined;
  if (announced !== undefined) {
    const { what } = ANNOUNCED_CONTROLS[announced.kind](announced as never);
    return { what: `${quoted(name)} ${what}`, names: [name, channel] };
  }
  const request: ChannelsRequest = isControl ? decodeChannelsRequest(text) : { kind: "message", text };
  const { what, names = [], ...more } = CONTROLS[request.kind](request as never);
  const where = request.kind !== "message"
    ? ""
    : channel === ""
    ? " in no channel"
    : ` in ${quoted(channel)}`;
  return { what: `${quoted(name)} ${what}${where}`, names: [name, channel, ...names], ...more };
}

/** The texts that say that a control message failed (channels.md 2.2). */
const REFUSALS: readonly string[] = [
  ...[CHANNELS_TEXTS.createWithoutName, CHANNELS_TEXTS.joinWithoutName],
  ...[CHANNELS_TEXTS.inNoChannel, CHANNELS_TEXTS.nameTooLong, CHANNELS_TEXTS.tooManyChannels],
];
const NAMED_REFUSALS = [CHANNELS_TEXTS.alreadyExists, CHANNELS_TEXTS.noChannelNamed].map(patternOf);
const UNKNOWN = patternOf(CHANNELS_TEXTS.unknownCommand), JOINED = patternOf(CHANNELS_TEXTS.joined);
const LEFT = patternOf(CHANNELS_TEXTS.left);

/** What finds the name in a text that is made of one. */
function patternOf(text: (name: string) => string): RegExp {
  const mark = "\0", escaped = RegExp.escape(text(mark)).split(RegExp.escape(mark));
  const [before = "", ...more] = escaped;
  return new RegExp(`^${before}(.*)${more.join("\\1")}$`, "s");
}

/** The server's frames, one behind the other. */
export function describeFrames(bytes: Uint8Array): Described[] {
  const all: Described[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    all.push(describeSentFrame(decodeFrame(bytes.subarray(at, at + FRAME_BYTES))));
  }
  return all;
}

/** What a muted client is sent, on either wire. */
const MUTED: Described = { what: "answer", refused: "answered", why: MUTED_TEXT, rule: "admin.md 7.9" };

const LOGGED_IN = patternOf(LOGIN_TEXTS.loggedIn);

/** An answer about a log-in, on either wire; undefined if it is none. */
function describeLoginAnswer(text: string): Described | undefined {
  const name = LOGGED_IN.exec(text)?.[1];
  if (name !== undefined) return { what: `logged in as ${quoted(name)}`, names: [name] };
  if (LOGIN_DEMANDS.has(text)) return { what: "answer", ...refusal("not logged in"), why: text };
  return LOGIN_REFUSALS.has(text) ? { what: "answer", ...refusal("log-in refused"), why: text } : undefined;
}

/** A message with its sender before it. */
const SAID = /^\[(.*?)\] (.*)$/s;

function messageOf(what: string, from: string, text: string): Described {
  return { what: `${what} of ${quoted(from)}, ${bytesOf(text)}`, names: [from], text };
}

/** A message, or a piece of one, for an announced client. */
function numbered({ kind, number, name, text }: Extract<Announced, { kind: "message" | "part" }>): Described {
  return messageOf(`${kind} ${number}`, name, text);
}

/** What announced clients are sent. */
const ANNOUNCED: Descriptions<Announced> = {
  announced: ({ name }) => ({ what: `announced as ${quoted(name)}`, names: [name] }),
  channel: ({ channel, last }) => ({
    what: `entered ${quoted(channel)}, last message ${last}`,
    names: [channel],
  }),
  message: numbered,
  part: numbered,
  sent: ({ number }) => ({ what: `sent: its own message is number ${number}` }),
  refused: () => ({ what: "refused: its own message is not passed on" }),
  joined: ({ name }) => ({ what: `note: ${quoted(name)} has joined`, names: [name] }),
  left: ({ name }) => ({ what: `note: ${quoted(name)} has left`, names: [name] }),
  member: ({ name }) => ({ what: `member ${quoted(name)}`, names: [name] }),
  members: ({ count: all }) => ({ what: `${count(all, "member")}` }),
  history: ({ entries, last }) => ({
    what: `history: ${entries} messages and gaps follow, last message ${last}`,
  }),
  gap: ({ count: missing }) => ({
    what: missing === undefined
      ? "gap: some messages are missing"
      : `gap: ${count(missing, "message")} missing`,
  }),
};

function describeSentFrame(text: string): Described {
  if (isAnnounced(text)) {
    const announced = decodeAnnounced(text);
    return announced === undefined
      ? { what: `a frame for an announced client, ${bytesOf(text)}`, text }
      : ANNOUNCED[announced.kind](announced as never);
  }
  const [, from, said = ""] = SAID.exec(text) ?? [];
  if (from !== undefined) return messageOf("message", from, said);
  const rule = "channels.md 2.2", refused = "answered";
  if (text === MUTED_TEXT) return MUTED;
  const login = describeLoginAnswer(text);
  if (login !== undefined) return login;
  if (REFUSALS.includes(text)) return { what: "answer", refused, why: text, rule };
  if (UNKNOWN.test(text)) {
    return { what: "answer", refused, why: "it is not a valid control message", rule, text };
  }
  const channel = NAMED_REFUSALS.map((pattern) => pattern.exec(text)?.[1]).find((name) => name !== undefined);
  if (channel !== undefined) return { what: "answer", names: [channel], refused, why: text, rule };
  const joined = JOINED.exec(text)?.[1], left = LEFT.exec(text)?.[1], name = joined ?? left;
  if (name !== undefined) {
    return { what: `note: ${quoted(name)} has ${joined === undefined ? "left" : "joined"}`, names: [name] };
  }
  // a list of channels, or what did not fit into the frame before
  return { what: `list, ${bytesOf(text)}`, text };
}

/** A client's line in the room. */
export function describeRoomLine(text: string, name: string): Described {
  return { what: `line, ${bytesOf(text)}`, names: [name], text };
}

/** The server's lines in the room, one behind the other. */
export function describeRoomLines(bytes: Uint8Array): Described[] {
  return decoder.decode(bytes).split("\n").slice(0, -1).map(describeSentLine);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function describeSentLine(line: string): Described {
  const [, from, said = ""] = /^\r<(.*?)> (.*)$/s.exec(line) ?? [];
  if (from !== undefined) {
    return { what: `line of ${from}, ${bytesOf(said)}`, names: [speakerOf(from)], text: said };
  }
  if (line === MUTED_TEXT) return MUTED;
  const login = describeLoginAnswer(line);
  if (login !== undefined) return login;
  const entered = /^\[(.*)\] entered room$/s.exec(line)?.[1];
  if (entered !== undefined) return { what: `note: ${entered} entered`, names: [entered] };
  const gone = /^Client (.*) is offline$/s.exec(line)?.[1];
  if (gone !== undefined) return { what: `note: ${gone} is offline`, names: [speakerOf(gone)] };
  const tooLong = /^A line must have at most \d+ bytes: yours was not sent$/.test(line);
  if (tooLong) return { what: "answer", refused: "line too long", why: line, rule: "room.md 1.5" };
  return { what: `a line of ${count(utf8Length(line), "byte")}`, text: line };
}

/** A client of the room as all other lines name it: `127.0.0.1:60602`. */
function speakerOf(shown: string): string {
  const [, host, port] = /^\('?([0-9A-Fa-f:.]+)'?, (\d+)(?:, 0, 0)?\)$/.exec(shown) ?? [];
  if (host === undefined) return shown;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
