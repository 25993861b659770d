/**
 * A file that is transferred over HTTP, as one of all transfers: its place among them, and how fast it is.
 *
 * @module
 */

import { Refusal } from "../../../../protocol/http/problem.ts";
import type { TurnQueue } from "../../../net/fairness.ts";
import { ThroughputMeter } from "../../../net/throughput_meter.ts";
import type { Metrics } from "../../../report/metrics.ts";
import type { DownloadGrant } from "../../../service/tickets.ts";
import type { HttpConnection } from "../connection.ts";
import type { HttpClient } from "../exchange.ts";

/** Seconds after which a client that found no place is to try again. */
const BUSY_SECONDS = 5;

/** What all transfers share, on either wire. */
export interface FileTransfers {
  readonly slots: {
    take(transfer: { abort(why: never): void; recentBytes: number }, user: string, network: string): boolean;
    leave(transfer: { abort(why: never): void; recentBytes: number }): void;
  };
  readonly turns: Pick<TurnQueue, "next">;
  /** A content is not what was uploaded. */
  damaged(grant: DownloadGrant): void;
  /** The disk failed. */
  failed(error: Error): void;
}

export interface TransferContext {
  readonly transfers: FileTransfers;
  readonly metrics: Metrics;
  /** Milliseconds. */
  monotonicClock(): number;
}

export class FileTransfer implements Disposable {
  readonly context: TransferContext;
  readonly #connection: HttpConnection;
  readonly #throughput: ThroughputMeter;

  /** @throws {Refusal} `files busy`. */
  constructor(connection: HttpConnection, { account, network }: HttpClient, context: TransferContext) {
    this.#connection = connection;
    this.context = context;
    this.#throughput = new ThroughputMeter(context.monotonicClock());
    if (!context.transfers.slots.take(this, account, network)) {
      throw new Refusal("files busy", undefined, { retryAfter: BUSY_SECONDS });
    }
  }

  /** Bytes that moved lately. */
  get recentBytes(): number {
    return this.#throughput.lately(this.context.monotonicClock());
  }

  moved(bytes: number) {
    this.#throughput.add(bytes, this.context.monotonicClock());
  }

  /** Ends it for another one. */
  abort() {
    this.#connection.close();
  }

  [Symbol.dispose]() {
    this.context.transfers.slots.leave(this);
  }
}
