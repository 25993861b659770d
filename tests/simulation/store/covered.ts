/**
 * Accounts for one mailbox, which come and go while the store is stopped at random: none reads what was put before it was
 * asked for, however many pieces it took to set that apart, and whatever stopped them (accounts.md 3.1, store 11.3).
 *
 * @module
 */

import { assert, assertLessOrEqual } from "@std/assert";
import { SESSION_LIMITS } from "../../../server/quota/fair_table.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import type { Account } from "../../../server/store/requests/account.ts";
import type { Leased } from "../../../server/store/requests/lease.ts";
import type { DeadLetter, PeekedPage, Taken } from "../../../server/store/requests/message.ts";
import type { Outcome, StoreRequest } from "../../../server/store/store.ts";
import type { Random } from "../random.ts";
import type { Ask, Load, Submit } from "./world.ts";

const NAME = "carol";

/** Messages that are put at a time, at most: a piece of an account has 256. */
const PUTS_MAX = 800;

/** So many the mailbox has at most. */
const MESSAGES_MAX = 900;

export class Covered implements Load {
  readonly #random: Random;
  /** Number of the last message that was handed to the store. */
  #put = 0;
  /** Up to which number the account has none; undefined: nobody covers the mailbox. */
  #before: number | undefined;
  /** The same of the account that was asked for last. */
  #asked = 0;
  /** Whether a request about the account is on its way. */
  #isAsking = false;
  #tag = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  start(): StoreRequest[] {
    return [{
      kind: "configure",
      limits: { ...DEFAULT_LIMITS, share: 100, mailboxMessages: MESSAGES_MAX },
      takeBytesMax: 1000,
      forumLimits: { ...DEFAULT_FORUM_LIMITS, share: 100 },
      sessionLimits: SESSION_LIMITS,
    }];
  }

  act(submit: Submit): number {
    const random = this.#random, kind = random.between(0, 99);
    if (kind < 2) this.#send(submit);
    else if (kind < 12) this.#account(submit);
    else if (kind < 50) this.#lease(submit);
    else if (kind < 54) submit({ kind: "dead", what: "requeue all", after: 0, limit: 50 }, () => {});
    else if (kind < 56) submit({ kind: "clear", mailbox: NAME }, () => {});
    else this.#read(submit);
    return random.chance(0.9) ? 0 : random.between(1, 8000);
  }

  /** Some with a delay that is over at once: they get another number with the next tick, or the one after it. */
  #send(submit: Submit) {
    for (let i = this.#random.between(1, PUTS_MAX); i > 0; i--) {
      const text = `${++this.#put}`, delay = this.#random.chance(0.8) ? { delay: 1 } : {};
      submit(
        { kind: "put", mailbox: NAME, sender: "al", time: 1, text, bytes: text.length, ...delay },
        () => {},
      );
    }
    // while their delays end
    if (this.#before === undefined) this.#account(submit);
  }

  #account(submit: Submit) {
    if (this.#isAsking) return;
    this.#isAsking = true;
    if (this.#before !== undefined) {
      return submit({ kind: "account", what: "remove", name: NAME }, (outcome) => {
        this.#isAsking = false;
        if (outcome === "removed") this.#before = undefined;
      });
    }
    const before = this.#asked = this.#put;
    submit({ kind: "account", what: "add", name: NAME, verifier: "v" }, (outcome) => {
      this.#isAsking = false;
      if (typeof outcome === "object" && "mailbox" in outcome && outcome.mailbox) this.#before = before;
    });
  }

  #lease(submit: Submit) {
    const tag = ++this.#tag, before = this.#before;
    const lease = { session: "s", tag, mailbox: NAME, max: 8, maxBytes: 1000, duration: 3000 } as const;
    submit({ kind: "lease", ...lease, subscribe: false }, (outcome) => {
      if (typeof outcome !== "object") return;
      const { token, messages } = outcome as Leased;
      this.#sees(before, messages);
      if (this.#random.chance(0.3)) return;
      const ids = messages.map(({ id }) => id), delay = this.#random.chance(0.5) ? 1 : 0;
      const fail = { kind: "fail", token, ids, delay, attempts: 2, reason: "no" } as const;
      // each in a session of its own, so that none waits for another one's number
      submit({ kind: "session", session: `f${tag}`, first: 1, low: 1, changes: [fail] }, () => {});
    });
  }

  #read(submit: Submit) {
    const before = this.#before;
    submit({ kind: "peek", mailbox: NAME, after: 0, limit: 50 }, (outcome) => {
      this.#sees(before, (outcome as PeekedPage).messages);
    });
    submit({ kind: "take", mailbox: NAME }, (outcome) => {
      if (typeof outcome === "object") this.#sees(before, [outcome as Taken]);
    });
  }

  /** @param before Up to which message none was the account's when it was asked for these. */
  #sees(before: number | undefined, messages: readonly { text: string }[]) {
    // an account that has gone since gives its mailbox back
    if (before === undefined || this.#before !== before) return;
    for (const { text } of messages) {
      assert(Number(text) > before, `message ${text} is read, and ${before} were put before the account`);
    }
  }

  async restarted(ask: Ask) {
    const [account] = await ask({ kind: "account", what: "list", limit: 9 }) as Account[];
    if (account === undefined) this.#before = undefined;
    else this.#before ??= this.#asked;
    this.#isAsking = false;
    await this.#letters(ask);
  }

  /** What was put after every account was asked for is no dead letter of before one. They are deleted, so that there is room. */
  async #letters(ask: Ask) {
    for (let after = 0;;) {
      const letters = await ask({ kind: "dead", what: "list", after, limit: 500 }) as DeadLetter[];
      for (const { id, text, reason } of letters) {
        if (reason === "before the account") assertLessOrEqual(Number(text), this.#asked);
        after = id;
      }
      if (letters.length < 500) break;
    }
    await ask({ kind: "dead", what: "delete all" }) as Outcome;
  }

  async end(ask: Ask) {
    await this.restarted(ask);
  }
}
