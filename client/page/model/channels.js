// @ts-check

/**
 * The channels that the page shows, and the connection by which it follows them.
 *
 * @module
 */

import { connectChannels, MAX_CHANNELS, RequestError } from "../../web/channels.js";
import { Channel } from "./channel.js";
import { Observable } from "./observable.js";
import { Outbox } from "./outbox.js";

/** The channel that always exists, and in which the page opens. */
export const ROOM = "room";

const JOINED_KEY = "wirepost.channels", SEEN_KEY = "wirepost.seen";

/** How often the list of channels is asked for, to see new ones. */
const LIST_MS = 15_000;

export class ChannelsModel extends Observable {
  /** @type {Map<string, Channel>} */
  channels = new Map();
  /** @type {"connecting" | "connected" | "disconnected" | "refused"} */
  state = "connecting";
  /** @type {string | undefined} The channel that is shown. */
  shown;
  #self;
  #client;
  #isRunning = false;
  /** @type {Record<string, string>} The last message that was seen, by channel. */
  #seen = readObject(SEEN_KEY);
  /** @type {string[]} Channels that were shown, the last one at the end. */
  #recent = [];

  /** @param {import("./self.js").Self} self */
  constructor(self) {
    super();
    this.#self = self;
    const kept = Object.keys(readObject(JOINED_KEY)).filter((name) => name !== ROOM);
    const joined = [ROOM, ...kept.slice(1 - MAX_CHANNELS)];
    for (const name of joined) {
      const channel = new Channel(name, this.#seen[name]);
      channel.isMissed = channel.seen !== undefined;
      this.channels.set(name, channel);
    }
    this.#client = connectChannels({ url: location.origin, name: self.name, channels: joined });
    this.outbox = new Outbox(this.#client, self, this.channels, () => this.changed());
    self.follow(() => this.#client.name = self.name);
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("focus", () => this.look());
  }

  /** Connects, and goes on until the page is closed. */
  async run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.outbox.resume();
    setInterval(() => this.list().catch(() => {}), LIST_MS);
    for (;;) {
      try {
        for await (const event of this.#client) {
          this.#take(event);
          this.changed();
        }
        return;
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        // refused for good: until there is another name, or a log-in
        this.state = "refused";
        this.changed();
        this.#self.askIfNeeded(error);
        await this.#self.another();
      }
    }
  }

  /** @param {import("../../web/channels.js").ChannelEvent} event */
  #take(event) {
    switch (event.type) {
      case "connected":
        this.state = "connected";
        this.list().catch(() => {});
        return;
      case "disconnected":
        this.state = "disconnected";
        for (const channel of this.channels.values()) channel.isMissed = true;
        return;
    }
    const channel = this.channels.get(event.channel);
    if (channel === undefined) return;
    switch (event.type) {
      case "message":
        return this.#add(channel, event.message);
      case "gap":
        return channel.addGap(event.missing);
      case "refused":
        channel.refused = event.error.message;
        return this.#keepJoined();
      case "caught up":
        channel.caughtUp(event.last, event.hasOlder);
        this.readMembers(channel).catch(() => {});
        if (this.#isLookedAt(channel)) this.#see(channel);
        return;
      case "joined":
      case "left":
        return channel.addMember(event, this.#self.name);
    }
  }

  /**
   * @param {Channel} channel
   * @param {import("../../web/channels.js").ChannelMessage} message
   */
  #add(channel, message) {
    this.outbox.arrived(channel, message);
    const isLookedAt = this.#isLookedAt(channel);
    channel.add(message, { self: this.#self.name, isLookedAt });
    // what was missed counts until all of it has come
    if (isLookedAt && !channel.isMissed) this.#see(channel);
  }

  /** @param {Channel} channel */
  #isLookedAt(channel) {
    return channel.name === this.shown && document.visibilityState === "visible" && document.hasFocus();
  }

  /** @param {Channel} channel */
  #see(channel) {
    if (!channel.see() || channel.seen === undefined) return;
    this.#seen[channel.name] = channel.seen;
    localStorage.setItem(SEEN_KEY, JSON.stringify(this.#seen));
  }

  /** Whoever reads looks at the page again. */
  look() {
    const channel = this.shown === undefined ? undefined : this.channels.get(this.shown);
    if (channel === undefined || !this.#isLookedAt(channel)) return;
    this.#see(channel);
    this.changed();
  }

  /**
   * Shows a channel, and joins it.
   *
   * @param {string | undefined} name
   */
  show(name) {
    if (name === this.shown) return;
    const before = this.shown === undefined ? undefined : this.channels.get(this.shown);
    before?.forgetMark();
    if (before?.refused !== undefined) this.channels.delete(before.name);
    this.shown = name;
    if (name !== undefined) {
      this.#recent = [...this.#recent.filter((one) => one !== name), name];
      this.join(name);
    }
    this.look();
    this.changed();
  }

  /** @param {string} name */
  join(name) {
    const channel = this.channels.get(name);
    if (channel !== undefined) return channel;
    const made = new Channel(name, this.#seen[name]);
    if (this.channels.size >= MAX_CHANNELS) {
      const { name: left } = this.#expendable();
      this.leave(left);
      this.others = [left, ...this.others];
      made.addEvent(`#${left} is not followed any more: a page follows ${MAX_CHANNELS} channels`);
    }
    this.others = this.others.filter((one) => one !== name);
    this.channels.set(name, made);
    this.#keepJoined();
    this.#client.join(name);
    return made;
  }

  /** The channel to leave for another one: if there is such, one with nothing new, and shown longest ago. */
  #expendable() {
    const others = [...this.channels.values()].filter(({ name }) => name !== this.shown && name !== ROOM);
    const read = others.filter(({ unread }) => unread === 0);
    const shownAt = (/** @type {Channel} */ { name }) => this.#recent.indexOf(name);
    return (read.length > 0 ? read : others).reduce((one, other) =>
      shownAt(other) < shownAt(one) ? other : one
    );
  }

  /** @param {string} name */
  leave(name) {
    this.channels.delete(name);
    this.#keepJoined();
    this.#client.leave(name);
    this.changed();
  }

  #keepJoined() {
    const followed = [...this.channels.values()].filter(({ refused }) => refused === undefined);
    const joined = followed.map(({ name }) => [name, ""]);
    localStorage.setItem(JOINED_KEY, JSON.stringify(Object.fromEntries(joined)));
  }

  /**
   * Makes a channel, or joins the one that has this name.
   *
   * @param {string} name
   */
  async create(name) {
    await this.#client.create(name);
    this.join(name);
    this.changed();
  }

  /** Channels that exist and that one has not joined. */
  /** @type {string[]} */
  others = [];

  /** Asks which channels there are. */
  async list() {
    const listed = await this.#client.list();
    for (const { name, members } of listed) {
      const channel = this.channels.get(name);
      if (channel !== undefined) channel.members = members;
    }
    this.others = listed.map(({ name }) => name).filter((name) => !this.channels.has(name));
    this.changed();
  }

  /** @param {Channel} channel */
  async readMembers(channel) {
    const { members, names } = await this.#client.members(channel.name);
    channel.members = members;
    channel.names = names;
    this.changed();
  }

  /** @param {Channel} channel */
  async loadOlder(channel) {
    const first = channel.entries.find(({ kind }) => kind === "message");
    if (first?.kind !== "message" || channel.isLoadingOlder) return;
    channel.isLoadingOlder = true;
    this.changed();
    try {
      channel.addOlder(await this.#client.history(channel.name, { before: first.message.id }));
    } finally {
      channel.isLoadingOlder = false;
      this.changed();
    }
  }

  /** Messages in all channels that nobody has looked at. */
  get unread() {
    return [...this.channels.values()].reduce((sum, { unread }) => sum + unread, 0);
  }
}

/** @param {string} key */
function readObject(key) {
  try {
    const value = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
