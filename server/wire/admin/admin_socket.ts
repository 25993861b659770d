/**
 * Administration of a server without a mailbox, whose port it would otherwise use: on a UDP port of its own, for this
 * machine alone. `protocol/admin.md` is the specification.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/address.ts";
import { decodeOriginalRequest, encodeControl, MAX_DATAGRAM_BYTES } from "../../../protocol/mailbox.ts";
import { DatagramSocket } from "../../net/datagram_socket.ts";
import type { SocketPolling } from "../../net/fairness.ts";
import { listenDatagrams } from "../../net/sockets.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { Admin } from "./admin_requests.ts";

export class AdminSocket {
  readonly #socket: DatagramSocket;
  readonly #admin: Admin;
  readonly #metrics: Metrics;
  readonly #answering = new Set<Promise<void>>();

  /**
   * Begins to receive on a free port.
   *
   * @throws {Error} There is none.
   */
  constructor(admin: Admin, options: { polling: SocketPolling; metrics: Metrics }) {
    this.#admin = admin;
    this.#metrics = options.metrics;
    const [socket] = listenDatagrams(["127.0.0.1"], 0) as [Deno.DatagramConn];
    this.#socket = new DatagramSocket(socket, {
      polling: options.polling,
      metrics: options.metrics,
      maxBytes: MAX_DATAGRAM_BYTES,
      onDatagram: (datagram, from) => this.#received(datagram, from),
    });
  }

  /** Where it listens. */
  get address(): Deno.NetAddr {
    return this.#socket.address;
  }

  async close() {
    this.#socket.stop();
    await Promise.all(this.#answering);
    await this.#socket.close();
  }

  #received(datagram: Uint8Array, from: Deno.NetAddr) {
    const request = decodeOriginalRequest(datagram, MAX_DATAGRAM_BYTES);
    if (typeof request === "string" || request.kind !== "control") {
      return this.#metrics.add(`refused ${typeof request === "string" ? request : "unknown type"}`);
    }
    const answering = this.#answer(request.text, datagram.length, from)
      .finally(() => this.#answering.delete(answering));
    this.#answering.add(answering);
  }

  async #answer(text: string, bytes: number, from: Deno.NetAddr) {
    this.#metrics.add("control");
    const answer = await this.#admin.answer(text, formatAddress(from), bytes);
    if (answer === undefined) this.#metrics.add("refused unproved");
    else this.#socket.send(encodeControl(answer), from);
  }
}
