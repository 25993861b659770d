/**
 * The hub: the channels with their members, and the way of a message to all of them, on whatever wire each is.
 * channels.md section 5 is the specification.
 *
 * Invariants:
 * - A member is in one channel or in none.
 * - A channel that was kept from an earlier run is only visible to an administrator until it is created: clients of the
 *   original expect a fresh server. The room's channel always exists.
 * - Between two turns of the event loop every outbox is empty. It is flushed before a member joins or leaves, so that
 *   each member gets what happened while it was there; that of a large channel is not, see `fan_out.ts`.
 *
 * @module
 */

import { MAX_CHANNEL_NAME_BYTES } from "../../protocol/channels.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { printable } from "../../protocol/syntax/line.ts";
import { ownerAt } from "../quota/owner.ts";
import { type Environment, within } from "../quota/uptime.ts";
import { Channel, type ChannelEvent, type Member } from "./channel.ts";
import { FanOut, type FanOutOptions } from "./fan_out.ts";
import type { History } from "./history.ts";

/** The channel that the room is. */
export const ROOM = "room";

/** Bytes of an event beside its text, about. */
const EVENT_BYTES = 64;

/** Bytes, about, after which an outbox is flushed at once: its own, and times its members. */
const OUTBOX_BYTES = 65_536, OUTBOX_BYTES_IN_ALL = 8 * 1024 * 1024;

/** A channel with messages makes room for another one only if it was left alone for so long (channels.md 6.2). */
const ABANDONED_MS = 7 * 24 * 60 * 60 * 1000;

/** How long a member that speaks waits for others at most (channels.md 5.4). */
export const MAX_WAIT_MS = 1000;

