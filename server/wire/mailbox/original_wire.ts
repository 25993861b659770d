/**
 * The mailbox's original wire: one request in a datagram, answered by at most one. `protocol/mailbox.md` is the
 * specification.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/address.ts";
import {
  decodeOriginalRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  type OriginalRequest,
} from "../../../protocol/mailbox.ts";
import type { DatagramSocket } from "../../net/datagram_socket.ts";
import type { Networks } from "../../quota/address.ts";
import { mailboxName } from "../../report/log.ts";
import type { Metrics, RefusedReason } from "../../report/metrics.ts";
import type { Mailboxes } from "../../service/mailboxes.ts";

/** Where a datagram came from, and what sends the reply. */
export interface DatagramClient {
  readonly address: Deno.NetAddr;
  readonly socket: DatagramSocket;
}

export interface OriginalWireOptions {
  /** Undefined to serve the administrator alone. */
  mailboxes: Mailboxes | undefined;
  /** Answers a control message: undefined if it does not prove the administrator's secret. */
  admin: {
    answer(text: string, peer: string, bytes: number): string | undefined | Promise<string | undefined>;
  };
  /** Addresses that are answered. */
  originalFrom: Networks;
  /** Whether the shared queue's replies carry the time (second generation) or not (first). */
  timestamps: boolean;
  /** Longest datagram. */
  maxDatagramBytes: number;
  metrics: Metrics;
  /** Called when a request is refused. */
  onRefused(reason: RefusedReason, from: DatagramClient): void;
  /** Reports what was done, if anybody reads that. */
  debug(from: DatagramClient, what: () => string): void;
}

export class OriginalWire {
  readonly #options: OriginalWireOptions;
  readonly #controls = new Set<Promise<void>>();

  constructor(options: OriginalWireOptions) {
    this.#options = options;
  }

  received(datagram: Uint8Array, from: DatagramClient) {
    const { originalFrom, maxDatagramBytes, mailboxes } = this.#options;
    if (!originalFrom.has(from.address.hostname)) return this.#refuse("address not answered", from);
    const request = decodeOriginalRequest(datagram, maxDatagramBytes);
    if (typeof request === "string") return this.#refuse(request, from);
    if (request.kind === "control") {
      const control = this.#control(request.text, datagram.length, from)
        .finally(() => this.#controls.delete(control));
      this.#controls.add(control);
    } else if (mailboxes === undefined) this.#refuse("unknown type", from);
    else if (request.kind === "put") this.#put(mailboxes, request, from);
    else this.#take(mailboxes, request.mailbox, from);
  }

  /** Resolves when every control message that arrived is answered. */
  async close() {
    await Promise.all(this.#controls);
  }

  #put(mailboxes: Mailboxes, put: OriginalRequest & { kind: "put" }, from: DatagramClient) {
    const { metrics, debug } = this.#options;
    const refused = mailboxes.put(put, from.address.hostname, (outcome) => {
      if (outcome !== "stored") return this.#refuse(outcome, from);
      metrics.add("stored");
      debug(from, () => `put ${put.bytes} bytes into ${mailboxName(put.mailbox)}`);
    });
    if (refused !== undefined) this.#refuse(refused, from);
  }

  #take(mailboxes: Mailboxes, mailbox: string, from: DatagramClient) {
    const { metrics, timestamps, debug } = this.#options, { address, socket } = from;
    const refused = mailboxes.take(mailbox, (outcome) => {
      if (outcome === "storage") return this.#refuse(outcome, from);
      const none = outcome === "empty" || outcome === "too long";
      metrics.add(none ? "empty" : "forwarded");
      if (outcome === "too long" || !none && outcome.overtakes) metrics.add("too long for a reply");
      socket.send(none ? encodeNone(mailbox) : encodeMail(mailbox, outcome, timestamps), address);
      debug(from, () => `took ${none ? "nothing" : "a message"} from ${mailboxName(mailbox)}`);
    });
    if (refused === "account") socket.send(encodeNone(mailbox), address);
    if (refused !== undefined) this.#refuse(refused, from);
  }

  async #control(text: string, bytes: number, from: DatagramClient) {
    const { admin, metrics } = this.#options, { address, socket } = from;
    metrics.add("control");
    let answer: string | undefined;
    try {
      answer = await admin.answer(text, formatAddress(address), bytes);
    } catch (error) {
      answer = `error, ${(error as Error).message}`;
    }
    if (answer === undefined) return this.#refuse("unproved", from);
    socket.send(encodeControl(answer), address);
  }

  #refuse(reason: RefusedReason, from: DatagramClient) {
    this.#options.onRefused(reason, from);
  }
}
