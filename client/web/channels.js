// @ts-check

/**
 * Talks in the channels of a server over HTTP: in a browser, or wherever `fetch` is.
 *
 * ```js
 * import { connectChannels } from "./client/web/channels.js";
 *
 * const channels = connectChannels({ url: "http://127.0.0.1:21001", name: "ana", channels: ["lab"] });
 * await channels.send("lab", "Is anybody here?");
 * for await (const event of channels) {
 *   if (event.type === "message") console.log(event.message.sender, event.message.text);
 * }
 * ```
 *
 * What it keeps: each message of a channel comes once and in order, also over a break of the connection and a restart of
 * the server; where the server does not have what was missed, a `gap` says so. What is sent is repeated until the server
 * has it, and is said once.
 *
 * @module
 */

import { readEvents } from "./event_stream.js";
import { delay, isTemporary, newKey, RequestError, Requests, UnreachableError } from "./request.js";

export { RequestError, UnreachableError };

/** How long a stream may be silent: the server writes a comment every 15 s. */
const SILENCE_MS = 40_000;

/** How long it waits to connect again: at first, and at most. */
const FIRST_DELAY_MS = 250, MAX_DELAY_MS = 5000;

/** Messages of a history that are asked for at once. */
const PAGE_MESSAGES = 100;

/** Channels of one stream (http.md 9.6); what is said in more of them does not come. */
export const MAX_CHANNELS = 32;

/**
 * @typedef {object} ChannelMessage
 * @property {string} id `HISTORY:NUMBER`. Within a history, numbers ascend.
 * @property {Date} time
 * @property {string} sender
 * @property {string} text
 */

/**
 * @typedef {{ type: "message", channel: string, message: ChannelMessage }
 *   | { type: "gap", channel: string, missing: number | undefined }
 *   | { type: "joined" | "left", channel: string, name: string, members: number }
 *   | { type: "caught up", channel: string, last: string, hasOlder: boolean }
 *   | { type: "connected" }
 *   | { type: "disconnected", error: Error }} ChannelEvent
 * `missing` of a gap is undefined where nobody knows how many. `caught up`: all that was said before has come.
 */

/** A history's page, the oldest message first. */
/** @typedef {{ messages: ChannelMessage[], missing: number | undefined, hasOlder: boolean, position: string, last: string }} HistoryPage `position` is behind the page; where it is `last`, there is
 * no more. */

/** The last messages, whose pages come in order; `position` is behind them. */
/** @typedef {{ pages: HistoryPage[], position: string, hasOlder: boolean }} LastPages */

/**
 * @typedef {object} ChannelsOptions
 * @property {string} name The name that others see.
 * @property {readonly string[]} [channels] Those whose messages come.
 * @property {Record<string, string>} [positions] IDs of the messages that one has already, by channel: what was said since
 *   then comes first.
 */

/**
 * @param {import("./request.js").ServerOptions & ChannelsOptions} options
 * @returns {Channels}
 */
export function connectChannels(options) {
  return new Channels(options);
}

/** A client of channels. Nothing is connected until its events are read. */
export class Channels {
  #requests;
  /** @type {Map<string, string | undefined>} The ID of the last message of each channel that was handed out. */
  #channels = new Map();
  #name;
  /** Ends the stream that is open, to begin another one. */
  #stream = new AbortController();
  #closed = new AbortController();
  /** @type {Set<string>} IDs of what was sent, of the last lines. */
  #own = new Set();
  /** @type {Map<string, Promise<unknown>>} What is being sent, by channel: in order. */
  #sending = new Map();

  /** @param {import("./request.js").ServerOptions & ChannelsOptions} options */
  constructor({ name, channels = [], positions = {}, ...server }) {
    this.#requests = new Requests(server);
    this.#name = name;
    for (const channel of channels) this.#channels.set(channel, positions[channel]);
  }

  /** The name that others see. A new one is used from the next message on. */
  get name() {
    return this.#name;
  }

  set name(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#restart();
  }

