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
 *   | { type: "caught up", channel: string, last: string | undefined }
 *   | { type: "connected" }
 *   | { type: "disconnected", error: Error }} ChannelEvent
 * `missing` of a gap is undefined where nobody knows how many. `caught up`: all that was said before has come.
 */

/** A history's page, the oldest message first. */
/** @typedef {{ messages: ChannelMessage[], missing: number | undefined, hasOlder: boolean, last: string | undefined }} HistoryPage */

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

  #restart() {
    const stream = this.#stream;
    this.#stream = new AbortController();
    stream.abort();
  }

  /**
   * Says something, once, behind what was sent to this channel before. Resolves when the server has it.
   *
   * @param {string} channel
   * @param {string} text
   * @param {{ key?: string, onDelay?: (error: Error) => void, signal?: AbortSignal }} [options] `key`: the same one again says nothing a
   *   second time, also after the page was loaded anew.
   * @returns {Promise<{ id: string, time: Date }>}
   * @throws {RequestError} The server refuses it.
   */
  send(channel, text, { key = newKey(), onDelay, signal } = {}) {
    const sender = this.#name;
    const before = this.#sending.get(channel) ?? Promise.resolve();
    const sent = before.catch(() => {}).then(async () => {
      const { id, time } = await this.#requests.change("POST", pathOf(channel), {
        query: { sender },
        body: text,
        key,
        onDelay,
        signal,
      });
      return { id, time: new Date(time) };
    });
    this.#sending.set(channel, sent);
    const forget = () => {
      if (this.#sending.get(channel) === sent) this.#sending.delete(channel);
    };
    sent.then(forget, forget);
    return sent;
  }

  /**
   * The channels that there are.
   *
   * @returns {Promise<{ name: string, members: number, last: string | undefined }[]>}
   */
  async list() {
    const { channels } = await this.#requests.get("/channel");
    return channels.map((/** @type {any} */ { name, members, last }) => ({
      name,
      members,
      last: last ?? undefined,
    }));
  }

  /**
   * Makes a channel. Returns whether it is new.
   *
   * @param {string} channel
   */
  async create(channel) {
    return (await this.#requests.send("PUT", pathOf(channel))).status === 201;
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
    return {
      messages: page.messages.map(messageOf),
      missing: page.gap === null ? undefined : page.gap,
      hasOlder: page.messages.length >= limit,
      last: page.last ?? undefined,
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
    try {
      const answer = await this.#requests.send("GET", "/events", {
        query: { channel: [...this.#channels.keys()], sender: this.#name },
        headers: { accept: "text/event-stream" },
        signal: silence.signal,
      });
      yield { type: "connected" };
      // what was said before the stream began, or between the last one and this
      for (const channel of [...this.#channels.keys()]) yield* this.#catchUp(channel, silence.signal);
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
   * @returns {AsyncGenerator<ChannelEvent>}
   */
  async *#catchUp(channel, signal) {
    for (let isFirst = true;; isFirst = false) {
      const since = this.#channels.get(channel);
      /** @type {HistoryPage} */
      let page;
      try {
        page = await this.history(channel, since === undefined ? { signal } : { since, signal });
      } catch (error) {
        // nobody has made the channel yet, or it has been removed
        if (!(error instanceof RequestError) || error.status !== 404) throw error;
        page = { messages: [], missing: 0, hasOlder: false, last: undefined };
      }
      const { messages, missing, last } = page;
      if (since !== undefined && isFirst && missing !== 0) yield { type: "gap", channel, missing };
      for (const message of messages) yield* this.#message(channel, message);
      const has = this.#channels.get(channel);
      if (since === undefined || messages.length === 0 || has === last) {
        yield { type: "caught up", channel, last };
        return;
      }
    }
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
