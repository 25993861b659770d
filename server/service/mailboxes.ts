/**
 * What may be done with mailboxes, and by whom: a mailbox, and its name as a sender, may belong to an account.
 *
 * @module
 */

import { MUTED_TEXT } from "../../protocol/admin.ts";
import { ADMIN, SHARED_QUEUE } from "../../protocol/mailbox.ts";
import { LOG_IN_FIRST, NOT_CONFIRMED } from "../../protocol/session.ts";
import { ownerAt, ownerOf } from "../quota/owner.ts";
import type { Creations } from "../quota/creations.ts";
import type { Environment } from "../quota/uptime.ts";
import type { GroupCommit } from "../store/journaled/group.ts";
import type { Moderation } from "./moderation.ts";
import type { Again } from "../store/requests/again.ts";
import type { PeekedPage, Put, PutOutcome, Stats, TakeOutcome } from "../store/requests/message.ts";

/** Which mailboxes belong to accounts. */
export interface CoveredMailboxes {
  /** Whether nobody may use a mailbox without a log-in. */
  readonly auth: "open" | "required";
  coversMailbox(name: string): boolean;
  /** For whom it counts what the owner of this account stores. */
  ownerOf(name: string): string;
  /** Calls back with the name of every account that begins to cover its mailbox. */
  onMailboxCovered(callback: (name: string) => void): void;
  /** Sets whether a mailbox is awaited: an account that anybody can make does not get such a mailbox. */
  setAwaited(isAwaited: (mailbox: string) => boolean): void;
}

/** Those that wait for messages. */
export interface MailboxReceivers {
  isAwaited(mailbox: string): boolean;
  /** The mailbox has a message. */
  ready(mailbox: string): void;
  /** Other clients may receive from the mailbox than before. */
  review(mailbox: string): void;
}

/** Why a session may not put a message, or ask for those of a mailbox. */
export type AccessRefusal =
  | typeof NOT_CONFIRMED
  | typeof LOG_IN_FIRST
  | "sender has an account"
  | "not your name"
  | "banned"
  | "muted"
  | "not your mailbox";

/** A put of a session. */
export interface SessionPut {
  receiver: string;
  sender: string;
  delay: number;
  ttl: number | undefined;
  text: string;
}

export interface MailboxesOptions extends Pick<Environment, "wallClock"> {
  store: Pick<GroupCommit, "submit">;
  /** By default no mailbox belongs to an account. */
  accounts?: CoveredMailboxes;
  /** By default everybody may create as many mailboxes as there may be. */
  creations?: Pick<Creations, "takeMailbox">;
  /** By default nobody is banned or muted. */
  moderation?: Pick<Moderation, "isBannedName" | "isMuted" | "dropsUnanswered" | "owedNote">;
}

/** Invariant: it is the only one that learns from the store that a mailbox has a message, and notifies who waits. */
export class Mailboxes {
  readonly #options: MailboxesOptions;
  /** Of each wire, the one whose turn it is to be served first in front. */
  readonly #receivers: MailboxReceivers[] = [];

