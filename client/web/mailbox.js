// @ts-check

/**
 * Sends and receives messages of mailboxes over HTTP: in a browser, or wherever `fetch` is. It is used as the mailbox of
 * `client/mailbox.ts` is, which needs UDP.
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
 * await mailbox.close();
 * ```
 *
 * A server remembers 500,000 messages of one sender a day, to store none twice; beyond that it takes no more for a while, and
 * `send` waits, or fails after its `wait` (http.md 8.3).
 *
 * What it keeps: a message whose sending has resolved is on the server's disk, once, however often it had to be repeated,
 * also over a restart of the server; those for one mailbox are stored in the order of the calls. One that was received
 * comes again unless it is acknowledged.
 *
 * @module
 */

import { Posts } from "./posts.js";
import { Leases } from "./received_message.js";
import { delay as pause, RequestError, Requests, UnreachableError } from "./request.js";

export { RequestError, UnreachableError };

/** The receiver whose messages are for whoever asks first. */
export const SHARED_QUEUE = "";

/** How long a message stays leased, in milliseconds, if nothing else is said; the lease is extended. */
const LEASE_MS = 30_000;

/** How long one request waits for a message; a longer wait is several of them. */
const WAIT_MS = 30_000;

/** How long messages are asked for while the server refuses that for the time being. */
const BUSY_MS = 60_000;

/** How long an answer is on its way at most, from when its messages were leased: more than a network takes. */
const WAY_MS = 5000;

/** Most messages that are leased at a time. */
const MAX_BATCH = 64;

/**
 * @typedef {object} SeenMessage
 * @property {number} id
 * @property {"ready" | "leased" | "delayed"} state
 * @property {number} attempts How often it was given to a receiver that did not acknowledge it.
 * @property {number} time When the server received it, in milliseconds since 1970.
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

/**
 * @typedef {object} SendOptions
 * @property {number} [delay] Milliseconds before it can be received.
 * @property {number} [ttl] Milliseconds after which it expires.
 * @property {number} [wait] Milliseconds to try again while the server has no room for it; for good by default.
 * @property {string} [key] Names the message: sent again with the same key within 24 hours, it is stored once.
 * @property {(error: Error) => void} [onDelay] Called each time when it has to be sent again.
 * @property {AbortSignal} [signal] Gives it up; it may be stored all the same.
 */

/**
 * @typedef {object} ReceiveOptions
 * @property {number} [wait] Milliseconds to wait for each message; no limit by default.
 * @property {number} [count] Most messages; no limit by default.
 * @property {number} [prefetch] Most messages that are leased at a time, 1 to 64: by default 1 for `messages`, 64 for
 *   `batches`.
 * @property {number} [lease] Milliseconds until the lease of a message ends, if this client is gone: 30,000 by default.
 * @property {AbortSignal} [signal] Ends the iteration.
 */

/**
 * Prepares a client. Nothing is sent yet.
 *
 * @param {import("./request.js").ServerOptions} options
 * @returns {Mailbox}
 */
export function connectMailbox(options) {
  return new Mailbox(options);
}

/** A client of mailboxes. */
export class Mailbox {
  #requests;
  #leases;
  /** Ends loops, and then everything else. */
  #stop = new AbortController();
  #end = new AbortController();
  /** @type {Map<string, Promise<void>>} What is being sent, by receiver: in order. */
  #sending = new Map();
  #posts = new Posts();

