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
import type { Creations } from "../quota/creations.ts";
import { ownerAt } from "../quota/owner.ts";
import { type Environment, within } from "../quota/uptime.ts";
import type { UsedKey } from "../store/requests/keyed.ts";
import { Channel, type ChannelEvent, Member, Reader, type Speaker } from "./channel.ts";
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
  /** Counts channels by their creators' addresses; by default they are not. */
  creations?: Pick<Creations, "take"> | undefined;
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
    const made = this.make(name, member.connection.hostname);
    if (!(made instanceof Channel)) return made;
    this.#join(member, made);
    return "created";
  }

  /** Creates a channel for a client at this address. If that can't be, nothing changes. */
  make(name: string, hostname: string): Channel | "exists" | "too many" | "too long" {
    if (utf8Length(name) > MAX_CHANNEL_NAME_BYTES) return "too long";
    const kept = this.#channels.get(name);
    if (kept?.isListed) return "exists";
    const owner = ownerAt(hostname);
    if (this.#options.creations?.take(hostname) === false) return "too many";
    // a channel that was kept counts for the owner that creates it again
    const isCounted = kept?.record.owner === owner;
    if (!isCounted && !this.#makeRoom(owner, kept === undefined)) return "too many";
    const channel = kept ?? this.#add(name);
    this.#charge(channel, owner);
    this.#list(channel);
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

  /** Lets a reader into a channel that there is, listed or not, from which it is sent what happens from now on. */
  read(reader: Reader, channel: Channel) {
    this.#enter(reader, channel);
  }

  /** Takes the reader out of its channel, if it is in one. */
  leave(reader: Reader) {
    const channel = this.#remove(reader);
    if (channel !== undefined) this.#postLeft(channel, reader);
  }

  /** Puts another member of the same connection in the place of this one: the others read that it left, and who came. */
  replace(member: Member, next: Member) {
    const channel = this.#remove(member);
    if (channel === undefined) return;
    this.#postLeft(channel, member);
    this.#enter(next, channel);
  }

  /** Sends a line to the other members. Returns false if the member is in no channel. */
  send(member: Member, line: string): boolean {
    const { channel, speaker } = member;
    if (channel === undefined) return false;
    this.#say(channel, speaker, line, member);
    return true;
  }

  /** Sends a line to all of a channel, for a client that is not in it. Returns the number of the message, and its time. */
  say(channel: Channel, speaker: Speaker, line: string): { number: number; time: number } {
    return this.#say(channel, speaker, line);
  }

  #say(channel: Channel, speaker: Speaker, line: string, member?: Member) {
    const { history, wallClock } = this.#options;
    const text = printable(line), time = wallClock();
    const number = history.add(channel.record, speaker.name, time, text);
    this.#post(channel, member, { kind: "message", speaker, text, number, time }, text.length);
    return { number, time };
  }

  /** The store is to know under which key a message was said, together with the message. */
  setKey({ record }: Channel, key: UsedKey) {
    record.keys.set(key.id, key);
  }

  /** Sends a reader what its channel has flushed and it has not been sent yet. */
  catchUp(reader: Reader) {
    if (reader.channel !== undefined) this.#fanOut.catchUp(reader.channel, reader);
  }

  /** Resolves when the store has a message of the channel: to false if it can't be written now. */
  stored({ record }: Channel, number: number): Promise<boolean> {
    return this.#options.history.whenStored(record, number);
  }

  /** Sends the member what has happened in its channel so far, and with it all others. */
  flush(reader: Reader | Pick<Reader, "channel">) {
    const { channel } = reader;
    if (channel === undefined) return;
    this.#flush(channel);
    if (reader instanceof Reader) this.#fanOut.catchUp(channel, reader);
  }

  /**
   * If too many of the channel's readers are behind: resolves when few enough are, or after {@linkcode MAX_WAIT_MS}. While a
   * large channel's readers are being sent what was said: resolves when all were.
   */
  congestion({ channel }: Pick<Member, "channel">): Promise<void> | undefined {
    if (channel?.pass !== undefined) return within(MAX_WAIT_MS, channel.pass).then(() => {});
    if (!channel?.isSlow) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.waiting.add(resolve);
    return within(MAX_WAIT_MS, promise).then(() => void channel.waiting.delete(resolve));
  }

  /** Flushes the outbox of the member's channel if there is much in it; then {@linkcode congestion} may have changed. */
  flushIfFull({ channel }: Pick<Member, "channel">): boolean {
    if (channel === undefined) return false;
    if (channel.bytes < Math.min(OUTBOX_BYTES, OUTBOX_BYTES_IN_ALL / channel.readerCount)) return false;
    this.#flush(channel);
    return true;
  }

  /** Resolves when every outbox has been flushed; undefined if all are empty. */
  get flushed(): Promise<void> | undefined {
    return this.#flushed;
  }

  /** Counts the reader as behind or not. */
  setBehind(reader: Reader, isBehind: boolean) {
    const { channel } = reader;
    if (channel === undefined || reader.isBehind === isBehind) return;
    reader.isBehind = isBehind;
    channel.behind += isBehind ? 1 : -1;
    if (!channel.isSlow) channel.wake();
  }

  /** Removes a channel with its history. Returns how many members it had, or undefined if there is no such channel. */
  removeChannel(name: string): number | undefined {
    const channel = this.find(name);
    if (channel === undefined) return undefined;
    const isRoom = this.#isRoom(channel);
    // clients of the room stay in it
    const readers = channel.allReaders.filter(({ encoder }) => !isRoom || encoder.wire !== "room");
    for (const reader of readers) {
      if (isRoom) this.leave(reader);
      else this.#remove(reader);
      reader.onRemoved?.();
    }
    this.#forget(channel);
    if (isRoom) {
      channel.record = this.#options.history.create(name);
      channel.isListed = false;
    } else {
      this.#channels.delete(name);
    }
    return readers.filter((reader) => reader instanceof Member).length;
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
      if (channel.readerCount > 0 || this.#isRoom(channel)) continue;
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
    if (!channel.isListed) this.#list(channel);
    this.#enter(member, channel);
  }

  #list(channel: Channel) {
    this.#options.history.list(channel.record);
    channel.isListed = true;
    this.#listed = undefined;
    // behind all others
    this.#channels.delete(channel.name);
    this.#channels.set(channel.name, channel);
  }

  #enter(reader: Reader, channel: Channel) {
    if (reader instanceof Member) {
      channel.size++;
      this.#post(channel, reader, { kind: "joined", speaker: reader.speaker, members: channel.size });
    }
    // who only reads has no event from which on it is sent what happens
    if (!(reader instanceof Member && this.#fanOut.isLarge(channel))) this.#flush(channel);
    let readers = channel.readers.get(reader.encoder);
    if (readers === undefined) channel.readers.set(reader.encoder, readers = new Set());
    readers.add(reader);
    channel.readerCount++;
    reader.channel = channel;
    reader.lastBatch = channel.lastBatch;
    this.setBehind(reader, reader.connection.isBehind);
  }

  #remove(reader: Reader): Channel | undefined {
    const { channel } = reader;
    if (channel === undefined) return undefined;
    if (!this.#fanOut.isLarge(channel)) this.flush(reader);
    this.setBehind(reader, false);
    // flushing may have disconnected this reader, and so removed it
    if (reader.channel === undefined) return undefined;
    reader.channel = undefined;
    const readers = channel.readers.get(reader.encoder)!;
    readers.delete(reader);
    if (readers.size === 0) channel.readers.delete(reader.encoder);
    channel.readerCount--;
    if (reader instanceof Member) channel.size--;
    channel.leftAt = ++this.#leaves;
    channel.leftTime = this.#options.wallClock();
    return channel;
  }

  #postLeft(channel: Channel, reader: Reader) {
    if (!(reader instanceof Member)) return;
    this.#post(channel, reader, { kind: "left", speaker: reader.speaker, members: channel.size });
  }

  /** Puts an event into the outbox. What else happens in this turn goes with it, in one write for all. */
  #post(channel: Channel, cause: Member | undefined, event: ChannelEvent, bytes = 0) {
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

  /** Hands the outbox over to be sent to the readers. */
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
