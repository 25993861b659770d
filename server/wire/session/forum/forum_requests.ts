/**
 * The forum's requests in sessions: decodes the commands, has the forum carry them out, and encodes the outcomes; and the
 * lines of the original's console. `protocol/forum.md` is the specification.
 *
 * @module
 */

import {
  encodeForumAnswer,
  type ForumOrderedRequest,
  type ForumUnorderedRequest,
  SEALED_FILES_ONLY,
  SEALS_FILES,
} from "../../../../protocol/forum.ts";
import {
  doneText,
  type ForumCommand,
  NO_THREADS,
  refusedText,
  threadIsEmpty,
} from "../../../../protocol/forum/forum_text.ts";
import { encodeMailboxAnswer } from "../../../../protocol/session/mailbox_requests.ts";
import {
  decodeServiceRequest,
  NOT_SERVED,
  type OrderedServiceRequest,
  type UnorderedServiceRequest,
} from "../../../../protocol/session/service_requests.ts";
import type { Creations } from "../../../quota/creations.ts";
import type { FileRequest, Forum } from "../../../service/forum.ts";
import type { Moderation } from "../../../service/moderation.ts";
import type { OrderedRequest, RequestOutcome } from "../../../store/requests/session.ts";
import type { EntryPage, Post, ThreadChange, ThreadPage } from "../../../store/requests/thread.ts";
import type { SessionClient, SessionHandler } from "../handler.ts";
import { textLines } from "../text_lines.ts";

/** The commands by what they change. */
const COMMANDS: Partial<Record<OrderedRequest["kind"], ForumOrderedRequest["kind"]>> = {
  create: "CRT",
  post: "MSG",
  delete: "DLT",
  edit: "EDT",
  remove: "RMV",
};

export class ForumRequests implements SessionHandler {
  readonly decodeLine = decodeServiceRequest;
  readonly #forum: Forum;
  readonly #console: (line: string, hostname: string) => void;
  readonly #moderation: Pick<Moderation, "isMuted"> | undefined;
  readonly #creations: Pick<Creations, "take"> | undefined;
  readonly #onPlainRefused: (() => void) | undefined;
  /** The highest tag of each session whose command is on the console: a repeated one is the same command. */
  readonly #reported = new WeakMap<SessionClient, number>();

  /**
   * @param console Writes a line to the server's console, which a client at this address has caused.
   * @param moderation By default nobody is muted.
   * @param creations Counts threads; by default they are not.
   * @param onPlainRefused Called when a transfer in the clear is refused; without it, such transfers are served.
   */
  constructor(
    forum: Forum,
    console: (line: string, hostname: string) => void,
    { moderation, creations, onPlainRefused }: {
      moderation?: Pick<Moderation, "isMuted">;
      creations?: Pick<Creations, "take"> | undefined;
      onPlainRefused?: (() => void) | undefined;
    } = {},
  ) {
    this.#onPlainRefused = onPlainRefused;
    this.#creations = creations;
    this.#forum = forum;
    this.#console = console;
    this.#moderation = moderation;
  }

  admits({ account }: SessionClient): boolean {
    return account !== "";
  }

  createsTooFast({ hostname }: SessionClient, { kind }: OrderedServiceRequest): boolean {
    return kind === "CRT" && this.#creations?.take(hostname) === false;
  }

  arrived(client: SessionClient): "muted" | undefined {
    return this.#isMuted(client) ? "muted" : undefined;
  }

