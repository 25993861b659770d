// @ts-check

/**
 * Messages that a program has received over HTTP. Each has a lease of its own, which is extended until the program has
 * finished with it.
 *
 * Invariant: what a program did with a message is repeated until there is one outcome, and nothing more is received before.
 *
 * @module
 */

import { RequestError } from "./request.js";

/** How often a lease is extended within its time. */
const EXTENSIONS = 3;

/**
 * Requests that finish with messages, at a time. A browser has six connections to a server: one may wait for a message, one
 * follows channels, and one extends leases, whatever the others wait for.
 */
const MAX_FINISHING = 3, MAX_EXTENDING = 1;

/** How long a lease is tried to be ended while the server refuses that for the time being. */
const WAIT_MS = 60_000;

/** Attempts at a message before it is a dead letter; the wait after the first that failed, and the longest one. */
const ATTEMPTS = 5, FIRST_RETRY_DELAY_MS = 1000, MAX_RETRY_DELAY_MS = 300_000;

/** The leases of one client. */
export class Leases {
  /** @type {import("./request.js").Requests} */
  requests;
  signal;
  /** @type {Set<Promise<unknown>>} What is being done with messages. */
  #finishing = new Set();
  /** @type {Set<ReceivedMessage>} */
  #open = new Set();
  #finishes = new Turns(MAX_FINISHING);
  #extensions = new Turns(MAX_EXTENDING);

  /**
   * @param {import("./request.js").Requests} requests
   * @param {AbortSignal} signal Gives up what is being done.
   */
  constructor(requests, signal) {
    this.requests = requests;
    this.signal = signal;
  }

  /**
   * @param {any} content A message as the server has sent it.
   * @param {number} leaseMs
   * @param {number} since When it was asked for.
   */
  add(content, leaseMs, since) {
    const message = new ReceivedMessage(this, content, leaseMs, since);
    this.#open.add(message);
    return message;
  }

  /** @param {ReceivedMessage} message Which the program has finished with, or whose lease has ended. */
  remove(message) {
    this.#open.delete(message);
  }

  /**
   * Finishes with a message, a few at a time.
   *
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  finish(act) {
    const finishing = this.#finishes.take(act);
    const settled = finishing.then(() => {}, () => {}).then(() => void this.#finishing.delete(settled));
    this.#finishing.add(settled);
    return finishing;
  }

  /**
   * Extends a lease: behind other extensions alone.
   *
   * @param {() => Promise<void>} act
   */
  extend(act) {
    return this.#extensions.take(act);
  }

