/**
 * The room's wire: the lines that a server says to those who are connected. `protocol/README.md`, "Room", is the
 * specification.
 *
 * @module
 */

/** TCP port that clients of the original use. */
export const ROOM_PORT = 6000;

/** Longest line that a server takes, in bytes without its end. */
export const MAX_ROOM_LINE_BYTES = 4096;

/** Someone whom a line is about: called by a name, or a client of the room by its address. */
export interface RoomSpeaker {
  /** A client of the room has its address as its name: `127.0.0.1:60602`, `[::1]:60602`. */
  readonly name: string;
  /** Only there for a client of the room. */
  readonly address?: { readonly hostname: string; readonly port: number };
}

/** To all others: someone has come. */
export function enteredRoom({ name }: RoomSpeaker): string {
  return `[${name}] entered room\n`;
}

/** What stands before each line that someone sends. The line itself follows, then LF. */
export function roomPrefix({ name, address }: RoomSpeaker): string {
  if (address === undefined) return `\r<${name}> `;
  const { hostname, port } = address;
  // Python's form of an address: for IPv6 with flow label and scope
  return hostname.includes(":") ? `\r<('${hostname}', ${port}, 0, 0)> ` : `\r<('${hostname}', ${port})> `;
}

/** To all others: someone has gone. */
export function isOffline({ name, address }: RoomSpeaker): string {
  return `Client ${address === undefined ? name : `(${address.hostname}, ${address.port})`} is offline\n`;
}

/** The forms in which peers are written above, and a `[` before them, as in what a peer says in the channels. */
const LIKE_ADDRESS = new RegExp([
  String.raw`^\('[0-9A-Fa-f:.]+', \d+(, 0, 0)?\)`,
  String.raw`^\([0-9A-Fa-f:.]+, \d+\)`,
  String.raw`^\[?(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):\d+`,
].join("|"));

/**
 * Whether a name begins as the room's clients are written by their addresses. Beginnings count because what follows
 * could go on as a line of that client: `('127.0.0.1', 60602)> hello`, `127.0.0.1:60602] hello`.
 */
export function isLikeAddress(name: string): boolean {
  return LIKE_ADDRESS.test(name);
}

/** To the sender of a line that was discarded. */
export function lineTooLong(max: number): string {
  return `A line must have at most ${max} bytes: yours was not sent\n`;
}
