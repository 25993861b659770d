// @ts-check

/**
 * All threads of the forum, and a field for a new one.
 *
 * @module
 */

import { html, useEffect, useState } from "../preact.js";
import { useFollow } from "../model/observable.js";
import { NotRead } from "../parts/not_read.js";
import { counted } from "../parts/time.js";
import { addressOf, SameWith, serverOption, wirepostAs } from "../parts/same_with.js";

/** A title, as the forum takes it (forum.md section 1). */
const TITLE = "[A-Za-z0-9!@#$%.?,_\\-]{1,64}";

/** @param {{ models: import("../models.js").Models }} props */
export function View({ models: { forum, self, router } }) {
  useFollow(forum);
  useFollow(self);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    const end = new AbortController();
    forum.list(end.signal).then(() => setWrong(""), (error) => end.signal.aborted || setWrong(error.message));
    return () => end.abort();
  }, [self.account]);
  /** @param {SubmitEvent} event */
  const create = async (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const title = String(new FormData(form).get("title"));
    try {
      await forum.client.create(title);
      router.go({ view: "thread", name: title });
    } catch (error) {
      if (!self.askIfNeeded(error)) setWrong(/** @type {Error} */ (error).message);
    }
  };
  return html`
    <main class="view" id="view" tabindex="-1" aria-label="Threads">
      <div
        class="title"><h1>Threads</h1><span class="about">for those who have an account</span></div>
      <div class="sheet" tabindex="0" role="region" aria-label="All threads">
          ${forum.threads === undefined
            ? html`<${NotRead} self=${self} wrong=${wrong} />`
            : forum.threads.length === 0
            ? html`<div class="blank"><b>There is no thread yet</b>The first one begins below.</div>`
            : html`<ul class="threads">${
              forum.threads.map(({ title, creator, entries }) =>
                html`
                  <li
                    key=${title}><a href=${`/thread/${
                      encodeURIComponent(title)
                    }`} data-place><b>${title}</b><span>${creator}, ${counted(
                      entries,
                      "entry",
                      "entries",
                    )}</span></a></li>
                `
              )
            }</ul>`}
        </div>
      <div class="write">
        <form onSubmit=${create}>
          <div class="field"><input name="title" required maxlength="64" pattern=${TITLE}
            title="Letters, digits and !@#$%.?,_- without spaces" autocomplete="off" aria-label="Title of a new thread"
            placeholder="Title of a new thread" /><button class="icon text">Begin</button></div>
        </form>
        <p class="wrong" role="alert">${forum.threads === undefined ? "" : wrong || forum.late}</p>
        <${SameWith} lines=${{
          nc:
            `printf 'GET /thread HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | nc ${location.hostname} ${location.port}`,
          curl: `curl ${addressOf("/thread")}`,
          wirepost: `wirepost forum${wirepostAs(self)} LST${serverOption()}`,
        }} />
      </div>
    </main>
  `;
}
