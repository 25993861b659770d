// @ts-check

/**
 * Who one is: a name that can be changed, and an account where one has logged in. And which server this is.
 *
 * @module
 */

import { RequestError, Requests } from "../../web/request.js";
import { Observable } from "./observable.js";

const NAME_KEY = "wirepost.name";

/** Longest name, in bytes: a sender's (mailbox.md section 1), and what a channel shows of one. */
export const MAX_NAME_BYTES = 64;

/** Ports of the services, as the server reports them; those that do not run are missing. */
/** @typedef {{ mailbox?: number, channels?: number, room?: number, forum?: number }} ServicePorts */

export class Self extends Observable {
  requests = new Requests({ url: location.origin });
  name = localStorage.getItem(NAME_KEY) ?? newName();
  /** @type {string | undefined} The account that one has logged in to. */
  account;
  isAdmin = false;
  /** Whether a password may travel: over TLS, or on the server's own machine. */
  isPrivate = true;
  version = "";
  /** @type {ServicePorts} */
  services = {};
  /** Whether the server has answered who one is. */
  isKnown = false;
  /** @type {string | undefined} Why a log-in is needed, where it is: shows the dialog. */
  asked;

  /** Asks the server which services run, and who one is to it. */
  async refresh() {
    const { version, services, you } = await this.requests.get("/");
    this.version = version;
    this.services = services;
    this.account = you.account ?? undefined;
    this.isAdmin = you.role === "admin" && await this.#administers();
    this.isPrivate = you.isPrivate;
    this.isKnown = true;
    if (this.account !== undefined) this.name = this.account;
    this.changed();
  }

  /** Whether the server shows an administrator what it does. */
  async #administers() {
    return await this.requests.act("GET", "/admin/status").then(() => true, () => false);
  }

  /** @param {string} name */
  rename(name) {
    this.name = name;
    localStorage.setItem(NAME_KEY, name);
    this.changed();
  }

  /**
   * @param {string} name
   * @param {string} password
   * @throws {RequestError} It is refused.
   */
  async logIn(name, password) {
    await this.requests.act("POST", "/login", { json: { name, password } });
    this.asked = undefined;
    this.rename(name);
    await this.refresh();
  }

  async logOut() {
    await this.requests.act("DELETE", "/login");
    this.account = undefined;
    this.isAdmin = false;
    await this.refresh();
  }

  /**
   * Shows the dialog of the log-in, if that is what an error asks for. Returns whether it does.
   *
   * @param {unknown} error
   */
  askIfNeeded(error) {
    if (!needsLogin(error)) return false;
    this.ask(/** @type {RequestError} */ (error).message);
    return true;
  }

  /**
   * Resolves when one is somebody else: by another name, or by a log-in.
   *
   * @returns {Promise<void>}
   */
  another() {
    const { name, account } = this;
    return new Promise((resolve) => {
      const end = this.follow(() => {
        if (this.name === name && this.account === account) return;
        end();
        resolve();
      });
    });
  }

  /** @param {string} why Text of the server's, or `""`. */
  ask(why) {
    this.asked = why === "" ? "" : `${why[0]?.toUpperCase()}${why.slice(1)}.`;
    this.changed();
  }

  dismiss() {
    this.asked = undefined;
    this.changed();
  }
}

/** @param {unknown} error */
function needsLogin(error) {
  return error instanceof RequestError && error.status === 401;
}

/**
 * What is wrong with a name, in words; undefined if nothing is.
 *
 * @param {string} name
 */
export function nameProblem(name) {
  if (name.trim() === "") return "A name has at least one character.";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_NAME_BYTES) return `A name has at most ${MAX_NAME_BYTES} bytes; this one has ${bytes}.`;
  if (/[\p{Cc},]/u.test(name)) return "A name has no comma and no control character.";
  return undefined;
}

/** `guest-7f3`: so that two who have chosen none are not taken for one. */
function newName() {
  const [number = 0] = crypto.getRandomValues(new Uint16Array(1));
  const name = `guest-${(number % 4096).toString(16).padStart(3, "0")}`;
  localStorage.setItem(NAME_KEY, name);
  return name;
}
