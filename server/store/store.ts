/**
 * What every store of messages does, in the terms of the field, whatever keeps them. `tests/server/store_test.ts` is
 * the suite that each implementation passes.
 *
 * Invariants:
 * - What an outcome tells is durable before the outcome is given.
 * - Requests take effect in the order in which they are given, within a batch and from batch to batch. Where a batch
 *   as a whole can't be kept, it is tried again in pieces, and those that free space go first.
 * - A mailbox is first in, first out. A message is given to one `take`, once.
 * - A message that is taken in the batch that puts it may never touch the disk: nobody can have seen it.
 * - Counts are those of the messages that are there: in messages, and in bytes of message text.
 *
 * @module
 */

/** Keeps a message. A mailbox is made by its first message. */
export interface Put {
  kind: "put";
  mailbox: string;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  message: string;
  /** Bytes of `message` in UTF-8. */
  bytes: number;
  /** Milliseconds for which it is not given out. */
  delay?: number;
  /** When it is removed, in milliseconds since 1970. */
  expires?: number;
}

/** Lease and acknowledgement in one: removes the oldest message and gives it. */
export interface Take {
  kind: "take";
  mailbox: string;
}

/** Removes every message of one mailbox, or of all. */
export interface Clear {
  kind: "clear";
  mailbox?: string;
}

/** Messages of one mailbox, or of all. */
export interface Count {
  kind: "count";
  mailbox?: string;
}

/** Mailboxes that hold messages, by the bytes of their names, from the first one after `after`. */
export interface List {
  kind: "list";
  after?: string;
  limit: number;
}

/** Sets how many messages a mailbox may hold, until the store is closed. */
export interface SetLimit {
  kind: "limit";
  messages: number;
}

/** Gives the oldest messages that nobody has to a session, for a time. The same session and tag: the same messages. */
export interface LeaseRequest {
  kind: "lease";
  session: string;
  tag: number;
  mailbox: string;
  /** Most messages. */
  max: number;
  /** Most bytes of message text, though one message is always given. */
  maxBytes: number;
  /** Milliseconds. */
  duration: number;
  /** Whether to tell, once, by the event `ready` when there is a message after all. */
  watch: boolean;
}

/** Nobody waits for messages of this mailbox any more. */
export interface Unwatch {
  kind: "unwatch";
  mailbox: string;
}

/** The messages of a lease have arrived: it runs for all of its duration. */
export interface Confirm {
  kind: "confirm";
  session: string;
  tag: number;
}

/** Gives the messages of a lease back, uncounted: nobody waits for them any more. */
export interface Release {
  kind: "release";
  session: string;
  tag: number;
}

/**
 * What a forum's user changes in a thread, which is named by its title. `number` is the rank of a message among those of
 * the thread, from 1.
 */
export type ThreadChange =
  | { kind: "create"; thread: string; user: string }
  | { kind: "post"; thread: string; user: string; time: number; text: string; bytes: number }
  | { kind: "delete"; thread: string; user: string; number: number }
  | { kind: "edit"; thread: string; user: string; number: number; text: string; bytes: number }
  | { kind: "remove"; thread: string; user: string };

/** Threads behind the one with this ID, in the order in which they were created. */
export interface ListThreads {
  kind: "threads";
  after: number;
  /** Most threads, and most bytes of their titles. */
  limit: number;
  maxBytes: number;
}

/** Entries of a thread, in their order: behind the entry with this ID, or from the message with this number on. */
export interface ReadThread {
  kind: "read";
  thread: string;
  from: { after: number } | { number: number };
  /** Most entries, and most bytes of text, though one entry is always given. */
  limit: number;
  maxBytes: number;
}

/** What is known of a file before it is transferred. */
export interface FindFile {
  kind: "file";
  thread: string;
  name: string;
}

/** A file whose content is there and on disk: adds it to its thread. */
export interface Attach {
  kind: "attach";
  /** ID of the thread: its title may be another's by now. */
  thread: number;
  name: string;
  user: string;
  time: number;
  size: number;
  hash: string;
  content: string;
}

/** Which of these contents are of a file. */
export interface KnownContents {
  kind: "contents";
  contents: readonly string[];
}

/** What the forum's threads hold. */
export interface CountThreads {
  kind: "thread counts";
}

/**
 * What a session changes, once. A message whose text came in parts takes the numbers of these too, and its own is the
 * last: `numbers` in all.
 */
export type Change =
  & { numbers?: number }
  & (
    | Put
    | ThreadChange
    | { kind: "ack"; token: string; ids: readonly number[] }
    | { kind: "back"; token: string; why: "failed" | "unused"; ids: readonly number[] }
    | { kind: "extend"; token: string; duration: number }
    | { kind: "skip" }
    | { kind: "bad"; reason: string }
  );