  #isMuted({ hostname, account }: SessionClient): boolean {
    return this.#moderation?.isMuted(hostname, account) ?? false;
  }

  toStore({ account: user }: SessionClient, request: OrderedServiceRequest, bytes: number): OrderedRequest {
    switch (request.kind) {
      case "CRT":
      case "MSG":
      case "DLT":
      case "EDT":
      case "RMV":
        return this.#forum.toStore(user, request, bytes);
      default:
        return { kind: "bad", reason: NOT_SERVED };
    }
  }

  carriedOut(client: SessionClient, change: OrderedRequest, outcome: RequestOutcome | undefined) {
    const kind = COMMANDS[change.kind];
    if (kind === undefined) return;
    this.#console(`${client.account} issued ${kind} command`, client.hostname);
    const command = { ...change, kind, title: (change as ThreadChange).thread } as ForumCommand;
    this.#reportEnd(client, command, outcome?.kind === "bad" ? outcome.reason : undefined);
  }

  /** Writes to the console what became of a command. */
  #reportEnd({ hostname }: SessionClient, command: ForumCommand, refused?: string) {
    this.#console(refused === undefined ? doneText(command) : refusedText(command, refused), hostname);
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
      case "UPS":
        return this.#transfer(client, { ...request, kind: "UPD" }, keysOf(client));
      case "DWS":
        return this.#transfer(client, { ...request, kind: "DWN" }, keysOf(client));
      case "info":
        return client.send(encodeMailboxAnswer({ kind: "info", t: request.t, values: SEALS_FILES }));
      default:
        client.answer({ kind: "no", t: request.t, reason: NOT_SERVED });
    }
  }

  /**
   * Writes a command to the console, once, however often its request comes.
   *
   * @returns Writes why it was refused, or that there is nothing to read, if the command was written too.
   */
  #report(
    client: SessionClient,
    { kind, t }: ForumUnorderedRequest,
    isFirst: boolean,
  ): (line: string) => void {
    if (t <= (this.#reported.get(client) ?? 0)) return () => {};
    this.#reported.set(client, t);
    if (!isFirst) return () => {};
    this.#console(`${client.account} issued ${kind} command`, client.hostname);
    return (line) => this.#console(line, client.hostname);
  }

  #list(client: SessionClient, request: ForumUnorderedRequest & { kind: "LST" }) {
    const { t, place } = request, after = Number(place);
    const report = this.#report(client, request, after === 0);
    this.#forum.list(after, (page) => {
      if (page.threads.length === 0) report(NO_THREADS);
      for (const line of titleLines(t, place, page)) client.send(line);
    });
  }

  #read(client: SessionClient, request: ForumUnorderedRequest & { kind: "RDT" }) {
    const { t, place, title } = request;
    const from = place.startsWith("#") ? { number: Number(place.slice(1)) } : { after: Number(place) };
    const report = this.#report(client, request, "number" in from || from.after === 0);
    this.#forum.read(title, from, (page) => {
      if (page === "no thread") {
        report(refusedText(request, page));
        return client.answer({ kind: "no", t, reason: page });
      }
      if (page.entries.length === 0 && "after" in from) report(threadIsEmpty(title));
      for (const line of entryLines(t, place, page)) client.send(line);
    });
  }

  /** @param sealed The keys of a transfer; not there if it travels in the clear. */
  #transfer(
    client: SessionClient,
    request: ForumUnorderedRequest & { kind: "UPD" | "DWN" },
    sealed: Pick<FileRequest, "keysOf"> = {},
  ) {
    const { t } = request, { account: user, network } = client, asked = { ...sealed, user, network };
    const report = this.#report(client, request, request.kind === "DWN" || request.attempt === 0);
    const refuse = (reason: string) => {
      report(refusedText(request, reason));
      client.answer({ kind: "no", t, reason });
    };
    if (sealed.keysOf === undefined && this.#onPlainRefused !== undefined) {
      this.#onPlainRefused();
      return refuse(SEALED_FILES_ONLY);
    }
    if (request.kind === "UPD" && this.#isMuted(client)) return refuse("muted");
    const onEnd = (refused?: string) => this.#reportEnd(client, request, refused);
    if (request.kind === "DWN") {
      this.#forum.download({ ...request, ...asked }, onEnd, (outcome) => {
        if ("refused" in outcome) return refuse(outcome.refused);
        client.send(encodeForumAnswer({ kind: "ticket", t, ...outcome }));
      });
    } else {
      this.#forum.upload({ ...request, ...asked, isRepeated: request.attempt > 0 }, onEnd, (outcome) => {
        if (outcome === "stored") return client.send(encodeForumAnswer({ kind: "stored", t }));
        if ("refused" in outcome) return refuse(outcome.refused);
        client.send(encodeForumAnswer({ kind: "upload", t, ...outcome }));
      });
    }
  }
}

/** Keys from the seal that the client is under when its ticket is issued. */
const keysOf = (client: SessionClient): Pick<FileRequest, "keysOf"> => ({
  keysOf: (ticket) => client.transferKeys?.(ticket),
});

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

function postLines(t: number, place: string, post: Post): string[] {
  const { text, bytes: length, ...rest } = post, { id, version } = post;
  return textLines(
    text,
    (text) => encodeForumAnswer({ kind: "line", t, place, length, ...rest, text }),
    (offset, text) => encodeForumAnswer({ kind: "rest", t, id, version, offset, text }),
  );
}
