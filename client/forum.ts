/**
 * The forum's ten commands, on a session that has logged in. `protocol/README.md`, "Forum", is the specification.
 *
 * @module
 */

import {
  changeFields,
  encodeForumRequest,
  type ForumAnswer,
  type ForumRow,
  type ForumUnorderedRequest,
  isPost,
  isWord,
  MAX_THREAD_ENTRIES,
  MAX_THREADS,
} from "../protocol/forum.ts";
import { utf8Length } from "../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../protocol/session.ts";
import { isFileName } from "../protocol/transfer.ts";
import { PageQuery } from "./forum/page.ts";
import type { Session } from "./session/session.ts";
import { RefusedError, WrongAnswerError } from "./session/errors.ts";
import { download } from "./transfer/download.ts";
import type { FileContent, TransferOptions as AnyTransferOptions } from "./transfer/transfer.ts";
import { upload } from "./transfer/upload.ts";

/** A message of a thread, or a file. `time` is when the server received it, in milliseconds since 1970. */
export type ForumEntry =
  | { number: number; user: string; text: string; time: number }
  | { user: string; file: string; size: number; time: number };

/** How a command may be broken off. */
export interface ForumOptions {
  /** Milliseconds for which a change is tried again while the server's disk takes nothing; 5 s by default. */
  wait?: number;
}

/** How a file is transferred. */
export type TransferOptions = Pick<AnyTransferOptions, "signal" | "onProgress" | "onRetry">;

/** Milliseconds for which a change is tried again while the server's disk takes nothing. */
const WAIT = 5000;

/** What the forum needs of a session. */
export type ForumSession = Pick<Session<ForumAnswer>, "change" | "query" | "close">;

/**
 * A forum, as one user sees it. Changes are carried out in the order of the calls, each once, and are on the server's
 * disk when they resolve. One that is refused rejects with a {@linkcode RefusedError}, whose `reason` is one of the
 * specification's words: `exists`, `no thread`, `no message`, `another's`, `file exists`, `no file`, `full …`. What the
 * wire can't say is a TypeError or a RangeError, and a session that has ended a {@linkcode SessionEndError}.
 */
export class Forum implements AsyncDisposable {
  readonly #session: ForumSession;
  readonly #server: { hostname: string; port: number };
  readonly #wait: number;

  /** @param server Where files are transferred. */
  constructor(session: ForumSession, server: { hostname: string; port: number }, options: ForumOptions = {}) {
    this.#session = session;
    this.#server = server;
    this.#wait = options.wait ?? WAIT;
  }

  /** `CRT`: makes a thread. */
  async create(title: string): Promise<void> {
    checkTitle(title);
    await this.#change("CRT", changeFields({ kind: "CRT", title }));
  }

  /** `MSG`: appends a message to a thread. */
  async post(title: string, text: string): Promise<void> {
    checkTitle(title);
    checkText(text);
    await this.#change("MSG", changeFields({ kind: "MSG", title, text: "" }), text);
  }

  /** `DLT`: deletes one's own message. Those behind it move up by one. */
  async delete(title: string, number: number): Promise<void> {
    checkTitle(title);
    checkNumber(number);
    await this.#change("DLT", changeFields({ kind: "DLT", title, number }));
  }

  /** `EDT`: changes the text of one's own message. */
  async edit(title: string, number: number, text: string): Promise<void> {
    checkTitle(title);
    checkNumber(number);
    checkText(text);
    await this.#change("EDT", changeFields({ kind: "EDT", title, number, text: "" }), text);
  }

  /** `RMV`: removes a thread that one has created, with all that is in it. */
  async remove(title: string): Promise<void> {
    checkTitle(title);
    await this.#change("RMV", changeFields({ kind: "RMV", title }));
  }

