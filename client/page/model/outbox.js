// @ts-check

/**
 * What was said and the server does not have yet. It is kept with the tab, each text with its key, so that it is sent once
 * also if the page was loaded anew in between.
 *
 * @module
 */

const OUTBOX_KEY = "wirepost.outbox";

/** Texts of all channels that are kept, in characters: what `sessionStorage` takes for sure. */
const MAX_KEPT_LENGTH = 1024 * 1024;

/**
 * @typedef {object} Pending
 * @property {string} key
 * @property {string} channel
 * @property {string} sender
 * @property {string} text
 * @property {Date} time When it was written.
 * @property {string | undefined} since The last message of the channel then.
 * @property {string | undefined} refused Why the server does not take it.
 * @property {string | undefined} id What the server has made of it, until that has come as a message.
 */

/** @returns {Pending[]} What an earlier page of this tab has left. */
export function readOutbox() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(OUTBOX_KEY) ?? "[]");
    return kept.map((/** @type {any} */ one) => ({
      ...one,
      time: new Date(one.time),
      refused: undefined,
      id: undefined,
    }));
  } catch {
    return [];
  }
}

/** @param {readonly Pending[]} pending */
export function keepOutbox(pending) {
  const text = JSON.stringify(pending.filter(({ id }) => id === undefined));
  if (text.length <= MAX_KEPT_LENGTH) sessionStorage.setItem(OUTBOX_KEY, text);
}
