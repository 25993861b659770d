// @ts-check

/**
 * A message's text as elements: links, code between backticks, and what is long cut until it is asked for. All of it is
 * text; nothing that was sent becomes markup.
 *
 * @module
 */

import { html, useState } from "../preact.js";
import { sizeText } from "./time.js";

/** Characters and lines of a message beyond which it is cut: about what fits on a third of a screen. */
const SHOWN_CHARACTERS = 500, SHOWN_LINES = 10;

/** Most pieces that are made of a text: a text of nothing but backticks costs no more. */
const MAX_PIECES = 200;

const PIECES = /`([^`\n]{1,400})`|https?:\/\/[^\s<>"'`]{1,2000}/g;

/**
 * @param {string} text
 * @returns {unknown[]}
 */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(PIECES)) {
    if (found.length >= MAX_PIECES) break;
    const [whole, code] = match;
    // what ends a sentence is no part of an address
    const shown = code === undefined ? whole.replace(/[.,;:!?)\]}]+$/, "") : whole;
    found.push(text.slice(end, match.index));
    found.push(
      code === undefined
        ? html`<a href=${shown} target="_blank" rel="noopener noreferrer">${shown}</a>`
        : html`<code>${code}</code>`,
    );
    end = match.index + shown.length;
  }
  found.push(text.slice(end));
  return found;
}

/** @param {string} text */
function isLong(text) {
  if (text.length > SHOWN_CHARACTERS) return true;
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines > SHOWN_LINES;
}

/** @param {string} text */
function beginningOf(text) {
  const lines = text.slice(0, SHOWN_CHARACTERS).split("\n", SHOWN_LINES).join("\n");
  // no half of a surrogate pair at the end
  return lines.replace(/[\ud800-\udbff]$/, "");
}

/** @param {{ text: string }} props */
export function Text({ text }) {
  const [whole, setWhole] = useState(false);
  const long = isLong(text);
  const shown = long && !whole ? `${beginningOf(text)}…` : text;
  return html`<div class="text-cell"><p class="text" dir="auto">${pieces(shown)}</p>${
    long && html`
      <button class="more" type="button" aria-expanded=${whole}
        onClick=${() => setWhole(!whole)}>${whole
          ? "Show less"
          : `Show all, ${sizeText(new TextEncoder().encode(text).length)}`}</button>
    `
  }</div>`;
}
