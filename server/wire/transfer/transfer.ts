/**
 * The forum's file transfer, server's half. `protocol/README.md`, "Files", is the specification.
 *
 * How the forum uses it:
 * - `UPD`: it checks thread and name, then `issueUpload()`; the ticket and the key of its proof, or the reason against
 *   it, is its answer. A client that was cut asks for another ticket in the same way. Where the thread meanwhile holds a
 *   file of this name with the same user, size and hash, the forum answers such a repeated request `stored`: the file
 *   arrived, and only the word of it was lost.
 * - When all of an upload is there, proven and on disk, the service calls `commit`. What it makes of it (row and line in
 *   one transaction) is visible at once or not at all.
 * - `RMV`: when the rows are gone, piece by piece, `files.remove()` for the content of each.
 * - `DWN`: the forum finds the row, and `issueDownload()`; its answer has ticket, size and hash.
 *
 * @module
 */

import { decodeTransferRequest, type TransferAnswer } from "../../../protocol/transfer.ts";
import { DownloadSender } from "./download.ts";
import type { Log } from "../../report/log.ts";
import {
  base64url,
  type DownloadGrant,
  type Grant,
  Tickets,
  type UploadGrant,
} from "../../service/tickets.ts";
import { refusal, type Timers, TransferAborted, TransferConnection } from "./transfer_connection.ts";
import { TransferSlots } from "./slots.ts";
import { ConnectionSlots } from "../../net/connection_slots.ts";
import { Listener } from "../../net/listener.ts";
import { TurnQueue } from "../../net/fairness.ts";
import type { SocketPolling } from "../../net/fairness.ts";
import { type UploadOptions, UploadReceiver } from "./upload.ts";

export type { DownloadGrant, UploadGrant } from "../../service/tickets.ts";
export type { Upload } from "./upload.ts";

/** A ticket, or in words why there is none. */
export type TicketOrError = { ticket: string } | { error: string };

/** A ticket, and what the client proves its content with. */
export type UploadTicketOrError = { ticket: string; key: string } | { error: string };

export interface TransferOptions extends Timers, Omit<UploadOptions, "turns"> {
  polling: Pick<SocketPolling, "due">;
  log: Log;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
  /** Where it listens; it closes them. */
  listeners: readonly Deno.TcpListener[];
  /** Most connections in all, 1024 by default, and of one address, 64 by default. */
  maxConnections?: number;
  maxAddressConnections?: number;
}

/** Most connections: in all, and of one address. A transfer needs one. */
export const MAX_CONNECTIONS = 1024;
const MAX_ADDRESS_CONNECTIONS = 64;

/** Milliseconds between two looks for uploads that nobody goes on with. */
const EXPIRY_INTERVAL = 10 * 60 * 1000;

export class TransferService {
  readonly #options: TransferOptions;
  readonly #tickets: Tickets;
  readonly #listener: Listener<Deno.TcpConn, TransferConnection>;
  readonly #places: TransferSlots;
  readonly #turns: TurnQueue;
  #isEnding = false;
  #stopTimer = () => {};

  /** Begins to accept. */
  constructor(options: TransferOptions) {
    this.#options = options;
    // those that are out have limits of their own: most are of requests that were repeated, and never used
    this.#tickets = new Tickets({ monotonicClock: options.monotonicClock, random: options.random });
    this.#places = new TransferSlots(options);
    this.#turns = new TurnQueue(options.polling);
    this.#expireLater();
    const { listeners: sockets, metrics, log } = options;
    const slots = new ConnectionSlots({
      connections: options.maxConnections ?? MAX_CONNECTIONS,
      addressConnections: options.maxAddressConnections ?? MAX_ADDRESS_CONNECTIONS,
    }, { canReplace: true });
    this.#listener = new Listener({
      name: "files",
      service: "forum",
      sockets,
      slots,
      metrics,
      log,
      open: (socket) => new TransferConnection(socket, options),
      onSlot(outcome) {
        if (outcome === "taken") return;
        metrics.add(`files connections ${outcome === "replaced" ? "displaced" : "refused"}`);
      },
      serve: (connection) => this.#serve(connection),
    });
  }

  /** A ticket for one attempt at this upload, or why there can be none. The caller has checked thread and name. */
  issueUpload(upload: Omit<UploadGrant, "kind" | "key">): UploadTicketOrError {
    const error = this.#options.files.refuses(upload);
    if (error !== undefined) return { error };
    const key = base64url(this.#options.random(32));
    const issued = this.#issue({ kind: "upload", key, ...upload });
    return "error" in issued ? issued : { ...issued, key };
  }

  /** A ticket for one attempt at this download. */
  issueDownload(download: Omit<DownloadGrant, "kind">): TicketOrError {
    return this.#issue({ kind: "download", ...download });
  }

  /** A user may begin none of the transfers that he was allowed any more. */
  revoke(user: string) {
    this.#tickets.revoke(user);
  }

  /** Accepts no more, and ends every transfer; what arrived of uploads is kept. */
  async close() {
    this.#isEnding = true;
    this.#stopTimer();
    this.#listener.stop();
    for (const connection of this.#listener.connections) connection.abort("ending");
    await this.#listener.close();
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
      if (!(error instanceof TransferAborted)) answer = this.#failed(error as Error);
      else if (error.code !== undefined) answer = refusal(error.code);
      else metrics.add("files cut");
    }
    if (answer?.kind === "no") metrics.add(`files refused ${answer.code}`);
    await connection.end(answer);
  }

  /** Gives the last answer, where there is one. */
  async #attend(connection: TransferConnection): Promise<TransferAnswer | undefined> {
    const request = decodeTransferRequest(await connection.line() ?? "");
    if (request?.kind !== "upload" && request?.kind !== "download") return refusal("malformed");
    if (this.#isEnding) return refusal("ending");
    const grant = this.#tickets.take(request.ticket);
    if (grant?.kind !== request.kind) return refusal("ticket", "unknown, used or too old");
    connection.hasTicket = true;

    if (!this.#places.take(connection, grant.user)) {
      return refusal("busy", "too many transfers at the same time");
    }
    try {
      const options = { ...this.#options, turns: this.#turns };
      if (grant.kind === "upload") return await new UploadReceiver(connection, grant, options).receive();
      const failed = (error: Error) => void this.#failed(error);
      return await new DownloadSender(connection, grant, { ...options, failed })
        .send(request.kind === "download" ? request.offset : 0);
    } finally {
      this.#places.leave(connection);
    }
  }

  /** What is answered where the server's own disk failed. */
  #failed(error: Error): TransferAnswer {
    const what = `a file transfer failed: ${error.message}`;
    this.#options.log.error({ service: "forum", what, kind: "a file transfer that failed" });
    return refusal("storage", "the server's disk failed");
  }

  #expireLater() {
    this.#stopTimer = this.#options.setTimer(EXPIRY_INTERVAL, () => {
      this.#options.files.expire();
      this.#expireLater();
    });
  }
}
