/**
 * The forum's file transfer, server's half: an upload or a download for each ticket that the forum issued.
 * `protocol/README.md`, "Files", is the specification.
 *
 * @module
 */

import { decodeTransferRequest, type TransferAnswer } from "../../../protocol/transfer.ts";
import { LoopTurns } from "../../net/loop_turns.ts";
import type { Rounds } from "../../net/rounds.ts";
import type { Log } from "../../report/log.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { Tickets } from "../../service/tickets.ts";
import { sendDownload } from "./download.ts";
import { TransferSlots } from "./slots.ts";
import {
  refusal,
  type Timers,
  TransferAborted,
  TransferConnection,
  type TransferContext,
} from "./transfer_connection.ts";
import { UploadReceiver } from "./upload.ts";

export interface TransferOptions extends Timers {
  tickets: Pick<Tickets, "take">;
  rounds: Pick<Rounds, "next">;
  metrics: Metrics;
  log: Log;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
}

export class TransferService implements TransferContext {
  readonly metrics: Metrics;
  readonly turns: LoopTurns;
  readonly #options: TransferOptions;
  readonly #connections = new Map<TransferConnection, Promise<void>>();
  readonly #slots: TransferSlots;
  #isEnding = false;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.metrics = options.metrics;
    this.turns = new LoopTurns(options.rounds);
    this.#slots = new TransferSlots(options);
  }

  /** Serves a connection to its end, which never rejects. */
  serve(socket: Deno.Conn): { connection: TransferConnection; ended: Promise<void> } {
    const connection = new TransferConnection(socket, this.#options);
    const ended = this.#serve(connection).finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, ended);
    return { connection, ended };
  }

  /** Ends every transfer; what arrived of uploads is kept. {@linkcode serve} must not be called any more. */
  async close() {
    this.#isEnding = true;
    for (const connection of this.#connections.keys()) connection.abort("ending");
    await Promise.all(this.#connections.values());
  }

  failed(error: Error) {
    const what = `a file transfer failed: ${error.message}`;
    this.#options.log.error({ service: "forum", what, kind: "a file transfer that failed" });
  }

  async #serve(connection: TransferConnection) {
    let answer: TransferAnswer | undefined;
    try {
      answer = await this.#transfer(connection);
    } catch (error) {
      if (!(error instanceof TransferAborted)) {
        this.failed(error as Error);
        answer = refusal("storage", "the server's disk failed");
      } else if (error.code !== undefined) answer = refusal(error.code);
      else this.metrics.add("files cut");
    }
    if (answer?.kind === "no") this.metrics.add(`files refused ${answer.code}`);
    await connection.end(answer);
  }

  /** Returns the last answer, if there is one. */
  async #transfer(connection: TransferConnection): Promise<TransferAnswer | undefined> {
    const request = decodeTransferRequest(await connection.line() ?? "");
    if (request?.kind !== "upload" && request?.kind !== "download") return refusal("malformed");
    if (this.#isEnding) return refusal("ending");
    const grant = this.#options.tickets.take(request.ticket);
    if (grant?.kind !== request.kind) return refusal("ticket", "unknown, used or too old");
    connection.hasTicket = true;

    if (!this.#slots.take(connection, grant.user)) {
      return refusal("busy", "too many transfers at the same time");
    }
    try {
      return grant.kind === "upload"
        ? await new UploadReceiver(connection, grant, this).receive()
        : await sendDownload(connection, grant, request.kind === "download" ? request.offset : 0, this);
    } finally {
      this.#slots.leave(connection);
    }
  }
}
