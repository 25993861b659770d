/**
 * The mailbox's original wire: one request in a datagram, answered by at most one. `protocol/mailbox.md` is the
 * specification.
 *
 * @module
 */

import {
  describeFault,
  describeOriginalReply,
  describeOriginalRequest,
} from "../../../protocol/describe/original.ts";
import { refusal } from "../../../protocol/describe/refusals.ts";
import { undecoded } from "../../../protocol/describe/words.ts";
import {
  decodeOriginalRequest,
  encodeControl,
  encodeMail,
  encodeNone,
  ORIGINAL_FAULTS,
  type OriginalRequest,
} from "../../../protocol/mailbox.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import type { DatagramSocket } from "../../net/datagram_socket.ts";
import type { Networks } from "../../quota/address.ts";
import { mailboxName } from "../../report/log.ts";
import type { Traffic } from "../../report/clients.ts";
import type { Metrics, RefusedReason } from "../../report/metrics.ts";
import type { Tap } from "../../report/watch.ts";
import type { Mailboxes } from "../../service/mailboxes.ts";
import type { OriginalClients } from "./original_clients.ts";
import type { ReplyRate } from "./reply_rate.ts";

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
    answer(
      text: string,
      peer: string,
      bytes: number,
      send: (text: string) => void,
      account?: string,
    ): string | undefined | Promise<string | undefined>;
  };
  /** Addresses that are answered. */
  originalFrom: Networks;
  /** Limits the replies to addresses outside private networks; none by default. */
  replyRate?: ReplyRate;
  /** Whether the shared queue's replies carry the time (second generation) or not (first). */
  timestamps: boolean;
  /** Longest datagram. */
  maxDatagramBytes: number;
  /** Where those that use the wire are listed. */
  senders?: OriginalClients;
  metrics: Metrics;
  /** What the mailbox's datagrams and the administrator's are reported to. */
  taps: Readonly<Record<"mailbox" | "admin", Tap>>;
  /** Called when a request is refused. */
  onRefused(reason: RefusedReason, from: DatagramClient): void;
  /** Reports what was done, if anybody reads that. */
  debug(from: DatagramClient, what: () => string): void;
}

/** Under whose seal a control message came, and how it is answered there. */
interface SealedReply {
  account: string;
  reply(answer: Uint8Array<ArrayBuffer>): void;
}

export class OriginalWire {
  readonly #options: OriginalWireOptions;
  readonly #controls = new Set<Promise<void>>();

  constructor(options: OriginalWireOptions) {
    this.#options = options;
  }

  /** Takes over whom it answers, and how, from now on. */
  configure({ originalFrom, timestamps }: Pick<OriginalWireOptions, "originalFrom" | "timestamps">) {
    Object.assign(this.#options, { originalFrom, timestamps });
  }

  received(datagram: Uint8Array, from: DatagramClient) {
    const { originalFrom, maxDatagramBytes, mailboxes, taps } = this.#options;
    const tap = mailboxes === undefined ? taps.admin : taps.mailbox, { address } = from;
    if (!originalFrom.has(address.hostname)) {
      if (tap.isOn) {
        tap.see("in", address, () => ({ ...undecoded(datagram), ...refusal("address not answered") }));
      }
      return this.#refuse("address not answered", from);
    }
    const request = decodeOriginalRequest(datagram, maxDatagramBytes);
    if (typeof request === "string") {
      if (tap.isOn) tap.see("in", address, () => describeFault(datagram, request));
      this.#refuse(ORIGINAL_FAULTS[request], from);
    } else if (request.kind === "control") {
      if (taps.admin.isOn) taps.admin.see("in", address, () => describeOriginalRequest(request));
      this.#answerControl(request.text, datagram.length, from);
    } else if (mailboxes === undefined) {
      this.#refuseRequest(request, "unknown type", from, taps.admin);
    } else if (request.kind === "put") this.#put(mailboxes, request, from);
    else this.#take(mailboxes, request, from);
  }

  /**
   * Takes a control message that came under the seal of an administrator's account (admin.md section 8).
   *
   * @param reply Sends an answer under the same seal.
   */
  sealedControl(
    message: Uint8Array,
    from: DatagramClient,
    account: string,
    reply: (answer: Uint8Array<ArrayBuffer>) => void,
  ) {
    const request = decodeOriginalRequest(message, message.length), tap = this.#options.taps.admin;
    if (typeof request === "string" || request.kind !== "control") {
      return reply(encodeControl("error, it is no control message"));
    }
    if (tap.isOn) tap.see("in", from.address, () => describeOriginalRequest(request));
    this.#answerControl(request.text, message.length, from, { account, reply });
  }

  #answerControl(text: string, bytes: number, from: DatagramClient, sealed?: SealedReply) {
    const control = this.#control(text, bytes, from, sealed).finally(() => this.#controls.delete(control));
    this.#controls.add(control);
  }

