/**
 * Reads and writes the threads of a forum over HTTP, and their files: in a browser, or wherever `fetch` is.
 *
 * @module
 */

import { RequestError, Requests, UnreachableError } from "./request.js";

export { RequestError, UnreachableError };

/**
 * @typedef {object} Thread
 * @property {string} title
 * @property {number} id
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
   * @param {AbortSignal} [signal]
   * @returns {Promise<Thread[]>}
   */
  async threads(signal) {
    return (await this.#requests.get("/thread", { signal })).threads;
  }

  /**
   * What is in a thread, the oldest entry first.
   *
   * @param {string} title
   * @param {AbortSignal} [signal]
   * @returns {Promise<ThreadEntry[]>}
   */
  async read(title, signal) {
    const { entries } = await this.#requests.get(pathOf(title), { signal });
    return entries.map((/** @type {any} */ entry) => ({ ...entry, time: new Date(entry.time) }));
  }

  /** @param {string} title */
  async create(title) {
    await this.#requests.change("POST", "/thread", { json: { title } });
  }

  /** @param {string} title */
  async remove(title) {
    await this.#requests.change("DELETE", pathOf(title));
  }

  /**
   * @param {string} title
   * @param {string} text
   */
  async post(title, text) {
    await this.#requests.change("POST", pathOf(title), { body: text });
  }

  /**
   * @param {string} title
   * @param {number} number
   * @param {string} text
   */
  async edit(title, number, text) {
    await this.#requests.change("PUT", pathOf(title, number), { body: text });
  }

  /**
   * @param {string} title
   * @param {number} number
   */
  async delete(title, number) {
    await this.#requests.change("DELETE", pathOf(title, number));
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
