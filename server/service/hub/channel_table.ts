/**
 * The channels that there are: by their names and in the order in which they were created, with who has created each, and
 * which one makes room for another. channels.md 2.5 and section 6 are the specification.
 *
 * Invariants:
 * - A channel that was kept from an earlier run is only visible to an administrator until it is listed: clients of the
 *   original expect a fresh server.
 * - The room's channel, once it is open, always exists.
 *
 * @module
 */

import type { Environment } from "../../quota/uptime.ts";
import type { Metrics } from "../../report/metrics.ts";
import { Channel } from "./channel.ts";
import type { History } from "./history.ts";

/** The channel that the room is. */
export const ROOM = "room";

/** A channel with messages makes room for another one only if it was left alone for so long (channels.md 6.2). */
const ABANDONED_MS = 7 * 24 * 60 * 60 * 1000;

export interface ChannelTableOptions extends Pick<Environment, "wallClock"> {
  maxChannels: number;
  /** Channels that one address may have created; as many as there may be by default. */
  maxOfOwner?: number;
  /** The channels that were kept, and what is sent from now on. */
  history: History;
  metrics: Metrics;
}

export class ChannelTable {
  readonly #options: ChannelTableOptions;
  /** In the order in which they were created. */
  readonly #channels = new Map<string, Channel>();
  /** Names of the listed channels, until they change. */
  #listed: readonly string[] | undefined;
  /** How many channels each owner has created. */
  readonly #created = new Map<string, number>();
  #hasRoom = false;

  constructor(options: ChannelTableOptions) {
    this.#options = options;
    for (const record of options.history.records) {
      this.#channels.set(record.name, new Channel(record));
      this.#count(record.owner, 1);
    }
  }

  /** Makes the channel `room` exist from now on, whether listed or not. */
  openRoom(): Channel {
    this.#hasRoom = true;
    return this.#channels.get(ROOM) ?? this.#add(ROOM);
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  isRoom({ name }: Channel): boolean {
    return this.#hasRoom && name === ROOM;
  }

  /** Names of the listed channels, in the order in which they were created: the same array until they change. */
  get listed(): readonly string[] {
    return this.#listed ??= [...this.#channels.values()].filter(({ isListed }) => isListed)
      .map(({ name }) => name);
  }

  /** How many channels are listed, or were when they were kept. */
  get count(): number {
    return this.kept.filter(({ record }) => record.place > 0).length;
  }

  /** The most channels that one owner has created. */
  get fullestOwner(): number {
    return Math.max(0, ...this.#created.values());
  }

  /** All channels, with those that were kept. */
  get kept(): Channel[] {
    return [...this.#channels.values()].filter((channel) => this.#isKept(channel));
  }

  /** All that there are, also those that were neither listed nor kept. */
  all(): IterableIterator<Channel> {
    return this.#channels.values();
  }

  /** The channel of this name, if there is one, also if it was kept. */
  find(name: string): Channel | undefined {
    const channel = this.#channels.get(name);
    return channel !== undefined && this.#isKept(channel) ? channel : undefined;
  }

  /** The channel of this name that a client may join. */
  open(name: string): Channel | undefined {
    const channel = this.#channels.get(name);
    return channel !== undefined && (channel.isListed || this.isRoom(channel)) ? channel : undefined;
  }

  isListed(name: string): boolean {
    return this.#channels.get(name)?.isListed === true;
  }

  /** Lists a channel for this owner, new or kept. If that can't be, nothing changes. */
  make(name: string, owner: string): Channel | "too many" {
    const kept = this.#channels.get(name);
    // a channel that was kept counts for the owner that creates it again
    const isCounted = kept?.record.owner === owner;
    if (!isCounted && !this.#makeRoom(owner, kept === undefined)) return "too many";
    const channel = kept ?? this.#add(name);
    this.#charge(channel, owner);
    this.list(channel);
    return channel;
  }

  /** Shows a channel to clients, behind all others. */
  list(channel: Channel) {
    this.#options.history.list(channel.record);
    channel.isListed = true;
    this.#listed = undefined;
    this.#channels.delete(channel.name);
    this.#channels.set(channel.name, channel);
  }

  /** Removes a channel with its history; the room's begins anew. */
  remove(channel: Channel) {
    this.#forget(channel);
    if (this.isRoom(channel)) {
      channel.record = this.#options.history.create(channel.name);
      channel.isListed = false;
    } else {
      this.#channels.delete(channel.name);
    }
  }

  #isKept(channel: Channel): boolean {
    return channel.record.place > 0 || this.isRoom(channel);
  }

  #add(name: string): Channel {
    const channel = new Channel(this.#options.history.create(name));
    this.#channels.set(name, channel);
    return channel;
  }

  /** Counts the channel for this owner, or for none any more. */
  #charge({ record }: Channel, owner = "") {
    this.#count(record.owner, -1);
    this.#count(owner, 1);
    record.owner = owner;
  }

  #count(owner: string, by: 1 | -1) {
    if (owner === "") return;
    const created = (this.#created.get(owner) ?? 0) + by;
    if (created > 0) this.#created.set(owner, created);
    else this.#created.delete(owner);
  }

  /** Makes room for one more channel of this owner, and in all if it `isNew`. Returns whether there is room. */
  #makeRoom(owner: string, isNew: boolean): boolean {
    const { maxChannels, maxOfOwner = Infinity } = this.#options;
    // at its own limit an owner loses one of its own channels, and no other does
    if ((this.#created.get(owner) ?? 0) >= maxOfOwner) return this.#removeUnused(owner);
    return !isNew || this.#channels.size < maxChannels || this.#removeUnused();
  }

  /**
   * Removes the channel that has been without members for longest: of one owner, or of all, so that a few clients that
   * create many do not keep others from it. One with messages goes only if it was abandoned. Returns whether there was one.
   */
  #removeUnused(owner?: string): boolean {
    const abandonedBefore = this.#options.wallClock() - ABANDONED_MS;
    let oldest: Channel | undefined;
    for (const channel of this.#channels.values()) {
      if (owner !== undefined && channel.record.owner !== owner) continue;
      if (channel.readerCount > 0 || this.isRoom(channel)) continue;
      if (!channel.record.isEmpty && channel.usedTime >= abandonedBefore) continue;
      if (oldest === undefined || isLeftBefore(channel, oldest)) oldest = channel;
    }
    if (oldest === undefined) return false;
    this.#forget(oldest);
    this.#channels.delete(oldest.name);
    this.#options.metrics.add("channels given up");
    return true;
  }

  #forget(channel: Channel) {
    this.#charge(channel);
    this.#options.history.remove(channel.record);
    this.#listed = undefined;
  }
}

/** Whether one channel makes room before another one: without messages first, then the one that was left first. */
function isLeftBefore(one: Channel, other: Channel): boolean {
  if (one.record.isEmpty !== other.record.isEmpty) return one.record.isEmpty;
  return one.leftAt < other.leftAt;
}
