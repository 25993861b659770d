/**
 * Requests about channels and the room: what is kept of them.
 *
 * @module
 */

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
  /** Messages with lower numbers are dropped. */
  first: number;
  /** Number of the first of `messages`. */
  from: number;
  messages: readonly ChannelMessage[];
  /** Bytes of all of `messages`. */
  bytes: number;
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
  first: number;
  messages: ChannelMessage[];
}

/** By kind: the request and its outcome. */
export interface ChannelOperations {
  channel: [ChannelChange, "kept" | "storage"];
  "remove channel": [RemoveChannel, "kept" | "storage"];
  /** Lists all channels, with their messages. */
  channels: [{ kind: "channels" }, StoredChannel[]];
}
