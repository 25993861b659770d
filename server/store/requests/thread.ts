/**
 * What the threads of the forum are asked, and what comes of it.
 *
 * @module
 */

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

/** Threads, or entries of one, and whether there are more behind them. */
export interface ThreadPage {
  threads: { id: number; title: string }[];
  more: boolean;
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

/** What is known of a file before it is transferred. */
export interface FindFile {
  kind: "file";
  thread: string;
  name: string;
  /** Who asks, and would upload it. */
  user: string;
}

/** A file of a thread, as it was uploaded. `content` is the name of what it holds. */
export interface FileContent {
  user: string;
  size: number;
  hash: string;
  content: string;
}

/** `thread` is its ID. `full` is why the thread takes no file of this name, though it has none. */
export type FindFileOutcome =
  | { thread: number; file?: FileContent; full?: `full ${string}` }
  | "no thread";

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

/** Where nothing was changed, why: `full LIMIT` is a limit of `ForumLimits`. */
export type AttachOutcome = "stored" | "no thread" | "file exists" | `full ${string}` | "storage";

/** Which of these contents are of a file, or were and are still to be removed. */
export interface KnownContents {
  kind: "contents";
  contents: readonly string[];
}

/** Forgets contents that were removed. Gives up to `limit` of those that no file has any more and that are still there. */
export interface UnusedContents {
  kind: "unused";
  gone: readonly string[];
  limit: number;
}

export type UnusedOutcome = string[] | "storage";

/** A content of a file, and who uploaded that. */
export interface KnownContent {
  content: string;
  user: string;
}

/** What the forum's threads hold. */
export interface CountThreads {
  kind: "thread counts";
}

/** What the forum's threads hold: messages and files are entries, and `bytes` those of message text. */
export interface ThreadCounts {
  threads: number;
  entries: number;
  bytes: number;
}
