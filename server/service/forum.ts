/**
 * The rules of the forum: what each command changes, how much of a list is read at once, and who may transfer a file.
 * Outcomes are codes; a wire or a console puts them into words.
 *
 * Anybody may create a thread, post and upload. Only the user who created a thread may remove it, and only the sender of
 * a message may edit or delete it: the store checks that when it carries the change out (`store/engine/thread/threads.ts`).
 *
 * @module
 */

import { type ForumChange, isPost } from "../../protocol/forum.ts";
import type { Environment } from "../quota/uptime.ts";
import type { UploadId } from "../store/files/file_quota.ts";
import type { ContentFiles, IncomingFile } from "../store/files/files.ts";
import type { GroupCommit } from "../store/journaled/group.ts";
import type {
  AttachOutcome,
  ChangeThread,
  ChangeThreadOutcome,
  EntryPage,
  FileContent,
  ReadThread,
  ThreadChange,
  ThreadPage,
} from "../store/requests/thread.ts";
import { type DownloadGrant, type Grant, type KeysOf, Tickets, type UploadGrant } from "./tickets.ts";

/** What one page holds at most: threads or entries, and bytes of text. */
const PAGE: PageLimits = { limit: 128, maxBytes: 8192 };

/** Limits of a page. */
export interface PageLimits {
  readonly limit: number;
  readonly maxBytes: number;
}

export interface ForumOptions extends Pick<Environment, "wallClock" | "monotonicClock" | "random"> {
  store: Pick<GroupCommit, "ask" | "submit">;
  files: Pick<ContentFiles, "begin" | "damaged" | "path" | "read" | "refuses" | "remove">;
}

/** A user's request to transfer a file of a thread. */
export interface FileRequest {
  user: string;
  /** Where the client is. */
  network?: string;
  title: string;
  /** The file's name in the thread. */
  file: string;
  /** The keys with which the transfer is sealed; without it, it travels in the clear. */
  keysOf?: KeysOf;
}

export interface UploadRequest extends FileRequest {
  size: number;
  /** SHA-256 of the content; undefined if the client has not read it yet. */
  hash: string | undefined;
  /** Whether the client asked for the same upload before. */
  isRepeated: boolean;
}

export type UploadOutcome = { ticket: string; key: string } | "stored" | { refused: string };
export type DownloadOutcome = { ticket: string; size: number; hash: string } | { refused: string };

export class Forum {
  /** Permitted transfers that have not begun. */
  readonly tickets: Tickets;
  readonly #options: ForumOptions;

  constructor(options: ForumOptions) {
    this.#options = options;
    this.tickets = new Tickets(options);
  }

