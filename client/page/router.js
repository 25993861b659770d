// @ts-check

/**
 * Which view an address shows. Addresses are those of the server's routes, so that a link means the same to a browser and
 * to curl.
 *
 * @module
 */

import { ROOM } from "./model/channels.js";
import { Observable } from "./model/observable.js";

/** @typedef {{ view: "channel", name: string } | { view: "mailbox" | "thread", name: string } | { view: "threads" | "server" }} Place */

/**
 * @param {string} path
 * @returns {Place}
 */
export function placeOf(path) {
  const [, first, second] = /^\/(\w+)(?:\/([^/]+))?/.exec(path) ?? [];
  const name = second === undefined ? undefined : decode(second);
  if (first === "mailbox" && name !== undefined) return { view: "mailbox", name };
  if (first === "thread") return name === undefined ? { view: "threads" } : { view: "thread", name };
  if (first === "admin") return { view: "server" };
  return { view: "channel", name: first === "channel" ? name ?? ROOM : ROOM };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {Place} place */
export function pathOf(place) {
  switch (place.view) {
    case "threads":
      return "/thread";
    case "server":
      return "/admin/status";
    default:
      return `/${place.view}/${encodeURIComponent(place.name)}`;
  }
}

/** Where one is in the page; links and the browser's buttons change it. */
export class Router extends Observable {
  place = placeOf(location.pathname);

  constructor() {
    super();
    addEventListener("popstate", () => this.#read());
    document.addEventListener("click", (event) => this.#follow(event));
  }

  #read() {
    this.place = placeOf(location.pathname);
    this.changed();
  }

  /** @param {Place} place */
  go(place) {
    if (pathOf(place) === location.pathname) return;
    history.pushState(null, "", pathOf(place));
    this.#read();
  }

  /** @param {MouseEvent} event */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a[data-place]") : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(placeOf(link.pathname));
  }
}