  /**
   * Has the messages of one more channel come.
   *
   * @param {string} channel
   * @param {string} [position] The ID of the last message that one has.
   */
  join(channel, position) {
    if (this.#channels.has(channel)) return;
    this.#channels.set(channel, position);
    this.#restart();
  }

  /** @param {string} channel */
  leave(channel) {
    if (this.#channels.delete(channel)) this.#restart();
  }

  /** Ends the reading of events. What is being sent is sent. */
  close() {
    this.#closed.abort();
    this.#restart();
  }

  /** Closes it at the end of its block, behind what is being sent. */
  async [Symbol.asyncDispose]() {
    await Promise.allSettled(this.#sending.values());
    this.close();
  }

  #restart() {
    const stream = this.#stream;
    this.#stream = new AbortController();
    stream.abort();
  }

  /**
   * Says something, once, behind what was sent to this channel before: each line is a message. Resolves when the server has
   * it on disk, with the ID of the last of them.
   *
   * @param {string} channel
   * @param {string} text
   * @param {{ key?: string, since?: string | undefined, onDelay?: (error: Error) => void, signal?: AbortSignal }} [options] `key`: the same one again says
   *   nothing a second time. `since`: the ID of the last message before it was sent for the first time, by an earlier
   *   page: behind that, it may have been said.
   * @returns {Promise<{ id: string }>}
   * @throws {RequestError} The server refuses it.
   */
  send(channel, text, options = {}) {
    const sender = this.#name;
    const before = this.#sending.get(channel) ?? Promise.resolve();
    const sent = before.catch(() => {}).then(() => this.#say(channel, sender, text, options));
    this.#sending.set(channel, sent);
    const forget = () => {
      if (this.#sending.get(channel) === sent) this.#sending.delete(channel);
    };
    sent.then(forget, forget);
    return sent;
  }

  /**
   * @param {string} channel
   * @param {string} sender
   * @param {string} text
   * @param {{ key?: string, since?: string | undefined, onDelay?: (error: Error) => void, signal?: AbortSignal }} options
   * @returns {Promise<{ id: string }>}
   */
  async #say(channel, sender, text, { key = newKey(), since, onDelay, signal }) {
    const lines = text.replace(/\n$/, "").split("\n");
    // keys end with the server, and what is on its disk does not (http.md 9.5)
    let mayBeSaid = since !== undefined;
    since ??= this.#channels.get(channel);
    for (let delayMs = FIRST_DELAY_MS;; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      try {
        const id = mayBeSaid && since !== undefined && await this.#find(channel, sender, lines, since);
        if (typeof id === "string") return this.#said(id);
        const said = await this.#inChannels(
          [channel],
          () =>
            this.#requests.once("POST", pathOf(channel), { query: { sender }, json: { text }, key, signal }),
        );
        return this.#said(said.id);
      } catch (error) {
        if (!isTemporary(error)) throw error;
        mayBeSaid = true;
        onDelay?.(error);
        await delay(error instanceof RequestError ? error.retryAfterMs ?? delayMs : delayMs, signal);
      }
    }
  }

  /** @param {string} id Of what was sent here: nothing else is taken for it. */
  #said(id) {
    this.#own.add(id);
    return { id };
  }

  /**
   * Whether these lines were said behind a message, and not by an earlier `send`. Returns the ID of the last one.
   *
   * @param {string} channel
   * @param {string} sender
   * @param {readonly string[]} lines
   * @param {string} since
   * @returns {Promise<string | undefined>}
   */
  async #find(channel, sender, lines, since) {
    let found = 0;
    for (let place = since;;) {
      const { messages, position, last } = await this.history(channel, { since: place });
      for (const message of messages) {
        const isNext = message.sender === sender && message.text.trimEnd() === lines[found]?.trimEnd();
        found = isNext && !this.#own.has(message.id) ? found + 1 : 0;
        if (found === lines.length) return message.id;
      }
      if (position === last) return undefined;
      place = position;
    }
  }

