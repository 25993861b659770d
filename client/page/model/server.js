// @ts-check

/**
 * What the server holds and does, asked for each second while an administrator looks.
 *
 * @module
 */

import { Observable } from "./observable.js";

/** How often it is asked, and how many answers are kept: two minutes of them. */
const ASK_MS = 1000, MAX_SAMPLES = 121;

/** How often what changes slowly is asked for: connections, limits and dead letters. */
const ASK_SLOWLY_MS = 5000;

/** @typedef {{ name: string, count: number, limit?: number | null }} Value */
/** @typedef {{ at: number, values: Map<string, number> }} Sample `at` in milliseconds of a monotonic clock. */

export class ServerModel extends Observable {
  /** @type {Sample[]} The oldest first. */
  samples = [];
  /** @type {any} The last answer. */
  status;
  /** @type {any[]} */
  limits = [];
  /** @type {any[]} */
  connections = [];
  /** @type {string | undefined} */
  wrong;
  #requests;

  /** @param {import("../../web/request.js").Requests} requests */
  constructor(requests) {
    super();
    this.#requests = requests;
  }

  /**
   * Asks again and again, until it is ended.
   *
   * @param {AbortSignal} signal
   */
  watch(signal) {
    let slowAt = -Infinity;
    const ask = async () => {
      if (signal.aborted) return;
      try {
        if (document.visibilityState === "visible") {
          await this.#ask(signal);
          if (performance.now() - slowAt >= ASK_SLOWLY_MS) {
            slowAt = performance.now();
            await this.#askSlowly(signal);
          }
        }
        this.wrong = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.wrong = /** @type {Error} */ (error).message;
      }
      this.changed();
      setTimeout(ask, ASK_MS);
    };
    ask();
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    this.status = await this.#requests.get("/admin/status", { signal });
    /** @type {Value[]} */
    const values = this.status.values;
    const sample = {
      at: performance.now(),
      values: new Map(values.map(({ name, count }) => [name, count])),
    };
    this.samples = [...this.samples, sample].slice(-MAX_SAMPLES);
  }

  /** @param {AbortSignal} signal */
  async #askSlowly(signal) {
    [this.limits, this.connections] = await Promise.all([
      this.#requests.get("/admin/limits", { signal }).then(({ limits }) => limits),
      this.#requests.get("/admin/connections", { signal }).then(({ connections }) => connections),
    ]);
  }

  /**
   * How often something happened a second, between each two answers: the counts of these names together.
   *
   * @param {readonly string[]} names
   * @returns {number[]}
   */
  rates(names) {
    return this.#between((before, after) => {
      const seconds = Math.max(.001, (after.at - before.at) / 1000);
      return this.#grown(names, before, after) / seconds;
    });
  }

  /**
   * What one count grew for each that another did: the time of a sync.
   *
   * @param {string} of
   * @param {string} each
   * @returns {number[]} NaN where nothing happened.
   */
  means(of, each) {
    return this.#between((before, after) => {
      const count = this.#grown([each], before, after);
      return count === 0 ? NaN : this.#grown([of], before, after) / count;
    });
  }

  /** @param {(before: Sample, after: Sample) => number} value */
  #between(value) {
    return this.samples.slice(1).map((after, i) => value(/** @type {Sample} */ (this.samples[i]), after));
  }

  /**
   * @param {readonly string[]} names
   * @param {Sample} before
   * @param {Sample} after
   */
  #grown(names, before, after) {
    // a count that went back belongs to a server that was started anew
    return names.reduce(
      (sum, name) => sum + Math.max(0, (after.values.get(name) ?? 0) - (before.values.get(name) ?? 0)),
      0,
    );
  }

  /** @param {string} name */
  value(name) {
    return this.samples.at(-1)?.values.get(name) ?? 0;
  }

  /** Counts of what was refused that are not 0, those of the last two minutes first. */
  get refused() {
    const first = this.samples[0], last = this.samples.at(-1);
    if (first === undefined || last === undefined) return [];
    const names = [...last.values.keys()].filter((name) => REFUSED.test(name));
    return names.map((name) => ({
      name,
      recent: this.#grown([name], first, last),
      total: last.values.get(name) ?? 0,
    })).filter(({ total }) => total > 0).sort((a, b) => b.recent - a.recent || b.total - a.total);
  }
}

/** Counts that say that something was not done. */
const REFUSED =
  /refused|failed|cut off|too (many|long|fast)|banned|muted|not logged in|timed out|displaced|dropped|damaged|slowed down/;
