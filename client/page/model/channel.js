// @ts-check

/**
 * One channel as the page shows it: what was said, what of it is new, and who is there.
 *
 * @module
 */

import { isAfter } from "../../web/channels.js";

/** Messages that a channel keeps in the page; older ones are asked for again. */
const MAX_SHOWN = 2000;

/** @typedef {import("../../web/channels.js").ChannelMessage} ChannelMessage */
/** @typedef {{ kind: "message", key: string, message: ChannelMessage }
 *   | { kind: "gap", key: string, missing: number | undefined }
 *   | { kind: "event", key: string, text: string }
 *   | { kind: "unread", key: string, count: number, isMissed: boolean }} Entry */

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
  /** Whether a break, or an absence, is being made up for. */
  isMissed = false;
  members = 0;
  /** @type {string[]} */
  names = [];
  /** @type {string | undefined} The ID of the last message. */
  last;
  /** @type {string | undefined} Why the server does not let it be made. */
  refused;
  /** Entries that are no messages. */
  #marks = 0;

  /**
   * @param {string} name
   * @param {string} [seen] The ID of the last message that was seen.
   */
  constructor(name, seen) {
    this.name = name;
    this.seen = seen;
  }

  /**
   * @param {ChannelMessage} message
   * @param {{ self: string, isLookedAt: boolean }} reader
   */
  add(message, { self, isLookedAt }) {
    if (message.sender !== self) this.#countUnread(message, self, isLookedAt);
    this.last = message.id;
    this.entries.push(entryOf(message));
    if (this.entries.length <= MAX_SHOWN) return;
    this.entries.splice(0, this.entries.length - MAX_SHOWN);
    this.hasOlder = true;
  }

  /**
   * @param {ChannelMessage} message
   * @param {string} self
   * @param {boolean} isLookedAt
   */
  #countUnread({ id, text }, self, isLookedAt) {
    // a history that one opens for the first time is not unread
    if (!this.isLoaded && this.seen === undefined) return;
    if (!isAfter(id, this.seen) || isLookedAt && !this.isMissed) return;
    this.unread++;
    if (names(text, self)) this.isNamed = true;
    const mark = this.entries.findLast(({ kind }) => kind === "unread");
    if (mark?.kind === "unread" && mark.count > 0 && this.unread > 1) mark.count = this.unread;
    else {
      this.forgetMark();
      this.entries.push({
        kind: "unread",
        key: `mark ${this.#marks++}`,
        count: this.unread,
        isMissed: this.isMissed,
      });
    }
  }

  /** A mark that was read is not shown a second time. */
  forgetMark() {
    this.entries = this.entries.filter(({ kind }) => kind !== "unread");
  }

  /** @param {number | undefined} missing */
  addGap(missing) {
    this.entries.push({ kind: "gap", key: `mark ${this.#marks++}`, missing });
  }

  /** @param {string} text */
  addEvent(text) {
    this.entries.push({ kind: "event", key: `mark ${this.#marks++}`, text });
  }

  /**
   * Somebody came or went.
   *
   * @param {{ type: "joined" | "left", name: string, members: number }} event
   * @param {string} self
   */
  addMember({ type, name, members }, self) {
    this.members = members;
    this.names = type === "joined"
      ? [...new Set([...this.names, name])]
      : this.names.filter((one) => one !== name);
    if (name !== self) this.addEvent(`${name} ${type}`);
  }

  /** @param {import("../../web/channel_requests.js").HistoryPage} page From before the first message. */
  addOlder({ messages, hasOlder }) {
    // meanwhile the stream may have brought some of them
    const shown = new Set(this.entries.map(({ key }) => key));
    this.entries = [...messages.filter(({ id }) => !shown.has(id)).map(entryOf), ...this.entries];
    this.hasOlder = hasOlder;
  }

  /**
   * All that was said before has come.
   *
   * @param {string} last
   * @param {boolean} hasOlder
   */
  caughtUp(last, hasOlder) {
    if (!this.isLoaded) this.hasOlder = hasOlder;
    this.isLoaded = true;
    this.last ??= last;
    this.isMissed = false;
  }

  /** Whoever reads has seen all of it. Returns whether something of it is new. */
  see() {
    this.unread = 0;
    this.isNamed = false;
    if (this.last === undefined || this.seen === this.last) return false;
    this.seen = this.last;
    return true;
  }
}

/**
 * @param {ChannelMessage} message
 * @returns {Entry}
 */
function entryOf(message) {
  return { kind: "message", key: message.id, message };
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