  /**
   * The channels that there are.
   *
   * @returns {Promise<{ name: string, members: number, last: string }[]>}
   */
  async list() {
    return (await this.#requests.get("/channel")).channels;
  }

  /**
   * Does something that needs channels. If one is not there, because the server was started anew and nobody has taken it
   * up, it is made again first.
   *
   * @template T
   * @param {readonly string[]} channels
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  async #inChannels(channels, act) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "no channel") throw error;
      for (const channel of channels) await this.create(channel);
      return await act();
    }
  }

  /**
   * Makes a channel. Returns whether it is new.
   *
   * @param {string} channel
   */
  async create(channel) {
    return await this.#requests.act("PUT", pathOf(channel)) === 201;
  }

  /**
   * Who is in a channel; of many, not everybody is named.
   *
   * @param {string} channel
   * @returns {Promise<{ members: number, names: string[] }>}
   */
  async members(channel) {
    return await this.#requests.get(`${pathOf(channel)}/member`);
  }

  /**
   * A page of what was said: the last messages, or those before or behind one.
   *
   * @param {string} channel
   * @param {{ before?: string, since?: string, limit?: number, signal?: AbortSignal }} [place]
   * @returns {Promise<HistoryPage>}
   */
  async history(channel, { before, since, limit = PAGE_MESSAGES, signal } = {}) {
    const page = await this.#requests.get(pathOf(channel), { query: { before, since, limit }, signal });
    const messages = page.messages.map(messageOf);
    return {
      messages,
      missing: page.gap === null ? undefined : page.gap,
      hasOlder: messages.length > 0 && (page.gap !== 0 || partsOf(messages[0].id)[1] > 1),
      position: page.position,
      last: page.last,
    };
  }

  /**
   * The events of the channels, until it is closed. It connects again by itself. Only one may read them.
   *
   * @returns {AsyncGenerator<ChannelEvent>}
   * @throws {RequestError} The server refuses it for good: a name that needs a log-in.
   */
  async *[Symbol.asyncIterator]() {
    let delayMs = FIRST_DELAY_MS;
    while (!this.#closed.signal.aborted) {
      const stream = this.#stream;
      try {
        for await (const event of this.#connection(stream)) {
          if (event.type === "connected") delayMs = FIRST_DELAY_MS;
          yield event;
        }
      } catch (error) {
        // other channels, another name, or the end: nothing is wrong
        if (stream.signal.aborted && stream !== this.#stream) continue;
        if (!isTemporary(error)) throw error;
        yield { type: "disconnected", error };
        await delay(delayMs, this.#stream.signal).catch(() => {});
        delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
      }
    }
  }

  /**
   * The events of one connection, until it breaks.
   *
   * @param {AbortController} stream
   * @returns {AsyncGenerator<ChannelEvent>}
   */
  async *#connection(stream) {
    const silence = new AbortController();
    const { signal } = stream;
    const end = () => silence.abort(signal.reason);
    signal.addEventListener("abort", end);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const followed = [...this.#channels.keys()].slice(0, MAX_CHANNELS);
    try {
      const opening = this.#inChannels(
        [...this.#channels.keys()],
        () =>
          this.#requests.send("GET", "/events", {
            query: { channel: followed, sender: this.#name },
            headers: { accept: "text/event-stream" },
            signal: silence.signal,
          }),
      );
      // it is awaited below
      const opened = opening.then(() => undefined, () => undefined);
      // asked for at the same time, and shown as soon as they are there; in what goes wrong they are asked for again
      const begun = new Map(
        followed.filter((channel) => this.#channels.get(channel) === undefined)
          .map((channel) => [channel, this.#lastPages(channel, silence.signal).catch(() => undefined)]),
      );
      for (const [channel, pages] of begun) {
        const last = await Promise.race([pages, opened]);
        if (last !== undefined) yield* this.#show(channel, last);
      }
      const answer = await opening;
      yield { type: "connected" };
      // what was said before the stream began, or between the last one and this
      for (const channel of followed) yield* this.#catchUp(channel, silence.signal, begun.get(channel));
      for await (const event of readEvents(/** @type {ReadableStream<Uint8Array>} */ (answer.body))) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        if (event !== undefined) yield* this.#take(event);
      }
      throw new UnreachableError("The server has closed the connection");
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof RequestError || error instanceof UnreachableError) throw error;
      throw new UnreachableError("The connection to the server broke", { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      silence.abort();
    }
  }

  /**
   * @param {string} channel
   * @param {AbortSignal} signal
   * @param {Promise<LastPages | undefined> | undefined} begun The last messages of before the stream, where there were none.
   * @returns {AsyncGenerator<ChannelEvent>}
   */
  async *#catchUp(channel, signal, begun) {
    let first = await begun;
    if (this.#channels.has(channel) && this.#channels.get(channel) === undefined) {
      first ??= await this.#lastPages(channel, signal);
      yield* this.#show(channel, first);
    }
    for (;;) {
      const since = this.#channels.get(channel);
      // it was left meanwhile
      if (since === undefined) return;
      const { messages, missing, position, last, hasOlder } = await this.history(channel, { since, signal });
      if (missing !== 0) yield { type: "gap", channel, missing };
      for (const message of messages) yield* this.#message(channel, message);
      if (this.#channels.has(channel)) this.#channels.set(channel, position);
      if (position === last || !this.#channels.has(channel)) {
        yield { type: "caught up", channel, last, hasOlder: first?.hasOlder ?? hasOlder };
        return;
      }
    }
  }

  /**
   * The last messages, a page of them: one that ends at a gap is gone on with before that.
   *
   * @param {string} channel
   * @param {AbortSignal} signal
   * @returns {Promise<LastPages>}
   */
  async #lastPages(channel, signal) {
    const newest = await this.history(channel, { signal }), { position } = newest;
    const pages = [newest];
    let oldest = newest, left = PAGE_MESSAGES - newest.messages.length;
    while (oldest.missing !== 0 && left > 0) {
      const [first] = oldest.messages;
      if (first === undefined) break;
      oldest = await this.history(channel, { before: first.id, limit: left, signal });
      pages.unshift(oldest);
      left -= oldest.messages.length;
    }
    return { pages, position, hasOlder: oldest.hasOlder };
  }

  /**
   * @param {string} channel
   * @param {LastPages} last
   * @returns {Generator<ChannelEvent>}
   */
  *#show(channel, { pages, position }) {
    for (const [i, { messages, missing }] of pages.entries()) {
      if (i > 0 && missing !== 0) yield { type: "gap", channel, missing };
      for (const message of messages) yield* this.#message(channel, message);
    }
    if (this.#channels.has(channel)) this.#channels.set(channel, position);
  }

  /**
   * @param {string} channel
   * @param {ChannelMessage} message
   * @returns {Generator<ChannelEvent>}
   */
  *#message(channel, message) {
    if (!this.#channels.has(channel) || !isAfter(message.id, this.#channels.get(channel))) return;
    this.#channels.set(channel, message.id);
    yield { type: "message", channel, message };
  }

  /**
   * @param {import("./event_stream.js").ServerEvent} event
   * @returns {Generator<ChannelEvent>}
   */
  *#take({ type, data }) {
    const content = JSON.parse(data);
    const { channel } = content;
    if (type === "message") yield* this.#message(channel, messageOf(content));
    else if (type === "gap") yield { type, channel, missing: content.missing ?? undefined };
    else if (type === "joined" || type === "left") {
      yield { type, channel, name: content.name, members: content.members };
    }
  }
}

/** @param {string} channel */
function pathOf(channel) {
  return `/channel/${encodeURIComponent(channel)}`;
}

/**
 * @param {any} content
 * @returns {ChannelMessage}
 */
function messageOf({ id, time, sender, text }) {
  return { id, time: new Date(time), sender, text };
}

/**
 * Whether a message comes behind the one with the ID `last`. Where another history has begun, it does.
 *
 * @param {string} id
 * @param {string | undefined} last
 */
export function isAfter(id, last) {
  if (last === undefined) return true;
  const [history, number] = partsOf(id), [lastHistory, lastNumber] = partsOf(last);
  return history !== lastHistory || number > lastNumber;
}

/**
 * @param {string} id
 * @returns {[history: string, number: number]}
 */
export function partsOf(id) {
  const colon = id.lastIndexOf(":");
  return [id.slice(0, colon), Number(id.slice(colon + 1))];
}