/** Carries out the changes whose numbers are next, in order, up to the first that is refused for the time being. */
export interface SessionChanges {
  kind: "session";
  session: string;
  /** Number with which the first of `changes` begins; the others follow it. */
  first: number;
  /** Name of the account that the session is logged in to, or `""`. */
  owner?: string;
  /** Outcomes of numbers below need not be remembered any more. */
  low: number;
  changes: readonly Change[];
}

/** What is known of a session. */
export interface OpenSession {
  kind: "open";
  session: string;
  /** Name of the account that the session is logged in to, or `""`: a session that is another's is `denied`. */
  owner?: string;
}

/** Messages of a mailbox, or of all, by what becomes of them. */
export interface Stat {
  kind: "stat";
  mailbox?: string;
}

/** Lists dead letters from the first one after `after`, gives them out again, or removes them. */
export interface DeadLetters {
  kind: "dead";
  what: "list" | "requeue" | "drop";
  /** One dead letter, or all. For `list`: those after it. */
  id?: number;
  limit: number;
}

/** Keeps an account's verifier, puts another in its place, removes an account, or lists them by the bytes of their names from the first after `after`. */
export type AccountRequest =
  & { kind: "account" }
  & (
    | { what: "add" | "change"; name: string; verifier: string }
    | { what: "remove"; name: string }
    | { what: "list"; after?: string; limit: number }
  );

/** A message that was said in a channel. */
export interface ChannelMessage {
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  text: string;
  /** Bytes of `sender` and `text` in UTF-8. */
  bytes: number;
}

/** What became of a channel since the store last heard of it. */
export interface ChannelChange {
  kind: "channel";
  name: string;
  /** Where it stands in the list, from 1; 0: it is not listed. */
  place: number;
  /** Messages with lower numbers are dropped. */
  first: number;
  /** Number of the first of `messages`. */
  from: number;
  messages: readonly ChannelMessage[];
  /** Their bytes. */
  bytes: number;
}

/** Forgets a channel and its messages. */
export interface RemoveChannel {
  kind: "remove channel";
  name: string;
}

/** Every channel, with its messages. */
export interface ListChannels {
  kind: "channels";
}

export type StoreRequest =
  | Put
  | Take
  | Clear
  | Count
  | List
  | SetLimit
  | LeaseRequest
  | Unwatch
  | Confirm
  | Release
  | SessionChanges
  | OpenSession
  | Stat
  | DeadLetters
  | ListThreads
  | ReadThread
  | FindFile
  | Attach
  | KnownContents
  | CountThreads
  | AccountRequest
  | ChannelChange
  | RemoveChannel
  | ListChannels;

/** A message that was taken. */
export interface Taken {
  sender: string;
  time: number;
  message: string;
}

/** `full`: a limit of {@linkcode StoreLimits}. `storage`: the disk would not take it; nothing changed. */
export type PutOutcome = "stored" | "full" | "storage";
export type TakeOutcome = Taken | "empty" | "storage";
export type ClearOutcome = number | "storage";
export interface Counts {
  messages: number;
  bytes: number;
  mailboxes: number;
}

/** What the forum's threads hold: messages and files are entries, and `bytes` those of message text. */
export interface ThreadCounts {
  threads: number;
  entries: number;
  bytes: number;
}

/** A message that is leased. `attempt` counts from 1. */
export interface LeasedMessage {
  id: number;
  attempt: number;
  sender: string;
  time: number;
  message: string;
}
export interface Leased {
  token: string;
  messages: LeasedMessage[];
}
export type LeaseOutcome = Leased | "empty" | "busy" | "storage";

/** Of a number that was carried out otherwise than asked for: `bad` is one that changed nothing. */
export type Special = { kind: "lost"; ids: number[] } | { kind: "bad"; reason: string };
export interface SessionState {
  /** The highest number carried out. */
  done: number;
  /** Numbers whose outcome is not just that they were carried out. */
  special: [number, Special][];
  /** The number that was refused for the time being, behind which nothing was carried out. */
  refused?: { n: number; limit: string } | { n: number; limit?: undefined };
}
/** `denied`: it belongs to another account, or to none. */
export type SessionOutcome = SessionState | "unknown" | "busy" | "denied" | "storage";

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

export interface Stats {
  messages: number;
  bytes: number;
  ready: number;
  leased: number;
  delayed: number;
  dead: number;
}
export interface DeadLetter {
  id: number;
  mailbox: string;
  sender: string;
  time: number;
  message: string;
}
export type DeadOutcome = DeadLetter[] | number | "storage";

