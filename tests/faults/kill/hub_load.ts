/**
 * A load on channels and room, and what is known of their messages over all runs of a server that is killed.
 *
 * What was said since the server last wrote may be lost with it. But no number of a history may ever stand for another
 * message, what is kept is kept in its order and without a hole, and what was read after one start is there after the next.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Announced, ANNOUNCEMENT, decodeAnnounced } from "../../../protocol/channels/announced.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

/** Messages of one speaker that have no `sent` yet, at most. */
const WINDOW = 8;

/** Milliseconds after which a message must have been written, however busy the machine is. */
const WRITTEN_MS = 10_000;

/** What is known of one channel. */
export class ChannelModel {
  /** Texts by history ID and number. */
  readonly #said = new Map<string, string>();
  /** Texts that speakers have sent. */
  readonly #sent = new Set<string>();
  /** ID of the history in this run. */
  #id = "";
  /** The last message that was read after a start, and what was seen in this run behind it. */
  #base: { id: string; number: number } | undefined;
  #seen = new Map<number, { text: string; at: number }>();
  /** Messages that were seen, and those that were there after the next start. */
  seen = 0;
  kept = 0;
  /** Starts after which nothing was known of the messages before. */
  gaps = 0;

  constructor(readonly name: string) {}

  send(text: string) {
    this.#sent.add(text);
  }

