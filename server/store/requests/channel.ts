/**
 * Requests about channels and the room: what is kept of them.
 *
 * @module
 */

import type { UsedKey } from "./keyed.ts";

/** A message that was sent in a channel. */
export interface ChannelMessage {
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  text: string;
  /** Bytes of `sender` and `text` in UTF-8. */
  bytes: number;
}

/** What has changed in a channel since the last such request. */
export interface ChannelChange {
  kind: "channel";
  name: string;
  /** The network that created it; `""` if that is not known. */
  owner: string;
  /** Its place in the list, from 1; 0: it is not listed. */
  place: number;
  /** Its history IDs, each with the number from which it holds. */
  history: string;
  /** Messages with lower numbers are dropped. */
  first: number;
  /** Number of the first of `messages`. */
  from: number;
  messages: readonly ChannelMessage[];
  /** Bytes of all of `messages`. */
  bytes: number;
  /** Keys of requests that said some of them: the number of a message is the ID of its receipt. */
  keys?: readonly UsedKey[];
}

/** Forgets a channel and its messages. */
export interface RemoveChannel {
  kind: "remove channel";
  name: string;
}

/** A channel as it was kept; its messages have consecutive numbers from `first`. */
export interface StoredChannel {
  name: string;
  owner: string;
  place: number;
  /** Empty if an earlier version has stored it. */
  history: string;
  first: number;
  messages: ChannelMessage[];
}

/** Notes whether all that was said is stored: no while the server runs, yes at its end. */
export interface ChannelsComplete {
  kind: "channels complete";
  complete: boolean;
}

/** By kind: the request and its outcome. */
export interface ChannelOperations {
  channel: [ChannelChange, "kept" | "storage"];
  "remove channel": [RemoveChannel, "kept" | "storage"];
  /** Lists all channels, with their messages. */
  channels: [{ kind: "channels" }, StoredChannel[]];
  /** The outcome is what was noted before. */
  "channels complete": [ChannelsComplete, boolean];
}
