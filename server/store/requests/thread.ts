/**
 * Requests about the threads of the forum.
 *
 * @module
 */

import type { RequestKey } from "./keyed.ts";

/**
 * A change by a user of the forum. `thread` is a title; `number` is the position of a message among the messages of its
 * thread, from 1.
 */
export type ThreadChange =
  | { kind: "create"; thread: string; user: string }
  | { kind: "post"; thread: string; user: string; time: number; text: string; bytes: number }
  | { kind: "delete"; thread: string; user: string; number: number }
  | { kind: "edit"; thread: string; user: string; number: number; text: string; bytes: number }
  | { kind: "remove"; thread: string; user: string };

/** A change by a user without a session. With a key it is carried out once. */
export interface ChangeThread {
  kind: "thread";
  change: ThreadChange;
  /** The ID of the message that is meant: another one may have its number by now. */
  id?: number;
  key?: RequestKey;
  /** Whom the key is charged to: see {@linkcode Put.owner}. */
  owner?: string;
}

/**
 * ID and number of the message, or of the thread that was created, whose number is 0; or why nothing was changed. Of a key
 * it is as in {@linkcode PutOnceOutcome}.
 */
export type ChangeThreadOutcome =
  | { id: number; number: number }
  | { refused: string }
  | "other request"
  | "keys full"
  | "storage";

/** Lists threads after the one with this ID, in the order in which they were created. */
export interface ListThreads {
  kind: "threads";
  after: number;
  /** Most threads. */
  limit: number;
  /** Most bytes of their titles. */
  maxBytes: number;
}

export interface ThreadPage {
  threads: { id: number; title: string; creator: string; entries: number }[];
  /** Whether more follow. */
  more: boolean;
}

/** Reads entries of a thread, in their order: after the entry with an ID, or from the message with a number on. */
export interface ReadThread {
  kind: "read";
  thread: string;
  from: { after: number } | { number: number };
  /** Most entries. */
  limit: number;
  /** Most bytes of text; one entry is given even if it is longer. */
  maxBytes: number;
}

export interface EntryPage {
  entries: Entry[];
  /** Whether more follow. */
  more: boolean;
}

/** A message or an uploaded file. IDs grow in the order of the entries, and none is used twice. */
export type Entry = Post | FileEntry;

export interface Post {
  id: number;
  user: string;
  time: number;
  /** Its position among the messages of its thread, from 1. */
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

/** Looks a file up before it is transferred. */
export interface FindFile {
  kind: "file";
  thread: string;
  name: string;
  /** The user who asks, and who would upload it. */
  user: string;
}

/** A file of a thread, as it was uploaded. `content` is its name on disk. */
export interface FileContent {
  user: string;
  size: number;
  hash: string;
  content: string;
}

/** `thread` is its ID. `full` is why the thread has no room for such a file. */
export type FindFileOutcome =
  | { thread: number; file?: FileContent; full?: `full ${string}` }
  | "no thread";

/** Adds a file to a thread. Its content is on disk already. */
export interface Attach {
  kind: "attach";
  /** ID of the thread: another thread may have its title by now. */
  thread: number;
  name: string;
  user: string;
  time: number;
  size: number;
  hash: string;
  content: string;
}

/** `full LIMIT` names a limit of `ForumLimits`. */
export type AttachOutcome = "stored" | "no thread" | "file exists" | `full ${string}` | "storage";

/** A content and the user who uploaded it; `""` if its file was removed. */
export interface KnownContent {
  content: string;
  user: string;
}

/** Messages and files are entries; bytes are those of message text. */
export interface ThreadCounts {
  threads: number;
  entries: number;
  bytes: number;
}

/** By kind: the request and its outcome. */
export interface ThreadOperations {
  thread: [ChangeThread, ChangeThreadOutcome];
  threads: [ListThreads, ThreadPage];
  read: [ReadThread, EntryPage | "no thread"];
  file: [FindFile, FindFileOutcome];
  attach: [Attach, AttachOutcome];
  /** Asks which of these contents belong to a file, or did and are still to be removed. */
  contents: [{ kind: "contents"; contents: readonly string[] }, KnownContent[]];
  /** Forgets contents in `gone`, which were removed. Lists up to `limit` that no file has any more. */
  unused: [{ kind: "unused"; gone: readonly string[]; limit: number }, string[] | "storage"];
  "thread counts": [{ kind: "thread counts" }, ThreadCounts];
}
