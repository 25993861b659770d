/**
 * How much the store holds. All limits are inclusive: a mailbox with `mailboxMessages: 6` holds six. Bytes are those of
 * message text.
 *
 * @module
 */

/** Percent of each total limit that one address or user may use (mailbox.md 5.1). */
export const DEFAULT_SHARE = 25;

export interface StoreLimits {
  /** Messages in one mailbox. */
  mailboxMessages: number;
  /** Bytes in one mailbox. */
  mailboxBytes: number;
  /** Messages in all. */
  messages: number;
  /** Bytes in all. */
  bytes: number;
  /** Mailboxes that hold messages. */
  mailboxes: number;
  /** Percent of each of the three above that one owner may use (see `Put.owner`); 100 is no limit. */
  share: number;
  /** Bytes, and mailboxes, that one owner may use at most; any number by default. */
  ownerBytes?: number | undefined;
  ownerMailboxes?: number | undefined;
  /** What a full mailbox does with one more message; `drop-oldest` makes room in that mailbox only. */
  whenFull: "refuse" | "drop-oldest";
}

export const DEFAULT_LIMITS: Readonly<StoreLimits> = {
  mailboxMessages: 1_000_000,
  mailboxBytes: 256 * 1024 ** 2,
  messages: 10_000_000,
  bytes: 4 * 1024 ** 3,
  mailboxes: 100_000,
  share: DEFAULT_SHARE,
  whenFull: "refuse",
};

/** Limits of the forum. An entry is a message or a file (forum.md section 6). */
export interface ForumLimits {
  /** Percent of each limit below, but `threadEntries`, that one user may use; 100 is no limit. */
  share: number;
  /** Bytes that one user may use at most; any number by default. */
  userBytes?: number | undefined;
  threads: number;
  /** Entries of one thread. */
  threadEntries: number;
  /** Entries in all. */
  entries: number;
  /** Bytes in all. */
  bytes: number;
}

export const DEFAULT_FORUM_LIMITS: Readonly<ForumLimits> = {
  share: DEFAULT_SHARE,
  threads: 100_000,
  threadEntries: 1_000_000,
  entries: 10_000_000,
  bytes: 4 * 1024 ** 3,
};
