/**
 * The forum: logs in, and carries out its ten commands. `protocol/forum.md` is the specification.
 *
 * On Deno it needs the unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`,
 * on Node nothing.
 *
 * ```ts
 * import { connectForum } from "wirepost/forum";
 *
 * await using forum = await connectForum({ as: { name: "yoda", password: "jedi", make: true } });
 * await forum.create("thread0");
 * await forum.post("thread0", "hello, all");
 * for await (const entry of forum.read("thread0")) console.log(entry);
 * ```
 *
 * @module
 */

import {
  changeFields,
  decodeForumAnswer,
  encodeForumRequest,
  FORUM_PORT,
  type ForumAnswer,
  type ForumChange,
  type ForumRow,
  isPost,
  isWord,
  MAX_THREAD_ENTRIES,
  MAX_THREADS,
  SEALS_FILES,
} from "../protocol/forum.ts";
import { utf8Length } from "../protocol/mailbox.ts";
import { encodeMailboxRequest } from "../protocol/session/mailbox_requests.ts";
import { MAX_TEXT_BYTES } from "../protocol/session.ts";
import { isFileName } from "../protocol/transfer.ts";
import type { TransferKeys } from "../protocol/transfer/records.ts";
import { PageQuery } from "./forum/page_query.ts";
import type { Page } from "./session/requests/page_assembly.ts";
import { type ConnectOptions, SessionConnection } from "./session/seal/session_connection.ts";
import { NotLoggedInError, RefusedError, WrongAnswerError } from "./session/errors.ts";
import { Session } from "./session/session.ts";
import { download } from "./transfer/download.ts";
import {
  ConnectionLostError,
  type FileContent,
  TransferError,
  type TransferOptions,
} from "./transfer/transfer.ts";
import { upload } from "./transfer/upload.ts";

export { type KnownServer, KnownServers, ServerKeyError } from "./session/seal/known_servers.ts";
export type { Credentials } from "./session/seal/login.ts";
export type { OnBusy } from "./session/busy_backoff.ts";
export * from "./session/errors.ts";
export type { SessionResume, SessionState } from "./session/identity.ts";
export { checkSavedName, nameOfPath } from "./transfer/file_name.ts";
export { TransferError, type TransferProgress } from "./transfer/transfer.ts";
export { REFUSAL_CODES, type RefusalCode } from "../protocol/transfer.ts";
export type { ConnectOptions, FileContent, TransferOptions };

/** Where a forum is, and the account to log in to. */
export type ForumConnectOptions =
  & Omit<ConnectOptions, "resume" | "as">
  & Required<Pick<ConnectOptions, "as">>;

/** A message of a thread, or a file. `time` is when the server received it, in milliseconds since 1970. */
export type ForumEntry =
  | { number: number; user: string; text: string; time: number }
  | { user: string; file: string; size: number; time: number };

/**
 * Looks the server up and logs in.
 *
 * @throws {LoginError} The server refuses the log-in, or could not prove its identity.
 * @throws {ServerKeyError} The server's key is not the expected one; nothing was sent to it.
 * @throws {ServerTimeoutError} There was no answer.
 */
export async function connectForum(options: ForumConnectOptions): Promise<Forum> {
  const served = { service: "forum", port: FORUM_PORT, keepAlive: true } as const;
  const connection = await SessionConnection.open(
    options,
    served,
    (environment) => new Session(environment, decodeForumAnswer),
  );
  const { session, server } = connection;
  return new Forum({
    request: (...request) => session.request(...request),
    query: (query) => session.query(query),
    transferKeys: (ticket) => connection.transferKeys(ticket),
    close: (limit) => connection.close(limit),
  }, server);
}

/**
 * Checks that a forum answers, without logging in.
 *
 * @throws {ServerTimeoutError} There was no answer.
 */
export async function checkForum(options: Omit<ForumConnectOptions, "as">): Promise<void> {
  const served = { service: "forum", port: FORUM_PORT } as const;
  const connection = await SessionConnection.open(
    options,
    served,
    (environment) => new Session(environment, decodeForumAnswer),
  );
  try {
    await connection.session.query(new PageQuery(undefined, "0"));
  } catch (error) {
    // forum.md 1.7: this is its answer
    if (!(error instanceof NotLoggedInError)) throw error;
  } finally {
    await connection.close(0);
  }
}

/**
 * What the forum needs of a session.
 *
 * @ignore
 */
export type ForumSession =
  & Pick<Session<ForumAnswer>, "request" | "query" | "close">
  & Partial<Pick<SessionConnection<Session<ForumAnswer>>, "transferKeys">>;

/**
 * A forum, as one user sees it. Changes are carried out in the order of the calls, each once, and are on the server's
 * disk when they resolve. A refused one rejects with a {@linkcode RefusedError}, whose `reason` is a code of the
 * specification: `exists`, `no thread`, `no message`, `another's`, `file exists`, `no file`, `full …`. A field that the
 * wire does not allow is a TypeError or a RangeError, and a session that has ended a {@linkcode SessionEndError}.
 */
export class Forum implements AsyncDisposable {
  readonly #session: ForumSession;
  readonly #server: { hostname: string; port: number };
  readonly #retryMsMax: number;
  /** Whether the server seals transfers, once it was asked. */
  #sealsFiles: boolean | undefined;

  /**
   * @ignore
   * @param server The address for file transfers.
   * @param retryMsMax Milliseconds for which a change is tried again while the server cannot write to its disk.
   */
  constructor(session: ForumSession, server: { hostname: string; port: number }, retryMsMax = 5000) {
    this.#session = session;
    this.#server = server;
    this.#retryMsMax = retryMsMax;
  }

