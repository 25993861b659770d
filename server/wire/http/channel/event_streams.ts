/**
 * All streams of events: how one begins, and what ends them. http.md 9.6 to 9.10.
 *
 * @module
 */

import { COMMENT_INTERVAL_MS, EVENT_COMMENT, type Position } from "../../../../protocol/http/events.ts";
import { claimedName } from "../../../../protocol/channels/login.ts";
import { formatAddress } from "../../../../protocol/syntax/address.ts";
import { ChunkJoiner, type SendLimits } from "../../../net/send_queue.ts";
import type { PendingTotal } from "../../../quota/pending.ts";
import type { Environment } from "../../../quota/uptime.ts";
import { type Log, quoted } from "../../../report/log.ts";
import type { Metrics } from "../../../report/metrics.ts";
import type { Accounts } from "../../../service/account/accounts.ts";
import type { Channel, Speaker } from "../../../service/hub/channel.ts";
import type { Hub } from "../../../service/hub/hub.ts";
import type { HttpExchange } from "../exchange.ts";
import { EventsEncoders } from "./event_encoder.ts";
import { EventStream } from "./event_stream.ts";
import { endOf, replay } from "./replay.ts";

/** Milliseconds between two looks for readers that read nothing. */
const CHECK_INTERVAL_MS = 1000;

const COMMENT = new TextEncoder().encode(EVENT_COMMENT);

export interface EventStreamsOptions extends Pick<Environment, "monotonicClock"> {
  hub: Hub;
  /** Of what waits to be sent to one reader, and to all clients of the hub together. */
  limits: SendLimits;
  total: PendingTotal;
  accounts: Pick<Accounts, "onEvent" | "onTokenEnd" | "onMailboxCovered">;
  metrics: Metrics;
  log: Log;
}

/** What a stream is asked for. */
export interface StreamRequest {
  channels: readonly Channel[];
  /** The name of the member; undefined for one that only reads. */
  speaker: Speaker | undefined;
  /** The places of an event's ID, or a time in milliseconds since 1970; undefined: from now on. */
  since: readonly Position[] | number | undefined;
}

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #streams = new Set<EventStream>();
  readonly #encoders = new EventsEncoders();
  readonly #joiner = new ChunkJoiner();
  readonly #checking: ReturnType<typeof setInterval>;
  readonly #commenting: ReturnType<typeof setInterval>;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#checking = setInterval(() => {
      this.#joiner.clear();
      for (const stream of this.#streams) stream.check();
    }, CHECK_INTERVAL_MS);
    this.#commenting = setInterval(() => {
      for (const stream of this.#streams) stream.send(COMMENT);
    }, COMMENT_INTERVAL_MS);
    this.#followAccounts();
  }

  /** How many there are. */
  get count(): number {
    return this.#streams.size;
  }

  /** Ends those whose log-in is over, or whose name needs one now (channels.md 9.7). */
  #followAccounts() {
    const { accounts, metrics } = this.#options;
    const end = (isMeant: (stream: EventStream) => boolean) => {
      for (const stream of [...this.#streams].filter(isMeant)) {
        metrics.add("http logged out");
        stream.close();
      }
    };
    accounts.onEvent((name, what) => {
      if (what !== "added") end(({ client }) => client.account === name);
    });
    // whatever this account's streams were let in by: those whose log-in holds are back at once
    accounts.onTokenEnd((name) => end(({ client }) => client.account === name));
    accounts.onMailboxCovered((name) =>
      end(({ client, speaker }) => client.account === "" && claimedName(speaker?.name ?? "") === name)
    );
  }

  /** Answers a request with a stream, which begins with what was said since. */
  async open(exchange: HttpExchange, { channels, speaker, since }: StreamRequest) {
    const { client, connection } = exchange;
    const write = await exchange.stream({ "content-type": "text/event-stream", "x-accel-buffering": "no" });
    if (write === undefined) return;
    if (speaker !== undefined) connection.name = speaker.name;
    const { hub, metrics, log } = this.#options;
    let givesBack = () => {};
    const stream: EventStream = new EventStream({
      ...this.#options,
      joiner: this.#joiner,
      client,
      speaker,
      connection,
      write,
      onCutOff(why) {
        metrics.add(`http cut off ${why}`);
        const who = speaker === undefined ? "a reader of events" : quoted(speaker.name);
        const what = `${who} is cut off: ${why}`;
        log.warn({
          service: "http",
          peer: formatAddress(client),
          what,
          kind: "a reader of events that is cut off",
        });
      },
      onClose: () => {
        this.#streams.delete(stream);
        givesBack();
      },
    });
    this.#streams.add(stream);
    await replay(stream, channels, since);
    if (stream.isClosed) return;
    // what has happened so far was replayed, and is not to come again
    const there = channels.filter((channel) => hub.find(channel.name) === channel);
    for (const channel of there) hub.flush({ channel });
    const positions = new Map(there.map(({ name, record }) => [name, endOf(record)]));
    const encoder = this.#encoders.take(positions);
    givesBack = () => this.#encoders.giveBack(positions);
    for (const channel of channels) {
      if (there.includes(channel)) stream.enter(channel, encoder);
      else stream.removed(channel.name);
    }
  }

  /** Ends all of them. */
  async close() {
    clearInterval(this.#checking);
    clearInterval(this.#commenting);
    await Promise.all([...this.#streams].map((stream) => stream.end()));
  }
}