  /** @param {import("./request.js").ServerOptions} options */
  constructor(options) {
    this.#requests = new Requests(options);
    this.#leases = new Leases(this.#requests, this.#end.signal);
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered() {
    return this.#requests.hasAnswered;
  }

  /**
   * Sends a message, behind what was sent to this receiver before. Resolves when it is on the server's disk.
   *
   * @param {string} receiver Or `SHARED_QUEUE`.
   * @param {string} sender `""` for the shared queue.
   * @param {string} text
   * @param {SendOptions} [options]
   * @returns {Promise<{ id: number, time: number }>} Its number, and when the server received it.
   * @throws {RequestError} The server refuses it, or had no room for it within `wait`.
   * @throws {UnreachableError} There was no answer for the time of `timeout`: it may be stored.
   */
  send(receiver, sender, text, options = {}) {
    return this.#behind(receiver, () => this.#put(receiver, sender, text, options));
  }

  /**
   * Does something behind what is being sent to a receiver.
   *
   * @template T
   * @param {string} receiver
   * @param {() => Promise<T>} act
   */
  #behind(receiver, act) {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    const before = this.#sending.get(receiver);
    const sent = before === undefined ? act() : before.then(act);
    const done = sent.then(() => {}, () => {}).then(() => {
      if (this.#sending.get(receiver) === done) this.#sending.delete(receiver);
    });
    this.#sending.set(receiver, done);
    return sent;
  }

  /**
   * @param {string} receiver
   * @param {string} sender
   * @param {string} text
   * @param {SendOptions} options
   */
  async #put(receiver, sender, text, { delay, ttl, signal, ...options }) {
    this.#end.signal.throwIfAborted();
    signal?.throwIfAborted();
    const { id, time } = await this.#requests.change("POST", pathOf(receiver), {
      ...options,
      signal: signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]),
      query: { sender: sender || undefined, delay: durationOf(delay), ttl: durationOf(ttl) },
      json: { text },
    });
    return { id: /** @type {number} */ (id), time: Date.parse(time) };
  }

  /**
   * Sends a message and calls back when its outcome is known: for programs that send many. Returns whether there is room
   * for more; if not, wait for {@linkcode ready}. Where one fails, those of the same receiver that were posted behind it,
   * before its outcome was known, fail with the same error and are not sent: there is no gap in what is stored.
   *
   * @param {string} receiver
   * @param {string} sender
   * @param {string} text
   * @param {(error?: Error) => void} settle
   * @param {SendOptions} [options]
   * @returns {boolean}
   * @throws {RangeError} Too many have no outcome.
   */
  post(receiver, sender, text, settle, options = {}) {
    const put = () => this.#put(receiver, sender, text, options);
    this.#posts.add(receiver, text.length, (act) => this.#behind(receiver, act), put, settle);
    return this.#posts.hasRoom;
  }

  /**
   * Resolves when there is room for more to post.
   *
   * @returns {Promise<void>}
   */
  ready() {
    return this.#posts.ready();
  }

  /**
   * The messages for `mailbox`, as they come: each is leased to this client, and the lease is extended until the message is
   * acknowledged or released. Ends if none came within `wait`, after `count` of them, or when `signal` is aborted. What
   * was fetched and the loop did not get is released, and counts as no attempt.
   *
   * @param {string} mailbox Or `SHARED_QUEUE`.
   * @param {ReceiveOptions} [options]
   * @returns {AsyncGenerator<import("./received_message.js").ReceivedMessage, void, void>}
   * @throws {RequestError} The server refuses it.
   * @throws {UnreachableError} There was no answer for the time of `timeout`.
   */
  async *messages(mailbox, options = {}) {
    for await (const batch of this.batches(mailbox, { prefetch: 1, ...options })) {
      try {
        for (let next; !options.signal?.aborted && (next = batch.shift()) !== undefined;) yield next;
      } finally {
        await Promise.all(batch.map((message) => message.release())).catch(() => {});
      }
    }
  }

  /**
   * The same messages, those that are there at a time, in their order.
   *
   * @param {string} mailbox Or `SHARED_QUEUE`.
   * @param {ReceiveOptions} [options]
   * @returns {AsyncGenerator<import("./received_message.js").ReceivedMessage[], void, void>}
   */
  async *batches(mailbox, { count = Infinity, prefetch = MAX_BATCH, ...options } = {}) {
    if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > MAX_BATCH) {
      throw new RangeError(`Cannot ask for ${prefetch} messages at a time: 1 to ${MAX_BATCH}`);
    }
    for (let left = count; left > 0;) {
      const batch = await this.#lease(mailbox, Math.min(prefetch, left), options);
      if (batch.length === 0) return;
      left -= batch.length;
      yield batch;
    }
  }

  /**
   * Leases the next message, and waits for one if there is none.
   *
   * @param {string} mailbox Or `SHARED_QUEUE`.
   * @param {ReceiveOptions} [options] Without `wait` it is not waited for.
   * @returns {Promise<import("./received_message.js").ReceivedMessage | undefined>} Undefined if none came.
   */
  async receive(mailbox, { wait = 0, ...options } = {}) {
    return (await this.#lease(mailbox, 1, { ...options, wait }))[0];
  }

  /**
   * Leases messages; none if the wait is over, or `signal` aborted.
   *
   * @param {string} mailbox
   * @param {number} max
   * @param {ReceiveOptions} options
   */
  async #lease(mailbox, max, { wait = Infinity, lease = LEASE_MS, signal }) {
    const until = performance.now() + wait;
    const over = AbortSignal.any(signal === undefined ? [this.#stop.signal] : [signal, this.#stop.signal]);
    /** How long one request may wait. */
    const partMs = () => Math.max(0, Math.min(until - performance.now(), WAIT_MS));
    const ask = async () => {
      // what a restarted server gives out again must not be what is being acknowledged
      await this.#leases.settled(over);
      over.throwIfAborted();
      // whether it answers at all is seen sooner without a wait
      const since = performance.now(), waitMs = this.hasAnswered ? partMs() : 0;
      const answer = await this.#requests.once("POST", `${pathOf(mailbox)}/receive`, {
        query: { lease: durationOf(lease), wait: durationOf(waitMs || undefined), max },
        signal: over,
        waitMs,
      });
      const leasedAt = Math.max(since, performance.now() - WAY_MS);
      return (answer?.messages ?? []).map((/** @type {any} */ one) => this.#leases.add(one, lease, leasedAt));
    };
    for (;;) {
      try {
        const messages = await this.#requests.repeat(ask, { wait: BUSY_MS, signal: over });
        if (messages.length > 0 || partMs() === 0) return messages;
      } catch (error) {
        if (signal?.aborted) return [];
        this.#stop.signal.throwIfAborted();
        throw error;
      }
    }
  }

  /**
   * What a mailbox holds, the oldest message first. Nothing is taken.
   *
   * @param {string} mailbox
   * @returns {AsyncGenerator<SeenMessage, void, void>}
   */
  async *peek(mailbox) {
    for (let after = 0, isMore = true; isMore;) {
      const page = await this.#ask((signal) => this.page(mailbox, { after, signal }));
      yield* page.messages;
      ({ isMore } = page);
      after = page.messages.at(-1)?.id ?? after;
    }
  }

  /**
   * Counts of a mailbox, and some of its messages, the oldest first: those with numbers above `after`. Nothing is taken.
   * It is asked for once: where there is no answer, it fails.
   *
   * @param {string} mailbox
   * @param {{ after?: number, limit?: number, signal?: AbortSignal }} [options]
   * @returns {Promise<MailboxContent>}
   */
  async page(mailbox, { after, limit, signal } = {}) {
    const { more, ...page } = await this.#requests.get(pathOf(mailbox), { query: { after, limit }, signal });
    const messages = page.messages.map((/** @type {any} */ one) => ({ ...one, time: Date.parse(one.time) }));
    return { ...page, messages, isMore: more };
  }

  /**
   * Asks until there is an answer.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} ask
   */
  #ask(ask) {
    const { signal } = this.#end;
    return this.#requests.repeat(() => ask(signal), { wait: BUSY_MS, signal });
  }

  /**
   * Counts of a mailbox.
   *
   * @param {string} mailbox
   * @returns {Promise<Record<"messages" | "ready" | "leased" | "delayed" | "dead", number>>}
   */
  async stat(mailbox) {
    const { ready, leased, delayed, dead } = await this.#ask((signal) =>
      this.page(mailbox, { limit: 1, signal })
    );
    return { messages: ready + leased + delayed, ready, leased, delayed, dead };
  }

  /**
   * What runs at the server, and who is logged in.
   *
   * @returns {Promise<{ version: string, services: Record<string, any>, isLoginRequired: boolean, you: any }>}
   */
  info() {
    return this.#ask((signal) => this.#requests.get("/", { signal }));
  }

  /**
   * Waits until everything has its outcome, up to `limit` milliseconds. Waits for messages end at once, and leases are not
   * extended any more. At the end of its block, `await using` does this by itself.
   *
   * @param {number} [limit]
   */
  async close(limit = 5000) {
    const reason = new Error("The mailbox is closed");
    this.#stop.abort(reason);
    // who does not wait has nothing more begun
    if (limit <= 0) this.#end.abort(reason);
    this.#leases.close();
    const settled = new AbortController();
    const open = Promise.all([...this.#sending.values(), this.#leases.settled()]);
    const late = pause(limit, settled.signal).catch(() => {});
    await Promise.race([open, late]);
    settled.abort();
    this.#end.abort(reason);
    await late;
  }

  /** Closes it. */
  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

/** @param {string} mailbox */
function pathOf(mailbox) {
  return mailbox === SHARED_QUEUE ? "/queue" : `/mailbox/${encodeURIComponent(mailbox)}`;
}

/** @param {number | undefined} ms As the server reads it. */
function durationOf(ms) {
  return ms === undefined ? undefined : `${Math.round(ms)}ms`;
}