  /** Takes a message that a member of the channel was shown. */
  show(id: string, number: number, text: string) {
    this.#check(id, number, text);
    if (!this.#seen.has(number)) this.seen++;
    this.#seen.set(number, { text, at: performance.now() });
  }

  #check(id: string, number: number, text: string) {
    assert(this.#sent.has(text), `nobody said '${text}' in ${this.name}`);
    const key = `${id} ${number}`, before = this.#said.get(key) ?? text;
    assertEquals(text, before, `message ${number} of history ${id} in ${this.name}`);
    this.#said.set(key, text);
  }

  /** Compares what the channel holds after a start with what was seen before. @param killedAt When the server ended. */
  async compare(member: Member, killedAt: number) {
    const { messages, dropped, isKnown, id, last } = await member.since(this.#base);
    let next = (this.#base?.number ?? 0) + 1 + dropped;
    // the reader is told that it has missed something: IDs of a channel are kept for some starts only
    if (!isKnown && messages.length > 0 && messages[0]!.number !== next) {
      this.gaps++;
      next = messages[0]!.number;
    }
    for (const { number, text } of messages) {
      assertEquals(number, next++, `numbers in ${this.name}`);
      const seen = this.#seen.get(number);
      if (seen !== undefined) this.kept++;
      if (seen !== undefined) assertEquals(text, seen.text, `message ${number} in ${this.name}`);
      else assert(this.#sent.has(text), `nobody said '${text}' in ${this.name}`);
    }
    for (const [number, { text, at }] of this.#seen) {
      if (number >= next && at < killedAt - WRITTEN_MS) throw new Error(`'${text}' is lost in ${this.name}`);
    }
    this.#seen.clear();
    // the ID of this run may be lost with it, unless messages of it are kept
    const before = last === 0 ? id : messages.length > 0 ? this.#id : this.#base!.id;
    this.#base = { id: before, number: last };
    this.#id = id;
  }
}

/** A client that has announced itself, in one channel. */
class Member {
  readonly #peer: FramePeer;
  /** ID of the channel's history. */
  id = "";
  /** Number of the last message that it was shown. */
  last = 0;

  private constructor(peer: FramePeer) {
    this.#peer = peer;
  }

  static async enter(name: string, port: number, channel: string): Promise<Member> {
    const member = new Member(await FramePeer.named(name, port));
    await member.#peer.send(ANNOUNCEMENT, `/create ${channel}`, `/join ${channel}`);
    for (;;) {
      const said = await member.next();
      assert(said !== undefined, "the server has closed");
      if (said.kind !== "channel") continue;
      member.id = said.history;
      member.last = said.last;
      return member;
    }
  }

  async say(text: string) {
    await this.#peer.send(text);
  }

  /** What it is shown next, without answers to commands; undefined when the server has ended. */
  async next(): Promise<Announced | undefined> {
    for (;;) {
      const text = await this.#peer.next();
      if (text === undefined) return undefined;
      const said = decodeAnnounced(text);
      if (said === undefined) continue;
      if (said.kind === "message" || said.kind === "sent") {
        assertEquals(said.number, this.last + 1, "numbers as a member is shown them");
        this.last = said.number;
      }
      return said;
    }
  }

  /** The messages of the channel behind one, or all of them. Nobody speaks meanwhile. */
  async since(from: { id: string; number: number } | undefined) {
    const messages: { number: number; text: string }[] = [];
    let id = from?.id ?? this.id, number = from?.number ?? 0, last = this.last, dropped = 0, isKnown = true;
    do {
      await this.#peer.send(`/history since ${id} ${number}`);
      let left = 0;
      for (let isPage = false; !isPage || left > 0;) {
        const text = await this.#peer.next();
        assert(text !== undefined, "the server has closed");
        const said = decodeAnnounced(text);
        if (said?.kind === "history") isPage = true, left = said.entries, id = said.history, last = said.last;
        else if (isPage) left--;
        if (said?.kind === "message") messages.push(said), number = said.number;
        // the channel holds its last messages only
        else if (said?.kind === "gap" && said.count !== undefined) dropped += said.count;
        else if (said?.kind === "gap" && messages.length === 0) isKnown = false;
      }
    } while (number < last);
    return { messages, dropped, isKnown, id: this.id, last };
  }

  [Symbol.dispose]() {
    this.#peer[Symbol.dispose]();
  }
}

/** The load on one server until it ends: two speakers in a channel, one more and a client of the room in the room's. */
export class HubRun {
  readonly #members: Member[] = [];
  #line: LinePeer | undefined;
  /** Called after each message of which its sender was shown that it was sent. */
  onSent = () => {};

  /**
   * Enters, and compares what is there with what was seen before.
   *
   * @param killedAt When the server before ended.
   */
  static async enter(
    ports: { channels: number; room: number },
    hall: ChannelModel,
    room: ChannelModel,
    killedAt: number,
  ): Promise<{ run: HubRun; begin: (number: () => number) => Promise<void>[] }> {
    const run = new HubRun();
    const enter = async (name: string, model: ChannelModel) => {
      const member = await Member.enter(name, ports.channels, model.name);
      run.#members.push(member);
      return member;
    };
    const first = await enter("anna", hall), third = await enter("clara", room);
    await hall.compare(first, killedAt);
    await room.compare(third, killedAt);
    const second = await enter("bert", hall);
    run.#line = await LinePeer.connect(ports.room);
    const begin = (number: () => number) => [
      run.#speak(first, hall, number),
      run.#speak(second, hall, number),
      run.#speak(third, room, number),
      run.#speakLines(run.#line!, room, number),
    ];
    return { run, begin };
  }

  /** Says one message after the other, and takes what it is shown. */
  async #speak(member: Member, model: ChannelModel, number: () => number) {
    const open: string[] = [];
    const say = async () => {
      const text = `${number()} ${"of the hall ✓ ".repeat(3)}end`;
      open.push(text);
      model.send(text);
      await member.say(text).catch(() => {});
    };
    for (let i = 0; i < WINDOW; i++) await say();
    for (let shown; (shown = await member.next()) !== undefined;) {
      if (shown.kind === "message") model.show(member.id, shown.number, shown.text);
      if (shown.kind !== "sent") continue;
      model.show(member.id, shown.number, open.shift()!);
      this.onSent();
      await say();
    }
  }

  /** Says a line for each that it is shown. */
  async #speakLines(peer: LinePeer, model: ChannelModel, number: () => number) {
    do {
      const text = `${number()} of the room`;
      model.send(text);
      await peer.send(text).catch(() => {});
    } while (await peer.next() !== undefined);
  }

  [Symbol.dispose]() {
    for (const member of this.#members) member[Symbol.dispose]();
    this.#line?.[Symbol.dispose]();
  }
}
