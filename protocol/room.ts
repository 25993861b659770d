/**
 * The room's wire: the lines that a server sends. `protocol/room.md` is the specification.
 *
 * @module
 */

/** The original's TCP port. */
export const ROOM_PORT = 6000;

/** The port for clients that speak TLS: in the room the server speaks first, so one port can't serve both. */
export const ROOM_TLS_PORT = 6001;

/** Longest line that a server takes by default, without its end. */
export const MAX_ROOM_LINE_BYTES = 4096;

/** Someone whom a line is about: called by a name, or a client of the room by its address. */
export interface RoomSpeaker {
  /** A client of the room has its address as its name: `127.0.0.1:60602`, `[::1]:60602`. */
  readonly name: string;
  /** Only there for a client of the room. */
  readonly address?: { readonly hostname: string; readonly port: number };
}

/** Stands before the text of each line that someone sends; LF follows it. */
export function roomPrefix({ name, address }: RoomSpeaker): string {
  if (address === undefined) return `\r<${name}> `;
  const { hostname, port } = address;
  // Python's form of an address: for IPv6 with flow label and scope
  return hostname.includes(":") ? `\r<('${hostname}', ${port}, 0, 0)> ` : `\r<('${hostname}', ${port})> `;
}

/** The lines that a server sends: to all others, and to the sender of a line that was dropped. */
export const ROOM_LINES = {
  entered: ({ name }: RoomSpeaker) => `[${name}] entered room\n`,
  offline: ({ name, address }: RoomSpeaker) =>
    `Client ${address === undefined ? name : `(${address.hostname}, ${address.port})`} is offline\n`,
  tooLong: (maxBytes: number) => `A line must have at most ${maxBytes} bytes: yours was not sent\n`,
};

/** The forms in which addresses are written above, and a `[` before them, as in a message in the channels. */
const LIKE_ADDRESS = new RegExp([
  String.raw`^\('[0-9A-Fa-f:.]+', \d+(, 0, 0)?\)`,
  String.raw`^\([0-9A-Fa-f:.]+, \d+\)`,
  String.raw`^\[?(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):\d+`,
].join("|"));

/**
 * Whether a name begins like the address of a client of the room. The beginning is enough, because the rest could be like
 * a line of that client: `('127.0.0.1', 60602)> hello`, `127.0.0.1:60602] hello` (room.md 4.3).
 */
export function isLikeAddress(name: string): boolean {
  return LIKE_ADDRESS.test(name);
}
