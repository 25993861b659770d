// @ts-check

/**
 * Sends and receives messages of mailboxes over HTTP: in a browser, or wherever `fetch` is.
 *
 * ```js
 * import { connectMailbox } from "./client/web/mailbox.js";
 *
 * const mailbox = connectMailbox({ url: "http://127.0.0.1:21001" });
 * await mailbox.send("bob", "alice", "How are you?");
 * for await (const message of mailbox.messages("bob", { wait: 1000 })) {
 *   console.log(message.sender, message.text); // alice How are you?
 *   await message.ack();
 * }
 * ```
 *
 * What it keeps: a message whose sending has resolved is on the server's disk, once, however often it had to be repeated.
 * One that was received comes again unless it is acknowledged.
 *
 * @module
 */

import { RequestError, Requests, UnreachableError } from "./request.js";

export { RequestError, UnreachableError };

/** How long a message stays leased, in milliseconds, if nothing else is said. */
const LEASE_MS = 30_000;

/** How long one request waits for a message; a longer wait is several of them. */
const WAIT_MS = 30_000;

/** Longest time for an answer beyond what it waits for. */
const ANSWER_MS = 10_000;

/**
 * @typedef {object} SeenMessage
 * @property {number} id
 * @property {"ready" | "leased" | "delayed"} state
 * @property {number} attempts How often it was given to a receiver that did not acknowledge it.
 * @property {Date} time When the server received it.
 * @property {string} sender
 * @property {number} bytes Of the whole text.
 * @property {string} text Its beginning.
 */

/**
 * @typedef {object} MailboxContent
 * @property {number} ready How many can be received.
 * @property {number} leased
 * @property {number} delayed
 * @property {number} dead Dead letters.
 * @property {SeenMessage[]} messages
 * @property {boolean} isMore Whether there are messages behind these.
 */

/** @param {import("./request.js").ServerOptions} options */
export function connectMailbox(options) {
  return new Mailbox(options);
}

/** A client of mailboxes. */
export class Mailbox {
  #requests;

  /** @param {import("./request.js").ServerOptions} options */
  constructor(options) {
    this.#requests = new Requests(options);
  }

  /**
   * Sends a message. Resolves when it is on the server's disk.
   *
   * @param {string} receiver
   * @param {string} sender
   * @param {string} text
   * @param {{ delay?: number, ttl?: number, key?: string, onDelay?: (error: Error) => void, signal?: AbortSignal }} [options] `delay`:
   *   after how long it can be received; `ttl`: after how long it expires; both in milliseconds.
   * @returns {Promise<{ id: number, time: Date }>}
   * @throws {RequestError} The server refuses it.
   */
  async send(receiver, sender, text, { delay, ttl, ...options } = {}) {
    const { id, time } = await this.#requests.change("POST", pathOf(receiver), {
      ...options,
      query: { sender, delay: durationOf(delay), ttl: durationOf(ttl) },
      json: { text },
    });
    return { id, time: new Date(time) };
  }

  /**
   * What is in a mailbox, the oldest message first. Nothing is taken.
   *
   * @param {string} mailbox
   * @param {{ after?: number, limit?: number, signal?: AbortSignal }} [page]
   * @returns {Promise<MailboxContent>}
   */
  async peek(mailbox, { after, limit, signal } = {}) {
    const { more, ...page } = await this.#requests.get(pathOf(mailbox), { query: { after, limit }, signal });
    const messages = page.messages.map((/** @type {any} */ message) => ({
      ...message,
      time: new Date(message.time),
    }));
    return { ...page, messages, isMore: more };
  }

  /**
   * Leases the next message, and waits for one if there is none.
   *
   * @param {string} mailbox
   * @param {{ wait?: number, lease?: number, signal?: AbortSignal }} [options] In milliseconds.
   * @returns {Promise<ReceivedMessage | undefined>} Undefined if none came.
   */
  async receive(mailbox, { wait = 0, lease = LEASE_MS, signal } = {}) {
    for (let left = wait;; left -= WAIT_MS) {
      const part = Math.max(0, Math.min(left, WAIT_MS));
      const late = AbortSignal.timeout(part + ANSWER_MS);
      const answer = await this.#requests.send("POST", `${pathOf(mailbox)}/receive`, {
        query: { lease: durationOf(lease), wait: durationOf(part || undefined), max: 1 },
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      });
      if (answer.status !== 204) {
        const { messages: [message] } = await answer.json();
        if (message !== undefined) return new ReceivedMessage(this.#requests, message);
      }
      if (left <= WAIT_MS) return undefined;
    }
  }

  /**
   * The messages of a mailbox, one after the other, until none has come for the time of `wait`; for good without one.
   *
   * @param {string} mailbox
   * @param {{ wait?: number, lease?: number, signal?: AbortSignal }} [options] In milliseconds.
   * @returns {AsyncGenerator<ReceivedMessage>}
   */
  async *messages(mailbox, { wait = Infinity, ...options } = {}) {
    for (;;) {
      const message = await this.receive(mailbox, { ...options, wait });
      if (message === undefined) return;
      yield message;
    }
  }
}

/** A message that one has for the time of its lease. */
export class ReceivedMessage {
  #requests;
  #lease;

  /**
   * @param {Requests} requests
   * @param {any} content
   */
  constructor(requests, { id, sender, time, attempt, text, lease }) {
    this.#requests = requests;
    this.#lease = `/lease/${encodeURIComponent(lease)}`;
    /** @type {number} */
    this.id = id;
    /** @type {string} */
    this.sender = sender;
    this.time = new Date(time);
    /** @type {number} From 1. */
    this.attempt = attempt;
    /** @type {string} */
    this.text = text;
  }

  /**
   * Acknowledges it: the server removes it.
   *
   * @throws {RequestError} The lease has ended: it comes again, or has come to somebody else.
   */
  async ack() {
    await this.#requests.change("DELETE", this.#lease);
  }

  /**
   * Has the lease end so long from now.
   *
   * @param {number} ms
   */
  async extend(ms) {
    await this.#requests.act("POST", `${this.#lease}/extend`, { query: { lease: durationOf(ms) } });
  }

  /**
   * Gives it back: it is the next one again.
   *
   * @param {{ delay?: number }} [options] `delay`: it can be received so many milliseconds later.
   */
  async release({ delay } = {}) {
    await this.#requests.act("POST", `${this.#lease}/release`, { query: { delay: durationOf(delay) } });
  }
}

/** @param {string} mailbox */
function pathOf(mailbox) {
  return `/mailbox/${encodeURIComponent(mailbox)}`;
}

/** @param {number | undefined} ms As the server reads it. */
function durationOf(ms) {
  return ms === undefined ? undefined : `${Math.round(ms)}ms`;
}
