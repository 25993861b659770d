// @ts-check

/**
 * The mailboxes that the page shows, and what one has taken from them.
 *
 * @module
 */

import { connectMailbox } from "../../web/mailbox.js";
import { Observable } from "./observable.js";

const OPENED_KEY = "wirepost.mailboxes";

/** Mailboxes that the page remembers. */
const MAX_OPENED = 12;

/** Messages of a mailbox that are shown. */
export const MAX_SHOWN = 64;

/** How long a message that was taken is leased; while it is shown, the lease is extended. */
const LEASE_MS = 60_000;

/** @typedef {import("../../web/mailbox.js").SeenMessage} SeenMessage */
/** @typedef {{ id: number, mailbox: string, sender: string, time: Date, attempts: number, reason: string, bytes: number, text: string }} DeadLetter */

/** A message that one has taken. */
class Held {
  isBusy = false;
  /** @type {string | undefined} */
  wrong;

  /**
   * @param {string} mailbox
   * @param {import("../../web/received_message.js").ReceivedMessage} message
   * @param {() => void} changed
   */
  constructor(mailbox, message, changed) {
    this.mailbox = mailbox;
    this.message = message;
    message.onLost = () => {
      this.wrong = "The lease has ended: it may come to somebody else.";
      changed();
    };
  }
}

export class MailboxesModel extends Observable {
  /** @type {string[]} */
  #opened = readNames();
  /** @type {Map<string, import("../../web/mailbox.js").MailboxContent>} What was in each when it was asked last. */
  contents = new Map();
  /** @type {Held[]} */
  held = [];
  /** @type {DeadLetter[]} Of all mailboxes; only an administrator sees them. */
  dead = [];
  client = connectMailbox({ url: location.origin });
  #self;

  /** @param {import("./self.js").Self} self */
  constructor(self) {
    super();
    this.#self = self;
    // a lease that nobody will acknowledge any more
    addEventListener("pagehide", () => {
      for (const { message } of this.held) message.release().catch(() => {});
    });
  }

  /** One's own mailbox, and those that were opened. */
  get listed() {
    return [...new Set([this.#self.name, ...this.#opened])].map((name) => ({
      name,
      waiting: this.contents.get(name)?.ready ?? 0,
      dead: this.contents.get(name)?.dead ?? 0,
    }));
  }

  /** @param {string} name */
  open(name) {
    if (name === this.#self.name || this.#opened.includes(name)) return;
    this.#opened = [name, ...this.#opened].slice(0, MAX_OPENED);
    localStorage.setItem(OPENED_KEY, JSON.stringify(this.#opened));
    this.changed();
  }

  /** @param {string} name */
  forget(name) {
    this.#opened = this.#opened.filter((one) => one !== name);
    localStorage.setItem(OPENED_KEY, JSON.stringify(this.#opened));
    this.changed();
  }

  /**
   * Looks what is in a mailbox; takes nothing.
   *
   * @param {string} name
   * @param {AbortSignal} [signal]
   */
  async look(name, signal) {
    this.contents.set(
      name,
      await this.client.page(name, { limit: MAX_SHOWN, ...signal === undefined ? {} : { signal } }),
    );
    if (this.#self.isAdmin) await this.lookAtDead();
    this.changed();
  }

  async lookAtDead() {
    const { messages } = await this.#self.requests.get("/admin/dead");
    this.dead = messages.map((/** @type {any} */ one) => ({ ...one, time: new Date(one.time) }));
    this.changed();
  }

  /**
   * @param {"requeue" | "delete"} what
   * @param {DeadLetter} letter
   */
  async changeDead(what, letter) {
    if (what === "requeue") await this.#self.requests.act("POST", `/admin/dead/${letter.id}/requeue`);
    else await this.#self.requests.act("DELETE", `/admin/dead/${letter.id}`);
    this.dead = this.dead.filter((one) => one !== letter);
    this.changed();
  }

  /**
   * Takes the next message: one has it until it is acknowledged or given back.
   *
   * @param {string} name
   * @returns {Promise<boolean>} Whether there was one.
   */
  async take(name) {
    const message = await this.client.receive(name, { lease: LEASE_MS });
    if (message !== undefined) this.held.push(new Held(name, message, () => this.changed()));
    await this.look(name);
    return message !== undefined;
  }

  /**
   * @param {Held} held
   * @param {"ack" | "release"} how
   */
  async finish(held, how) {
    held.isBusy = true;
    this.changed();
    try {
      if (await (how === "ack" ? held.message.ack() : held.message.release())) this.#forgetHeld(held);
      else held.message.onLost?.();
    } catch (error) {
      held.wrong = /** @type {Error} */ (error).message;
      held.isBusy = false;
    }
    await this.look(held.mailbox).catch(() => {});
    this.changed();
  }

  /** @param {Held} held */
  #forgetHeld(held) {
    held.message.close();
    this.held = this.held.filter((one) => one !== held);
  }

  /** @param {Held} held Which has ended, and is shown no more. */
  drop(held) {
    this.#forgetHeld(held);
    this.changed();
  }
}

/** @returns {string[]} */
function readNames() {
  try {
    const names = JSON.parse(localStorage.getItem(OPENED_KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}
