/**
 * What the wires of channels and room share: their clients are members of the hub, and are read no faster than they and
 * the members of their channel receive.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/syntax/address.ts";
import { describeFrames, describeRoomLines } from "../../../protocol/describe/hub.ts";
import { refusal } from "../../../protocol/describe/refusals.ts";
import { TLS_ONLY_TEXT } from "../../../protocol/channels.ts";
import { claimedName } from "../../../protocol/channels/login.ts";
import { FRAME_BYTES } from "../../../protocol/syntax/frame.ts";
import { Connection, type ConnectionOptions, type DisconnectReason } from "../../net/connection.ts";
import { type ConnectionSlots, REMOTE_LIMITS, type SlotOutcome } from "../../net/connection_slots.ts";
import { Listener, type Stream, type StreamSocket } from "../../net/listener.ts";
import { ChunkJoiner, type SendLimits } from "../../net/send_queue.ts";
import { isLoopback } from "../../quota/address.ts";
import type { NetworkRate } from "../../quota/network_rate.ts";
import { RateLimit } from "../../quota/rate_limit.ts";
import { within } from "../../quota/uptime.ts";
import { type Log, quoted } from "../../report/log.ts";
import { type Metrics, type StreamEvent, streamMetric, type StreamService } from "../../report/metrics.ts";
import { type Tap, UNWATCHED } from "../../report/watch.ts";
import { type Clients, type ConnectedClient, Traffic } from "../../report/clients.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import type { Member } from "../../service/hub/channel.ts";
import type { Moderation } from "../../service/moderation.ts";
import { type Hub, MAX_WAIT_MS } from "../../service/hub/hub.ts";

/** Milliseconds between two checks for clients that read nothing. */
const CHECK_INTERVAL_MS = 1000;

/** How long clients may read what they were sent after the server began to stop. */
const LAST_READ_MS = 1000;

/** What the wires of channels and room need of the accounts. */
export type HubAccounts = Pick<
  Accounts,
  "auth" | "has" | "isProtected" | "checkPassword" | "onEvent" | "onTokenEnd" | "onMailboxCovered"
>;

export interface MemberWireOptions extends Omit<ConnectionOptions, "joiner"> {
  /** Where it listens; it closes them. */
  sockets: readonly StreamSocket[];
  hub: Hub;
  slots: ConnectionSlots;
  /** How often an address may connect. */
  rate?: NetworkRate;
  /** Of one connection; undefined for {@linkcode REMOTE_LIMITS}, and for no limit on this machine. */
  messagesPerSecond: number | undefined;
  metrics: Metrics;
  log: Log;
  /** What clients send and are sent is reported there. */
  tap?: Tap;
  /** By default nobody is banned or muted. */
  moderation?: Pick<Moderation, "isBannedAddress" | "isBannedName" | "isMuted">;
  /** By default no name is protected. */
  accounts?: HubAccounts;
  /** Where clients are listed as long as they are connected. */
  clients?: Clients;
}

export abstract class MemberWire {
  readonly #listener: Listener<Stream, MemberConnection>;
  readonly #checking: ReturnType<typeof setInterval>;

