/**
 * The forum's file transfer, server's half. `protocol/README.md`, "Files", is the specification.
 *
 * How the forum uses it:
 * - `UPD`: it checks thread and name, then `issueUpload()`; the ticket, or the reason against it, is its answer.
 *   A client that was cut asks for another ticket in the same way. Where the thread meanwhile holds a file of this
 *   name with the same user, size and hash, the forum answers such a repeated request `stored`: the file arrived, and
 *   only the word of it was lost.
 * - When all of an upload is there, whole and on disk, the service calls `commit`. What it makes of it (row and line
 *   in one transaction) is visible at once or not at all.
 * - `RMV`: when the rows are gone, piece by piece, `files.remove()` for the content of each.
 * - `DWN`: the forum finds the row, and `issueDownload()`; its answer has ticket, size and hash.
 *
 * @module
 */

import {
  decodeTransferRequest,
  encodeTransferAnswer,
  type RefusalCode,
  type TransferAnswer,
} from "../protocol/transfer.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Arrival } from "./store/arrival.ts";
import type { ContentFiles } from "./store/files.ts";
import { type DownloadGrant, type Grant, Tickets, type UploadGrant } from "./tickets.ts";
import { Cut, type Timers, TransferConnection } from "./transfer_connection.ts";

export type { DownloadGrant, UploadGrant } from "./tickets.ts";

/** A file that arrived whole. */
export interface Upload extends Omit<UploadGrant, "kind" | "onEnd"> {
  /** Name of the content among the content files: what the row has to hold. */
  content: string;
}

/** A ticket, or in words why there is none. */
export type TicketOrError = { ticket: string } | { error: string };

export interface TransferOptions extends Timers {
  files: ContentFiles;
  /**
   * Makes the file and its line in the thread durable and visible, both at once. Resolves to `"stored"`, or to the
   * text that the user is told where nothing was changed: the thread is gone, `File {1} exists in Thread {0}`. Then
   * the content is removed. Where it rejects nobody knows, and the next start looks whether a row names the content.
   */
  commit(upload: Upload): Promise<"stored" | string>;
  metrics: Metrics;
  log: Log;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
}

/** Most transfers at a time, and of one user. */
export const MAX_TRANSFERS = 32;
const MAX_USER_TRANSFERS = 4;

/** Bytes that are read in one go. A transfer has two such buffers. */
const BUFFER_BYTES = 1024 * 1024;

/** Milliseconds between two looks for uploads that nobody goes on with. */
const EXPIRY_INTERVAL = 10 * 60 * 1000;

