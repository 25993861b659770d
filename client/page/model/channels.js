// @ts-check

/**
 * The channels that the page shows: what was said in each, what is new, who is there, and what is being sent.
 *
 * @module
 */

import { connectChannels, isAfter, MAX_CHANNELS, RequestError } from "../../web/channels.js";
import { newKey } from "../../web/request.js";
import { Observable } from "./observable.js";
import { keepOutbox, readOutbox } from "./outbox.js";

/** The channel that always exists, and in which the page opens. */
export const ROOM = "room";

const JOINED_KEY = "wirepost.channels", SEEN_KEY = "wirepost.seen";

/** Messages that a channel keeps in the page; older ones are asked for again. */
const MAX_SHOWN = 2000;

/** How often the list of channels is asked for, to see new ones. */
const LIST_MS = 15_000;

/** @typedef {import("../../web/channels.js").ChannelMessage} ChannelMessage */
/** @typedef {import("./outbox.js").Pending} Pending */
/** @typedef {{ kind: "message", key: string, message: ChannelMessage }
 *   | { kind: "gap", key: string, missing: number | undefined }
 *   | { kind: "event", key: string, text: string }
 *   | { kind: "unread", key: string, count: number, isMissed: boolean }} Entry */

/** One channel. */
export class Channel {
  /** @type {Entry[]} The oldest first. */
  entries = [];
  /** Whether the last messages have come. */
  isLoaded = false;
  hasOlder = false;
  isLoadingOlder = false;
  /** Messages that came while nobody looked. */
  unread = 0;
  /** Whether one of them names whoever reads. */
  isNamed = false;
  members = 0;
  /** @type {string[]} */
  names = [];
  /** @type {string | undefined} */
  last;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }
}

export class ChannelsModel extends Observable {
  /** @type {Map<string, Channel>} */
  channels = new Map();
  /** @type {Pending[]} In the order in which they were written. */
  pending = readOutbox();
  /** @type {"connecting" | "connected" | "disconnected" | "refused"} */
  state = "connecting";
  /** @type {string | undefined} The channel that is shown. */
  shown;
  #self;
  #client;
  #isRunning = false;
  /** @type {Record<string, string>} The last message that was seen, by channel. */
  #seen = readObject(SEEN_KEY);
  /** Channels in which a break, or an absence, is being made up for. */
  #missed = new Set();
  #events = 0;
  /** @type {string[]} Channels that were shown, the last one at the end. */
  #recent = [];