  constructor(options: MailboxesOptions) {
    this.#options = options;
    options.accounts?.onMailboxCovered((name) => this.#receivers.forEach((other) => other.review(name)));
    options.accounts?.setAwaited((mailbox) => this.isAwaited(mailbox));
  }

  /** From now on these are notified, too. */
  serve(receivers: MailboxReceivers) {
    this.#receivers.push(receivers);
  }

  /** The store has a message in a mailbox that somebody waits for. Those of each wire come first in turn. */
  ready(mailbox: string) {
    for (const receivers of [...this.#receivers]) receivers.ready(mailbox);
    if (this.#receivers.length > 1) this.#receivers.push(this.#receivers.shift()!);
  }

  /** Whether somebody waits for messages of a mailbox, on any wire. */
  isAwaited(mailbox: string): boolean {
    return this.#receivers.some((receivers) => receivers.isAwaited(mailbox));
  }

  /** Ends the store's reports of messages if nobody waits. What is with the store counts: it may subscribe again. */
  unsubscribe(mailbox: string) {
    if (!this.isAwaited(mailbox)) this.#options.store.submit({ kind: "unsubscribe", mailbox }, () => {});
  }

  /** Puts a message of a client that has neither an account nor a proved address. Returns why the store was not asked, or undefined. */
  put(
    { mailbox, sender, text, bytes }: { mailbox: string; sender: string; text: string; bytes: number },
    hostname: string,
    done: (outcome: PutOutcome) => void,
  ): "no log-in" | "sender has an account" | "banned" | "muted" | "creation rate" | "overload" | undefined {
    if (this.#isClosedTo("")) return "no log-in";
    if (this.#isCovered(sender)) return "sender has an account";
    const { store, wallClock, moderation } = this.#options;
    if (moderation?.isBannedName(sender)) return "banned";
    if (moderation?.dropsUnanswered(hostname, sender)) return "muted";
    if (!this.mayCreate(mailbox, hostname, false)) return "creation rate";
    const time = wallClock(), owner = ownerAt(hostname);
    const put: Put = { kind: "put", mailbox, sender, time, text, bytes, owner };
    return store.submit(put, done, false) ? undefined : "overload";
  }

  /** Takes the oldest message for a client without an account. Returns why the store was not asked, or undefined. */
  take(
    mailbox: string,
    hostname: string,
    done: (outcome: Exclude<TakeOutcome, Again>) => void,
  ): "no log-in" | "account" | "banned" | "overload" | undefined {
    if (this.#isClosedTo("")) return "no log-in";
    if (this.#isCovered(mailbox)) return "account";
    const { moderation, wallClock } = this.#options;
    if (moderation?.isBannedName(mailbox)) return "banned";
    if (mailbox !== SHARED_QUEUE && moderation?.owedNote(hostname, mailbox)) {
      done({ sender: ADMIN, time: wallClock(), text: MUTED_TEXT });
      return undefined;
    }
    return this.#options.store.submit({ kind: "take", mailbox }, done) ? undefined : "overload";
  }

  /**
   * Whether a client at this address may put into the mailbox now, which it may create by that.
   *
   * @param isProved Whether it has shown that it is at this address.
   */
  mayCreate(mailbox: string, hostname: string, isProved = true): boolean {
    const { creations } = this.#options;
    return mailbox === SHARED_QUEUE || (creations?.takeMailbox(mailbox, hostname, isProved) ?? true);
  }

  /** What a session's put asks of the store: the receiver's time begins now. */
  putOfSession(
    client: { readonly account: string; readonly network: string },
    { receiver, sender, delay, ttl, text }: SessionPut,
    bytes: number,
  ): Put {
    const { wallClock, accounts } = this.#options, time = wallClock(), { account, network } = client;
    const owner = account === "" ? ownerOf(network) : accounts?.ownerOf(account) ?? account;
    const put: Put = { kind: "put", mailbox: receiver, sender, time, text, bytes, owner };
    if (delay > 0) put.delay = delay;
    if (ttl !== undefined) put.expires = time + ttl;
    return put;
  }

  /** Counts of a mailbox; without a name, of all. */
  stat(mailbox: string, done: (stats: Stats) => void) {
    this.#options.store.submit({ kind: "stat", ...mailbox === "" ? {} : { mailbox } }, done);
  }

  /** Shows messages of a mailbox. Returns whether the store was asked. */
  peek(mailbox: string, after: number, limit: number, done: (page: PeekedPage | "storage") => void): boolean {
    return this.#options.store.submit({ kind: "peek", mailbox, after, limit }, done);
  }

  /** Why a session of this account, or of none (`""`), may not put this message. */
  refusePut(
    { account, hostname }: { readonly account: string; readonly hostname: string },
    { sender, receiver }: SessionPut,
  ): AccessRefusal | undefined {
    if (this.#isClosedTo(account)) return LOG_IN_FIRST;
    if (this.#isUnconfirmed(account)) return NOT_CONFIRMED;
    const { moderation } = this.#options;
    if (moderation?.isBannedName(sender)) return "banned";
    if (moderation?.isMuted(hostname, sender)) return "muted";
    if (sender === account || receiver === SHARED_QUEUE) return undefined;
    if (this.#isCovered(sender)) return "sender has an account";
    return account === "" ? undefined : "not your name";
  }

  /** Why a session of this account, or of none (`""`), may not ask for messages of a mailbox, or count them. */
  refuseRead(account: string, mailbox: string): AccessRefusal | undefined {
    if (this.#isClosedTo(account)) return LOG_IN_FIRST;
    if (this.#isUnconfirmed(account)) return NOT_CONFIRMED;
    if (this.#options.moderation?.isBannedName(mailbox)) return "banned";
    return mailbox !== account && this.#isCovered(mailbox) ? "not your mailbox" : undefined;
  }

  #isClosedTo(account: string): boolean {
    return account === "" && this.#options.accounts?.auth === "required";
  }

  /** Whether an account does not cover the mailbox of its name. */
  #isUnconfirmed(account: string): boolean {
    return account !== "" && !this.#isCovered(account);
  }

  #isCovered(name: string): boolean {
    return this.#options.accounts?.coversMailbox(name) ?? false;
  }
}
