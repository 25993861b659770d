/**
 * The channels' wire: what the text of a frame asks for, and the texts that a server says. `protocol/README.md`,
 * "Channels", is the specification.
 *
 * @module
 */

import { FRAME_BYTES } from "./frame.ts";
import { utf8Length } from "./mailbox.ts";
import { isLikeAddress } from "./room.ts";

/** TCP port that clients of the original use. */
export const CHANNELS_PORT = 55555;

/** Longest name of a channel, in bytes of UTF-8. */
export const MAX_CHANNEL_NAME_BYTES = 64;

/** Longest name of a client, in bytes of UTF-8: it fills its frame. */
export const MAX_CLIENT_NAME_BYTES = FRAME_BYTES;

/** Longest name that others are shown, in bytes of UTF-8: `[NAME] ` leaves half of each frame for the text. */
export const MAX_SHOWN_NAME_BYTES = FRAME_BYTES / 2 - "[] ".length;

/** What a frame behind the first asks for. A `create` or `join` alone has no channel. */
export type ChannelsRequest =
  | { kind: "create" | "join"; channel?: string }
  | { kind: "list" }
  | { kind: "unknown"; text: string }
  | { kind: "message"; text: string };

const WHITE_SPACE = /[\t\n\v\f\r ]+/;

/** Reads a frame's text, which has no white space at its end. */
export function decodeChannelsRequest(text: string): ChannelsRequest {
  if (!text.startsWith("/")) return { kind: "message", text };
  const [command, channel] = text.split(WHITE_SPACE, 2);
  switch (command) {
    case "/list":
      return { kind: "list" };
    case "/create":
    case "/join": {
      const kind = command === "/create" ? "create" : "join";
      return channel === undefined ? { kind } : { kind, channel };
    }
    default:
      return { kind: "unknown", text };
  }
}

/**
 * The name of a client as others are shown it: shortened where it would leave too little of a frame for text.
 *
 * @param name Printable text, of any length.
 * @param besideRoom Whether a room's clients, who are named by their addresses, are told of it too. One that looks
 * like such an address is marked then, so that no line about this client has the bytes of a line about another.
 */
export function shownName(name: string, besideRoom: boolean): string {
  const marked = besideRoom && isLikeAddress(name) ? `~${name}` : name;
  if (utf8Length(marked) <= MAX_SHOWN_NAME_BYTES) return marked;
  let shown = "", left = MAX_SHOWN_NAME_BYTES - utf8Length("…");
  for (const character of marked) {
    left -= utf8Length(character);
    if (left < 0) break;
    shown += character;
  }
  return `${shown}…`;
}

/** What stands before the text of a message, in each of its frames. */
export function channelsPrefix(name: string): string {
  return `[${name}] `;
}

/** To those who are in the channel that somebody comes into. */
export function hasJoined(name: string): string {
  return `${name} has joined`;
}

/** To those who stay in the channel that somebody has left. */
export function hasLeft(name: string): string {
  return `${name} has left`;
}

export function alreadyExists(channel: string): string {
  return `Room ${channel} already exists, so cannot be created.`;
}

export const CREATE_NEEDS_NAME = "/create command must be followed by the name of a channel to create";

export function noChannelNamed(channel: string): string {
  return `No channel named ${channel} exists. Try '/create ${channel}'?`;
}

export const JOIN_NEEDS_NAME = "/join command must be followed by the name of a channel to join.";

/** @param message All of it, as it came. */
export function unknownCommand(message: string): string {
  return `${message} is not a valid control message. Valid messages are /create, /list, and /join.`;
}

export const IN_NO_CHANNEL = "Not currently in any channel. Must join a channel before sending messages.";

export const CHANNEL_TOO_LONG = `The name of a channel must have at most ${MAX_CHANNEL_NAME_BYTES} bytes.`;

/** To one who creates a channel where there are as many as may be. */
export const TOO_MANY_CHANNELS = "There are too many channels, so no other can be created.";