  /**
   * The change that the store makes for this command.
   *
   * @param bytes Those of its text.
   */
  toStore(
    user: string,
    command: ForumChange,
    bytes: number,
  ): ThreadChange | { kind: "bad"; reason: "syntax" } {
    const thread = command.title;
    switch (command.kind) {
      case "CRT":
        return { kind: "create", thread, user };
      case "RMV":
        return { kind: "remove", thread, user };
      case "DLT":
        return { kind: "delete", thread, user, number: command.number };
    }
    const { text } = command;
    if (!isPost(text)) return { kind: "bad", reason: "syntax" };
    return command.kind === "MSG"
      ? { kind: "post", thread, user, time: this.#options.wallClock(), text, bytes }
      : { kind: "edit", thread, user, number: command.number, text, bytes };
  }

  /** Carries a change out for a user without a session. `more` may have the ID of the message that is meant, and a key. */
  async change(
    user: string,
    command: ForumChange,
    bytes: number,
    more: Omit<ChangeThread, "kind" | "change">,
  ): Promise<ChangeThreadOutcome | "syntax"> {
    const change = this.toStore(user, command, bytes);
    if (change.kind === "bad") return change.reason;
    return await this.#options.store.ask({ kind: "thread", change, ...more });
  }

  /** Reads a page of the threads after the one with this ID. Like all below, it gives no outcome if the store is busy. */
  list(after: number, done: (page: ThreadPage) => void, page = PAGE) {
    this.#options.store.submit({ kind: "threads", after, ...page }, done);
  }

  /** Reads a page of a thread's entries. */
  read(
    thread: string,
    from: ReadThread["from"],
    done: (page: EntryPage | "no thread") => void,
    page = PAGE,
  ) {
    this.#options.store.submit({ kind: "read", thread, from, ...page }, done);
  }

  /**
   * Issues a ticket for one attempt at an upload. A repeated request for what is in the thread already, with the same
   * user, size and hash, is `stored`: the file arrived, and only the answer was lost.
   *
   * @param onEnd Called when the file is in its thread, or with the reason why the thread refuses it.
   */
  upload(request: UploadRequest, onEnd: (refused?: string) => void, done: (outcome: UploadOutcome) => void) {
    this.permitUpload(request, onEnd, (outcome) => {
      if (typeof outcome !== "object" || "refused" in outcome) return done(outcome);
      done(this.#issue(outcome, request, { key: outcome.key }));
    });
  }

  /** What {@linkcode upload} issues a ticket for. */
  permitUpload(
    request: UploadRequest,
    onEnd: (refused?: string) => void,
    done: (outcome: UploadGrant | "stored" | { refused: string }) => void,
  ) {
    const { user, title, file: name, size, hash } = request, { store, files, random } = this.#options;
    store.submit({ kind: "file", thread: title, name, user }, (found) => {
      if (found === "no thread") return done({ refused: found });
      const { thread, file } = found;
      if (file !== undefined) {
        const isSame = file.user === user && file.size === size && file.hash === hash;
        return done(request.isRepeated && isSame ? "stored" : { refused: "file exists" });
      }
      if (found.full !== undefined) return done({ refused: found.full });
      const upload = { user, thread, name, size }, full = files.refuses(upload);
      if (full !== undefined) return done({ refused: `no ticket ${full}` });
      const key = random(32).toBase64({ alphabet: "base64url", omitPadding: true });
      done({
        kind: "upload",
        user,
        size,
        hash,
        key,
        begin: (displace) => files.begin(upload, displace),
        attach: async (incoming) => {
          const outcome = await this.#attach(upload, incoming);
          onEnd(outcome === "stored" ? undefined : outcome);
          return outcome;
        },
      });
    });
  }

  /**
   * Issues a ticket for one attempt at a download.
   *
   * @param onEnd Called when all of it was sent.
   */
  download(request: FileRequest, onEnd: () => void, done: (outcome: DownloadOutcome) => void) {
    this.permitDownload(request, onEnd, (outcome) => {
      if ("refused" in outcome) return done(outcome);
      const { size, hash } = outcome;
      done(this.#issue(outcome, request, { size, hash }));
    });
  }

  /** What {@linkcode download} issues a ticket for. */
  permitDownload(
    request: FileRequest,
    onEnd: () => void,
    done: (outcome: DownloadGrant | { refused: string }) => void,
  ) {
    const { user, title, file: name } = request, { store, files } = this.#options;
    store.submit({ kind: "file", thread: title, name, user }, (found) => {
      if (found === "no thread") return done({ refused: found });
      if (found.file === undefined) return done({ refused: "no file" });
      const { content, size, hash }: FileContent = found.file;
      done({
        kind: "download",
        user,
        name: `'${name}' in thread '${title}'`,
        path: files.path(content),
        size,
        hash,
        open: () => files.read(content),
        isDamaged: () => files.damaged.has(content),
        setDamaged: () => files.damaged.add(content),
        onEnd,
      });
    });
  }

  #issue<T>(
    grant: Grant,
    { network, keysOf }: FileRequest,
    more: T,
  ): { ticket: string } & T | { refused: string } {
    const ticket = this.tickets.issue(grant, network, keysOf);
    return ticket === undefined
      ? { refused: "no ticket too many transfers at the same time" }
      : { ticket, ...more };
  }

  /** Adds a file that has arrived whole to its thread: its content is on disk before the store names it. */
  async #attach(upload: UploadId, incoming: IncomingFile): Promise<Exclude<AttachOutcome, "storage">> {
    const { store, files, wallClock } = this.#options, { hash } = incoming.file;
    const content = await incoming.store();
    let outcome: AttachOutcome | undefined;
    try {
      outcome = await store.ask({ kind: "attach", ...upload, hash, content, time: wallClock() });
      if (outcome === "storage") throw new Error("cannot write to disk");
      return outcome;
    } finally {
      // the store does not name the content, and never will
      if (outcome !== "stored") await files.remove(content);
      await incoming.end(outcome === "stored" ? outcome : "dropped");
    }
  }
}
