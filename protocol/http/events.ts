/**
 * Events of channels as server-sent events (the HTML standard, section 9.2), and the IDs by which a client says where it
 * goes on. http.md section 9.
 *
 * @module
 */

/** Channels of one stream of events (http.md 9.6). */
export const MAX_STREAM_CHANNELS = 32;

/** Milliseconds between two comments, so that a stream on which nothing happens is known to be alive (http.md 9.9). */
export const COMMENT_INTERVAL_MS = 15_000;

/** The comment. */
export const EVENT_COMMENT = ":\n\n";

/** How soon a browser is to connect again, in milliseconds. */
const RETRY_MS = 1000;

/** A place in a channel's history: behind the message with this number; 0 is before the first. */
export interface Position {
  readonly history: string;
  readonly number: number;
}

export function encodePosition({ history, number }: Position): string {
  return `${history}:${number}`;
}

/** Reads what {@linkcode encodePosition} writes; undefined if it is none. */
export function parsePosition(text: string): Position | undefined {
  const [, history, number] = /^([A-Za-z0-9]{1,16}):(\d{1,15})$/.exec(text) ?? [];
  return history === undefined ? undefined : { history, number: Number(number) };
}

/** The ID of an event: the place in each channel of its stream, `HISTORY:NUMBER` with commas between them (http.md 9.7). */
export function encodeEventId(positions: Iterable<string>): string {
  return [...positions].join(",");
}

/** Reads what {@linkcode encodeEventId} writes; undefined if it is none. */
export function parseEventId(text: string): Position[] | undefined {
  const parts = text.split(","), positions: Position[] = [];
  if (parts.length > MAX_STREAM_CHANNELS) return undefined;
  for (const part of parts) {
    const position = parsePosition(part);
    if (position === undefined) return undefined;
    positions.push(position);
  }
  return positions;
}

/** A message, as answers and events show it. */
export interface ShownMessage {
  readonly id: string;
  /** RFC 3339, UTC, with milliseconds. */
  readonly time: string;
  readonly sender: string;
  readonly text: string;
}

/** What an event of a stream says, by its name; a message is the event without a name. */
export interface EventData {
  message: { readonly channel: string } & ShownMessage;
  joined: { readonly channel: string; readonly name: string; readonly members: number };
  left: { readonly channel: string; readonly name: string; readonly members: number };
  /** How many messages are missing here; null if that is not known. */
  gap: { readonly channel: string; readonly missing: number | null };
  /** The channel is not there any more. */
  removed: { readonly channel: string };
}

/**
 * An event.
 *
 * @param id Where the stream is with it; it stays as it was without one.
 */
export function encodeEvent<Name extends keyof EventData>(
  name: Name,
  data: EventData[Name],
  id?: string,
): string {
  const lines = name === "message" ? "" : `event: ${name}\n`;
  return `${id === undefined ? "" : `id: ${id}\n`}${lines}data: ${JSON.stringify(data)}\n\n`;
}

/** Begins a stream: where it is, which is no event for anybody, and how soon to connect again. */
export function encodeStart(id: string): string {
  return `retry: ${RETRY_MS}\nid: ${id}\n\n`;
}
