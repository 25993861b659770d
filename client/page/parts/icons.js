// @ts-check

/**
 * The few drawings of the page.
 *
 * @module
 */

import { html } from "../preact.js";

/** @param {string} path */
function icon(path) {
  return () =>
    html`
      <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"
        stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
        <path d=${path} />
      </svg>
    `;
}

export const SendIcon = icon("M20 5v6a4 4 0 0 1-4 4H5m5-5-5 5 5 5");
export const MenuIcon = icon("M4 7h16M4 12h16M4 17h16");
export const DownIcon = icon("m7 10 5 5 5-5");
export const FileIcon = icon(
  "m20 11-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.4a1.7 1.7 0 0 1-2.4-2.3L14.500 7",
);
