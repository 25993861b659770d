/**
 * Requests about accounts.
 *
 * @module
 */

import type { Again } from "./again.ts";

/**
 * Adds an account, changes its verifier or its role, lets it cover the mailbox of its name, removes it, or lists accounts by the
 * bytes of their names from the first after `after`.
 */
export type AccountRequest =
  & { kind: "account" }
  & (
    | {
      what: "add";
      name: string;
      verifier: string;
      mailbox?: MailboxClaim;
      /** The network at which a client makes it; none if the administrator does. */
      network?: string;
      before?: SettingApart;
    }
    | { what: "change"; name: string; verifier: string }
    | { what: "role"; name: string; role: Role }
    | { what: "add token"; name: string; token: Token }
    | { what: "remove token"; name: string; id: string }
    | { what: "cover"; name: string; before?: SettingApart }
    | { what: "remove"; name: string }
    | { what: "list"; after?: string; limit: number }
  );

/** What the owner of an account may do: use what it covers, or everything that the administrator may. */
export type Role = "user" | "admin";

/** What a program logs in by instead of the password. */
export interface Token {
  /** Names it; no other token of the account has it. */
  id: string;
  /** What it is checked against (RFC 5803). */
  verifier: string;
  /** When it is not good any more, in milliseconds since 1970; null: it stays good. */
  until: number | null;
}

/** Tokens of one account at most. */
export const MAX_TOKENS = 16;

/** Whether a new account covers the mailbox of its name: always, which is the default; if it is empty; or never. */
export type MailboxClaim = "always" | "if empty" | "never";

/** What the pieces of a request that sets messages apart came to before this one (accounts.md 3.2). */
export interface SettingApart {
  /** The number of the last message that was put before the request. */
  last: number;
  /** How many were set apart. */
  apart: number;
  /** From which numbers on messages are still to be looked at, the short and the long ones. */
  short: number;
  long: number;
}

export interface Account {
  name: string;
  /** What its password is checked against (RFC 5803). */
  verifier: string;
  /** Whether it covers the mailbox of its name. */
  mailbox: boolean;
  role: Role;
  tokens: Token[];
  /** The network at which a client has made it; empty if the administrator has, or has confirmed it. */
  network: string;
}

/** Whether an account covers the mailbox of its name, and how many older messages were set apart for that. */
export interface Coverage {
  mailbox: boolean;
  apart: number;
}

/**
 * - `full`: there are {@linkcode MAX_ACCOUNTS}, or as many as clients at this network may make now.
 * - `apart full`: the mailbox holds more than can be set apart.
 * - `reserved`: no account may cover the mailbox of this name.
 */
export type AccountOutcome =
  | Coverage
  | "changed"
  | "exists"
  | "full"
  | "apart full"
  | "reserved"
  | "removed"
  | "unknown"
  | Account[]
  | Again
  | "storage";

export const MAX_ACCOUNTS = 100_000;

/**
 * Accounts with which clients may make no more, the rest is the administrator's; and how many those at one network may make
 * while others have none (seal.md 6.6).
 */
export const MAX_MADE_ACCOUNTS = 99_000, ACCOUNTS_OF_NETWORK = 25_000;

/** By kind: the request and its outcome. */
export interface AccountOperations {
  account: [AccountRequest, AccountOutcome];
}
