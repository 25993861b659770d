// @ts-check

/**
 * The places that one can go to: channels, mailboxes, threads, and what the server does.
 *
 * @module
 */

import { html, useState } from "./preact.js";
import { useFollow } from "./model/observable.js";
import { pathOf } from "./router.js";

/** @typedef {import("./models.js").Models} Models */

/** Channels that one has not joined, and that are shown at first. */
const MAX_OTHERS = 30;

/** @param {{ models: Models, isOpen: boolean, onGo: () => void }} props */
export function Places({ models, isOpen, onGo }) {
  const { channels, mailboxes, forum, self, router } = models;
  for (const model of [channels, mailboxes, forum, self, router]) useFollow(model);
  const runs = self.services;
  return html`<nav class=${isOpen ? "places open" : "places"} aria-label="Places" onClick=${(
    /** @type {MouseEvent} */ event,
  ) => event.target instanceof Element && event.target.closest("a") !== null && onGo()}>
    ${
    has(self, "channels", "room") && html`<h2>Channels</h2>
    ${
      [...channels.channels.values()].map((channel) =>
        html`
          <${Link} key=${channel.name} router=${router} place=${{ view: "channel", name: channel.name }}
            count=${channel.unread} isNew=${channel.unread > 0}><span class="hash">#</span> ${channel
              .name}<//>
        `
      )
    }
    <${Others} names=${channels.others} router=${router} />
    <${New} label="new channel" field="Name of the channel" maxBytes=${64} onNew=${async (
      /** @type {string} */ name,
    ) => {
      await channels.create(name.replace(/^#/, ""));
      router.go({ view: "channel", name: name.replace(/^#/, "") });
      onGo();
    }} />`
  }
    ${
    has(self, "mailbox") && html`<h2>Mailboxes</h2>
    ${
      mailboxes.listed.map(({ name, waiting, dead }) =>
        html`
          <${Link} key=${name} router=${router} place=${{ view: "mailbox", name }} count=${waiting}
            dead=${dead}>${name}<//>
        `
      )
    }
    <${New} label="open a mailbox" field="Name of the mailbox" maxBytes=${64} onNew=${(
      /** @type {string} */ name,
    ) => {
      router.go({ view: "mailbox", name });
      onGo();
    }} />`
  }
    ${
    has(self, "forum") && html`
      <h2>Forum</h2>
      <${Link} router=${router} place=${{ view: "threads" }}>All threads<//>
          ${forum.recent.map((title) =>
            html`<${Link} key=${title} router=${router} place=${{ view: "thread", name: title }}>${title}<//>`
          )}
    `
  }
    ${
    self.isAdmin && html`
      <h2>Server</h2>
      <${Link} router=${router} place=${{ view: "server" }}>Now<//>
    `
  }
  </nav>
  ${isOpen && html`<div class="scrim" onClick=${onGo} />`}`;

  /**
   * @param {import("./model/self.js").Self} self
   * @param {...keyof import("./model/self.js").ServicePorts} services
   */
  function has(self, ...services) {
    return !self.isKnown || services.some((service) => runs[service] !== undefined);
  }
}

/**
 * @param {{ router: import("./router.js").Router, place: import("./router.js").Place, count?: number, dead?: number,
 *   isNew?: boolean, isQuiet?: boolean, children?: import("./preact.js").Children }} props
 */
function Link({ router, place, count = 0, dead = 0, isNew = false, isQuiet = false, children }) {
  const path = pathOf(place);
  const isHere = pathOf(router.place) === path;
  return html`
    <a href=${path} data-place class=${isNew ? "unread" : isQuiet ? "quiet" : ""}
      aria-current=${isHere ? "page" : undefined}><span>${children}</span>
        ${count > 0 &&
          html`<i>${count > 999 ? "999+" : count}<span class="hidden">${
            isNew ? " new" : " waiting"
          }</span></i>`}
        ${dead > 0 &&
          html`<i class="bad" title="dead letters">${dead}<span class="hidden"> dead letters</span></i>`}
      </a>
  `;
}

/**
 * Channels that one has not joined: of many, all are shown when they are asked for.
 *
 * @param {{ names: readonly string[], router: import("./router.js").Router }} props
 */
function Others({ names, router }) {
  const [isOpen, open] = useState(false);
  const shown = isOpen ? names : names.slice(0, MAX_OTHERS), more = names.length - shown.length;
  return html`${
    shown.map((name) =>
      html`<${Link} key=${name} router=${router} place=${{ view: "channel", name }} isQuiet><span
        class="hash">#</span> ${name}<//>`
    )
  }${more > 0 && html`<button type="button" onClick=${() => open(true)}>${more} more channels</button>`}`;
}

/**
 * A button that becomes a field.
 *
 * @param {{ label: string, field: string, maxBytes: number, onNew: (name: string) => Promise<void> | void }} props
 */
function New({ label, field, maxBytes, onNew }) {
  const [isOpen, open] = useState(false);
  const [wrong, setWrong] = useState("");
  if (!isOpen) return html`<button type="button" onClick=${() => open(true)}>+ ${label}</button>`;
  return html`
    <form
      onSubmit=${async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("name")).trim();
        if (name === "") return open(false);
        if (new TextEncoder().encode(name).length > maxBytes) return setWrong(`At most ${maxBytes} bytes.`);
        try {
          await onNew(name);
          open(false);
          setWrong("");
        } catch (error) {
          setWrong(/** @type {Error} */ (error).message);
        }
      }}><input name="name" aria-label=${field} placeholder=${field} autocomplete="off" autofocus
        ref=${(/** @type {HTMLInputElement | null} */ input) => input?.focus()} onKeyDown=${(
          /** @type {KeyboardEvent} */ event,
        ) => event.key === "Escape" && open(false)} /><p class="wrong" role="alert">${wrong}</p></form>
  `;
}
