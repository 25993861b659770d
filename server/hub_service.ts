/**
 * The hub, what channels and room share, with the wires of both or of one.
 *
 * @module
 */

import { MAX_ROOM_LINE_BYTES } from "../protocol/room.ts";
import {
  connectionRate,
  ConnectionSlots,
  DEFAULT_CONNECTION_LIMITS,
  REMOTE_LIMITS,
} from "./net/connection_slots.ts";
import type { StreamSocket } from "./net/listener.ts";
import { DEFAULT_SEND_LIMITS, type SendLimits } from "./net/send_queue.ts";
import type { Creations } from "./quota/creations.ts";
import { NetworkRate } from "./quota/network_rate.ts";
import { PendingTotal } from "./quota/pending.ts";
import { ownerLimit } from "./quota/share.ts";
import { setTimer, turnClock, uptime } from "./quota/uptime.ts";
import type { Limit } from "./report/limit.ts";
import type { MetricName } from "./report/metrics.ts";
import type { Watch } from "./report/watch.ts";
import { DEFAULT_HISTORY_LIMITS, History, MAX_CHANNEL_BYTES } from "./service/hub/history.ts";
import { HistoryWriter } from "./service/hub/history_writer.ts";
import { Hub } from "./service/hub/hub.ts";
import type { GroupCommit } from "./store/journaled/group.ts";
import { DEFAULT_SHARE } from "./store/limits.ts";
import type { ChannelChange, RemoveChannel } from "./store/requests/channel.ts";
import type { AdminCommand } from "./wire/admin/admin_requests.ts";
import { hubCommands } from "./wire/admin/channel_commands.ts";
import { ChannelsWire } from "./wire/hub/channels.ts";
import type { MemberWire, MemberWireOptions } from "./wire/hub/member_wire.ts";
import { RoomWire } from "./wire/hub/room.ts";

/** Limits of channels and room; all are inclusive. */
export const DEFAULT_HUB_LIMITS = {
  /** Percent of the channels that one address may have created; with 100 there is no such limit. */
  share: DEFAULT_SHARE,
  maxChannels: 1000,
  /** Channels that one address may have created at most; any number by default. */
  addressChannels: undefined as number | undefined,
  history: DEFAULT_HISTORY_LIMITS,
  connections: DEFAULT_CONNECTION_LIMITS,
  sending: DEFAULT_SEND_LIMITS,
  /** Most bytes that may wait to be sent to all clients together; what several wait for counts once. */
  maxPendingBytesInAll: 128 * 1024 ** 2,
  /** Longest line of the room, without its end. */
  maxLineBytes: MAX_ROOM_LINE_BYTES,
};
export type HubLimits = Readonly<typeof DEFAULT_HUB_LIMITS>;

export interface HubServiceOptions
  extends Pick<MemberWireOptions, "polling" | "metrics" | "log" | "moderation" | "clients" | "accounts"> {
  /** Where the wires listen that run; they close them. */
  sockets: { channels?: readonly StreamSocket[]; room?: readonly StreamSocket[] };
  limits: HubLimits;
  creations?: Creations;
  store: GroupCommit;
  watch: Watch;
}

export class HubService {
  readonly commands: readonly AdminCommand[];
  readonly hub: Hub;
  readonly #history: History;
  readonly #limits: HubLimits;
  readonly #pending: PendingTotal;
  readonly #slots: ConnectionSlots;
  readonly #rate: NetworkRate;
  readonly #store: GroupCommit;
  readonly #writer: HistoryWriter;
  readonly #wires: MemberWire[] = [];