  /**
   * Resolves when everything that was done with messages has its outcome, or the signal is aborted.
   *
   * @param {AbortSignal} [signal]
   */
  async settled(signal) {
    if (this.#finishing.size === 0) return;
    const aborted = new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
    while (this.#finishing.size > 0 && !signal?.aborted) {
      await Promise.race([Promise.all(this.#finishing), aborted]);
    }
  }

  /** Extends no lease any more. */
  close() {
    for (const message of this.#open) message.close();
  }
}

/** So many at a time; the others wait for their turn. */
class Turns {
  /** @type {(() => void)[]} */
  #waiting = [];
  #left;

  /** @param {number} max */
  constructor(max) {
    this.#left = max;
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  async take(act) {
    if (this.#left > 0) this.#left--;
    else await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#left++;
      else next();
    }
  }
}

/** A message that is leased to this client until it is acknowledged or released. The lease is extended until then. */
export class ReceivedMessage {
  #leases;
  #path;
  #leaseMs;
  /** Until when the lease runs at least, if the server has not given it up: a time of `performance`. */
  #until;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #extending;
  /** @type {AbortController | undefined} The extension that is on its way, or waits for its turn. */
  #extension;
  /** @type {(() => void) | undefined} Called when the lease turns out to have ended: the message comes again. */
  onLost;

  /**
   * @param {Leases} leases
   * @param {any} content
   * @param {number} leaseMs
   * @param {number} since
   */
  constructor(leases, { id, sender, time, attempt, text, lease }, leaseMs, since) {
    this.#leases = leases;
    this.#path = `/lease/${encodeURIComponent(lease)}`;
    this.#leaseMs = leaseMs;
    this.#until = since + leaseMs;
    this.#extending = setInterval(() => this.#extend(), leaseMs / EXTENSIONS);
    /** @type {number} Its number in the mailbox. */
    this.id = id;
    /** @type {number} How many attempts at it there were, this one included. */
    this.attempt = attempt;
    /** When the server received it, in milliseconds since 1970. */
    this.time = Date.parse(time);
    /** @type {string} `""` in the shared queue. */
    this.sender = sender;
    /** @type {string} */
    this.text = text;
  }

  /** Extends the lease no more. */
  close() {
    clearInterval(this.#extending);
    this.#extending = undefined;
    this.#extension?.abort();
    this.#leases.remove(this);
  }

  async #extend() {
    // one that waits keeps its turn: behind all others again, the last of many would never have theirs
    if (this.#extension !== undefined) return;
    const extension = this.#extension = new AbortController(), { requests, signal } = this.#leases;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    try {
      await this.#leases.extend(async () => {
        if (extension.signal.aborted) return;
        timer = setTimeout(() => extension.abort(), this.#leaseMs / EXTENSIONS);
        const began = performance.now();
        await requests.act("POST", `${this.#path}/extend`, {
          query: { lease: `${this.#leaseMs}ms` },
          signal: AbortSignal.any([signal, extension.signal]),
        });
        this.#until = began + this.#leaseMs;
      });
    } catch (error) {
      // otherwise it is tried again when the next extension is due
      if (isLost(error) && this.#extending !== undefined) {
        this.close();
        this.onLost?.();
      }
    }
    clearTimeout(timer);
    this.#extension = undefined;
    // it has had its time: the next one was due meanwhile
    if (extension.signal.aborted && this.#extending !== undefined) void this.#extend();
  }

  /**
   * Acknowledges it: it is removed. Resolves to whether it was still leased to this client; if not, another client has it
   * or has had it.
   *
   * @returns {Promise<boolean>}
   * @throws {RequestError} The server refuses it.
   * @throws {UnreachableError} There was no answer for the time of `timeout`; it may have been removed.
   */
  ack() {
    return this.#finish("DELETE", this.#path);
  }

  /**
   * Releases it: it comes again at its place in the order, and this was no attempt.
   *
   * @returns {Promise<boolean>} Whether it was still leased to this client.
   */
  release() {
    return this.#finish("POST", `${this.#path}/release`);
  }

  /**
   * Releases it because the attempt failed: it comes again after `delay` milliseconds, while later messages go on; or it is
   * a dead letter, if this was the last of `attempts`. By default it waits 1 s, doubled with each attempt, up to 5 minutes,
   * and there are 5 attempts. The dead letter keeps `reason`, up to 64 bytes without a comma.
   *
   * @param {{ delay?: number, attempts?: number, reason?: string }} [failure]
   * @returns {Promise<boolean>} Whether it was still leased to this client.
   */
  fail({ delay, attempts = ATTEMPTS, reason = "failed" } = {}) {
    delay ??= Math.min(FIRST_RETRY_DELAY_MS * 2 ** (this.attempt - 1), MAX_RETRY_DELAY_MS);
    return this.#finish("POST", `${this.#path}/release`, { delay: `${delay}ms`, attempts, reason });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Record<string, string | number>} [query]
   * @returns {Promise<boolean>}
   */
  #finish(method, path, query = {}) {
    this.close();
    const { requests, signal } = this.#leases;
    let sent = 0;
    return this.#leases.finish(async () => {
      try {
        await requests.repeat(() => {
          sent++;
          return requests.act(method, path, { query, signal });
        }, { wait: WAIT_MS, signal });
        return true;
      } catch (error) {
        if (!isLost(error)) throw error;
        // one whose answer was lost has done it, if the lease can't have ended by itself meanwhile
        return sent > 1 && performance.now() < this.#until;
      }
    });
  }
}

/** @param {unknown} error */
function isLost(error) {
  return error instanceof RequestError && error.code === "lease lost";
}