export interface HubOptions extends Pick<Environment, "wallClock">, FanOutOptions {
  maxChannels: number;
  /** Channels that one address may have created; as many as there may be by default. */
  maxOfOwner?: number;
  /** The channels that were kept, and what is sent from now on. */
  history: History;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #fanOut: FanOut;
  /** In the order in which they were created. */
  readonly #channels = new Map<string, Channel>();
  /** Names of the listed channels, until they change. */
  #listed: readonly string[] | undefined;
  /** Channels whose outbox is not empty. */
  readonly #unflushed = new Set<Channel>();
  #flushed: Promise<void> | undefined;
  /** How many channels each owner has created. */
  readonly #created = new Map<string, number>();
  /** How often members have left channels. */
  #leaves = 0;
  #hasRoom = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#fanOut = new FanOut(options);
    for (const record of options.history.records) {
      const channel = new Channel(record);
      this.#channels.set(record.name, channel);
      this.#count(record.owner, 1);
    }
  }

  /** Makes the channel `room` exist from now on, whether listed or not. */
  openRoom(): Channel {
    this.#hasRoom = true;
    return this.#channels.get(ROOM) ?? this.#add(ROOM);
  }

  /** Whether there are clients of the room, which are called by their addresses. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Names of the listed channels, in the order in which they were created: the same array until they change. */
  get listed(): readonly string[] {
    return this.#listed ??= [...this.#channels.values()].filter(({ isListed }) => isListed)
      .map(({ name }) => name);
  }

  /** How many channels are listed, or were when they were kept. */
  get count(): number {
    return this.channels.filter(({ record }) => record.place > 0).length;
  }

  /** The most channels that one owner has created. */
  get fullestOwner(): number {
    return Math.max(0, ...this.#created.values());
  }

  /** All channels, with those that were kept. */
  get channels(): Channel[] {
    return [...this.#channels.values()].filter((channel) => this.#isKept(channel));
  }

  /** The channel of this name, if there is one, also if it was kept. */
  find(name: string): Channel | undefined {
    const channel = this.#channels.get(name);
    return channel !== undefined && this.#isKept(channel) ? channel : undefined;
  }

  /** Creates a channel, which the member joins. If that can't be, nothing changes. */
  create(member: Member, name: string): "created" | "exists" | "too many" | "too long" {
    if (utf8Length(name) > MAX_CHANNEL_NAME_BYTES) return "too long";
    const kept = this.#channels.get(name);
    if (kept?.isListed) return "exists";
    const owner = ownerAt(member.connection.hostname);
    // a channel that was kept counts for the owner that creates it again
    const isCounted = kept?.record.owner === owner;
    if (!isCounted && !this.#makeRoom(owner, kept === undefined)) return "too many";
    const channel = kept ?? this.#add(name);
    this.#charge(channel, owner);
    this.#join(member, channel);
    return "created";
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

  /** Moves the member to a channel. If there is no such channel, nothing changes and it returns false. */
  join(member: Member, name: string): boolean {
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.isListed && !this.#isRoom(channel)) return false;
    this.#join(member, channel);
    return true;
  }

  /** Lets a client of the room in. */
  enter(member: Member) {
    this.#enter(member, this.openRoom());
  }

  /** Takes the member out of its channel, if it is in one. */
  leave(member: Member) {
    const channel = this.#remove(member);
    if (channel !== undefined) this.#post(channel, member, { kind: "left", speaker: member.speaker });
  }

  /** Puts another member of the same connection in the place of this one: the others read that it left, and who came. */
  replace(member: Member, next: Member) {
    const channel = this.#remove(member);
    if (channel === undefined) return;
    this.#post(channel, member, { kind: "left", speaker: member.speaker });
    this.#enter(next, channel);
  }

  /** Sends a line to the other members. Returns false if the member is in no channel. */
  send(member: Member, line: string): boolean {
    const { channel, speaker } = member;
    if (channel === undefined) return false;
    const { history, wallClock } = this.#options;
    const text = printable(line), time = wallClock();
    const number = history.add(channel.record, speaker.name, time, text);
    this.#post(channel, member, { kind: "message", speaker, text, number, time }, text.length);
    return true;
  }

  /** Sends the member what has happened in its channel so far, and with it all others. */
  flush(member: Member) {
    const { channel } = member;
    if (channel === undefined) return;
    this.#flush(channel);
    this.#fanOut.catchUp(channel, member);
  }

  /**
   * If too many of the channel's members are behind: resolves when few enough are, or after {@linkcode MAX_WAIT_MS}. While a
   * large channel's members are being sent what was said: resolves when all were.
   */
  congestion({ channel }: Member): Promise<void> | undefined {
    if (channel?.pass !== undefined) return within(MAX_WAIT_MS, channel.pass).then(() => {});
    if (!channel?.isSlow) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.waiting.add(resolve);
    return within(MAX_WAIT_MS, promise).then(() => void channel.waiting.delete(resolve));
  }

  /** Flushes the outbox of the member's channel if there is much in it; then {@linkcode congestion} may have changed. */
  flushIfFull({ channel }: Member): boolean {
    if (channel === undefined) return false;
    if (channel.bytes < Math.min(OUTBOX_BYTES, OUTBOX_BYTES_IN_ALL / channel.size)) return false;
    this.#flush(channel);
    return true;
  }

  /** Resolves when every outbox has been flushed; undefined if all are empty. */
  get flushed(): Promise<void> | undefined {
    return this.#flushed;
  }

  /** Counts the member as behind or not. */
  setBehind(member: Member, isBehind: boolean) {
    const { channel } = member;
    if (channel === undefined || member.isBehind === isBehind) return;
    member.isBehind = isBehind;
    channel.behind += isBehind ? 1 : -1;
    if (!channel.isSlow) channel.wake();
  }

  /** Removes a channel with its history. Returns how many members it had, or undefined if there is no such channel. */
  removeChannel(name: string): number | undefined {
    const channel = this.find(name);
    if (channel === undefined) return undefined;
    const isRoom = this.#isRoom(channel);
    // clients of the room stay in it
    const members = channel.allMembers.filter(({ encoder }) => !isRoom || encoder.wire !== "room");
    for (const member of members) {
      if (isRoom) this.leave(member);
      else this.#remove(member);
    }
    this.#forget(channel);
    if (isRoom) {
      channel.record = this.#options.history.create(name);
      channel.isListed = false;
    } else {
      this.#channels.delete(name);
    }
    return members.length;
  }

  #isRoom({ name }: Channel): boolean {
    return this.#hasRoom && name === ROOM;
  }

  #isKept(channel: Channel): boolean {
    return channel.record.place > 0 || this.#isRoom(channel);
  }

  #add(name: string): Channel {
    const channel = new Channel(this.#options.history.create(name));
    this.#channels.set(name, channel);
    return channel;
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
      if (channel.size > 0 || this.#isRoom(channel)) continue;
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

  #join(member: Member, channel: Channel) {
    this.leave(member);
    if (!channel.isListed) {
      this.#options.history.list(channel.record);
      channel.isListed = true;
      this.#listed = undefined;
      // behind all others
      this.#channels.delete(channel.name);
      this.#channels.set(channel.name, channel);
    }
    this.#enter(member, channel);
  }

  #enter(member: Member, channel: Channel) {
    this.#post(channel, member, { kind: "joined", speaker: member.speaker });
    if (!this.#fanOut.isLarge(channel)) this.#flush(channel);
    let members = channel.members.get(member.encoder);
    if (members === undefined) channel.members.set(member.encoder, members = new Set());
    members.add(member);
    channel.size++;
    member.channel = channel;
    member.lastBatch = channel.lastBatch;
    this.setBehind(member, member.connection.isBehind);
  }

  #remove(member: Member): Channel | undefined {
    const { channel } = member;
    if (channel === undefined) return undefined;
    if (!this.#fanOut.isLarge(channel)) this.flush(member);
    this.setBehind(member, false);
    // flushing may have disconnected this member, and so removed it
    if (member.channel === undefined) return undefined;
    member.channel = undefined;
    const members = channel.members.get(member.encoder)!;
    members.delete(member);
    if (members.size === 0) channel.members.delete(member.encoder);
    channel.size--;
    channel.leftAt = ++this.#leaves;
    channel.leftTime = this.#options.wallClock();
    return channel;
  }

  /** Puts an event into the outbox. What else happens in this turn goes with it, in one write for all. */
  #post(channel: Channel, cause: Member, event: ChannelEvent, bytes = 0) {
    channel.events.push(event);
    channel.causes.push(cause);
    channel.bytes += bytes + EVENT_BYTES;
    if (this.#unflushed.size === 0) this.#flushed = Promise.resolve().then(() => this.#flushAll());
    this.#unflushed.add(channel);
  }

  #flushAll() {
    this.#flushed = undefined;
    for (const channel of this.#unflushed) {
      // a member that is disconnected meanwhile adds it again, and the loop comes to it once more
      this.#unflushed.delete(channel);
      this.#flush(channel);
    }
  }

  /** Hands the outbox over to be sent to the members. */
  #flush(channel: Channel) {
    const { events, causes } = channel;
    if (events.length === 0) return;
    channel.events = [];
    channel.causes = [];
    channel.bytes = 0;
    this.#fanOut.send(channel, events, causes);
  }

  /** Ends every wait: the server stops. */
  close() {
    for (const channel of this.#channels.values()) channel.wake();
  }
}

/** Whether one channel makes room before another one: without messages first, then the one that was left first. */
function isLeftBefore(one: Channel, other: Channel): boolean {
  if (one.record.isEmpty !== other.record.isEmpty) return one.record.isEmpty;
  return one.leftAt < other.leftAt;
}
