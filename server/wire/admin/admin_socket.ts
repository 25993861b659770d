/**
 * Administration of a server without a mailbox, whose port it would otherwise use: on a UDP port of its own, for this
 * machine alone. `protocol/README.md`, "Administration", is the specification.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/address.ts";
import { decodeOriginalRequest, encodeControl, MAX_DATAGRAM_BYTES } from "../../../protocol/mailbox.ts";
import type { Admin } from "./admin_requests.ts";
import type { Metrics } from "../../report/metrics.ts";
import { Replies } from "../../net/reply_queue.ts";
import { listenDatagrams } from "../../net/sockets.ts";

export class AdminSocket {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  readonly #socket: Deno.DatagramConn;
  readonly #admin: Admin;
  readonly #metrics: Metrics;
  readonly #replies: Replies;
  readonly #reading: Promise<void>;
  readonly #answering = new Set<Promise<void>>();

  /**
   * Begins to read on a free port.
   *
   * @throws {Error} There is none.
   */
  constructor(admin: Admin, metrics: Metrics) {
    [this.#socket] = listenDatagrams(["127.0.0.1"], 0) as [Deno.DatagramConn];
    this.address = this.#socket.addr as Deno.NetAddr;
    this.#admin = admin;
    this.#metrics = metrics;
    this.#replies = new Replies(this.#socket, () => metrics.add("send failed"));
    this.#reading = this.#read();
  }

  async close() {
    await Promise.all(this.#answering);
    await this.#replies.sent();
    this.#socket.close();
    await this.#reading;
  }

  async #read() {
    // one byte more than is taken: what fills it was cut
    const buffer = new Uint8Array(MAX_DATAGRAM_BYTES + 1);
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer);
        const request = decodeOriginalRequest(datagram, MAX_DATAGRAM_BYTES);
        if (typeof request === "string" || request.kind !== "control") {
          this.#metrics.add(`refused ${typeof request === "string" ? request : "unknown type"}`);
          continue;
        }
        const answering = this.#answer(request.text, datagram.length, from as Deno.NetAddr)
          .finally(() => this.#answering.delete(answering));
        this.#answering.add(answering);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // Windows tells here that the receiver of an earlier reply is gone; of anything else there is no end
        if (!(error instanceof Deno.errors.ConnectionReset)) this.#metrics.add("read failed");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async #answer(text: string, bytes: number, from: Deno.NetAddr) {
    this.#metrics.add("control");
    let answer: string | undefined;
    try {
      answer = await this.#admin.answer(text, formatAddress(from), bytes);
    } catch (error) {
      answer = `error, ${(error as Error).message}`;
    }
    if (answer === undefined) return this.#metrics.add("refused unproved");
    this.#replies.send(encodeControl(answer), from);
  }
}
