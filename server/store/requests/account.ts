/**
 * What is asked of the accounts, and what comes of it.
 *
 * @module
 */

/**
 * Keeps an account's verifier, puts another in its place, lets an account cover the mailbox of its name, removes an
 * account, or lists them by the bytes of their names from the first after `after`.
 */
export type AccountRequest =
  & { kind: "account" }
  & (
    | { what: "add"; name: string; verifier: string; mailbox?: MailboxClaim }
    | { what: "change"; name: string; verifier: string }
    | { what: "cover" | "remove"; name: string }
    | { what: "list"; after?: string; limit: number }
  );

/** Whether a new account covers the mailbox of its name: always, which is the default; where it is empty; or never. */
export type MailboxClaim = "always" | "if empty" | "never";

/** A name, and what its password is checked against (RFC 5803). */
export interface Account {
  name: string;
  verifier: string;
  /** Whether it covers the mailbox of its name. */
  mailbox: boolean;
}

/** What an account covers, and how many messages that were in its mailbox before were set apart. */
export interface Coverage {
  mailbox: boolean;
  apart: number;
}

/**
 * `full`: {@linkcode MAX_ACCOUNTS}. `apart full`: the mailbox holds more than can be set apart. `reserved`: the name's
 * mailbox is no account's.
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
  | "storage";

/** Accounts that are kept. */
export const MAX_ACCOUNTS = 100_000;
