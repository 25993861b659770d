/**
 * The forum's requests in sessions: what each of the ten commands asks of the store, and how its outcome is answered.
 * `protocol/forum.md` is the specification.
 *
 * @module
 */

import { encodeForumAnswer, type ForumUnorderedRequest, isPost } from "../../../../protocol/forum.ts";
import {
  doneText,
  type ForumCommand,
  NO_THREADS,
  refusedText,
  threadIsEmpty,
} from "../../../../protocol/forum_text.ts";
import {
  decodeServiceRequest,
  NOT_SERVED,
  type OrderedServiceRequest,
  type UnorderedServiceRequest,
} from "../../../../protocol/service_requests.ts";
import type { SessionClient, SessionHandler } from "../handler.ts";
import { textLines } from "../text_lines.ts";
import type { GroupCommit } from "../../../store/journal/group.ts";
import type { OrderedRequest, RequestOutcome } from "../../../store/requests/session.ts";
import type {
  EntryPage,
  FileContent,
  Post,
  ThreadChange,
  ThreadPage,
} from "../../../store/requests/thread.ts";
import type { TransferService } from "../../transfer/transfer.ts";

/** What one page of an answer holds at most: lines, and bytes of text. */
const PAGE_LINES = 128, PAGE_BYTES = 8192;

export interface ForumRequestsOptions {
  store: Pick<GroupCommit, "submit">;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Gives the tickets. */
  transfer: Pick<TransferService, "issueUpload" | "issueDownload">;
  /** Takes a line that the server's console says. */
  console(line: string): void;
}

export class ForumRequests implements SessionHandler {
  readonly decodeLine = decodeServiceRequest;
  readonly #options: ForumRequestsOptions;
  /** The highest tag of each session whose command the console has told: a repeated one is the same command. */
  readonly #told = new WeakMap<SessionClient, number>();

  constructor(options: ForumRequestsOptions) {
    this.#options = options;
  }

  admits({ account }: SessionClient): boolean {
    return account !== "";
  }

  toStore({ account: user }: SessionClient, request: OrderedServiceRequest, bytes: number): OrderedRequest {
    switch (request.kind) {
      case "CRT":
        return { kind: "create", thread: request.title, user };
      case "RMV":
        return { kind: "remove", thread: request.title, user };
      case "DLT":
        return { kind: "delete", thread: request.title, user, number: request.number };
      case "MSG":
      case "EDT": {
        const { title: thread, text } = request;
        if (!isPost(text)) return { kind: "bad", reason: "syntax" };
        return request.kind === "MSG"
          ? { kind: "post", thread, user, time: this.#options.wallClock(), text, bytes }
          : { kind: "edit", thread, user, number: request.number, text, bytes };
      }
      default:
        return { kind: "bad", reason: NOT_SERVED };
    }
  }

  carriedOut(_: SessionClient, change: OrderedRequest, outcome: RequestOutcome | undefined) {
    const typed = typedOf(change);
    if (typed === undefined) return;
    this.#options.console(`${(change as ThreadChange).user} issued ${typed.command} command`);
    this.#tellEnd(typed, outcome?.kind === "bad" ? outcome.reason : undefined);
  }

  /** Tells the console what came of a command. */
  #tellEnd(typed: ForumCommand, refused?: string) {
    this.#options.console(refused === undefined ? doneText(typed) : refusedText(typed, refused));
  }

  answer(client: SessionClient, request: UnorderedServiceRequest) {
    switch (request.kind) {
      case "LST":
        return this.#list(client, request);
      case "RDT":
        return this.#read(client, request);
      case "UPD":
      case "DWN":
        return this.#transfer(client, request);
      default:
        client.answer({ kind: "no", t: request.t, reason: NOT_SERVED });
    }
  }