  private constructor(
    { sockets, limits, store, watch, ...options }: HubServiceOptions,
    history: History,
  ) {
    this.#limits = limits;
    this.#history = history;
    this.#store = store;
    const hub = this.hub = new Hub({
      ...channelLimits(limits),
      history,
      metrics: options.metrics,
      polling: options.polling,
      creations: options.creations,
      wallClock: turnClock(Date.now),
    });
    const slots = this.#slots = new ConnectionSlots(limits.connections);
    const rate = this.#rate = new NetworkRate({
      ...connectionRate(limits.connections),
      remotePerSecond: REMOTE_LIMITS.connectionsPerSecond,
      monotonicClock: uptime.now,
    });
    const common = {
      ...options,
      hub,
      slots,
      rate,
      messagesPerSecond: limits.connections.messagesPerSecond,
      limits: limits.sending,
      total: this.#pending = new PendingTotal(limits.maxPendingBytesInAll),
      monotonicClock: turnClock(() => Math.floor(uptime.now())),
    };
    const { channels, room } = sockets;
    if (channels !== undefined) {
      this.#wires.push(new ChannelsWire({ ...common, sockets: channels, tap: watch.tap("channels") }));
    }
    if (room !== undefined) {
      this.#wires.push(
        new RoomWire(limits.maxLineBytes, { ...common, sockets: room, tap: watch.tap("room") }),
      );
    }
    this.commands = hubCommands(hub);
    this.#writer = new HistoryWriter(history, (change) => this.#keep(change), {
      setTimer,
      monotonicClock: () => performance.now(),
    });
  }

  /**
   * Reads what was kept, and begins to accept.
   *
   * @throws {Error} What was kept can't be read.
   */
  static async start(options: HubServiceOptions): Promise<HubService> {
    const { store, limits } = options;
    const stored = await store.ask({ kind: "channels" });
    // before the first message, so that the next start notices an end without a clean stop
    const isComplete = await store.ask({ kind: "channels complete", complete: false }) === true;
    return new HubService(options, new History(limits.history, stored, isComplete));
  }

  /** Takes over what has changed in its limits, for all that comes from now on; what is above them stays. */
  configure() {
    const limits = this.#limits;
    this.hub.configure(channelLimits(limits));
    this.#pending.maxBytes = limits.maxPendingBytesInAll;
    this.#rate.configure(connectionRate(limits.connections));
    for (const wire of this.#wires) wire.configure(limits.connections);
  }

  /** What another wire needs to send to readers within the limits of all. */
  get sending(): { limits: SendLimits; total: PendingTotal; maxLineBytes: number } {
    const { sending: limits, maxLineBytes } = this.#limits;
    return { limits, total: this.#pending, maxLineBytes };
  }

  /** Metrics for `status`. */
  status(): [MetricName, number][] {
    const members = this.hub.channels.reduce((sum, { size }) => sum + size, 0);
    return [["channels", this.hub.count], ["members", members], ["connections", this.#slots.taken]];
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    const { maxChannels, share, addressChannels, history, connections, sending, ...limits } = this.#limits;
    const { channels } = this.hub, slots = this.#slots, pending = this.#pending;
    const longest = Math.max(0, ...channels.map(({ record }) => record.next - record.first));
    return [
      { name: "channels", option: "max-channels", used: this.hub.count, limit: maxChannels },
      {
        name: "channels of one address",
        option: addressChannels === undefined ? "share" : "address-channels",
        used: this.hub.fullestOwner,
        limit: ownerLimit(maxChannels, share, addressChannels),
      },
      { name: "messages kept of one channel", option: "history", used: longest, limit: history.messages },
      {
        name: "one channel's kept bytes",
        used: Math.max(0, ...channels.map(({ record }) => record.bytes)),
        limit: MAX_CHANNEL_BYTES,
      },
      {
        name: "kept channel bytes",
        option: "history-bytes",
        used: this.#history.bytes,
        limit: history.bytes,
      },
      {
        name: "connections",
        option: "max-connections",
        used: slots.taken,
        limit: connections.connections,
      },
      {
        name: "connections of one address",
        option: "address-connections",
        used: slots.fullest,
        limit: connections.addressConnections ?? REMOTE_LIMITS.addressConnections,
      },
      {
        name: "new connections of one address",
        option: "connection-rate",
        used: this.#rate.fullest,
        limit: this.#rate.burst,
      },
      {
        name: "waiting bytes",
        option: "max-pending-all",
        used: pending.bytes,
        limit: limits.maxPendingBytesInAll,
      },
      {
        name: "one client's waiting bytes",
        option: "max-pending",
        used: pending.fullest,
        limit: sending.maxPendingBytes,
      },
      {
        name: "messages a second",
        option: "message-rate",
        limit: connections.messagesPerSecond ?? REMOTE_LIMITS.messagesPerSecond,
      },
      { name: "line bytes", option: "max-line", limit: limits.maxLineBytes },
    ];
  }

  /** For the log. */
  get summary(): string {
    const messages = this.#history.records.reduce((sum, { first, next }) => sum + next - first, 0);
    return `${messages} messages in ${this.hub.count} channels`;
  }

  /** Disconnects every client, and writes what is not stored yet. */
  async close() {
    this.hub.close();
    await Promise.all(this.#wires.map((wire) => wire.close()));
    await this.#writer.close();
    if (this.#history.isStored) await this.#store.ask({ kind: "channels complete", complete: true });
  }

  /** Nobody waits for it: it may take some milliseconds longer, for others that come meanwhile. */
  #keep(change: ChannelChange | RemoveChannel): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#store.submit(change, (outcome) => resolve(outcome === "kept"), false)) resolve(false);
    });
  }
}

function channelLimits({ maxChannels, share, addressChannels }: HubLimits) {
  return { maxChannels, maxOfOwner: ownerLimit(maxChannels, share, addressChannels) };
}