  /** Begins to accept. */
  constructor(name: StreamService, protected readonly options: MemberWireOptions) {
    const { metrics, log, moderation, clients, tap = UNWATCHED } = options, joiner = new ChunkJoiner();
    // logged once until a client is accepted again
    let refused: SlotOutcome | undefined;
    this.#listener = new Listener({
      ...options,
      name,
      service: name,
      isBanned: ({ hostname }) => moderation?.isBannedAddress(hostname) ?? false,
      onRefused(reason, address) {
        if (tap.isOn) tap.see("in", address, () => ({ what: "connects", ...refusal(reason) }));
      },
      open: (stream, address) => new MemberConnection(name, stream, address, { ...options, joiner }),
      onSlot(outcome, address) {
        const isRefused = outcome !== "taken" && outcome !== "replaced",
          why = isRefused ? refusal(outcome) : {};
        if (tap.isOn) tap.see("in", address, () => ({ what: "connects", ...why }));
        metrics.add(`${name} ${isRefused ? outcome : "connections"}`);
        if (outcome === "replaced") metrics.add(`${name} displaced`);
        if (isRefused && refused !== outcome) {
          const what = `${outcome}: further clients are refused`;
          log.warn({ service: name, peer: formatAddress(address), what, kind: outcome });
        }
        refused = isRefused ? outcome : undefined;
      },
      serve: async (client) => {
        using _ = listed(client, clients);
        if (await this.#hasBegun(client)) await this.serve(client);
        if (tap.isOn && !client.isClosed) {
          tap.see("in", client, () => ({ what: "closes its side", ...client.names }));
        }
        client.leave();
        // a client that sends no more may still receive
        await client.sent();
        if (tap.isOn && !client.isClosed) {
          tap.see("out", client, () => ({ what: "disconnected", ...client.names }));
        }
        client.close();
        await client.ended();
      },
    });
    if (options.accounts !== undefined) {
      followAccounts(options.accounts, () => this.#listener.connections);
    }
    this.#checking = setInterval(() => {
      joiner.clear();
      for (const client of this.#listener.connections) client.check();
    }, CHECK_INTERVAL_MS);
  }

  /** Takes another rate for clients that connect from now on. */
  configure({ messagesPerSecond }: Pick<MemberWireOptions, "messagesPerSecond">) {
    this.options.messagesPerSecond = messagesPerSecond;
  }

  /** Whether the client may be served; on a port with TLS, it has to make its handshake first. */
  async #hasBegun(client: MemberConnection): Promise<boolean> {
    const beginning = client.begin();
    if (beginning === undefined) return true;
    const { outcome, why } = await beginning;
    if (client.isClosed || outcome === "gone") return false;
    if (outcome === "plain") return true;
    client.count(outcome);
    if (outcome === "tls") return true;
    client.reportEnd(outcome);
    const what = why === undefined ? outcome : `${outcome}: ${why}`;
    this.options.log.warn({ service: client.service, peer: formatAddress(client), what, kind: outcome });
    if (outcome === "plaintext refused") client.send(this.encode(TLS_ONLY_TEXT));
    else client.close();
    return false;
  }

  /** A text of the server on this wire. */
  protected abstract encode(text: string): Uint8Array;

  /** Reads and answers a client until it sends no more. */
  protected abstract serve(client: MemberConnection): Promise<void>;

  /** Accepts no more, lets clients read what they were sent, and closes them. */
  async close() {
    this.#listener.stop();
    const clients = [...this.#listener.connections];
    await within(LAST_READ_MS, Promise.all(clients.map((client) => client.sent())));
    clearInterval(this.#checking);
    for (const client of clients) client.close();
    await this.#listener.close();
  }
}

/** Closes connections whose log-in is over, or whose name needs one now (channels.md 9.7). */
function followAccounts(accounts: HubAccounts, connections: () => Iterable<MemberConnection>) {
  accounts.onEvent((name, what) => {
    if (what === "added") return;
    for (const client of [...connections()]) {
      if (client.account === name) client.end("logged out");
      else if (what === "removed" && client.claimed === name && accounts.auth === "open") {
        client.claimed = undefined;
      }
    }
  });
  accounts.onTokenEnd((name, id) => {
    for (const client of [...connections()]) {
      if (client.account === name && client.token === id) client.end("logged out");
    }
  });
  accounts.onMailboxCovered((name) => {
    for (const client of [...connections()]) {
      if (client.account === "" && claimedName(client.name) === name) client.end("logged out");
    }
  });
}

/** Lists a client until it is disposed of. */
function listed(client: MemberConnection, clients: Clients | undefined): Disposable {
  const id = clients?.add(client);
  return { [Symbol.dispose]: () => id !== undefined && clients?.remove(id) };
}

/** A client from its connection to its end. */
export class MemberConnection extends Connection implements ConnectedClient {
  readonly kind = "connection";
  readonly traffic: Traffic;
  member: Member | undefined;
  /** The account that has logged in, or `""`. */
  account = "";
  /** The ID of the token by which it did; undefined if that was the password. */
  token: string | undefined;
  /** The name for which it has to log in before it can do anything; `""` in the room. */
  claimed: string | undefined;
  readonly #name: StreamService;
  readonly #options: MemberWireOptions;
  /** Takes what it sends and is sent, for those who watch. */
  readonly tap: Tap;
  readonly #rate: RateLimit | undefined;
  /** Whether the messages of the last read have waited for the members of the channel already. */
  #hasWaited = false;
  /** Whether it is muted, and has been informed. */
  #isInformedMuted = false;

  constructor(
    name: StreamService,
    stream: Stream,
    address: Deno.NetAddr,
    options: MemberWireOptions & { joiner: ChunkJoiner },
  ) {
    super(stream, address, options);
    this.#name = name;
    this.#options = options;
    this.tap = options.tap ?? UNWATCHED;
    this.traffic = options.clients?.traffic() ?? new Traffic();
    const { monotonicClock } = options;
    const burst = options.messagesPerSecond ??
      (isLoopback(address.hostname) ? undefined : REMOTE_LIMITS.messagesPerSecond);
    if (burst !== undefined) this.#rate = new RateLimit({ burst, intervalMs: 1000 / burst, monotonicClock });
  }

  protected override onBehind(isBehind: boolean) {
    if (this.member !== undefined) this.#options.hub.setBehind(this.member, isBehind);
  }

  protected override onDisconnect(why: DisconnectReason) {
    this.count(`cut off ${why}`);
    this.reportEnd(`cut off ${why}`);
    this.#options.log.warn({
      service: this.#name,
      peer: formatAddress(this),
      what: `${this.#shownName} is cut off: ${reasonOf(why, this.#options.limits)}`,
      kind: "a client that is cut off",
    });
    this.leave();
  }

  /** The names that events of this client are about. */
  get names(): { names: string[] } {
    const { speaker, channel } = this.member ?? {};
    return { names: [speaker?.name, channel?.name].filter((name) => name !== undefined) };
  }

  override send(bytes: Uint8Array) {
    this.traffic.sent(1, bytes.length);
    if (this.tap.isOn && !this.isClosed) {
      const isFrames = this.#name === "channels", frames = isFrames ? bytes.length / FRAME_BYTES : 1;
      this.tap.see("out", this, () => isFrames ? describeFrames(bytes) : describeRoomLines(bytes), frames);
    }
    super.send(bytes);
  }

  get #shownName(): string {
    const speaker = this.member?.speaker;
    return speaker === undefined || speaker.address !== undefined ? "a client" : quoted(speaker.name);
  }

  get service(): StreamService {
    return this.#name;
  }

  /** The name that it has given itself; `""` before that, and in the room, where a client is its address. */
  get name(): string {
    const speaker = this.member?.speaker;
    return speaker === undefined || speaker.address !== undefined ? "" : speaker.name;
  }

  /** Disconnects it for the administrator, or because of its account. */
  end(why: "kicked" | "logged out" = "kicked") {
    this.count(why);
    this.reportEnd(why);
    this.close();
    this.leave();
  }

  /** Reports to those who watch why the server disconnects it. */
  reportEnd(
    why:
      | "banned"
      | "kicked"
      | "logged out"
      | `cut off ${DisconnectReason}`
      | "tls failed"
      | "tls timed out"
      | "too many handshakes"
      | "plaintext refused",
  ) {
    if (this.tap.isOn) {
      this.tap.see("out", this, () => ({ what: "disconnected", ...this.names, ...refusal(why) }));
    }
  }

  /** Whether a message of this member is not passed on, because it is muted; then `notice` is sent, the first time. */
  isMuted(member: Member, notice: Uint8Array): boolean {
    const isMuted = this.#options.moderation?.isMuted(this.hostname, member.speaker.name) ?? false;
    if (isMuted) {
      this.count("muted");
      const describe = () => ({ what: "message, not passed on", ...this.names, ...refusal("muted") });
      if (this.tap.isOn) this.tap.see("in", this, describe);
      if (!this.#isInformedMuted) this.answer(notice, 1);
    }
    return this.#isInformedMuted = isMuted;
  }

  count(event: StreamEvent) {
    if (event === "received") this.traffic.receivedMessages++;
    this.#options.metrics.add(streamMetric(this.#name, event));
  }

  logDebug(what: string) {
    const { log } = this.#options;
    if (!log.isDebug) return;
    log.debug({ service: this.#name, peer: formatAddress(this), what: `${this.#shownName} ${what}` });
  }

  override async read(): Promise<Uint8Array | undefined> {
    this.#hasWaited = false;
    // what arrives while messages go out to many is one read afterwards, and one write to each; before, it would be several
    await this.#options.hub.flushed;
    const bytes = await super.read();
    if (bytes !== undefined) this.traffic.received(0, bytes.length);
    return bytes;
  }

  /** To be called before each message. Returns what to wait for before it is carried out, if anything. */
  throttle(): Promise<void> | undefined {
    const waitMs = this.#rate?.waitMs("") ?? 0;
    this.#rate?.take("");
    if (waitMs > 0) {
      this.count("slowed down");
      return this.pause(waitMs);
    }
    // it is to read its answers first
    if (this.isBehind) return this.pause(MAX_WAIT_MS, this.sent());
    const { member } = this, { hub, polling } = this.#options;
    if (member === undefined) return undefined;
    const wasFull = hub.flushIfFull(member);
    // many members must not say all that they were read before it is known which receivers are behind
    const congestion = wasFull || !this.#hasWaited ? hub.congestion(member) : undefined;
    if (congestion !== undefined) this.#hasWaited = true;
    // what one read brought may take so long to pass on that the sockets are to be polled in between
    return congestion ?? (wasFull ? polling.due : undefined);
  }

  /** Sends the answer to a request, which uses up as much of the client's rate as `messages` messages. */
  answer(bytes: Uint8Array, messages: number) {
    this.#rate?.take("", messages);
    this.send(bytes);
  }

  /** Leaves the hub, if it is a member. */
  leave() {
    if (this.member !== undefined) this.#options.hub.leave(this.member);
  }
}

function reasonOf(why: DisconnectReason, { maxPendingBytes, stallMs }: SendLimits): string {
  switch (why) {
    case "pending":
      return `more than ${maxPendingBytes} bytes waited to be sent to it`;
    case "stalled":
      return `it read nothing for ${stallMs / 1000} s`;
    case "most pending":
      return "too much waited to be sent to all clients, and most of it to this one";
  }
}
