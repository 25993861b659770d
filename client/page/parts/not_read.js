// @ts-check

/**
 * Stands where the forum can't be read yet: it is asked, or one has to log in.
 *
 * @module
 */

import { html } from "../preact.js";

/** @param {{ self: import("../model/self.js").Self, wrong: string }} props */
export function NotRead({ self, wrong }) {
  if (self.isKnown && self.account === undefined) {
    return html`
      <div
        class="blank"><b>The forum is for those who have an account</b>One is made by <code>wirepost forum</code>,
            or by an administrator: <code>wirepost account add</code>.
            <p><button class="do" type="button" onClick=${() => self.ask("")}>Log in…</button></p></div>
    `;
  }
  return html`<p class="blank" role="status">${wrong === "" ? "Reading…" : wrong}</p>`;
}