  /** Resolves when every control message that arrived is answered. */
  async close() {
    await Promise.all(this.#controls);
  }

  #put(mailboxes: Mailboxes, put: OriginalRequest & { kind: "put" }, from: DatagramClient) {
    const { metrics, debug, senders } = this.#options;
    senders?.received(from.address, put.sender, put.bytes);
    const refused = mailboxes.put(put, from.address.hostname, (outcome) => {
      if (outcome !== "stored") return this.#refuseRequest(put, outcome, from);
      metrics.add("stored");
      debug(from, () => `put ${put.bytes} bytes into ${mailboxName(put.mailbox)}`);
    });
    if (refused !== undefined) return this.#refuseRequest(put, refused, from);
    this.#seeRequest(put, from);
  }

  #take(mailboxes: Mailboxes, take: OriginalRequest & { kind: "take" }, from: DatagramClient) {
    const { metrics, timestamps, debug, senders, replyRate } = this.#options, { mailbox } = take;
    const traffic = senders?.received(from.address, mailbox, 0);
    const replied = replyRate === undefined ? () => {} : replyRate.reserve(from.address.hostname);
    if (replied === undefined) return this.#refuseRequest(take, "reply rate", from);
    const reply = (datagram: Uint8Array<ArrayBuffer>) => {
      replied(datagram.length);
      this.#reply(datagram, mailbox, from, traffic);
    };
    const refused = mailboxes.take(mailbox, from.address.hostname, (outcome) => {
      if (outcome === "storage") {
        replied(0);
        return this.#refuseRequest(take, outcome, from);
      }
      const none = outcome === "empty" || outcome === "too long";
      metrics.add(none ? "empty" : "forwarded");
      if (outcome === "too long" || !none && outcome.overtakes) metrics.add("too long for a reply");
      reply(none ? encodeNone(mailbox) : encodeMail(mailbox, outcome, timestamps));
      debug(from, () => `took ${none ? "nothing" : "a message"} from ${mailboxName(mailbox)}`);
    });
    if (refused === undefined) return this.#seeRequest(take, from);
    this.#refuseRequest(take, refused, from);
    if (refused === "account" || refused === "no log-in") reply(encodeNone(mailbox));
    else replied(0);
  }

  #reply(
    datagram: Uint8Array<ArrayBuffer>,
    mailbox: string,
    { address, socket }: DatagramClient,
    traffic: Traffic | undefined,
  ) {
    const { mailbox: tap } = this.#options.taps;
    if (tap.isOn) tap.see("out", address, () => describeOriginalReply(datagram, mailbox));
    traffic?.sent(1, datagram.length);
    socket.send(datagram, address);
  }

  async #control(text: string, bytes: number, from: DatagramClient, sealed?: SealedReply) {
    const { admin, metrics, taps } = this.#options, { address, socket } = from;
    const reply = sealed?.reply ?? ((datagram: Uint8Array<ArrayBuffer>) => socket.send(datagram, address));
    const send = (text: string) => reply(encodeControl(text));
    metrics.add("control");
    let answer: string | undefined;
    try {
      answer = await admin.answer(text, formatAddress(address), bytes, send, sealed?.account);
    } catch (error) {
      answer = `error, ${(error as Error).message}`;
    }
    if (answer === undefined) {
      return this.#refuseRequest({ kind: "control", text }, "unproved", from, taps.admin);
    }
    const datagram = encodeControl(answer);
    if (taps.admin.isOn) taps.admin.see("out", address, () => describeOriginalReply(datagram, ""));
    reply(datagram);
  }

  #seeRequest(request: OriginalRequest, { address }: DatagramClient) {
    const { mailbox: tap } = this.#options.taps;
    if (tap.isOn) tap.see("in", address, () => describeOriginalRequest(request));
  }

  #refuseRequest(
    request: OriginalRequest,
    reason: RefusedReason,
    from: DatagramClient,
    tap = this.#options.taps.mailbox,
  ) {
    const describe = () => ({ ...describeOriginalRequest(request), ...refusal(reason) });
    if (tap.isOn) tap.see("in", from.address, describe);
    this.#refuse(reason, from);
  }

  #refuse(reason: RefusedReason, from: DatagramClient) {
    this.#options.onRefused(reason, from);
  }
}
