/**
 * A channel, who is in it, and what they are told.
 *
 * @module
 */

import { formatAddress } from "../../protocol/address.ts";
import type { RoomSpeaker } from "../../protocol/room.ts";
import type { StreamService } from "../report/metrics.ts";
import type { ChannelRecord } from "./history.ts";

/** Who speaks in a channel waits where more than one in so many of the others are behind. */
const BEHIND_SHARE = 8;

/** Something that members of a channel are told. What was said has no line break, nor another control character. */
export type HubEvent =
  | { kind: "said"; speaker: Speaker; text: string }
  | { kind: "joined" | "left"; speaker: Speaker };

/** Somebody of whom others are told. */
export interface Speaker {
  /** The name in the channels. */
  readonly name: string;
  /** How the room's lines tell of it. */
  readonly inRoom: RoomSpeaker;
}

/** How members of one kind are told. */
export interface Wire {
  /** Counts of it begin with this. */
  readonly name: StreamService;
  /** The events in its bytes, one behind the other, which are not changed any more. */
  encode(events: readonly HubEvent[]): Uint8Array;
}

/** What the hub needs of a client's connection. */
export interface MemberConnection {
  /** Sends bytes that are not changed any more. Never waits and never throws. */
  send(bytes: Uint8Array): void;
  /** Whether it ought to be waited for. */
  readonly isBehind: boolean;
  readonly hostname: string;
  readonly port: number;
}

/** One who may be in a channel. */
export class Member implements Speaker {
  readonly name: string;
  channel: Channel | undefined;
  /** As the channel counts it. */
  isBehind = false;

  constructor(
    readonly inRoom: RoomSpeaker,
    readonly wire: Wire,
    readonly connection: MemberConnection,
  ) {
    this.name = "name" in inRoom ? inRoom.name : formatAddress(inRoom);
  }
}

/** A channel. */
export class Channel {
  readonly name: string;
  record: ChannelRecord;
  /** Whether somebody has created it since the server started; one that was kept from before waits for that. */
  isListed = false;
  readonly members = new Map<Wire, Set<Member>>();
  size = 0;
  /** Counts up with whoever leaves a channel: what it was when somebody left this one; 0 where nobody has. */
  left = 0;
  /** Members that ought to be waited for. */
  behind = 0;
  /** Told since they were last passed on, and by whom, so that nobody is told what he did. */
  events: HubEvent[] = [];
  by: Member[] = [];
  bytes = 0;
  /** Woken when there is nobody to wait for any more. */
  readonly waiting = new Set<() => void>();

  constructor(record: ChannelRecord) {
    this.name = record.name;
    this.record = record;
  }

  get isSlow(): boolean {
    return this.behind > 0 && this.behind * BEHIND_SHARE > this.size - 1;
  }
}