export class TransferService {
  readonly #options: TransferOptions;
  readonly #tickets: Tickets;
  readonly #connections = new Map<TransferConnection, Promise<void>>();
  /** Transfers that run, by user. */
  readonly #running = new Map<string, number>();
  #runningInAll = 0;
  #isEnding = false;
  #stopTimer = () => {};

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#tickets = new Tickets(options);
    this.#expireLater();
  }

  /** A ticket for one attempt at this upload, or why there can be none. The caller has checked thread and name. */
  issueUpload(upload: Omit<UploadGrant, "kind">): TicketOrError {
    const error = this.#options.files.refuses(upload);
    return error === undefined ? this.#issue({ kind: "upload", ...upload }) : { error };
  }

  /** A ticket for one attempt at this download. */
  issueDownload(download: Omit<DownloadGrant, "kind">): TicketOrError {
    return this.#issue({ kind: "download", ...download });
  }

  /** A user may begin none of the transfers that he was allowed any more. */
  revoke(user: string) {
    this.#tickets.revoke(user);
  }

  /** Serves a connection to its end. Never rejects. */
  serve(socket: Deno.Conn): Promise<void> {
    const connection = new TransferConnection(socket, this.#options);
    const served = this.#serve(connection).finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, served);
    return served;
  }

  /** Ends every transfer; what arrived of uploads is kept. No connection may be given to it any more. */
  async close() {
    this.#isEnding = true;
    this.#stopTimer();
    for (const connection of this.#connections.keys()) connection.cut("ending");
    await Promise.all(this.#connections.values());
  }

  #issue(grant: Grant): TicketOrError {
    const ticket = this.#tickets.issue(grant);
    return ticket === undefined ? { error: "too many transfers at the same time" } : { ticket };
  }

  async #serve(connection: TransferConnection) {
    const { metrics } = this.#options;
    let answer: TransferAnswer | undefined;
    try {
      answer = await this.#attend(connection);
    } catch (error) {
      if (!(error instanceof Cut)) answer = this.#failed(error as Error);
      else if (error.code !== undefined) answer = no(error.code);
      else metrics.add("files cut");
    }
    if (answer?.kind === "no") metrics.add(`files refused ${answer.code}`);
    await connection.end(answer);
  }

  /** Gives the last answer, where there is one. */
  async #attend(connection: TransferConnection): Promise<TransferAnswer | undefined> {
    const line = await connection.line();
    const request = line === undefined ? undefined : decodeTransferRequest(line);
    if (request === undefined) return no("malformed");
    if (this.#isEnding) return no("ending");
    const grant = this.#tickets.take(request.ticket);
    if (grant?.kind !== request.kind) return no("ticket", "unknown, used or too old");

    const { max = MAX_TRANSFERS, maxUser = MAX_USER_TRANSFERS } = this.#options;
    const own = this.#running.get(grant.user) ?? 0;
    if (this.#runningInAll >= max || own >= maxUser) return no("busy", "too many transfers at the same time");
    this.#runningInAll++;
    this.#running.set(grant.user, own + 1);
    try {
      if (grant.kind === "upload") return await this.#receive(connection, grant);
      return await this.#send(connection, grant, request.kind === "download" ? request.offset : 0);
    } finally {
      this.#runningInAll--;
      const left = this.#running.get(grant.user)! - 1;
      if (left > 0) this.#running.set(grant.user, left);
      else this.#running.delete(grant.user);
    }
  }

  async #receive(connection: TransferConnection, upload: UploadGrant): Promise<TransferAnswer> {
    const { files, metrics } = this.#options;
    const arrival = await connection.work(files.begin(upload, () => connection.cut("elsewhere")));
    if (arrival === "stored") return { kind: "stored" };
    if ("error" in arrival) return no("full", arrival.error);
    const before = arrival.length;
    try {
      await connection.write(encodeTransferAnswer({ kind: "from", offset: before }));
      if (!await this.#receiveContent(connection, arrival, upload.size)) {
        return no("short", `${arrival.length} of ${upload.size} bytes came`);
      }
      return await connection.work(this.#store(arrival, upload));
    } catch (error) {
      if (!(error instanceof Cut)) await arrival.drop();
      throw error;
    } finally {
      await arrival.keep();
      metrics.add("files bytes received", arrival.length - before);
    }
  }

  /** Reads, hashes and writes at the same time. Returns whether all came. */
  async #receiveContent(connection: TransferConnection, arrival: Arrival, size: number): Promise<boolean> {
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    let writing = Promise.resolve();
    try {
      for (let left = size - arrival.length; left > 0;) {
        const read = await connection.read(buffer.subarray(0, Math.min(buffer.length, left)));
        if (read === null) return false;
        left -= read;
        await connection.work(writing);
        writing = arrival.append(buffer.subarray(0, read));
        // whoever waits for it hears of it; here it could be too early
        writing.catch(() => {});
        [buffer, other] = [other, buffer];
      }
      return true;
    } finally {
      // a buffer is the disk's until then
      await connection.work(writing);
    }
  }

  async #store(arrival: Arrival, upload: UploadGrant): Promise<TransferAnswer> {
    const { files, commit, metrics } = this.#options;
    const content = await arrival.finish();
    if (content === undefined) {
      await arrival.drop();
      return no("hash", "the content is not what was announced");
    }
    let result: string | undefined;
    try {
      const { user, thread, name, size, hash } = upload;
      result = await commit({ user, thread, name, size, hash, content });
    } finally {
      if (result !== undefined && result !== "stored") await files.remove(content);
      await arrival.settle(result === "stored");
    }
    upload.onEnd?.(result === "stored" ? undefined : result);
    if (result !== "stored") return no("thread", result);
    metrics.add("files uploaded");
    return { kind: "stored" };
  }

  async #send(
    connection: TransferConnection,
    download: DownloadGrant,
    offset: number,
  ): Promise<TransferAnswer | undefined> {
    const { files, metrics } = this.#options;
    let file: Deno.FsFile;
    try {
      file = await files.read(download.content);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return no("gone", "the file was removed");
      throw error;
    }
    try {
      if (offset > download.size) return no("gone", `the file has ${download.size} bytes`);
      await file.seek(offset, Deno.SeekMode.Start);
      await connection.write(encodeTransferAnswer({ kind: "from", offset }));
      try {
        await this.#sendContent(connection, file, download.size - offset);
      } catch (error) {
        // an answer would be taken for content: the client sees that something is missing
        if (!(error instanceof Cut)) this.#failed(error as Error);
        connection.close();
        throw new Cut(undefined);
      }
      metrics.add("files downloaded");
      download.onEnd?.();
    } finally {
      file.close();
    }
  }

  /** Reads the next piece while one is written. */
  async #sendContent(connection: TransferConnection, file: Deno.FsFile, left: number) {
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    const next = (into: Uint8Array) =>
      left > 0 ? file.read(into.subarray(0, Math.min(into.length, left))) : null;
    for (let read = await next(buffer); read !== null;) {
      left -= read;
      const reading = next(other), writing = connection.write(buffer.subarray(0, read));
      this.#options.metrics.add("files bytes sent", read);
      // a buffer and the file are in use until both are done
      const [written, more] = await Promise.allSettled([writing, reading]);
      if (written.status === "rejected") throw written.reason;
      if (more.status === "rejected") throw more.reason;
      read = more.value;
      [buffer, other] = [other, buffer];
    }
    if (left > 0) throw new Error(`${left} bytes of a content are missing`);
  }

  /** What is answered where the server's own disk failed. */
  #failed(error: Error): TransferAnswer {
    this.#options.log.line(`forum: a file transfer failed: ${error.message}`);
    return no("storage", "the server's disk failed");
  }

  #expireLater() {
    this.#stopTimer = this.#options.setTimer(EXPIRY_INTERVAL, () => {
      this.#options.files.expire();
      this.#expireLater();
    });
  }
}

function no(code: RefusalCode, text = ""): TransferAnswer {
  return { kind: "no", code, text };
}
