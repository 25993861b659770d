/**
 * The hub: who is in which channel, and the way of a message to all of them, whatever wire each speaks.
 * `protocol/README.md`, "What the hub keeps to", is the specification.
 *
 * Invariants:
 * - A member is in one channel or in none.
 * - A channel that was kept from an earlier run is as if it were not there, but for who administers it, until somebody
 *   creates it: clients of the original expect a fresh server. The room's channel is always there.
 * - Between two turns of the event loop nothing is left in a channel's outbox. It is emptied before a member comes or
 *   goes, so that each gets what was said while it was there.
 *
 * @module
 */

import { MAX_CHANNEL_NAME } from "../../protocol/channels.ts";
import { printable } from "../../protocol/line.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { Channel, type HubEvent, type Member } from "./channel.ts";
import type { History } from "./history.ts";
import { holderAt } from "../quota/holder.ts";
import type { Metrics } from "../report/metrics.ts";
import { joinChunks } from "../net/send_queue.ts";

/** The channel that the room is. */
export const ROOM = "room";

/** Bytes of an event beside its text, about. */
const EVENT_BYTES = 64;

/** Bytes of events, about, after which they are passed on at once: for each channel, and for all of its members. */
const OUTBOX_BYTES = 65_536, OUTBOX_BYTES_IN_ALL = 8 * 1024 * 1024;

/** Longest time that it waits, in milliseconds. */
export const LONGEST_WAIT = 1000;

export interface HubOptions {
  /** Channels that there may be. */
  maxChannels: number;
  /** Those that one address may have made; as many as there may be by default. */
  maxOfHolder?: number;
  /** The channels that there were before, and what is said from now on. */
  history: History;
  metrics: Metrics;
  /** Milliseconds since 1970. */
  wallClock(): number;
}

export class Hub {
  readonly #options: HubOptions;
  /** In the order in which they were made. */
  readonly #channels = new Map<string, Channel>();
  /** Names of those that are listed, until that changes. */
  #listed: readonly string[] | undefined;
  /** Channels that something is told in during this turn of the event loop. */
  readonly #told = new Set<Channel>();
  #passedOn: Promise<void> | undefined;
  /** How many channels each holder has made. */
  readonly #made = new Map<string, number>();
  /** How often somebody has left a channel. */
  #leaves = 0;
  #hasRoom = false;

  constructor(options: HubOptions) {
    this.#options = options;
    for (const record of options.history.records) {
      this.#channels.set(record.name, new Channel(record));
      if (record.holder !== "") this.#made.set(record.holder, (this.#made.get(record.holder) ?? 0) + 1);
    }
  }

  /** Makes the channel `room` be there from now on, whether listed or not. */
  openRoom(): Channel {
    this.#hasRoom = true;
    return this.#channels.get(ROOM) ?? this.#add(ROOM);
  }

  /** Whether clients of the room, who are named by their addresses, are told what happens in the channel `room`. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Channels that are listed, in the order in which they were made: the same array until that changes. */
  get listed(): readonly string[] {
    return this.#listed ??= [...this.#channels.values()].filter(({ isListed }) => isListed)
      .map(({ name }) => name);
  }

  /** How many channels are listed, or were when they were kept. */
  get count(): number {
    return this.channels.filter(({ record }) => record.place > 0).length;
  }

