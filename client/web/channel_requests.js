// @ts-check

/**
 * What a server is asked about channels, each in one request or a few: what was said, who is there, and what to say.
 *
 * @module
 */

import { newKey, RequestError, Requests } from "./request.js";

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
 * @typedef {object} HistoryPage
 * @property {ChannelMessage[]} messages The oldest first.
 * @property {number | undefined} missing How many before them the server does not have any more; undefined where nobody knows.
 * @property {boolean} hasOlder
 * @property {string} position Behind the page.
 * @property {string} last Where `position` is the same, there is no more.
 */

/** The last messages, whose pages come in order; `position` is behind them. */
/** @typedef {{ pages: HistoryPage[], position: string, hasOlder: boolean }} LastPages */

/**
 * How something is said.
 *
 * @typedef {object} SayOptions
 * @property {string} [key] The same one again says nothing a second time, for 24 hours.
 * @property {(error: Error) => void} [onDelay] Called each time when it has to be sent again.
 * @property {AbortSignal} [signal] Gives it up; it may be said all the same.
 */

export class ChannelRequests {
  /** @protected */
  requests;

  /** @param {import("./request.js").ServerOptions} server */
  constructor(server) {
    this.requests = new Requests(server);
  }

  /**
   * The channels that there are.
   *
   * @returns {Promise<{ name: string, members: number, last: string }[]>}
   */
  async list() {
    return (await this.requests.get("/channel")).channels;
  }

  /**
   * Makes a channel. Returns whether it is new.
   *
   * @param {string} channel
   */
  async create(channel) {
    return await this.requests.act("PUT", pathOf(channel)) === 201;
  }

  /**
   * Who is in a channel; of many, not everybody is named.
   *
   * @param {string} channel
   * @returns {Promise<{ members: number, names: string[] }>}
   */
  async members(channel) {
    return await this.requests.get(`${pathOf(channel)}/member`);
  }

  /**
   * A page of what was said: the last messages, or those before or behind one.
   *
   * @param {string} channel
   * @param {{ before?: string, since?: string, limit?: number, signal?: AbortSignal }} [place]
   * @returns {Promise<HistoryPage>}
   */
  async history(channel, { before, since, limit = PAGE_MESSAGES, signal } = {}) {
    const page = await this.requests.get(pathOf(channel), { query: { before, since, limit }, signal });
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
   * The last messages, a page of them: one that ends at a gap is gone on with before that.
   *
   * @protected
   * @param {string} channel
   * @param {AbortSignal} signal
   * @returns {Promise<LastPages>}
   */
  async lastPages(channel, signal) {
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
   * Says something, once: it is repeated under the same key until the server has it, also over a restart of it.
   *
   * @protected
   * @param {string} channel
   * @param {string} sender
   * @param {string} text
   * @param {SayOptions} options
   * @returns {Promise<{ id: string }>}
   */
  async say(channel, sender, text, { key = newKey(), onDelay, signal }) {
    const said = () =>
      this.requests.once("POST", pathOf(channel), { query: { sender }, json: { text }, key, signal });
    // one that is not there, because the server was started anew and nobody has taken it up, is made again first
    const inChannel = () =>
      said().catch(async (error) => {
        if (!isNoChannel(error)) throw error;
        await this.create(channel);
        return await said();
      });
    const { id } = await this.requests.repeat(inChannel, { onDelay, signal });
    return { id };
  }
}

/** @param {unknown} error */
export function isNoChannel(error) {
  return error instanceof RequestError && error.code === "no channel";
}

/** @param {string} channel */
function pathOf(channel) {
  return `/channel/${encodeURIComponent(channel)}`;
}

/**
 * @param {any} content
 * @returns {ChannelMessage}
 */
export function messageOf({ id, time, sender, text }) {
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
function partsOf(id) {
  const colon = id.lastIndexOf(":");
  return [id.slice(0, colon), Number(id.slice(colon + 1))];
}
