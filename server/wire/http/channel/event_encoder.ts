/**
 * Events of channels in the bytes of streams. http.md 9.6 to 9.8.
 *
 * Invariant: readers of the same channels have one encoder, and get the same bytes.
 *
 * @module
 */

import {
  encodeEvent,
  encodeEventId,
  encodePosition,
  type EventData,
} from "../../../../protocol/http/events.ts";
import type { Channel, ChannelEvent, EventEncoder } from "../../../service/hub/channel.ts";

const encoder = new TextEncoder();

/** Encodes for all streams of the same channels. */
export class EventsEncoder implements EventEncoder {
  readonly wire = "http";
  /** Where its streams are in each channel: `HISTORY:NUMBER`. */
  readonly #positions: Map<string, string>;

  /** @param positions Where its streams are, by the channels' names; in the order of their query. */
  constructor(positions: ReadonlyMap<string, string>) {
    this.#positions = new Map(positions);
  }

  /** The ID of an event that comes now. */
  get id(): string {
    return encodeEventId(this.#positions.values());
  }

  encode(events: readonly ChannelEvent[], channel: Channel): Uint8Array {
    let text = "";
    for (const event of events) text += this.#encoded(event, channel);
    return encoder.encode(text);
  }

  #encoded(event: ChannelEvent, { name, record }: Channel): string {
    if (event.kind !== "message") {
      return encodeEvent(event.kind, { channel: name, name: event.speaker.name, members: event.members });
    }
    const { number, time, speaker, text } = event;
    return this.message(name, {
      ...{ id: encodePosition({ history: record.ids.at(number), number }) },
      ...{ time: new Date(time).toISOString(), sender: speaker.name, text },
    });
  }

  /** A message of the channel: its streams are behind it then. */
  message(channel: string, message: Omit<EventData["message"], "channel">): string {
    this.move(channel, message.id);
    return encodeEvent("message", { channel, ...message }, this.id);
  }

  /** Its streams are at another place of the channel. */
  move(channel: string, position: string) {
    this.#positions.set(channel, position);
  }
}

/** The encoders of streams that are up to date, by their channels. */
export class EventsEncoders {
  readonly #shared = new Map<string, { encoder: EventsEncoder; streams: number }>();

  /**
   * The encoder of streams of these channels, until it is given back.
   *
   * @param positions Where each channel ends, by its name.
   */
  take(positions: ReadonlyMap<string, string>): EventsEncoder {
    const key = keyOf(positions);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      this.#shared.set(key, shared = { encoder: new EventsEncoder(positions), streams: 0 });
    }
    // a channel may have been removed and made again since
    for (const [channel, position] of positions) shared.encoder.move(channel, position);
    shared.streams++;
    return shared.encoder;
  }

  /** Gives back what was taken for these channels. */
  giveBack(positions: ReadonlyMap<string, string>) {
    const key = keyOf(positions), shared = this.#shared.get(key)!;
    if (--shared.streams === 0) this.#shared.delete(key);
  }
}

/** No name of a channel has a line break. */
function keyOf(positions: ReadonlyMap<string, string>): string {
  return [...positions.keys()].join("\n");
}
