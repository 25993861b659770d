// @ts-check

/**
 * What was said and the server does not have yet. It is kept with the tab, each text with its key, so that it is sent once
 * also if the page was loaded anew in between.
 *
 * @module
 */

import { isAfter } from "../../web/channels.js";
import { newKey } from "../../web/request.js";

const OUTBOX_KEY = "wirepost.outbox";

/** Texts of all channels that are kept, in characters: what `sessionStorage` takes for sure. */
const MAX_KEPT_LENGTH = 1024 * 1024;

/** How long a key says for sure that a text was said: a server remembers it for 24 hours (http.md 9.5). */
const KEY_MS = 23 * 60 * 60 * 1000;

/** @typedef {import("../../web/channels.js").ChannelMessage} ChannelMessage */
/** @typedef {import("./channel.js").Channel} Channel */

/**
 * @typedef {object} Pending
 * @property {string} key
 * @property {string} channel
 * @property {string} sender
 * @property {string} text
 * @property {Date} time When it was written.
 * @property {string | undefined} refused Why the server does not take it.
 * @property {string | undefined} id What the server has made of it, until that has come as a message.
 */

export class Outbox {
  /** @type {Pending[]} In the order in which they were written. */
  pending = read();
  #client;
  #self;
  #channels;
  #onChange;

  /**
   * @param {import("../../web/channels.js").Channels} client
   * @param {import("./self.js").Self} self
   * @param {ReadonlyMap<string, Channel>} channels Those that are shown.
   * @param {() => void} onChange
   */
  constructor(client, self, channels, onChange) {
    this.#client = client;
    this.#self = self;
    this.#channels = channels;
    this.#onChange = onChange;
  }

  /** Sends what an earlier page has left: it may have been said already. */
  resume() {
    for (const pending of this.pending) {
      if (Date.now() - pending.time.getTime() < KEY_MS) this.#send(pending);
      else pending.refused = "it was written a day ago, and may have been said";
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
      refused: undefined,
      id: undefined,
    };
    this.pending.push(pending);
    this.#keep();
    this.retry(pending);
  }

  /** @param {Pending} pending */
  retry(pending) {
    this.#send(pending);
    this.#onChange();
  }

  /** @param {Pending} pending */
  discard(pending) {
    this.#remove(pending);
    this.#onChange();
  }

  /**
   * A message has come: what was sent is shown as that, once.
   *
   * @param {Channel} channel
   * @param {ChannelMessage} message
   */
  arrived(channel, message) {
    const own = this.pending.find((pending) => isOf(pending, channel.name, message));
    // the answer may come behind the message: until then it stays here
    if (own !== undefined && own.id === undefined) own.id = message.id;
    else if (own !== undefined) this.#remove(own);
  }

  /** @param {Pending} pending */
  #send(pending) {
    pending.refused = undefined;
    this.#client.send(pending.channel, pending.text, { key: pending.key }).then(({ id }) => {
      const channel = this.#channels.get(pending.channel);
      // its message has come before the answer
      if (channel === undefined || !isAfter(id, channel.last)) return this.#remove(pending);
      pending.id = id;
      this.#keep();
    }, (error) => {
      pending.refused = error.message;
      this.#self.askIfNeeded(error);
    }).finally(this.#onChange);
  }

  /** @param {Pending} pending */
  #remove(pending) {
    this.pending = this.pending.filter((one) => one !== pending);
    this.#keep();
  }

  #keep() {
    const text = JSON.stringify(this.pending.filter(({ id }) => id === undefined));
    if (text.length <= MAX_KEPT_LENGTH) sessionStorage.setItem(OUTBOX_KEY, text);
  }
}

/** @returns {Pending[]} What an earlier page of this tab has left. */
function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(OUTBOX_KEY) ?? "[]");
    return kept.map((/** @type {any} */ one) => ({
      ...one,
      time: new Date(one.time),
      refused: undefined,
      id: undefined,
    }));
  } catch {
    return [];
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