  /** Every channel that there is, also of those that were kept. */
  get channels(): Channel[] {
    return [...this.#channels.values()].filter((channel) => this.#isKept(channel));
  }

  /** The channel of this name, if there is one, also of those that were kept. */
  find(name: string): Channel | undefined {
    const channel = this.#channels.get(name);
    return channel !== undefined && this.#isKept(channel) ? channel : undefined;
  }

  /** Makes a channel and has the member join it. Where that can't be, nothing changes. */
  create(member: Member, name: string): "created" | "exists" | "too many" | "too long" {
    if (utf8Length(name) > MAX_CHANNEL_NAME) return "too long";
    const before = this.#channels.get(name);
    if (before?.isListed) return "exists";
    const holder = holderAt(member.connection.hostname);
    // one that was kept counts for who takes it up
    const isCounted = before?.record.holder === holder;
    if (!isCounted && !this.#makeRoom(holder, before === undefined)) return "too many";
    const channel = before ?? this.#add(name);
    this.#charge(channel, holder);
    this.#join(member, channel);
    return "created";
  }

  /** Counts the channel for who made it, or for nobody any more. */
  #charge({ record }: Channel, holder = "") {
    const count = (of: string, by: number) => {
      const made = (this.#made.get(of) ?? 0) + by;
      if (made > 0) this.#made.set(of, made);
      else this.#made.delete(of);
    };
    if (record.holder !== "") count(record.holder, -1);
    if (holder !== "") count(holder, 1);
    record.holder = holder;
  }

  /** Makes room for one more channel of this holder, and in all if it `isNew`. Returns whether there is room. */
  #makeRoom(holder: string, isNew: boolean): boolean {
    const { maxChannels, maxOfHolder = Infinity } = this.#options;
    // who has made as many as he may gives up one of his own, and nobody else's
    if ((this.#made.get(holder) ?? 0) >= maxOfHolder) return this.#giveUpOne(holder);
    return !isNew || this.#channels.size < maxChannels || this.#giveUpOne();
  }

  /** Has the member join a channel, and leave the one that it is in. Where there is no such channel, nothing changes. */
  join(member: Member, name: string): boolean {
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.isListed && !this.#isRoom(channel)) return false;
    this.#join(member, channel);
    return true;
  }

  /** Has a client of the room come in. */
  enter(member: Member) {
    this.#enter(member, this.openRoom());
  }

  /** Has the member leave its channel, if it is in one. */
  leave(member: Member) {
    const channel = this.#remove(member);
    if (channel !== undefined) this.#tell(channel, member, { kind: "left", speaker: member });
  }

  /** Passes on what the member says, as one line. Returns false where it is in no channel. */
  say(member: Member, line: string): boolean {
    const { channel } = member;
    if (channel === undefined) return false;
    const { history, wallClock } = this.#options;
    const text = printable(line);
    history.add(channel.record, member.name, wallClock(), text);
    this.#tell(channel, member, { kind: "said", speaker: member, text }, text.length);
    return true;
  }

  /** Something to wait for before this member goes on, if there is: that enough of those who hear it keep pace. */
  congestion(member: Member): Promise<void> | undefined {
    const { channel } = member;
    if (channel === undefined || !channel.isSlow) return undefined;
    return this.#waitFor(channel);
  }

  /** Passes on what was said in this turn, if it is much; then it is time to look at {@linkcode congestion} again. */
  passOnIfFull(member: Member): boolean {
    const { channel } = member;
    if (channel === undefined) return false;
    if (channel.bytes < Math.min(OUTBOX_BYTES, OUTBOX_BYTES_IN_ALL / channel.size)) return false;
    this.#passOn(channel);
    return true;
  }

  /** Resolves when what was said in this turn has been passed on; undefined where there is nothing. */
  get passedOn(): Promise<void> | undefined {
    return this.#passedOn;
  }

  /** The member ought to be waited for, or no longer. */
  setBehind(member: Member, behind: boolean) {
    const { channel } = member;
    if (channel === undefined || member.isBehind === behind) return;
    member.isBehind = behind;
    channel.behind += behind ? 1 : -1;
    if (!channel.isSlow) wake(channel);
  }

  /** Removes a channel, and what was said there; returns how many members were put out of it, or undefined: no such. */
  removeChannel(name: string): number | undefined {
    const channel = this.find(name);
    if (channel === undefined) return undefined;
    const isRoom = this.#isRoom(channel);
    // who is in the room stays in it
    const out = [...channel.members.values()].flatMap((members) => [...members])
      .filter(({ inRoom }) => !isRoom || "name" in inRoom);
    for (const member of out) {
      if (isRoom) this.leave(member);
      else this.#remove(member);
    }
    this.#charge(channel);
    this.#options.history.remove(channel.record);
    this.#listed = undefined;
    if (!isRoom) this.#channels.delete(name);
    else {
      channel.record = this.#options.history.create(name);
      channel.isListed = false;
    }
    return out.length;
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

  /** Forgets the channel, of one holder or of all, that nobody has been in for longest, so that a few who make many can't keep others from it. */
  #giveUpOne(holder?: string): boolean {
    let oldest: Channel | undefined;
    for (const channel of this.#channels.values()) {
      if (holder !== undefined && channel.record.holder !== holder) continue;
      if (channel.size > 0 || this.#isRoom(channel)) continue;
      if (oldest === undefined || channel.left < oldest.left) oldest = channel;
    }
    if (oldest === undefined) return false;
    this.#charge(oldest);
    this.#options.history.remove(oldest.record);
    this.#channels.delete(oldest.name);
    this.#listed = undefined;
    this.#options.metrics.add("channels given up");
    return true;
  }

  #join(member: Member, channel: Channel) {
    this.leave(member);
    if (!channel.isListed) {
      this.#options.history.list(channel.record);
      channel.isListed = true;
      this.#listed = undefined;
      // the last that was made
      this.#channels.delete(channel.name);
      this.#channels.set(channel.name, channel);
    }
    this.#enter(member, channel);
  }

  #enter(member: Member, channel: Channel) {
    this.#tell(channel, member, { kind: "joined", speaker: member });
    this.#passOn(channel);
    let members = channel.members.get(member.wire);
    if (members === undefined) channel.members.set(member.wire, members = new Set());
    members.add(member);
    channel.size++;
    member.channel = channel;
    this.setBehind(member, member.connection.isBehind);
  }

  #remove(member: Member): Channel | undefined {
    const { channel } = member;
    if (channel === undefined) return undefined;
    this.#passOn(channel);
    this.setBehind(member, false);
    // passing on may have cut this member off, and so removed it
    if (member.channel === undefined) return undefined;
    member.channel = undefined;
    const members = channel.members.get(member.wire)!;
    members.delete(member);
    if (members.size === 0) channel.members.delete(member.wire);
    channel.size--;
    channel.left = ++this.#leaves;
    return channel;
  }

  #tell(channel: Channel, by: Member, event: HubEvent, bytes = 0) {
    channel.events.push(event);
    channel.by.push(by);
    channel.bytes += bytes + EVENT_BYTES;
    // what else arrived in this turn goes with it: one write for all of it
    if (this.#told.size === 0) this.#passedOn = Promise.resolve().then(() => this.#passAllOn());
    this.#told.add(channel);
  }

  #passAllOn() {
    this.#passedOn = undefined;
    for (const channel of this.#told) {
      // a member that is cut off meanwhile puts it there again, and the loop comes to it once more
      this.#told.delete(channel);
      this.#passOn(channel);
    }
  }