  /** @param {import("./self.js").Self} self */
  constructor(self) {
    super();
    this.#self = self;
    const kept = Object.keys(readObject(JOINED_KEY)).filter((name) => name !== ROOM);
    const joined = [ROOM, ...kept.slice(1 - MAX_CHANNELS)];
    for (const name of joined) this.channels.set(name, new Channel(name));
    this.#client = connectChannels({ url: location.origin, name: self.name, channels: joined });
    for (const name of joined) if (this.#seen[name] !== undefined) this.#missed.add(name);
    self.follow(() => this.#client.name = self.name);
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("focus", () => this.look());
  }

  /** Connects, and goes on until the page is closed. */
  async run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // they may have been said already, for an earlier page
    for (const pending of this.pending) this.#send(pending, pending.since);
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
        for (const name of this.channels.keys()) this.#missed.add(name);
        return;
    }
    const channel = this.channels.get(event.channel);
    if (channel === undefined) return;
    switch (event.type) {
      case "message":
        return this.#add(channel, event.message);
      case "gap":
        channel.entries.push({ kind: "gap", key: `gap ${this.#events++}`, missing: event.missing });
        return;
      case "caught up":
        this.#caughtUp(channel, event.last, event.hasOlder);
        return;
      case "joined":
      case "left":
        channel.members = event.members;
        channel.names = event.type === "joined"
          ? [...new Set([...channel.names, event.name])]
          : channel.names.filter((name) => name !== event.name);
        if (event.name === this.#self.name) return;
        channel.entries.push({
          kind: "event",
          key: `event ${this.#events++}`,
          text: `${event.name} ${event.type}`,
        });
    }
  }

  /**
   * @param {Channel} channel
   * @param {ChannelMessage} message
   */
  #add(channel, message) {
    const own = this.pending.find((pending) => isOf(pending, channel.name, message));
    // the answer may come behind the message: until then it stays in the outbox, and is shown once
    if (own !== undefined && own.id === undefined) own.id = message.id;
    else if (own !== undefined) this.#remove(own);
    if (message.sender !== this.#self.name) this.#countUnread(channel, message);
    channel.last = message.id;
    channel.entries.push({ kind: "message", key: message.id, message });
    if (channel.entries.length > MAX_SHOWN) {
      channel.entries.splice(0, channel.entries.length - MAX_SHOWN);
      channel.hasOlder = true;
    }
    // what was missed counts until all of it has come
    if (this.#isLookedAt(channel) && !this.#missed.has(channel.name)) this.#see(channel);
  }

  /**
   * @param {Channel} channel
   * @param {ChannelMessage} message
   */
  #countUnread(channel, message) {
    const seen = this.#seen[channel.name];
    // a history that one opens for the first time is not unread
    if (!channel.isLoaded && seen === undefined) return;
    if (!isAfter(message.id, seen)) return;
    const isMissed = this.#missed.has(channel.name);
    if (this.#isLookedAt(channel) && !isMissed) return;
    channel.unread++;
    if (names(message.text, this.#self.name)) channel.isNamed = true;
    const mark = channel.entries.findLast(({ kind }) => kind === "unread");
    if (mark?.kind === "unread" && mark.count > 0 && channel.unread > 1) mark.count = channel.unread;
    else {
      channel.entries = channel.entries.filter(({ kind }) => kind !== "unread");
      channel.entries.push({
        kind: "unread",
        key: `unread ${this.#events++}`,
        count: channel.unread,
        isMissed,
      });
    }
  }

  /**
   * @param {Channel} channel
   * @param {string} last
   * @param {boolean} hasOlder
   */
  #caughtUp(channel, last, hasOlder) {
    if (!channel.isLoaded) channel.hasOlder = hasOlder;
    channel.isLoaded = true;
    channel.last ??= last;
    this.#missed.delete(channel.name);
    this.readMembers(channel).catch(() => {});
    if (this.#isLookedAt(channel)) this.#see(channel);
  }

  /** @param {Channel} channel */
  #isLookedAt(channel) {
    return channel.name === this.shown && document.visibilityState === "visible" && document.hasFocus();
  }

  /** @param {Channel} channel */
  #see(channel) {
    channel.unread = 0;
    channel.isNamed = false;
    if (channel.last === undefined || this.#seen[channel.name] === channel.last) return;
    this.#seen[channel.name] = channel.last;
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
    // a mark that was read is not shown a second time
    const before = this.shown === undefined ? undefined : this.channels.get(this.shown);
    if (before !== undefined) before.entries = before.entries.filter(({ kind }) => kind !== "unread");
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
    const made = new Channel(name);
    if (this.channels.size >= MAX_CHANNELS) {
      const { name: left } = this.#expendable();
      this.leave(left);
      this.others = [left, ...this.others];
      const text = `#${left} is not followed any more: a page follows ${MAX_CHANNELS} channels`;
      made.entries.push({ kind: "event", key: `event ${this.#events++}`, text });
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
    const joined = [...this.channels.keys()].map((name) => [name, ""]);
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
      const page = await this.#client.history(channel.name, { before: first.message.id });
      // meanwhile the stream may have brought some of them
      const shown = new Set(channel.entries.map(({ key }) => key));
      const older = page.messages.filter(({ id }) => !shown.has(id)).map((message) => /** @type {Entry} */ ({
        kind: "message",
        key: message.id,
        message,
      }));
      channel.entries = [...older, ...channel.entries];
      channel.hasOlder = page.hasOlder;
    } finally {
      channel.isLoadingOlder = false;
      this.changed();
    }
  }

  /**
   * Says something. It is shown at once, as what the server does not have yet.
   *
   * @param {string} channel
   * @param {string} text
   */
  say(channel, text) {
    /** @type {Pending} */
    const pending = {
      key: newKey(),
      channel,
      sender: this.#self.name,
      text,
      time: new Date(),
      since: this.channels.get(channel)?.last,
      refused: undefined,
      id: undefined,
    };
    this.pending.push(pending);
    keepOutbox(this.pending);
    this.#send(pending);
    this.changed();
  }

  /**
   * @param {Pending} pending
   * @param {string} [since] Behind which it may have been said.
   */
  #send(pending, since) {
    pending.refused = undefined;
    this.#client.send(pending.channel, pending.text, { key: pending.key, since }).then(({ id }) => {
      const channel = this.channels.get(pending.channel);
      // its message has come before the answer
      if (channel === undefined || !isAfter(id, channel.last)) return this.#remove(pending);
      pending.id = id;
      keepOutbox(this.pending);
    }, (error) => {
      pending.refused = error.message;
      this.#self.askIfNeeded(error);
    }).finally(() => this.changed());
  }

  /** @param {Pending} pending */
  retry(pending) {
    this.#send(pending);
    this.changed();
  }

  /** @param {Pending} pending */
  discard(pending) {
    this.#remove(pending);
    this.changed();
  }

  /** @param {Pending} pending */
  #remove(pending) {
    this.pending = this.pending.filter((one) => one !== pending);
    keepOutbox(this.pending);
  }

  /** Messages in all channels that nobody has looked at. */
  get unread() {
    return [...this.channels.values()].reduce((sum, { unread }) => sum + unread, 0);
  }
}

/**
 * Whether a message is what was being sent.
 *
 * @param {Pending} pending
 * @param {string} channel
 * @param {ChannelMessage} message
 */
function isOf({ id, channel: of, sender, text }, channel, message) {
  if (id !== undefined) return id === message.id;
  return of === channel && sender === message.sender && text.trimEnd() === message.text.trimEnd();
}

/**
 * Whether a text names someone: as a word of its own.
 *
 * @param {string} text
 * @param {string} name
 */
export function names(text, name) {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? " ", after = text[at + name.length] ?? " ";
    if (!/[\p{L}\p{N}_-]/u.test(before) && !/[\p{L}\p{N}_-]/u.test(after)) return true;
  }
  return false;
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
