/**
 * The hub with the services that it has: channels, room, or both; and its history, which it writes once a second.
 *
 * @module
 */

import { MAX_ROOM_LINE } from "../protocol/room.ts";
import type { AdminCommand } from "./wire/admin/admin_requests.ts";
import { ChannelsService } from "./wire/hub/channels.ts";
import { DEFAULT_HISTORY_LIMITS, History, type HistoryLimits } from "./service/history.ts";
import { Hub } from "./service/hub.ts";
import { hubCommands } from "./wire/admin/channel_commands.ts";
import { ConnectionCounter, type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./net/limits.ts";
import type { Log } from "./report/log.ts";
import type { MetricName, Metrics } from "./report/metrics.ts";
import type { ServiceSockets } from "./service_sockets.ts";
import { PendingTotal } from "./quota/pending.ts";
import { RoomService } from "./wire/hub/room.ts";
import { DEFAULT_SEND_LIMITS, type SendLimits } from "./net/send_queue.ts";
import type { Rounds } from "./net/rounds.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { shareOf } from "./quota/share.ts";
import { DEFAULT_SHARE } from "./store/limits.ts";
import type { ChannelChange, RemoveChannel } from "./store/requests/channel.ts";
import { uptime } from "./clock/uptime.ts";

/** Milliseconds between two writes of what was said. */
const WRITE = 1000;

/** Limits of channels and room; all are inclusive. */
export interface HubLimits {
  /** Percent of the channels that one address may have made; with 100 there is no such limit. */
  share: number;
  maxChannels: number;
  history: HistoryLimits;
  connections: ConnectionLimits;
  sending: SendLimits;
  /** Most bytes that may wait to be sent to all together; what several wait for counts once. */
  maxPendingAll: number;
  /** Longest line of the room, in bytes without its end. */
  maxLine: number;
}

export const DEFAULT_HUB_LIMITS: Readonly<HubLimits> = {
  share: DEFAULT_SHARE,
  maxChannels: 1000,
  history: DEFAULT_HISTORY_LIMITS,
  connections: DEFAULT_CONNECTION_LIMITS,
  sending: DEFAULT_SEND_LIMITS,
  maxPendingAll: 128 * 1024 ** 2,
  maxLine: MAX_ROOM_LINE,
};

export interface HubServiceOptions {
  /** Where the services listen that run; they close them. */
  sockets: Pick<ServiceSockets, "channels" | "room">;
  limits: HubLimits;
  store: GroupCommit;
  rounds: Rounds;
  metrics: Metrics;
  log: Log;
}

export class HubService {
  readonly commands: readonly AdminCommand[];
  readonly #hub: Hub;
  readonly #history: History;
  readonly #counter: ConnectionCounter;
  readonly #store: GroupCommit;
  readonly #running: { close(): Promise<void> }[] = [];
  readonly #writing: ReturnType<typeof setInterval>;

  private constructor(options: HubServiceOptions, history: History) {
    const { sockets, limits, store, rounds, metrics, log } = options;
    const hub = this.#hub = new Hub({
      maxChannels: limits.maxChannels,
      maxOfHolder: shareOf(limits.maxChannels, limits.share),
      history,
      metrics,
      wallClock: Date.now,
    });
    const counter = this.#counter = new ConnectionCounter(limits.connections);
    this.#history = history;
    this.#store = store;
    const { connections, sending, maxPendingAll, maxLine } = limits;
    const total = new PendingTotal(maxPendingAll);
    const monotonicClock = () => Math.floor(uptime.now());
    const shared = { hub, counter, connections, sending, total, rounds, metrics, log, monotonicClock };
    const { channels, room } = sockets;
    if (channels !== undefined) this.#running.push(new ChannelsService({ ...shared, sockets: channels }));
    if (room !== undefined) this.#running.push(new RoomService({ ...shared, sockets: room, maxLine }));
    this.commands = hubCommands(hub);
    this.#writing = setInterval(() => this.#write(), WRITE);
  }

  /**
   * Reads what was kept, and begins to accept.
   *
   * @throws {Error} What was kept can't be read.
   */
  static async start(options: HubServiceOptions): Promise<HubService> {
    const { store, limits } = options;
    return new HubService(options, new History(limits.history, await store.ask({ kind: "channels" })));
  }

  /** Metrics for `status`. */
  status(): [MetricName, number][] {
    const { channels } = this.#hub;
    const members = channels.reduce((sum, { size }) => sum + size, 0);
    return [
      ["channels", this.#hub.count],
      ["members", members],
      ["connections", this.#counter.connections],
    ];
  }

  /** What is there, for the log. */
  get summary(): string {
    const { records } = this.#history;
    const messages = records.reduce((sum, { first, next }) => sum + next - first, 0);
    return `${messages} messages in ${this.#hub.count} channels`;
  }

  /** Has every client go, and what was said be kept. */
  async close() {
    this.#hub.close();
    await Promise.all(this.#running.map((service) => service.close()));
    clearInterval(this.#writing);
    await this.#write();
    // what was new while another write was under way
    await this.#write();
  }

  #write(): Promise<void> {
    return this.#history.write({
      keep: (change: ChannelChange | RemoveChannel) =>
        this.#store.ask(change).then((outcome) => outcome === "kept", () => false),
    });
  }
}
