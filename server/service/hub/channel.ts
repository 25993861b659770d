/**
 * A channel, its members, and what they are sent.
 *
 * @module
 */

import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import type { StreamService } from "../../report/metrics.ts";
import type { ChannelRecord } from "./history.ts";

/** A member who speaks waits if more than one in 8 of the others is behind (channels.md 5.4). */
const BEHIND_SHARE = 8;

/** Someone whom an event is about. */
export interface Speaker {
  /** A client without a name of its own is called by its address: `127.0.0.1:60602`, `[::1]:60602`. */
  readonly name: string;
  /** Only there for such a client. */
  readonly address?: { readonly hostname: string; readonly port: number };
}

/**
 * Something that happened in a channel. A message's text has no line break, nor another control character; `number` is
 * its place in the channel's history, `time` is in milliseconds since 1970.
 */
export type ChannelEvent =
  | { kind: "message"; speaker: Speaker; text: string; number: number; time: number }
  /** `members` is how many there are then. */
  | { kind: "joined" | "left"; speaker: Speaker; members: number };

/** How readers on one wire are sent events. */
export interface EventEncoder {
  /** The wire, for metrics. */
  readonly wire: StreamService | "http";
  /** The channel's events in the wire's bytes, one behind the other. They are not changed any more. */
  encode(events: readonly ChannelEvent[], channel: Channel): Uint8Array;
  /** What a member is sent for its own message; undefined if nothing. */
  encodeOwn?(event: ChannelEvent): Uint8Array;
}

/** What the hub needs of a client's connection. */
export interface MemberConnection {
  readonly hostname: string;
  readonly port: number;
  /** Whether much waits to be sent to it, so that others do well to wait for it. */
  readonly isBehind: boolean;
  /** Sends bytes that are not changed any more. Never waits and never throws. */
  send(bytes: Uint8Array): void;
}

/** A client that is sent what happens in a channel, and that nobody there sees. */
export class Reader {
  channel: Channel | undefined;
  /** As its channel counts it. */
  isBehind = false;
  /** The last batch of its channel that it was sent, or that was there when it came. */
  lastBatch = 0;
  /** Called when the channel is removed. */
  onRemoved?(): void;

  constructor(readonly encoder: EventEncoder, readonly connection: MemberConnection) {}
}

/** A client that may be in a channel. */
export class Member extends Reader {
  constructor(readonly speaker: Speaker, encoder: EventEncoder, connection: MemberConnection) {
    super(encoder, connection);
  }
}

/** Events that go out together, and the member that caused each, if one did. */
export class Batch {
  readonly #speaking: ReadonlySet<Reader | undefined>;
  readonly #encoded = new Map<EventEncoder, { all: Uint8Array; each: Uint8Array[] | undefined }>();
  readonly #messages: number;

  constructor(
    /** Its number in its channel, from 1. */
    readonly number: number,
    readonly events: readonly ChannelEvent[],
    readonly causes: readonly (Member | undefined)[],
    readonly channel: Channel,
  ) {
    this.#speaking = new Set(causes);
    this.#messages = events.reduce((sum, { kind }) => sum + (kind === "message" ? 1 : 0), 0);
  }

  /**
   * Its bytes for a reader: what happened after it has joined, without what it caused itself, or with what its encoder has
   * for that; undefined for none. All who only listen get the same bytes.
   */
  bytesFor(reader: Reader): Uint8Array | undefined {
    const { encoder } = reader, { events, causes, channel } = this, speaking = this.#speaking;
    let encoded = this.#encoded.get(encoder);
    if (encoded === undefined) {
      this.#encoded.set(encoder, encoded = { all: encoder.encode(events, channel), each: undefined });
    }
    if (!speaking.has(reader)) return encoded.all;
    if (speaking.size === 1 && encoder.encodeOwn === undefined) return undefined;
    const each = encoded.each ??= events.map((event) => encoder.encode([event], channel));
    const joinedAt = events.findLastIndex(({ kind }, i) => kind === "joined" && causes[i] === reader);
    const pieces: Uint8Array[] = [];
    for (let i = joinedAt + 1; i < events.length; i++) {
      const piece = causes[i] !== reader ? each[i] : encoder.encodeOwn?.(events[i]!);
      if (piece !== undefined) pieces.push(piece);
    }
    return pieces.length > 0 ? concatBytes(...pieces) : undefined;
  }

  /** Messages that count as delivered to a reader. */
  messagesFor(reader: Reader): number {
    return this.#speaking.has(reader) && this.#speaking.size === 1 ? 0 : this.#messages;
  }
}

export class Channel {
  record: ChannelRecord;
  /** Whether it was created since the server started; one that was kept from before waits for that. */
  isListed = false;
  /** Members, and those who only read. */
  readonly readers = new Map<EventEncoder, Set<Reader>>();
  readerCount = 0;
  /** Members alone. */
  size = 0;
  /** Order in which channels were left: higher than that of any channel that was left before; 0 if none left this one. */
  leftAt = 0;
  /** When it was last left in this run of the server, in milliseconds since 1970; 0 if it was not. */
  leftTime = 0;
  /** Readers that others wait for. */
  behind = 0;
  /** The outbox: events since it was last flushed, the member that caused each, and their bytes, about. */
  events: ChannelEvent[] = [];
  causes: (Member | undefined)[] = [];
  bytes = 0;
  /** What is being sent to the readers, see `fan_out.ts`; the number of the last batch. */
  batches: Batch[] = [];
  lastBatch = 0;
  /** Resolves when all readers were sent everything; there while they are sent it in pieces. */
  pass: Promise<void> | undefined;
  /** Bytes that several batches were joined to, for the next readers that lack the same. */
  joined: { pieces: Uint8Array[]; bytes: Uint8Array } | undefined;
  /** Called when no member needs to be waited for any more. */
  readonly waiting = new Set<() => void>();

  constructor(record: ChannelRecord) {
    this.record = record;
  }

  get name(): string {
    return this.record.name;
  }

  /** When somebody was last in it or said something, as far as is known. */
  get usedTime(): number {
    return Math.max(this.leftTime, this.record.lastTime);
  }

  get isSlow(): boolean {
    return this.behind > 0 && this.behind * BEHIND_SHARE > this.readerCount - 1;
  }

  get allReaders(): Reader[] {
    return [...this.readers.values()].flatMap((readers) => [...readers]);
  }

  get allMembers(): Member[] {
    return this.allReaders.filter((reader) => reader instanceof Member);
  }

  /** The names of members, at most so many. */
  names(max: number): string[] {
    const names: string[] = [];
    for (const readers of this.readers.values()) {
      for (const reader of readers) {
        if (names.length >= max) return names;
        if (reader instanceof Member) names.push(reader.speaker.name);
      }
    }
    return names;
  }

  wake() {
    for (const resolve of this.waiting) resolve();
  }
}
