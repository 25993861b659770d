/**
 * What clients of the channels are sent that have announced themselves (channels.md section 8).
 *
 * @module
 */

import {
  ANNOUNCED_TEXTS as TEXTS,
  type HistoryQuery,
  MAX_MEMBER_NAMES,
  MAX_PAGE_BYTES,
} from "../../../protocol/channels/announced.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { FRAME_BYTES, FrameWriter } from "../../../protocol/syntax/frame.ts";
import type { Channel, ChannelEvent, EventEncoder } from "../../service/hub/channel.ts";
import { historyPage } from "../../service/hub/history_page.ts";
import type { ChannelMessage } from "../../store/requests/channel.ts";

/** Bytes of the frame of a message beside name and text, about. */
const PREFIX_BYTES = 32;

/** Events with their numbers and times. */
export const announcedFrames: EventEncoder = {
  wire: "channels",
  encode(events) {
    const frames = new FrameWriter(events.length);
    for (const event of events) {
      const { name } = event.speaker;
      if (event.kind === "message") addMessage(frames, name, event);
      else frames.add(event.kind === "joined" ? TEXTS.joined(name) : TEXTS.left(name));
    }
    return frames.bytes;
  },
  encodeOwn(event: ChannelEvent) {
    const frames = new FrameWriter(1);
    if (event.kind === "message") frames.add(TEXTS.sent(event.number, event.time));
    return frames.bytes;
  },
};

function addMessage(
  frames: FrameWriter,
  name: string,
  { number, time, text }: { number: number; time: number; text: string },
) {
  frames.add(text, TEXTS.prefix("message", number, time, name), TEXTS.prefix("part", number, time, name));
}

/** The client is in this channel now. */
export function entered({ record: { ids, next }, name }: Channel): Uint8Array {
  const frames = new FrameWriter(1);
  frames.add(TEXTS.entered(ids.current, next - 1, name));
  return frames.bytes;
}

/** The answer to `/who`. */
export function membersOf(channel: Channel): Uint8Array {
  const names = channel.names(MAX_MEMBER_NAMES), frames = new FrameWriter(1 + names.length);
  frames.add(TEXTS.members(channel.size));
  for (const name of names) frames.add(TEXTS.member(name));
  return frames.bytes;
}

/** Frames of a message, about. */
function framesOf({ sender, bytes }: ChannelMessage): number {
  const name = PREFIX_BYTES + utf8Length(sender);
  return Math.max(1, Math.ceil((bytes - utf8Length(sender)) / (FRAME_BYTES - name)));
}

/** The answer to `/history`. */
export function historyFrames({ record }: Channel, query: HistoryQuery): Uint8Array {
  let bytes = 0;
  const page = historyPage(record, query, (message) => {
    bytes += framesOf(message) * FRAME_BYTES;
    return bytes <= MAX_PAGE_BYTES;
  });
  const frames = new FrameWriter(1 + page.entries.length);
  frames.add(TEXTS.page(page.history, page.entries.length, page.last));
  for (const entry of page.entries) {
    if ("gap" in entry) frames.add(TEXTS.gap(entry.gap));
    else {
      const { number, message: { sender, time, text } } = entry;
      addMessage(frames, sender, { number, time, text });
    }
  }
  return frames.bytes;
}