  /**
   * Tells the console of a command, once, however often its request comes.
   *
   * @returns What tells the console why it was refused, or that there is nothing to read.
   */
  #tell(client: SessionClient, { kind, t }: ForumUnorderedRequest, isFirst = true): (result: string) => void {
    if (t <= (this.#told.get(client) ?? 0)) return () => {};
    this.#told.set(client, t);
    if (!isFirst) return () => {};
    this.#options.console(`${client.account} issued ${kind} command`);
    return this.#options.console;
  }

  #list(client: SessionClient, request: ForumUnorderedRequest & { kind: "LST" }) {
    const { t, place } = request;
    const tell = this.#tell(client, request, Number(place) === 0);
    const list = { kind: "threads", after: Number(place), limit: PAGE_LINES, maxBytes: PAGE_BYTES } as const;
    this.#options.store.submit(list, (page) => {
      if (page.threads.length === 0) tell(NO_THREADS);
      for (const line of titleLines(t, place, page)) client.send(line);
    });
  }

  #read(client: SessionClient, request: ForumUnorderedRequest & { kind: "RDT" }) {
    const { t, place, title } = request;
    const from = place.startsWith("#") ? { number: Number(place.slice(1)) } : { after: Number(place) };
    const tell = this.#tell(client, request, "number" in from || from.after === 0);
    const read = { kind: "read", thread: title, from, limit: PAGE_LINES, maxBytes: PAGE_BYTES } as const;
    this.#options.store.submit(read, (page) => {
      if (page === "no thread") {
        tell(refusedText({ command: "RDT", title }, page));
        return client.answer({ kind: "no", t, reason: page });
      }
      if (page.entries.length === 0 && "after" in from) tell(threadIsEmpty(title));
      for (const line of entryLines(t, place, page)) client.send(line);
    });
  }

  #transfer(client: SessionClient, request: ForumUnorderedRequest & { kind: "UPD" | "DWN" }) {
    const { t, title, file: name } = request, user = client.account;
    const tell = this.#tell(client, request, request.kind === "DWN" || request.attempt === 0);
    const typed: ForumCommand = { command: request.kind, title, file: name };
    const no = (reason: string) => {
      tell(refusedText(typed, reason));
      client.answer({ kind: "no", t, reason });
    };
    const onEnd = (refused?: string) => this.#tellEnd(typed, refused);
    this.#options.store.submit({ kind: "file", thread: title, name, user }, (found) => {
      if (found === "no thread") return no(found);
      const { thread, file, full } = found;
      if (request.kind === "DWN") {
        return file === undefined ? no("no file") : this.#download(client, t, file, no, onEnd);
      }
      const { size, hash } = request;
      if (file !== undefined) {
        const isSame = file.user === user && file.size === size && file.hash === hash;
        return request.attempt > 0 && isSame
          ? client.send(encodeForumAnswer({ kind: "stored", t }))
          : no("file exists");
      }
      if (full !== undefined) return no(full);
      const issued = this.#options.transfer.issueUpload({ user, thread, name, size, hash, onEnd });
      if ("error" in issued) return no(`no ticket ${issued.error}`);
      client.send(encodeForumAnswer({ kind: "upload", t, ...issued }));
    });
  }

  #download(
    client: SessionClient,
    t: number,
    { content, size, hash }: FileContent,
    no: (reason: string) => void,
    onEnd: () => void,
  ) {
    const issued = this.#options.transfer.issueDownload({ user: client.account, content, size, onEnd });
    if ("error" in issued) return no(`no ticket ${issued.error}`);
    client.send(encodeForumAnswer({ kind: "ticket", t, ticket: issued.ticket, size, hash }));
  }
}

/** The command that a change was, as its user typed it. */
function typedOf(change: OrderedRequest): ForumCommand | undefined {
  switch (change.kind) {
    case "create":
      return { command: "CRT", title: change.thread };
    case "remove":
      return { command: "RMV", title: change.thread };
    case "delete":
      return { command: "DLT", title: change.thread, number: change.number };
    case "post":
      return { command: "MSG", title: change.thread, text: change.text };
    case "edit":
      return { command: "EDT", title: change.thread, number: change.number, text: change.text };
    default:
      return undefined;
  }
}

function* titleLines(t: number, place: string, { threads, more }: ThreadPage): Generator<string> {
  for (const { id, title } of threads) {
    yield encodeForumAnswer({ kind: "title", t, place, id, title });
    place = `${id}`;
  }
  yield encodeForumAnswer({ kind: more ? "next" : "end", t, place });
}

function* entryLines(t: number, place: string, { entries, more }: EntryPage): Generator<string> {
  for (const entry of entries) {
    if ("file" in entry) yield encodeForumAnswer({ kind: "file", t, place, ...entry });
    else yield* postLines(t, place, entry);
    place = `${entry.id}`;
  }
  yield encodeForumAnswer({ kind: more ? "next" : "end", t, place });
}

function postLines(t: number, place: string, post: Post): Generator<string> {
  const { text, bytes: length, ...rest } = post, { id, version } = post;
  return textLines(
    text,
    (text) => encodeForumAnswer({ kind: "line", t, place, length, ...rest, text }),
    (offset, text) => encodeForumAnswer({ kind: "rest", t, id, version, offset, text }),
  );
}
