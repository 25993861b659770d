/**
 * A client that reads the events of channels: a reader of the hub, or a member where it has a name, in each of them.
 *
 * Invariant: what waits to be sent to it is bounded as on the other wires (channels.md 5.2, 5.3).
 *
 * @module
 */

import { encodeEvent } from "../../../../protocol/http/events.ts";
import type { DisconnectReason } from "../../../net/connection.ts";
import { SendQueue, type SendQueueOptions } from "../../../net/send_queue.ts";
import { ownerAt } from "../../../quota/owner.ts";
import type { Channel, MemberConnection, Speaker } from "../../../service/hub/channel.ts";
import { Member, Reader } from "../../../service/hub/channel.ts";
import type { Hub } from "../../../service/hub/hub.ts";
import type { HttpClient } from "../exchange.ts";
import type { HttpConnection } from "../connection.ts";
import type { EventsEncoder } from "./event_encoder.ts";

export interface EventStreamOptions
  extends Pick<SendQueueOptions, "limits" | "total" | "joiner" | "monotonicClock"> {
  hub: Hub;
  client: HttpClient;
  connection: HttpConnection;
  /** As whom it is a member; undefined for one that only reads. */
  speaker: Speaker | undefined;
  /** Writes past node:http; the head has been written. */
  write: SendQueueOptions["write"];
  /** Called once when the server ends it, because too much waits or nothing was read. */
  onCutOff(why: DisconnectReason): void;
  /** Called once when it is over. */
  onClose(): void;
}

export class EventStream implements MemberConnection {
  readonly hostname: string;
  readonly port: number;
  readonly client: HttpClient;
  readonly speaker: Speaker | undefined;
  readonly #options: EventStreamOptions;
  readonly #queue: SendQueue;
  readonly #readers = new Set<Reader>();
  #isClosed = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.client = options.client;
    this.speaker = options.speaker;
    this.hostname = options.client.hostname;
    this.port = options.client.port;
    this.#queue = new SendQueue({
      ...options,
      owner: ownerAt(this.hostname),
      onDisconnect: () => this.#cutOff("most pending"),
      onBehind: (isBehind) => {
        for (const reader of this.#readers) options.hub.setBehind(reader, isBehind);
      },
    });
    void options.connection.gone.then(() => this.close());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isBehind(): boolean {
    return this.#queue.isBehind;
  }

  send(bytes: Uint8Array) {
    if (this.#isClosed) return;
    // an event's ID has the places of all channels: what is before them is sent first
    if (this.#readers.size > 1) { for (const reader of this.#readers) this.#options.hub.catchUp(reader); }
    this.#options.connection.traffic.sent(1, bytes.length);
    if (!this.#queue.push(bytes)) this.#cutOff("pending");
  }

  /** Resolves when nothing waits to be sent any more. */
  sent(): Promise<void> {
    return this.#queue.sent();
  }

  /** Cuts it off if it has read nothing for too long. To be called once a second. */
  check() {
    if (!this.#isClosed && this.#queue.isStalled()) this.#cutOff("stalled");
  }

  /** Lets it into a channel. */
  enter(channel: Channel, encoder: EventsEncoder) {
    const { speaker } = this;
    const reader = speaker === undefined ? new Reader(encoder, this) : new Member(speaker, encoder, this);
    reader.onRemoved = () => {
      this.#readers.delete(reader);
      this.removed(channel.name);
    };
    this.#readers.add(reader);
    this.#options.hub.read(reader, channel);
  }

  /** A channel is not there any more. */
  removed(channel: string) {
    this.send(new TextEncoder().encode(encodeEvent("removed", { channel })));
  }

  /** Ends it behind what it was sent. */
  async end() {
    this.#leave();
    await this.sent();
    this.close();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.close();
    this.#leave();
    this.#options.connection.close();
    this.#options.onClose();
  }

  #leave() {
    for (const reader of this.#readers) this.#options.hub.leave(reader);
    this.#readers.clear();
  }

  #cutOff(why: DisconnectReason) {
    if (this.#isClosed) return;
    this.close();
    this.#options.onCutOff(why);
  }
}
