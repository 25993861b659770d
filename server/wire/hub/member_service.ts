/**
 * What the channels and the room share: clients on streams that are members of the hub, and are read no faster than
 * they and those who hear them allow.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/address.ts";
import type { Connection, CutOff } from "../../net/connection.ts";
import type { Member } from "../../service/channel.ts";
import { type Hub, LONGEST_WAIT } from "../../service/hub.ts";
import {
  type ConnectionCounter,
  type ConnectionLimits,
  isLoopback,
  RateLimit,
  REMOTE_LIMITS,
} from "../../net/limits.ts";
import { Listener, type StreamListener } from "../../net/listener.ts";
import { type Log, quoted } from "../../report/log.ts";
import type { Metrics, StreamEvent, StreamService } from "../../report/metrics.ts";
import type { PendingTotal } from "../../quota/pending.ts";
import type { SendLimits } from "../../net/send_queue.ts";
import type { Rounds } from "../../net/rounds.ts";

export interface MemberServiceOptions {
  /** Where it listens; it closes them. */
  sockets: readonly StreamListener[];
  hub: Hub;
  counter: ConnectionCounter;
  connections: ConnectionLimits;
  sending: SendLimits;
  /** What waits to be sent to the members of channels and room together. */
  total: PendingTotal;
  rounds: Rounds;
  metrics: Metrics;
  log: Log;
  /** Milliseconds of a clock that is never set back. */
  monotonicClock(): number;
}

/** Listens for one service, and gives each client a {@linkcode MemberConnection}. */
export function listenForMembers(
  name: StreamService,
  options: MemberServiceOptions,
  serve: (session: MemberConnection) => Promise<void>,
): Listener {
  const { sockets, counter, sending, total, rounds, metrics, log, monotonicClock } = options;
  return new Listener({
    name,
    sockets,
    counter,
    limits: sending,
    total,
    rounds,
    metrics,
    log,
    monotonicClock,
    serve: async (connection) => {
      const session = new MemberConnection(name, connection, options);
      await serve(session);
      session.leave();
      // who says no more may still listen
      await connection.sent();
    },
  });
}

/** One client from its connection to its end. */
export class MemberConnection {
  member: Member | undefined;
  readonly #name: StreamService;
  readonly #options: MemberServiceOptions;
  readonly #rate: RateLimit | undefined;
  /** Whether what was read last has already waited for those who hear it. */
  #hasWaited = false;

  constructor(name: StreamService, readonly connection: Connection, options: MemberServiceOptions) {
    this.#name = name;
    this.#options = options;
    const { connections, monotonicClock } = options;
    const rate = connections.messageRate ??
      (isLoopback(connection.hostname) ? undefined : REMOTE_LIMITS.messageRate);
    if (rate !== undefined) this.#rate = new RateLimit(rate, monotonicClock);
    connection.onBehind = (behind) => {
      if (this.member !== undefined) options.hub.setBehind(this.member, behind);
    };
    connection.onCutOff = (why) => {
      this.count(`cut off ${why}`);
      options.log.warn({
        service: name,
        peer: formatAddress(connection),
        what: `${this.#who} is cut off: ${reasonOf(why, options.sending)}`,
        kind: "a client that is cut off",
      });
      this.leave();
    };
  }

  get #who(): string {
    const { member } = this;
    return member === undefined || !("name" in member.inRoom) ? "a client" : quoted(member.name);
  }

  count(what: StreamEvent) {
    this.#options.metrics.add(`${this.#name} ${what}`);
  }

  /** Logs what the client does. */
  tell(what: string) {
    const { log } = this.#options;
    if (!log.isDebug) return;
    log.debug({ service: this.#name, peer: formatAddress(this.connection), what: `${this.#who} ${what}` });
  }

  /** What it says next; undefined when it says no more. */
  async read(): Promise<Uint8Array | undefined> {
    this.#hasWaited = false;
    // what it says while many are told is one read afterwards, and one write to each; read before, it would be several
    await this.#options.hub.passedOn;
    return await this.connection.read();
  }

  /** Comes before each message. Returns what has to be waited for before it may be carried out, if anything. */
  pace(): Promise<void> | undefined {
    const early = this.#rate?.take() ?? 0;
    if (early > 0) {
      this.count("slowed down");
      return this.connection.pause(early);
    }
    // it is to take its answers first
    if (this.connection.isBehind) return this.connection.pause(LONGEST_WAIT, this.connection.sent());
    const { member } = this, { hub } = this.#options;
    if (member === undefined) return undefined;
    const wasFull = hub.passOnIfFull(member);
    // many speakers must not say all that they were read before those who hear them are looked at
    const congestion = wasFull || !this.#hasWaited ? hub.congestion(member) : undefined;
    if (congestion !== undefined) this.#hasWaited = true;
    // what one read brought may be so much to pass on that it takes many rounds
    return congestion ?? (wasFull ? this.#options.rounds.next : undefined);
  }

  /** Sends it what it has asked for, or is refused; `messages` of its rate are used up by that. */
  answer(bytes: Uint8Array, messages: number) {
    this.#rate?.use(messages);
    this.connection.send(bytes);
  }

  /** Takes it out of the hub, if it is there. */
  leave() {
    if (this.member !== undefined) this.#options.hub.leave(this.member);
  }
}

function reasonOf(why: CutOff, { maxPending, stall }: SendLimits): string {
  switch (why) {
    case "pending":
      return `more than ${maxPending} bytes waited to be sent to it`;
    case "stalled":
      return `it took nothing for ${stall / 1000} s`;
    case "most pending":
      return "too much waited to be sent to all, and most of it to this one";
  }
}
