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

import { ChannelRequests, isAfter, isNoChannel, messageOf } from "./channel_requests.js";
import { readEvents } from "./event_stream.js";
import { delay, isTemporary, RequestError, UnreachableError } from "./request.js";

export { isAfter, RequestError, UnreachableError };

/** How long a stream may be silent: the server writes a comment every 15 s. */
const SILENCE_MS = 40_000;

/** How long it waits to connect again: at first, and at most. */
const FIRST_DELAY_MS = 250, MAX_DELAY_MS = 5000;

/** Channels of one stream (http.md 9.6); what is said in more of them does not come. */
export const MAX_CHANNELS = 32;

/** @typedef {import("./channel_requests.js").ChannelMessage} ChannelMessage */
/** @typedef {import("./channel_requests.js").LastPages} LastPages */

/**
 * @typedef {{ type: "message", channel: string, message: ChannelMessage }
 *   | { type: "gap", channel: string, missing: number | undefined }
 *   | { type: "joined" | "left", channel: string, name: string, members: number }
 *   | { type: "caught up", channel: string, last: string, hasOlder: boolean }
 *   | { type: "refused", channel: string, error: RequestError }
 *   | { type: "connected" }
 *   | { type: "disconnected", error: Error }} ChannelEvent
 * `missing` of a gap is undefined where nobody knows how many. `caught up`: all that was said before has come. `refused`: there is no
 * such channel, and the server does not let it be made; it is not followed any more.
 */

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
export class Channels extends ChannelRequests {
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
    super(server);
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
   * @param {import("./channel_requests.js").SayOptions} [options]
   * @returns {Promise<{ id: string }>}
   * @throws {RequestError} The server refuses it.
   */
  send(channel, text, options = {}) {
    const sender = this.#name;
    const before = this.#sending.get(channel) ?? Promise.resolve();
    const sent = before.catch(() => {}).then(() => this.say(channel, sender, text, options));
    this.#sending.set(channel, sent);
    const forget = () => {
      if (this.#sending.get(channel) === sent) this.#sending.delete(channel);
    };
    sent.then(forget, forget);
    return sent;
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
        if (error instanceof RefusedChannel) {
          this.#channels.delete(error.channel);
          yield { type: "refused", channel: error.channel, error: error.refusal };
          continue;
        }
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
      const opening = this.#open(followed, silence.signal);
      // it is awaited below
      const opened = opening.then(() => undefined, () => undefined);
      // asked for at the same time, and shown as soon as they are there; in what goes wrong they are asked for again
      const begun = new Map(
        followed.filter((channel) => this.#channels.get(channel) === undefined)
          .map((channel) => [channel, this.lastPages(channel, silence.signal).catch(() => undefined)]),
      );
      for (const [channel, pages] of begun) {
        const last = await Promise.race([pages, opened]);
        if (last !== undefined) yield* this.#show(channel, last);
      }
      const answer = await opening;
      yield { type: "connected" };
      // what was said before the stream began, or between the last one and this: the history is asked, not the stream by a
      // Last-Event-ID, because it comes in pages, and what the stream has brought meanwhile comes once all the same
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
      if (error instanceof RefusedChannel) throw error;
      throw new UnreachableError("The connection to the server broke", { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      silence.abort();
    }
  }

  /**
   * Opens the stream of these channels. Those that are not there, because the server was started anew and nobody has taken
   * them up, are made again first.
   *
   * @param {readonly string[]} channels
   * @param {AbortSignal} signal
   * @throws {RefusedChannel} One of them can't be made.
   */
  async #open(channels, signal) {
    const open = () =>
      this.requests.send("GET", "/events", {
        query: { channel: channels, sender: this.#name },
        headers: { accept: "text/event-stream" },
        signal,
      });
    try {
      return await open();
    } catch (error) {
      if (!isNoChannel(error)) throw error;
    }
    for (const channel of channels) {
      await this.create(channel).catch((error) => {
        throw error instanceof RequestError && !isTemporary(error)
          ? new RefusedChannel(channel, error)
          : error;
      });
    }
    return await open();
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
      first ??= await this.lastPages(channel, signal);
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

/** A channel is not there, and can't be made. */
class RefusedChannel extends Error {
  /**
   * @param {string} channel
   * @param {RequestError} refusal
   */
  constructor(channel, refusal) {
    super(refusal.message);
    this.channel = channel;
    this.refusal = refusal;
  }
}
