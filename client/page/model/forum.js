// @ts-check

/**
 * The threads that the page shows, and the files that are on their way.
 *
 * @module
 */

import { connectForum } from "../../web/forum.js";
import { Observable } from "./observable.js";
import { Uploads } from "./uploads.js";

const RECENT_KEY = "wirepost.threads";

/** Threads that stand among the places. */
const MAX_RECENT = 6;

/** @typedef {import("../../web/forum.js").ThreadEntry} ThreadEntry */

export class ForumModel extends Observable {
  /** @type {import("../../web/forum.js").Thread[] | undefined} */
  threads;
  /** @type {Map<string, ThreadEntry[]>} */
  entries = new Map();
  /** @type {string[]} Those that were read last. */
  recent = readNames();
  /** Why something that one has changed is not at the server yet. */
  late = "";
  client = connectForum({ url: location.origin, onDelay: ({ message }) => this.#setLate(message) });
  uploads = new Uploads(this.client);

  /** @param {AbortSignal} [signal] */
  async list(signal) {
    this.threads = await this.client.threads(signal);
    this.#setLate("");
  }

  /**
   * @param {string} title
   * @param {AbortSignal} [signal]
   */
  async read(title, signal) {
    this.entries.set(title, await this.client.read(title, signal));
    if (!this.recent.includes(title)) this.#keepRecent([title, ...this.recent].slice(0, MAX_RECENT));
    this.#setLate("");
  }

  /** @param {string} why */
  #setLate(why) {
    this.late = why === "" ? "" : `${why}: trying again until the server has it.`;
    this.changed();
  }

  /** @param {string} title Which is gone. */
  forget(title) {
    this.entries.delete(title);
    this.#keepRecent(this.recent.filter((one) => one !== title));
    this.changed();
  }

  /** @param {string[]} recent */
  #keepRecent(recent) {
    this.recent = recent;
    localStorage.setItem(RECENT_KEY, JSON.stringify(recent));
  }
}

/** @returns {string[]} */
function readNames() {
  try {
    const names = JSON.parse(localStorage.getItem(RECENT_KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}
