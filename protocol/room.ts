/**
 * The room's wire: the lines that a server says to those who are connected. `protocol/README.md`, "Room", is the
 * specification.
 *
 * @module
 */

import { formatAddress } from "./address.ts";

/** TCP port that clients of the original use. */
export const ROOM_PORT = 6000;

/** Longest line that a server takes, in bytes without its end. */
export const MAX_ROOM_LINE = 4096;

/** Somebody whom the room's lines are about: a client of the room by its address, or of the channels by its name. */
export type RoomSpeaker = { hostname: string; port: number } | { name: string };

/** To all others: somebody has come. */
export function enteredRoom(speaker: RoomSpeaker): string {
  return `[${"name" in speaker ? speaker.name : formatAddress(speaker)}] entered room\n`;
}

/** What stands before each line that somebody says. The line itself follows, then LF. */
export function roomPrefix(speaker: RoomSpeaker): string {
  if ("name" in speaker) return `\r<${speaker.name}> `;
  const { hostname, port } = speaker;
  // Python's form of a peer: of IPv6, with flow label and scope
  return hostname.includes(":") ? `\r<('${hostname}', ${port}, 0, 0)> ` : `\r<('${hostname}', ${port})> `;
}

/** To all others: somebody has gone. */
export function isOffline(speaker: RoomSpeaker): string {
  const who = "name" in speaker ? speaker.name : `(${speaker.hostname}, ${speaker.port})`;
  return `Client ${who} is offline\n`;
}

/** The forms in which peers are written above, and a `[` before them, as in what a peer says in the channels. */
const LIKE_PEER = new RegExp([
  String.raw`^\('[0-9A-Fa-f:.]+', \d+(, 0, 0)?\)`,
  String.raw`^\([0-9A-Fa-f:.]+, \d+\)`,
  String.raw`^\[?(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):\d+`,
].join("|"));

/**
 * Whether a name begins as the room's clients are written by their addresses. Beginnings count because what follows
 * could go on as a line of that client: `('127.0.0.1', 60602)> hello`, `127.0.0.1:60602] hello`.
 */
export function isLikePeer(name: string): boolean {
  return LIKE_PEER.test(name);
}

/** To the sender of a line that was discarded. */
export function lineTooLong(max: number): string {
  return `A line must have at most ${max} bytes: yours was not sent\n`;
}
