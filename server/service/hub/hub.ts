/**
 * The hub: the channels with their members, and the way of a message to all of them, on whatever wire each is.
 * channels.md section 5 is the specification.
 *
 * Invariants:
 * - A member is in one channel or in none. Which channels there are is `channel_table.ts`.
 * - Between two turns of the event loop every outbox is empty. It is flushed before a member joins or leaves, so that
 *   each member gets what happened while it was there; that of a large channel is not, see `fan_out.ts`.
 *
 * @module
 */

import { MAX_CHANNEL_NAME_BYTES } from "../../../protocol/channels.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { printable } from "../../../protocol/syntax/line.ts";
import type { Creations } from "../../quota/creations.ts";
import { ownerAt } from "../../quota/owner.ts";
import { within } from "../../quota/uptime.ts";
import type { UsedKey } from "../../store/requests/keyed.ts";
import { type Channel, type ChannelEvent, Member, Reader, type Speaker } from "./channel.ts";
import { ChannelTable, type ChannelTableOptions } from "./channel_table.ts";
import { FanOut, type FanOutOptions } from "./fan_out.ts";

/** Bytes of an event beside its text, about. */
const EVENT_BYTES = 64;

/** Bytes, about, after which an outbox is flushed at once: its own, and times its members. */
const OUTBOX_BYTES = 65_536, OUTBOX_BYTES_IN_ALL = 8 * 1024 * 1024;

/** How long a member that speaks waits for others at most (channels.md 5.4). */
export const MAX_WAIT_MS = 1000;

export interface HubOptions extends ChannelTableOptions, FanOutOptions {
  /** Counts channels by their creators' addresses; by default they are not. */
  creations?: Pick<Creations, "take"> | undefined;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #fanOut: FanOut;
  readonly #table: ChannelTable;
  /** Channels whose outbox is not empty. */
  readonly #unflushed = new Set<Channel>();
  #flushed: Promise<void> | undefined;
  /** How often members have left channels. */
  #leaves = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#fanOut = new FanOut(options);
    this.#table = new ChannelTable(options);
  }

  /** Takes other limits from now on; what is above them stays. */
  configure(limits: Pick<ChannelTableOptions, "maxChannels" | "maxOfOwner">) {
    // the table has the same object
    Object.assign(this.#options, limits);
  }

  /** Makes the channel `room` exist from now on, whether listed or not. */
  openRoom(): Channel {
    return this.#table.openRoom();
  }

  /** Whether there are clients of the room, which are called by their addresses. */
  get hasRoom(): boolean {
    return this.#table.hasRoom;
  }

  /** Names of the listed channels, in the order in which they were created: the same array until they change. */
  get listed(): readonly string[] {
    return this.#table.listed;
  }

  /** How many channels are listed, or were when they were kept. */
  get count(): number {
    return this.#table.count;
  }

  /** The most channels that one owner has created. */
  get fullestOwner(): number {
    return this.#table.fullestOwner;
  }

  /** All channels, with those that were kept. */
  get channels(): Channel[] {
    return this.#table.kept;
  }

  /** The channel of this name, if there is one, also if it was kept. */
  find(name: string): Channel | undefined {
    return this.#table.find(name);
  }

  /** Creates a channel, which the member joins. If that can't be, nothing changes. */
  create(member: Member, name: string): "created" | "exists" | "too many" | "too long" {
    const made = this.make(name, member.connection.hostname);
    if (typeof made === "string") return made;
    this.#join(member, made);
    return "created";
  }

  /** Creates a channel for a client at this address. If that can't be, nothing changes. */
  make(name: string, hostname: string): Channel | "exists" | "too many" | "too long" {
    if (utf8Length(name) > MAX_CHANNEL_NAME_BYTES) return "too long";
    if (this.#table.isListed(name)) return "exists";
    if (this.#options.creations?.take(hostname) === false) return "too many";
    return this.#table.make(name, ownerAt(hostname));
  }

  /** Moves the member to a channel. If there is no such channel, nothing changes and it returns false. */
  join(member: Member, name: string): boolean {
    const channel = this.#table.open(name);
    if (channel === undefined) return false;
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
    const isRoom = this.#table.isRoom(channel);
    // clients of the room stay in it
    const readers = channel.allReaders.filter(({ encoder }) => !isRoom || encoder.wire !== "room");
    for (const reader of readers) {
      if (isRoom) this.leave(reader);
      else this.#remove(reader);
      reader.onRemoved?.();
    }
    this.#table.remove(channel);
    return readers.filter((reader) => reader instanceof Member).length;
  }

  #join(member: Member, channel: Channel) {
    this.leave(member);
    if (!channel.isListed) this.#table.list(channel);
    this.#enter(member, channel);
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
    for (const channel of this.#table.all()) channel.wake();
  }
}
