/**
 * The forum's requests in sessions: decodes the commands, has the forum carry them out, and encodes the outcomes; and the
 * lines of the original's console. `protocol/README.md`, "Forum", is the specification.
 *
 * @module
 */

import {
  encodeForumAnswer,
  type ForumAnswer,
  type ForumOrderedRequest,
  type ForumUnorderedRequest,
} from "../../../../protocol/forum.ts";
import {
  doneText,
  type ForumCommand,
  NO_THREADS,
  refusedText,
  threadIsEmpty,
} from "../../../../protocol/forum_text.ts";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import {
  lineLength,
  MAX_HEADER,
  MAX_SESSION_DATAGRAM,
  type NumberedRequest,
  type TaggedRequest,
} from "../../../../protocol/session.ts";
import type { Forum } from "../../../service/forum.ts";
import type { OrderedRequest, Special } from "../../../store/requests/session.ts";
import type { EntryPage, Post, ThreadChange, ThreadPage } from "../../../store/requests/thread.ts";
import { cut } from "../message_answers.ts";
import { NOT_SERVED, type ServiceRequests, type SessionClient } from "../service_requests.ts";

/** The commands by what they change. */
const COMMANDS: Partial<Record<OrderedRequest["kind"], ForumOrderedRequest["kind"]>> = {
  create: "CRT",
  post: "MSG",
  delete: "DLT",
  edit: "EDT",
  remove: "RMV",
};

export interface ForumRequestsOptions {
  forum: Forum;
  /** Writes a line to the server's console. */
  console(line: string): void;
}

export class ForumRequests implements ServiceRequests {
  readonly #forum: Forum;
  readonly #console: (line: string) => void;
  /** The highest tag of each session whose command is on the console: a repeated one is the same command. */
  readonly #reported = new WeakMap<SessionClient, number>();

  constructor({ forum, console }: ForumRequestsOptions) {
    this.#forum = forum;
    this.#console = console;
  }

  admits({ user }: SessionClient): boolean {
    return user !== undefined;
  }

  arrived() {}

  forget() {}

  change({ user = "" }: SessionClient, request: NumberedRequest, bytes: number): OrderedRequest {
    switch (request.kind) {
      case "skip":
        return { kind: "skip" };
      case "bad":
        return { kind: "bad", reason: request.reason };
      case "CRT":
      case "MSG":
      case "DLT":
      case "EDT":
      case "RMV":
        return this.#forum.change(user, request, bytes);
      default:
        return { kind: "bad", reason: NOT_SERVED };
    }
  }

  carriedOut({ user }: SessionClient, change: OrderedRequest, special: Special | undefined) {
    const kind = COMMANDS[change.kind];
    if (kind === undefined) return;
    this.#console(`${user} issued ${kind} command`);
    const command = { ...change, kind, title: (change as ThreadChange).thread } as ForumCommand;
    this.#reportEnd(command, special?.kind === "bad" ? special.reason : undefined);
  }

  /** Writes to the console what became of a command. */
  #reportEnd(command: ForumCommand, refused?: string) {
    this.#console(refused === undefined ? doneText(command) : refusedText(command, refused));
  }

  ask(client: SessionClient, request: TaggedRequest) {
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
    this.#console(`${client.user} issued ${kind} command`);
    return this.#console;
  }

  #list(client: SessionClient, request: ForumUnorderedRequest & { kind: "LST" }) {
    const { t, place } = request, after = Number(place);
    const report = this.#report(client, request, after === 0);
    this.#forum.list(after, (page) => {
      if (page.threads.length === 0) report(NO_THREADS);
      for (const answer of titleAnswers(t, place, page)) client.answer(answer);
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
      for (const answer of entryAnswers(t, place, page)) client.answer(answer);
    });
  }

  #transfer(client: SessionClient, request: ForumUnorderedRequest & { kind: "UPD" | "DWN" }) {
    const { t } = request, user = client.user!;
    const report = this.#report(client, request, request.kind === "DWN" || request.attempt === 0);
    const refuse = (reason: string) => {
      report(refusedText(request, reason));
      client.answer({ kind: "no", t, reason });
    };
    const onEnd = (refused?: string) => this.#reportEnd(request, refused);
    if (request.kind === "DWN") {
      this.#forum.download({ ...request, user }, onEnd, (outcome) => {
        if ("refused" in outcome) return refuse(outcome.refused);
        client.answer({ kind: "ticket", t, ...outcome });
      });
    } else {
      this.#forum.upload({ ...request, user, isRepeated: request.attempt > 0 }, onEnd, (outcome) => {
        if (outcome === "stored") return client.answer({ kind: "stored", t });
        if ("refused" in outcome) return refuse(outcome.refused);
        client.answer({ kind: "upload", t, ...outcome });
      });
    }
  }
}

function* titleAnswers(t: number, place: string, { threads, more }: ThreadPage): Generator<ForumAnswer> {
  for (const { id, title } of threads) {
    yield { kind: "title", t, place, id, title };
    place = `${id}`;
  }
  yield { kind: more ? "next" : "end", t, place };
}

function* entryAnswers(t: number, place: string, { entries, more }: EntryPage): Generator<ForumAnswer> {
  for (const entry of entries) {
    if ("file" in entry) yield { kind: "file", t, place, ...entry };
    else yield* messageAnswers(t, place, entry);
    place = `${entry.id}`;
  }
  yield { kind: more ? "next" : "end", t, place };
}

/** A message as answers, each of which fits into a datagram. */
function* messageAnswers(
  t: number,
  place: string,
  message: Post,
): Generator<ForumAnswer> {
  const { text, bytes, ...rest } = message;
  const room = MAX_SESSION_DATAGRAM - MAX_HEADER;
  const line = (text: string): ForumAnswer => ({ kind: "line", t, place, length: bytes, ...rest, text });
  const whole = line(text);
  if (lineLength(encodeForumAnswer(whole)) <= room) return yield whole;
  const begin = cut(text, 0, room - lineLength(encodeForumAnswer(line(""))));
  yield line(begin);
  for (let at = begin.length, offset = utf8Length(begin); at < text.length;) {
    const piece = { kind: "rest", t, id: message.id, version: message.version, offset } as const;
    const more = cut(text, at, room - lineLength(encodeForumAnswer({ ...piece, text: "" })));
    yield { ...piece, text: more };
    at += more.length;
    offset += utf8Length(more);
  }
}