  /**
   * Tells the members what is in the outbox: encoded once for each wire, and once more where several speak. All who only
   * listen get the same bytes.
   */
  #passOn(channel: Channel) {
    const { events, by } = channel;
    if (events.length === 0) return;
    channel.events = [];
    channel.by = [];
    channel.bytes = 0;
    const speakers = new Set(by);
    const said = events.reduce((sum, { kind }) => sum + (kind === "said" ? 1 : 0), 0);
    for (const [wire, members] of channel.members) {
      let all: Uint8Array | undefined;
      let each: Uint8Array[] | undefined;
      let heard = 0;
      for (const member of members) {
        if (!speakers.has(member)) {
          all ??= wire.encode(events);
          member.connection.send(all);
          heard++;
        } else if (speakers.size > 1) {
          each ??= events.map((event) => wire.encode([event]));
          member.connection.send(joinChunks(each.filter((_, i) => by[i] !== member)));
          heard++;
        }
      }
      this.#options.metrics.add(`${wire.name} delivered`, heard * said);
    }
  }

  async #waitFor(channel: Channel) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LONGEST_WAIT);
    channel.waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    channel.waiting.delete(resolve);
  }

  /** Ends every wait: the server stops. */
  close() {
    for (const channel of this.#channels.values()) wake(channel);
  }
}

function wake(channel: Channel) {
  for (const resolve of channel.waiting) resolve();
}
