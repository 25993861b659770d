/**
 * What is kept of the channels and the room.
 *
 * @module
 */

/** A message that was said in a channel. */
export interface ChannelMessage {
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  text: string;
  /** Bytes of `sender` and `text` in UTF-8. */
  bytes: number;
}

/** What became of a channel since the store last heard of it. */
export interface ChannelChange {
  kind: "channel";
  name: string;
  /** Who made it; empty where that is not known. */
  owner: string;
  /** Where it stands in the list, from 1; 0: it is not listed. */
  place: number;
  /** Messages with lower numbers are dropped. */
  first: number;
  /** Number of the first of `messages`. */
  from: number;
  messages: readonly ChannelMessage[];
  /** Their bytes. */
  bytes: number;
}

/** Forgets a channel and its messages. */
export interface RemoveChannel {
  kind: "remove channel";
  name: string;
}

export type ChannelOutcome = "kept" | "storage";

/** Every channel, with its messages. */
export interface ListChannels {
  kind: "channels";
}

/** A channel as it was kept; its messages have consecutive numbers from `first`. */
export interface StoredChannel {
  name: string;
  owner: string;
  place: number;
  first: number;
  messages: ChannelMessage[];
}
