/**
 * The channels' wire: the requests in frames, and the texts that a server sends. `protocol/channels.md` is the
 * specification.
 *
 * @module
 */

import { utf8Length } from "./mailbox.ts";
import { isLikeAddress } from "./room.ts";
import { FRAME_BYTES } from "./syntax/frame.ts";

/** The original's TCP port. */
export const CHANNELS_PORT = 55555;

/** What a client without TLS is sent where it must be, in channels and room (channels.md 10.6). */
export const TLS_ONLY_TEXT =
  "This server takes clients with TLS only: wirepost chat --tls, wirepost room --tls";

/** Longest name of a channel. */
export const MAX_CHANNEL_NAME_BYTES = 64;

/** Longest name of a client: it fills its frame. */
export const MAX_CLIENT_NAME_BYTES = FRAME_BYTES;

/** Longest name as others see it: `[NAME] ` leaves half of each frame for the text (channels.md 4.4). */
const MAX_SHOWN_NAME_BYTES = FRAME_BYTES / 2 - "[] ".length;

/** What a frame after the first asks for. A `create` or `join` without a name has no channel. */
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
 * The name of a client as others see it: shortened if it would leave too little of a frame for text.
 *
 * @param name Printable text, of any length.
 * @param besideRoom Whether clients of a room, which are called by their addresses, see it too. A name like an address is
 * marked then, so that no line about this client has the bytes of a line about another.
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

/** Stands before the text of a message, in each of its frames. */
export function channelsPrefix(name: string): string {
  return `[${name}] `;
}

/** The texts that a server sends: to the members of a channel, and in answer to a client's request. */
export const CHANNELS_TEXTS = {
  joined: (name: string) => `${name} has joined`,
  left: (name: string) => `${name} has left`,
  alreadyExists: (channel: string) => `Room ${channel} already exists, so cannot be created.`,
  createWithoutName: "/create command must be followed by the name of a channel to create",
  joinWithoutName: "/join command must be followed by the name of a channel to join.",
  noChannelNamed: (channel: string) => `No channel named ${channel} exists. Try '/create ${channel}'?`,
  /** The message is the whole text, as it was received. */
  unknownCommand: (message: string) =>
    `${message} is not a valid control message. Valid messages are /create, /list, and /join.`,
  inNoChannel: "Not currently in any channel. Must join a channel before sending messages.",
  nameTooLong: `The name of a channel must have at most ${MAX_CHANNEL_NAME_BYTES} bytes.`,
  tooManyChannels: "There are too many channels, so no other can be created.",
} as const;