  async #change(kind: "CRT" | "MSG" | "DLT" | "EDT" | "RMV", fields: string, text = ""): Promise<void> {
    await this.#session.change(kind, `,${fields}`, text, { wait: this.#wait });
  }

  /** `LST`: the titles of the threads, in the order in which they were created. */
  async *threads(): AsyncGenerator<string, void, void> {
    for await (const row of this.#rows(undefined, "0")) if (row.kind === "title") yield row.title;
  }

  /**
   * `RDT`: the entries of a thread, in their order.
   *
   * @param options.from The number of the message to begin with.
   */
  async *read(title: string, options: { from?: number } = {}): AsyncGenerator<ForumEntry, void, void> {
    const { from } = options;
    checkTitle(title);
    if (from !== undefined) checkNumber(from);
    for await (const row of this.#rows(title, from === undefined ? "0" : `#${from}`)) {
      if (row.kind === "line") {
        const { number, user, text, time } = row;
        yield { number, user, text, time };
      } else if (row.kind === "file") {
        const { user, file, size, time } = row;
        yield { user, file, size, time };
      }
    }
  }

  async *#rows(title: string | undefined, place: string): AsyncGenerator<ForumRow, void, void> {
    let left = title === undefined ? MAX_THREADS : MAX_THREAD_ENTRIES;
    for (let next: string | undefined = place; next !== undefined;) {
      const page: PageQuery = new PageQuery(title, next);
      this.#session.query(page);
      const { rows, next: behind } = await page.promise;
      if ((left -= rows.length) < 0) {
        throw new WrongAnswerError("Cannot read on: the server sends more than any forum has");
      }
      yield* rows;
      next = behind;
    }
  }

  /**
   * `UPD`: uploads a file to a thread.
   *
   * @param file Its name there.
   * @param path Where it is here.
   */
  async upload(
    title: string,
    file: string,
    path: string,
    options: TransferOptions = {},
  ): Promise<FileContent> {
    checkTitle(title);
    checkFile(file);
    return await upload({
      ...this.#server,
      ...options,
      path,
      ticket: async ({ size, hash }, attempt) => {
        const question = (t: number) => ({ kind: "UPD", t, attempt, size, hash, title, file }) as const;
        const answer = await this.#ask(question, options.signal);
        if (answer.kind === "stored") return answer.kind;
        if (answer.kind !== "upload") throw new RefusedError(answer.kind);
        const { ticket, key } = answer;
        return { ticket, key };
      },
    });
  }

  /**
   * `DWN`: downloads a file of a thread.
   *
   * @param path Where it is to be.
   * @param options.force Whether a file that is there is replaced.
   * @param options.maxSize Most bytes that it may have; 4 GiB by default.
   */
  async download(
    title: string,
    file: string,
    path: string,
    options: TransferOptions & { force?: boolean; maxSize?: number | undefined } = {},
  ): Promise<FileContent> {
    checkTitle(title);
    checkFile(file);
    return await download({
      ...this.#server,
      ...options,
      path,
      ticket: async () => {
        const answer = await this.#ask((t) => ({ kind: "DWN", t, title, file }), options.signal);
        if (answer.kind !== "ticket") throw new RefusedError(answer.kind);
        const { ticket, size, hash } = answer;
        return { ticket, size, hash };
      },
    });
  }

  /** `XIT`: waits for what is open, up to `limit` milliseconds, and leaves. The name is free to log in again. */
  async close(limit?: number): Promise<void> {
    await this.#session.close(limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Asks what has one answer. Rejects with the reason of the signal, where that comes first. */
  async #ask(
    question: (t: number) => ForumUnorderedRequest,
    signal: AbortSignal | undefined,
  ): Promise<ForumAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ForumAnswer>();
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    this.#session.query({
      line: (t) => encodeForumRequest(question(t)),
      take(answer) {
        resolve(answer);
        return true;
      },
      fail: reject,
    });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** @throws {TypeError} It is none. */
function checkTitle(title: string) {
  if (!isWord(title)) {
    throw new TypeError(`Cannot use '${title}' as a title: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`);
  }
}

/** @throws {TypeError} It is none. */
function checkFile(name: string) {
  if (!isFileName(name)) {
    throw new TypeError(
      `Cannot use '${name}' as the name of a file: expected 1 to 128 of A-Z a-z 0-9 !@#$%.?,_-`,
    );
  }
}

/** @throws {RangeError} No message can have it. */
function checkNumber(number: number) {
  if (!Number.isSafeInteger(number) || number < 0 || number >= 1e15) {
    throw new RangeError(`Cannot use ${number} as the number of a message`);
  }
}

/** @throws {TypeError|RangeError} No message can have it. */
function checkText(text: string) {
  if (!isPost(text)) {
    throw new TypeError("Cannot post a text that is blank, or has control characters other than TAB");
  }
  if (utf8Length(text) > MAX_TEXT_BYTES) {
    throw new RangeError(`Cannot post a text of ${utf8Length(text)} bytes: at most ${MAX_TEXT_BYTES} fit`);
  }
}
