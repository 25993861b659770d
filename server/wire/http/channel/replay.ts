/**
 * Sends a stream of events what was said before it reads along: page by page, as fast as it takes them. http.md 9.7.
 *
 * @module
 */

import { MAX_PAGE_BYTES } from "../../../../protocol/channels/announced.ts";
import {
  encodeEvent,
  encodePosition,
  encodeStart,
  type Position,
  type ShownMessage,
} from "../../../../protocol/http/events.ts";
import type { Channel } from "../../../service/hub/channel.ts";
import type { ChannelRecord } from "../../../service/hub/history.ts";
import { historyPage, type PageQuery } from "../../../service/hub/history_page.ts";
import type { ChannelMessage } from "../../../store/requests/channel.ts";
import { EventsEncoder } from "./event_encoder.ts";
import type { EventStream } from "./event_stream.ts";

/** Bytes of an event beside text and sender, about. */
const EVENT_BYTES = 160;

const encoder = new TextEncoder();

/** Where a channel ends. */
export function endOf({ ids, next }: ChannelRecord): string {
  return encodePosition({ history: ids.current, number: next - 1 });
}

/** A message of a channel as answers and events show it. */
export function shown(record: ChannelRecord, number: number, message: ChannelMessage): ShownMessage {
  const { time, sender, text } = message, id = encodePosition({ history: record.ids.at(number), number });
  return { id, time: new Date(time).toISOString(), sender, text };
}

/** Where a stream is in one channel. */
class Cursor {
  constructor(readonly channel: Channel, public query: PageQuery) {}

  get isAtEnd(): boolean {
    const { query, channel: { record } } = this;
    return "history" in query && query.after === record.next - 1 && query.history === record.ids.current;
  }

  get position(): string {
    const { query, channel: { record: { ids, first } } } = this;
    if ("history" in query) return encodePosition({ history: query.history, number: query.after });
    // before all that is kept
    return encodePosition({ history: ids.at(first - 1), number: first - 1 });
  }
}

/**
 * Sends what was said in the channels since, until the stream has all of it.
 *
 * @param since The places of an event's ID, or a time in milliseconds since 1970; undefined: what is said from now on.
 */
export async function replay(
  stream: EventStream,
  channels: readonly Channel[],
  since: readonly Position[] | number | undefined,
) {
  const cursors = channels.map((channel) => new Cursor(channel, startIn(channel, since)));
  const events = new EventsEncoder(new Map(cursors.map((one) => [one.channel.name, one.position])));
  stream.send(encoder.encode(encodeStart(events.id)));
  for (;;) {
    const behind = cursors.find(({ isAtEnd }) => !isAtEnd);
    if (behind === undefined || stream.isClosed) return;
    stream.send(encoder.encode(nextPage(behind, events)));
    await stream.sent();
  }
}

function startIn({ record }: Channel, since: readonly Position[] | number | undefined): PageQuery {
  const { ids, next } = record;
  if (typeof since === "number") return { fromTime: since };
  if (since === undefined) return { history: ids.current, after: next - 1 };
  const known = since.find(({ history }) => ids.endOf(history) !== undefined);
  const { history, number } = known ?? since[0]!;
  return { history, after: number };
}

/** The events of the next page, behind which the cursor is then. */
function nextPage(cursor: Cursor, events: EventsEncoder): string {
  const { channel: { name, record } } = cursor;
  let bytes = 0;
  const page = historyPage(record, cursor.query, (message) => {
    bytes += EVENT_BYTES + message.bytes;
    return bytes <= MAX_PAGE_BYTES;
  });
  let text = "", after = page.last;
  for (const entry of page.entries) {
    if ("gap" in entry) text += encodeEvent("gap", { channel: name, missing: entry.gap ?? null });
    else {
      text += events.message(name, shown(record, entry.number, entry.message));
      after = entry.number;
    }
  }
  cursor.query = { history: page.history, after };
  events.move(name, cursor.position);
  // a gap at the end has been reported then, too
  return `${text}id: ${events.id}\n\n`;
}
