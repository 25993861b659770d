/**
 * The forum's file transfer, client's half. `protocol/README.md`, "Files", is the specification.
 *
 * @module
 */

/** What an upload is, as its ticket has to be bound to it. */
export interface FileContent {
  /** In bytes. */
  size: number;
  /** SHA-256, 64 small hexadecimal digits. */
  hash: string;
}

/** How far a transfer is. */
export interface TransferProgress {
  /** What is being done: an upload is hashed before it is sent. */
  step: "hash" | "transfer";
  /** Bytes that are done, of `size`. */
  done: number;
  size: number;
}

interface TransferOptions {
  hostname: string;
  port: number;
  /** Ends it; what has arrived is kept for a later attempt. */
  signal?: AbortSignal;
  /** Called while it goes on, at most once for each MiB. */
  onProgress?(progress: TransferProgress): void;
  /** Milliseconds for which a transfer that is cut is tried again without any byte of progress; 60 s by default. */
  patience?: number;
}

export interface UploadOptions extends TransferOptions {
  /** The file. */
  path: string;
  /**
   * Asks the server, over the session, for a ticket for one attempt. `attempt` counts from 0; from 1 the answer may be
   * `"stored"`: an earlier attempt did it, and only the word of it was lost. What it throws ends the upload.
   */
  ticket(content: FileContent, attempt: number): Promise<string | "stored">;
}

export interface DownloadOptions extends TransferOptions {
  /** Where the file is to be: a name that is not there yet. */
  path: string;
  /** Whether a file that is there is replaced. */
  force?: boolean;
  /** Asks the server, over the session, for a ticket for one attempt. What it throws ends the download. */
  ticket(attempt: number): Promise<FileContent & { ticket: string }>;
}

/**
 * Hashes a file and sends it; a connection that is cut is made again, and goes on where the server has got to.
 *
 * @throws {TransferError} It can't be read, changed while it was sent, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export function upload(_options: UploadOptions): Promise<FileContent> {
  throw new Error("not yet");
}

/**
 * Fetches a file and checks it; it appears under its name when it is whole and on disk.
 *
 * @throws {TransferError} It can't be written, is there already, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export function download(_options: DownloadOptions): Promise<FileContent> {
  throw new Error("not yet");
}

/** A transfer failed, and says why. */
export class TransferError extends Error {
  override name = "TransferError";
}
