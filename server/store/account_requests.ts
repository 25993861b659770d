/**
 * What is asked of the accounts, and what comes of it.
 *
 * @module
 */

/**
 * Keeps an account's verifier, puts another in its place, removes an account, or lists them by the bytes of their names
 * from the first after `after`.
 */
export type AccountRequest =
  & { kind: "account" }
  & (
    | { what: "add" | "change"; name: string; verifier: string }
    | { what: "remove"; name: string }
    | { what: "list"; after?: string; limit: number }
  );

/** A name, and what its password is checked against (RFC 5803). */
export interface Account {
  name: string;
  verifier: string;
}

/** `full`: {@linkcode MAX_ACCOUNTS}. */
export type AccountOutcome =
  | "added"
  | "changed"
  | "exists"
  | "full"
  | "removed"
  | "unknown"
  | Account[]
  | "storage";

/** Accounts that are kept. */
export const MAX_ACCOUNTS = 100_000;