  /** `CRT`: makes a thread. */
  async create(title: string): Promise<void> {
    await this.#change({ kind: "CRT", title });
  }

  /** `MSG`: appends a message to a thread. */
  async post(title: string, text: string): Promise<void> {
    await this.#change({ kind: "MSG", title, text });
  }

  /** `DLT`: deletes one's own message. The numbers of those behind it fall by one. */
  async delete(title: string, number: number): Promise<void> {
    await this.#change({ kind: "DLT", title, number });
  }

  /** `EDT`: changes the text of one's own message. */
  async edit(title: string, number: number, text: string): Promise<void> {
    await this.#change({ kind: "EDT", title, number, text });
  }

  /** `RMV`: removes a thread that one has created, with all that is in it. */
  async remove(title: string): Promise<void> {
    await this.#change({ kind: "RMV", title });
  }

  async #change(change: ForumChange): Promise<void> {
    check(change);
    const text = "text" in change ? change.text : "";
    await this.#session.request(change.kind, `,${changeFields(change)}`, text, { wait: this.#retryMsMax });
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
    check({ title, number: from });
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
      const { rows, next: behind }: Page<ForumRow> = await this.#session.query(new PageQuery(title, next));
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
   * @param file Its name in the thread.
   * @param path The file to send.
   */
  async upload(
    title: string,
    file: string,
    path: string,
    options: TransferOptions = {},
  ): Promise<FileContent> {
    check({ title, file });
    return await upload({
      ...this.#server,
      ...options,
      path,
      ticket: async ({ size, hash }, attempt) => {
        const kind = await this.#isSealed(options) ? "UPS" : "UPD";
        const request = { kind, attempt, size, hash, title, file } as const;
        const answer = await this.#ask((t) => encodeForumRequest({ t, ...request }), options);
        if (answer.kind === "stored") return answer.kind;
        if (answer.kind !== "upload") throw new RefusedError(answer.kind);
        return answer;
      },
    });
  }

  /**
   * `DWN`: downloads a file of a thread.
   *
   * @param path Where to save it.
   * @param options.force Whether an existing file is replaced.
   * @param options.maxSize Most bytes that it may have; 4 GiB by default.
   */
  async download(
    title: string,
    file: string,
    path: string,
    options: TransferOptions & { force?: boolean; maxSize?: number | undefined } = {},
  ): Promise<FileContent> {
    check({ title, file });
    return await download({
      ...this.#server,
      ...options,
      path,
      ticket: async () => {
        const kind = await this.#isSealed(options) ? "DWS" : "DWN";
        const answer = await this.#ask((t) => encodeForumRequest({ kind, t, title, file }), options);
        if (answer.kind !== "ticket") throw new RefusedError(answer.kind);
        return answer;
      },
    });
  }

  /** `XIT`: waits up to `limit` milliseconds for open requests, and leaves. Then the name can log in again. */
  async close(limit?: number): Promise<void> {
    await this.#session.close(limit);
  }

  /** The same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Whether a transfer is sealed.
   *
   * @throws {TransferError} It should be, and the server is too old for that.
   */
  async #isSealed(options: TransferOptions): Promise<boolean> {
    if (options.isPlain) return false;
    const line = (t: number) => encodeMailboxRequest({ kind: "info", t, name: "" });
    this.#sealsFiles ??= await this.#ask(line, options).then(
      (answer) => answer.kind === "info" && answer.values.split(",").includes(SEALS_FILES),
      (error) => {
        if (error instanceof RefusedError) return false;
        throw error;
      },
    );
    if (this.#sealsFiles) return true;
    throw new TransferError("Cannot transfer files: the server is too old to encrypt them");
  }

  /**
   * Sends a request that has one answer. Rejects with the reason of the signal if that comes first.
   *
   * @returns The answer, with the keys of a transfer that is to be sealed.
   */
  async #ask(
    line: (t: number) => string,
    { signal, isPlain = false }: TransferOptions,
  ): Promise<ForumAnswer & { keys?: TransferKeys | undefined }> {
    const aborted = Promise.withResolvers<never>(), abort = () => aborted.reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    const take = (answer: ForumAnswer) =>
      "ticket" in answer && !isPlain
        ? { ...answer, keys: this.#session.transferKeys?.(answer.ticket) }
        : answer;
    try {
      const answer = await Promise.race([this.#session.query({ line, take }), aborted.promise]);
      // what is to be sealed never travels in the clear
      if ("keys" in answer && answer.keys === undefined) throw new ConnectionLostError("the seal has ended");
      return answer;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** @throws {TypeError|RangeError} The wire does not allow one of these fields. */
function check({ title, file, number, text }: {
  title: string;
  file?: string;
  number?: number | undefined;
  text?: string;
}) {
  const word = "A-Z a-z 0-9 !@#$%.?,_-";
  if (!isWord(title)) throw new TypeError(`Cannot use '${title}' as a title: expected 1 to 64 of ${word}`);
  if (file !== undefined && !isFileName(file)) {
    throw new TypeError(`Cannot use '${file}' as the name of a file: expected 1 to 128 of ${word}`);
  }
  if (number !== undefined && (!Number.isSafeInteger(number) || number < 0 || number >= 1e15)) {
    throw new RangeError(`Cannot use ${number} as the number of a message`);
  }
  if (text === undefined) return;
  if (!isPost(text)) {
    throw new TypeError("Cannot post a text that is blank, or has control characters other than TAB");
  }
  if (utf8Length(text) > MAX_TEXT_BYTES) {
    throw new RangeError(`Cannot post a text of ${utf8Length(text)} bytes: at most ${MAX_TEXT_BYTES} fit`);
  }
}
