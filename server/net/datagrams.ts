import type { Metrics } from "../report/metrics.ts";
import type { Replies } from "./reply_queue.ts";
import type { SocketPolling } from "./fairness.ts";

/** Replies that may wait to be sent before the next datagram is read. */
const MAX_REPLIES = 1024;

/** Wait after a socket that can't be read, in milliseconds; doubled each time, up to the second. */
const FIRST_RETRY = 5, LAST_RETRY = 1000;

export interface DatagramReader {
  /** Longest datagram that is taken, in bytes. One that is longer is handed over with one byte more. */
  maxBytes: number;
  polling: SocketPolling;
  metrics: Metrics;
  /** Whether no more is to be read. */
  stopping(): boolean;
  /** Takes a datagram, which is gone after this call. */
  received(datagram: Uint8Array, from: Deno.NetAddr): void;
}

/** Reads a socket until it is closed, no faster than its replies can be sent. */
export async function readDatagrams(socket: Deno.DatagramConn, replies: Replies, reader: DatagramReader) {
  // one byte more than is taken: what fills it was cut
  const buffer = new Uint8Array(reader.maxBytes + 1);
  let retry = FIRST_RETRY;
  while (!reader.stopping()) {
    const round = reader.polling.due;
    if (round !== undefined) await round;
    let datagram: Uint8Array, from: Deno.Addr;
    try {
      [datagram, from] = await socket.receive(buffer);
      retry = FIRST_RETRY;
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      // Windows tells here that a receiver of an earlier reply is gone
      if (error instanceof Deno.errors.ConnectionReset) continue;
      reader.metrics.add("read failed");
      await new Promise((resolve) => setTimeout(resolve, retry));
      retry = Math.min(2 * retry, LAST_RETRY);
      continue;
    }
    reader.received(datagram, from as Deno.NetAddr);
    if (replies.waiting > MAX_REPLIES) await replies.sent();
  }
}
