// @ts-check

/**
 * Reads and writes the threads of a forum over HTTP, and their files: in a browser, or wherever `fetch` is.
 *
 * @module
 */

import { delay, isTemporary, RequestError, Requests, UnreachableError } from "./request.js";

export { RequestError, UnreachableError };

/** Bytes of a file that are sent in one request: what is lost at most when the connection breaks. */
const PART_BYTES = 4 * 1024 * 1024;

/** How long an upload waits to go on: at first, and at most. */
const FIRST_DELAY_MS = 250, MAX_DELAY_MS = 5000;

/**
 * @typedef {object} Thread
 * @property {number} id
 * @property {string} title
 * @property {string} creator
 * @property {number} entries Messages and files.
 */

/**
 * @typedef {object} ThreadMessage
 * @property {"message"} kind
 * @property {number} id It stays; the number does not.
 * @property {number} number Its rank in the thread, from 1.
 * @property {string} author
 * @property {Date} time
 * @property {number} version How often it was edited.
 * @property {string} text
 */

/**
 * @typedef {object} ThreadFile
 * @property {"file"} kind
 * @property {number} id
 * @property {string} author
 * @property {Date} time
 * @property {string} name
 * @property {number} size In bytes.
 */

/** @typedef {ThreadMessage | ThreadFile} ThreadEntry */

/**
 * @typedef {object} ChangeOptions
 * @property {string} [key] The same one again, within 24 hours, changes nothing more.
 * @property {AbortSignal} [signal] Gives it up; it may have been done.
 */

/** @param {import("./request.js").ServerOptions} options */
export function connectForum(options) {
  return new Forum(options);
}

/** A client of the forum. */
export class Forum {
  #requests;

  /** @param {import("./request.js").ServerOptions} options */
  constructor(options) {
    this.#requests = new Requests(options);
  }

  /**
   * All threads, in the order in which they were created.
   *
   * @param {AbortSignal} [signal]
   * @returns {Promise<Thread[]>}
   */
  async threads(signal) {
    return await this.#pages("/thread", "threads", signal);
  }

  /**
   * What is in a thread, the oldest entry first.
   *
   * @param {string} title
   * @param {AbortSignal} [signal]
   * @returns {Promise<ThreadEntry[]>}
   */
  async read(title, signal) {
    const entries = await this.#pages(pathOf(title), "entries", signal);
    return entries.map((entry) => ({ ...entry, time: new Date(entry.time) }));
  }

  /**
   * The rows of all pages of a list.
   *
   * @param {string} path
   * @param {string} rows
   * @param {AbortSignal | undefined} signal
   */
  async #pages(path, rows, signal) {
    /** @type {any[]} */
    const all = [];
    for (;;) {
      const page = await this.#requests.get(path, { query: { after: all.at(-1)?.id }, signal });
      all.push(...page[rows]);
      if (!page.more || page[rows].length === 0) return all;
    }
  }

  /**
   * @param {string} title
   * @param {ChangeOptions} [options]
   */
  async create(title, options) {
    await this.#change("POST", "/thread", { json: { title } }, options);
  }

  /**
   * @param {string} title
   * @param {ChangeOptions} [options]
   */
  async remove(title, options) {
    await this.#change("DELETE", pathOf(title), {}, options);
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {ChangeOptions} [options]
   */
  async post(title, text, options) {
    await this.#change("POST", pathOf(title), { json: { text } }, options);
  }

  /**
   * @param {string} title
   * @param {Pick<ThreadMessage, "id" | "number">} message
   * @param {string} text
   * @param {ChangeOptions} [options]
   */
  async edit(title, { id, number }, text, options) {
    await this.#change("PUT", pathOf(title, number), { query: { id }, json: { text } }, options);
  }

  /**
   * @param {string} title
   * @param {Pick<ThreadMessage, "id" | "number">} message
   * @param {ChangeOptions} [options]
   */
  async delete(title, { id, number }, options) {
    await this.#change("DELETE", pathOf(title, number), { query: { id } }, options);
  }

  /**
   * Has something changed, once: while there is no answer it is asked for again, under the same key (http.md 10.9). What
   * the server refuses is not, also if it is for the time being: somebody waits for it.
   *
   * @param {string} method
   * @param {string} path
   * @param {import("./request.js").RequestOptions} request
   * @param {ChangeOptions} [options]
   */
  async #change(method, path, request, options) {
    await this.#requests.change(method, path, { ...request, wait: 0, ...options });
  }

  /**
   * Uploads a file in parts. When the connection breaks it goes on where it ended.
   *
   * @param {string} title
   * @param {string} name
   * @param {Blob} content
   * @param {{ goesOn?: boolean, onProgress?: (bytes: number) => void, onDelay?: (error: Error) => void, signal?: AbortSignal }} [options]
   *   `goesOn`: an earlier call was given up, and the server has the beginning.
   * @throws {RequestError} The server refuses it.
   */
  async upload(title, name, content, { goesOn = false, onProgress, onDelay, signal } = {}) {
    const path = pathOf(title, "file", name), { size } = content;
    let isKnown = !goesOn, received = 0, delayMs = FIRST_DELAY_MS;
    for (;;) {
      try {
        if (!isKnown) received = await this.#put(path, `bytes */${size}`, undefined, signal);
        isKnown = true;
        onProgress?.(received);
        const end = Math.min(size, received + PART_BYTES);
        const range = size === 0 ? undefined : `bytes ${received}-${end - 1}/${size}`;
        received = await this.#put(path, range, content.slice(received, end), signal);
        delayMs = FIRST_DELAY_MS;
        if (received < size) continue;
        onProgress?.(size);
        return;
      } catch (error) {
        const isElsewhere = error instanceof RequestError && error.code === "wrong offset";
        if (!isElsewhere && !isTemporary(error)) throw error;
        onDelay?.(/** @type {Error} */ (error));
        isKnown = false;
        await delay(delayMs, signal);
        delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
      }
    }
  }

  /**
   * @param {string} path
   * @param {string | undefined} range
   * @param {Blob | undefined} body
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<number>} How much the server has.
   */
  async #put(path, range, body, signal) {
    const answer = await this.#requests.send("PUT", path, {
      headers: {
        ...body === undefined ? {} : { "content-type": "application/octet-stream" },
        ...range === undefined ? {} : { "content-range": range },
      },
      ...body === undefined ? {} : { body },
      signal,
    });
    return (await answer.json()).received;
  }
}

/**
 * @param {string} title
 * @param {...(string | number)} rest
 */
function pathOf(title, ...rest) {
  return ["/thread", title, ...rest].map((part, i) => i === 0 ? part : encodeURIComponent(part)).join("/");
}

/**
 * Where a file can be downloaded.
 *
 * @param {string} title
 * @param {string} file
 */
export function filePath(title, file) {
  return pathOf(title, "file", file);
}
