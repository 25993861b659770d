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
 * - `DWN`: the forum finds the row, and `issueDownload()`; its answer has ticket, size and hash.
 *
 * @module
 */

import type { ContentFiles } from "./store/files.ts";
import type { Metrics } from "./metrics.ts";
import type { Log } from "./log.ts";
import { type DownloadGrant, Tickets, type UploadGrant } from "./tickets.ts";

export type { DownloadGrant, UploadGrant } from "./tickets.ts";

/** A file that arrived whole. */
export interface Upload extends Omit<UploadGrant, "kind"> {
  /** Name of the content among the content files: what the row has to hold. */
  content: string;
}

/** A ticket, or in words why there is none. */
export type TicketOrError = { ticket: string } | { error: string };

export interface TransferOptions {
  files: ContentFiles;
  /**
   * Makes the file and its line in the thread durable and visible, both at once. Resolves to `"stored"`, or to the
   * text that the user is told, where nothing was changed: the thread is gone, `File {1} exists in Thread {0}`. Then
   * the content is removed, as it is where this rejects.
   */
  commit(upload: Upload): Promise<"stored" | string>;
  metrics: Metrics;
  log: Log;
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

export class TransferService {
  readonly #options: TransferOptions;
  readonly #tickets: Tickets;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#tickets = new Tickets(options);
  }

  /** A ticket for one attempt at this upload, or why there can be none. The caller has checked thread and name. */
  issueUpload(upload: Omit<UploadGrant, "kind">): TicketOrError {
    const error = this.#options.files.refuses(upload.size);
    return error === undefined ? this.#issue({ kind: "upload", ...upload }) : { error };
  }

  /** A ticket for one attempt at this download. */
  issueDownload(download: Omit<DownloadGrant, "kind">): TicketOrError {
    return this.#issue({ kind: "download", ...download });
  }

  /** Serves a connection to its end. Never rejects. */
  serve(_connection: Deno.Conn): Promise<void> {
    throw new Error("not yet");
  }

  /** Ends every transfer; what arrived of uploads is kept. */
  close(): Promise<void> {
    throw new Error("not yet");
  }

  #issue(grant: UploadGrant | DownloadGrant): TicketOrError {
    const ticket = this.#tickets.issue(grant);
    return ticket === undefined ? { error: "too many transfers at the same time" } : { ticket };
  }
}
