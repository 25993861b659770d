// @ts-check

/**
 * What is always there: the bar, the places, and beside them the view that the address names.
 *
 * @module
 */

import { html, useEffect, useState } from "./preact.js";
import { useFollow } from "./model/observable.js";
import { Dialog } from "./parts/dialog.js";
import { MenuIcon } from "./parts/icons.js";
import { SelfMenu } from "./parts/self_menu.js";
import { Places } from "./places.js";
import { pathOf } from "./router.js";
import { ChannelView } from "./views/channel.js";

/** @typedef {Exclude<import("./router.js").Place, { view: "channel" }>} LaterPlace */

/**
 * Views that are loaded when they are shown.
 *
 * @type {Record<LaterPlace["view"], () => Promise<{ View: import("preact").ComponentType<any> }>>}
 */
const VIEWS = {
  mailbox: () => import("./views/mailbox.js"),
  thread: () => import("./views/thread.js"),
  threads: () => import("./views/threads.js"),
  server: () => import("./views/server.js"),
};

/** How long a connection may be broken before the page says so. */
const PATIENCE_MS = 700;

/** @typedef {import("./models.js").Models} Models */

/** @param {{ models: Models }} props */
export function Frame({ models }) {
  const { router, channels } = models;
  useFollow(router);
  useFollow(channels);
  const [isMenuOpen, openMenu] = useState(false);
  const [areKeysShown, showKeys] = useState(false);
  const { place } = router;
  useEffect(() => {
    document.title = titleOf(place, channels.unread);
  });
  useEffect(() => {
    if (isMenuOpen) /** @type {HTMLElement | null} */ (document.querySelector(".places a"))?.focus();
  }, [isMenuOpen]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
      if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        step(event.key === "ArrowUp" ? -1 : 1);
      } else if (event.key === "Escape") closeMenu();
      else if (event.key === "?" && !isTyping(event)) showKeys(true);
      else if (event.key === "/" && !isTyping(event)) {
        event.preventDefault();
        document.querySelector("textarea")?.focus();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  function closeMenu() {
    if (document.activeElement?.closest(".places.open")) {
      /** @type {HTMLElement | null} */ (document.querySelector(".menu-button"))?.focus();
    }
    openMenu(false);
  }
  return html`<div class="frame">
    <a class="skip" href="#view">Skip to the messages</a>
    <header class="bar">
      <button class="menu-button" type="button" aria-label="Places" aria-expanded=${isMenuOpen} onClick=${() =>
    openMenu(!isMenuOpen)}><${MenuIcon} />${channels.unread > 0 && html`<i />`}</button>
      <a class="brand" href="/" data-place>Wirepost</a>
      <span class="where">${location.host}</span>
      <${State} models=${models} />
      <${SelfMenu} self=${models.self} />
    </header>
    <${Places} models=${models} isOpen=${isMenuOpen} onGo=${() => openMenu(false)} />
    ${
    place.view === "channel"
      ? html`<${ChannelView} models=${models} name=${place.name} />`
      : html`<${Later} key=${place.view} models=${models} place=${place} />`
  }
    ${areKeysShown && html`<${Keys} onClose=${() => showKeys(false)} />`}
  </div>`;
}

/** @param {{ models: Models }} props */
function State({ models }) {
  const { channels } = models;
  useFollow(channels);
  const [isLate, setLate] = useState(false);
  const isConnected = channels.state === "connected";
  useEffect(() => {
    setLate(false);
    if (isConnected) return;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isConnected]);
  const text = channels.state === "refused"
    ? "not connected"
    : isConnected || !isLate
    ? "connected"
    : channels.state === "connecting"
    ? "connecting…"
    : "reconnecting…";
  return html`<span class="state" role="status"><i class=${
    text === "connected" ? "dot" : "dot away"
  } /><span class="state-text">${text}</span></span>`;
}

/**
 * A view that is loaded first.
 *
 * @param {{ models: Models, place: LaterPlace }} props
 */
function Later({ models, place }) {
  /** @type {[import("preact").ComponentType<any> | undefined, (view: () => any) => void]} */
  const [View, setView] = useState(undefined);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    VIEWS[place.view]().then(
      ({ View }) => setView(() => View),
      () => setWrong("This view could not be loaded."),
    );
  }, [place.view]);
  useEffect(() => {
    // where it has no field to write in, what one had went with the view before
    if (View !== undefined && document.activeElement === document.body) {
      document.getElementById("view")?.focus();
    }
  }, [View]);
  if (View === undefined) {
    return html`
      <main class="view" id="view">
        <p class="blank" role="status">${wrong}</p>
      </main>
    `;
  }
  return html`<${View} models=${models} name=${"name" in place ? place.name : undefined} />`;
}

/** @param {{ onClose: () => void }} props */
function Keys({ onClose }) {
  return html`
    <${Dialog} label="Keys" onClose=${onClose}>
      <h2>Keys</h2>
      <dl class="keys">
        <dt><kbd>Enter</kbd></dt>
        <dd>Send</dd>
        <dt><kbd>Shift</kbd> <kbd>Enter</kbd></dt>
        <dd>A new line</dd>
        <dt><kbd>Alt</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt>
        <dd>The place above, or below</dd>
        <dt><kbd>/</kbd></dt>
        <dd>To the field</dd>
        <dt><kbd>Esc</kbd></dt>
        <dd>Close what is open</dd>
        <dt><kbd>?</kbd></dt>
        <dd>These keys</dd>
      </dl>
      <//>
  `;
}

/** @param {1 | -1} by Goes to the place so far from the one that is shown. */
function step(by) {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll(".places a")]);
  const here = links.findIndex((link) => link.hasAttribute("aria-current"));
  links[(here + by + links.length) % links.length]?.click();
}

/** @param {KeyboardEvent} event */
function isTyping({ target }) {
  return target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
}

/**
 * @param {import("./router.js").Place} place
 * @param {number} unread
 */
function titleOf(place, unread) {
  const what = place.view === "channel"
    ? `#${place.name}`
    : place.view === "threads"
    ? "Threads"
    : place.view === "server"
    ? "Server"
    : decodeURIComponent(pathOf(place).split("/")[2] ?? "");
  return `${unread > 0 ? `(${unread}) ` : ""}${what} · Wirepost`;
}