/** Threads, or entries of one, and whether there are more behind them. */
export interface ThreadPage {
  threads: { id: number; title: string }[];
  more: boolean;
}
export interface EntryPage {
  entries: Entry[];
  more: boolean;
}
/** A message, or a file that was uploaded. IDs grow in the order of the entries, and none is used again. */
export type Entry = Post | FileEntry;
export interface Post {
  id: number;
  user: string;
  time: number;
  /** Its rank among the messages of its thread, from 1. */
  number: number;
  text: string;
  bytes: number;
  /** How often it was edited. */
  version: number;
}
export interface FileEntry {
  id: number;
  user: string;
  time: number;
  file: string;
  size: number;
}
/** A file of a thread, as it was uploaded. `content` is the name of what it holds. */
export interface FileContent {
  user: string;
  size: number;
  hash: string;
  content: string;
}
/** `thread` is its ID. */
export type FindFileOutcome = { thread: number; file?: FileContent } | "no thread";
/** Where nothing was changed, why: `full LIMIT` is a limit of {@linkcode ForumLimits}. */
export type AttachOutcome = "stored" | "no thread" | "file exists" | `full ${string}` | "storage";
/** A channel as it was kept; its messages have consecutive numbers from `first`. */
export interface StoredChannel {
  name: string;
  place: number;
  first: number;
  messages: ChannelMessage[];
}
export type ChannelOutcome = "kept" | "storage";

export type ListOutcome = { mailbox: string; messages: number }[] | "storage";

/** The outcome that belongs to a kind of request. */
export type OutcomeOf<R extends StoreRequest> = R extends Put ? PutOutcome
  : R extends Take ? TakeOutcome
  : R extends Clear ? ClearOutcome
  : R extends Count ? Counts
  : R extends List ? ListOutcome
  : R extends LeaseRequest ? LeaseOutcome
  : R extends Confirm ? "confirmed" | "unknown"
  : R extends Release ? "released" | "storage"
  : R extends SessionChanges ? SessionOutcome
  : R extends OpenSession ? SessionOutcome
  : R extends Stat ? Stats
  : R extends DeadLetters ? DeadOutcome
  : R extends ListThreads ? ThreadPage
  : R extends ReadThread ? EntryPage | "no thread"
  : R extends FindFile ? FindFileOutcome
  : R extends Attach ? AttachOutcome
  : R extends KnownContents ? string[]
  : R extends CountThreads ? ThreadCounts
  : R extends AccountRequest ? AccountOutcome
  : R extends ChannelChange | RemoveChannel ? ChannelOutcome
  : R extends ListChannels ? StoredChannel[]
  : "set";

export type Outcome = OutcomeOf<StoreRequest>;

/** Bounds. All are inclusive: a mailbox with `mailboxMessages: 6` holds six. */
export interface StoreLimits {
  /** Messages in one mailbox. */
  mailboxMessages: number;
  /** Bytes of message text in one mailbox. */
  mailboxBytes: number;
  /** Messages in all. */
  messages: number;
  /** Bytes of message text in all. */
  bytes: number;
  /** Mailboxes that hold messages. */
  mailboxes: number;
  /** What a mailbox at its limit does with one more message; `drop-oldest` makes room in that mailbox alone. */
  whenFull: "refuse" | "drop-oldest";
}

export const DEFAULT_LIMITS: Readonly<StoreLimits> = {
  mailboxMessages: 1_000_000,
  mailboxBytes: 256 * 1024 ** 2,
  messages: 10_000_000,
  bytes: 4 * 1024 ** 3,
  mailboxes: 100_000,
  whenFull: "refuse",
};

/** Bounds of the forum, inclusive. An entry is a message or a file. */
export interface ForumLimits {
  threads: number;
  /** Entries of one thread, and of all together. */
  threadEntries: number;
  entries: number;
  /** Bytes of message text in all. */
  bytes: number;
}

export const DEFAULT_FORUM_LIMITS: Readonly<ForumLimits> = {
  threads: 100_000,
  threadEntries: 1_000_000,
  entries: 10_000_000,
  bytes: 4 * 1024 ** 3,
};

/** What an operator should know, once each time it begins or ends. Without `mailbox` it is about all together. */
export type StoreEvent =
  /** There is a message in a mailbox that is watched. */
  | { kind: "ready"; mailbox: string }
  /** No file has these contents any more. */
  | { kind: "unused"; contents: string[] }
  | { kind: "full"; mailbox?: string; limit: string }
  | { kind: "room"; mailbox?: string; refused: number }
  | { kind: "storage failed"; reason: string }
  | { kind: "storage works"; refused: number };

export interface Store {
  /** What was there when it was opened. */
  readonly opened: Counts;
  /**
   * Carries the requests out and resolves to an outcome for each, once all of them are durable.
   * Rejects when the store is closed, or can't be trusted any more.
   */
  apply(requests: readonly StoreRequest[]): Promise<Outcome[]>;
  /** Messages that were dropped for newer ones since the store was opened. */
  readonly dropped: number;
  /** Waits for what was asked for, then closes. */
  close(): Promise<void>;
}

/** The store is open in another process. */
export class StoreLocked extends Error {
  override name = "StoreLocked";
}

/** What `apply` can't answer for any more: a failed sync, a damaged file. The process has to end. */
export class StoreLost extends Error {
  override name = "StoreLost";
}
