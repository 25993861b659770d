/**
 * The forum's file transfer, server's half: an upload or a download for each ticket that the forum issued.
 * `protocol/transfer.md` is the specification.
 *
 * @module
 */

import { refusal as refusalOf } from "../../../protocol/describe/refusals.ts";
import { decodeTransferRequest, type TransferAnswer } from "../../../protocol/transfer.ts";
import { eraseTransferKeys } from "../../../protocol/transfer/records.ts";
import { ConnectionSlots } from "../../net/connection_slots.ts";
import { type SocketPolling, TurnQueue } from "../../net/fairness.ts";
import { Listener, type Stream, type StreamSocket } from "../../net/listener.ts";
import type { Clients, ConnectedClient } from "../../report/clients.ts";
import { networkOf } from "../../quota/address.ts";
import type { NetworkRate } from "../../quota/network_rate.ts";
import type { Limit } from "../../report/limit.ts";
import type { Log } from "../../report/log.ts";
import type { Metrics } from "../../report/metrics.ts";
import { type Tap, UNWATCHED } from "../../report/watch.ts";
import type { Moderation } from "../../service/moderation.ts";
import type { DownloadGrant, Tickets } from "../../service/tickets.ts";
import { DownloadSender } from "./download.ts";
import { MAX_TRANSFERS, MAX_USER_TRANSFERS, TransferSlots } from "./slots.ts";
import {
  refusal,
  type Timers,
  TransferAborted,
  TransferConnection,
  type TransferContext,
} from "./transfer_connection.ts";
import { UploadReceiver } from "./upload.ts";

export interface TransferOptions extends Timers {
  tickets: Pick<Tickets, "take">;
  polling: Pick<SocketPolling, "due">;
  /** The sockets that it listens on, and closes. */
  listeners: readonly StreamSocket[];
  metrics: Metrics;
  log: Log;
  /** By default no address is banned. */
  moderation?: Pick<Moderation, "isBannedAddress">;
  /** Where connections are listed. */
  clients?: Clients;
  /** What connections read and write is reported there. */
  tap?: Tap;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
  /** Most connections in all, 1024 by default, and of one address, 64 by default. */
  maxConnections?: number;
  maxAddressConnections?: number;
  /** How often an address may connect; as often as it likes by default. */
  rate?: NetworkRate;
}

/** Most connections: in all, and of one address. A transfer needs one. */
export const MAX_CONNECTIONS = 1024;
const MAX_ADDRESS_CONNECTIONS = 64;

const NO_TICKET = refusal("ticket", "unknown, used or too old");

export class TransferWire implements TransferContext {
  readonly metrics: Metrics;
  readonly turns: TurnQueue;
  readonly #options: TransferOptions;
  readonly #listener: Listener<Stream, TransferConnection>;
  readonly #slots: TransferSlots;
  readonly #connectionLimits: { connections: number; addressConnections: number };
  readonly #connectionSlots: ConnectionSlots;
  #isEnding = false;

  /** Starts to accept. */
  constructor(options: TransferOptions) {
    const { listeners: sockets, metrics, log, moderation, tap = UNWATCHED } = options;
    this.#options = options;
    this.metrics = metrics;
    this.turns = new TurnQueue(options.polling);
    this.#slots = new TransferSlots(options);
    const slots = this.#connectionSlots = new ConnectionSlots(
      this.#connectionLimits = {
        connections: options.maxConnections ?? MAX_CONNECTIONS,
        addressConnections: options.maxAddressConnections ?? MAX_ADDRESS_CONNECTIONS,
      },
      { canReplace: true },
    );
    this.#listener = new Listener({
      name: "files",
      service: "forum",
      sockets,
      slots,
      metrics,
      log,
      polling: options.polling,
      ...options.rate && { rate: options.rate },
      isBanned: ({ hostname }) => moderation?.isBannedAddress(hostname) ?? false,
      onRefused(reason, address) {
        if (tap.isOn) tap.see("in", address, () => ({ what: "file: connects", ...refusalOf(reason) }));
      },
      open: (socket) => new TransferConnection(socket, options, tap, options.clients?.traffic()),
      onSlot(outcome, address) {
        const isRefused = outcome !== "taken" && outcome !== "replaced";
        const why = isRefused ? refusalOf("files connections refused") : {};
        if (tap.isOn) tap.see("in", address, () => ({ what: "file: connects", ...why }));
        if (outcome === "taken") return;
        metrics.add(`files connections ${isRefused ? "refused" : "displaced"}`);
      },
      serve: (connection) => this.#serve(connection),
    });
  }

  /** Takes other limits from now on; what is above them goes on. */
  configure({ max, maxConnections }: Required<Pick<TransferOptions, "max" | "maxConnections">>) {
    // the slots have the same object
    Object.assign(this.#options, { max, maxConnections });
    this.#connectionLimits.connections = maxConnections;
  }

  /** The transfers that run; those of another wire take their place among them. */
  get slots(): Pick<TransferSlots, "take" | "leave"> {
    return this.#slots;
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    const { max = MAX_TRANSFERS, maxUser = MAX_USER_TRANSFERS } = this.#options, slots = this.#slots;
    const { maxConnections = MAX_CONNECTIONS, maxAddressConnections = MAX_ADDRESS_CONNECTIONS } =
      this.#options;
    const { taken, fullest } = this.#connectionSlots;
    return [
      { name: "transfers", option: "max-transfers", used: slots.size, limit: max },
      { name: "transfers of one user", used: slots.fullest.ofUser, limit: maxUser },
      { name: "connections for files", option: "file-connections", used: taken, limit: maxConnections },
      { name: "file connections of one address", used: fullest, limit: maxAddressConnections },
    ];
  }

  /** Accepts no more, and ends every transfer; what arrived of uploads is kept. */
  async close() {
    this.#isEnding = true;
    this.#listener.stop();
    for (const connection of this.#listener.connections) connection.abort("ending");
    await this.#listener.close();
  }

  failed(error: Error) {
    const what = `a file transfer failed: ${error.message}`;
    this.#options.log.error({ service: "forum", what, kind: "a file transfer that failed" });
  }

  damaged({ name, path, setDamaged }: DownloadGrant) {
    setDamaged();
    this.metrics.add("files damaged");
    const what =
      `${name} is damaged, and is not sent: ${path} does not have the SHA-256 of what was uploaded`;
    this.#options.log.error({ service: "forum", what, kind: "a damaged file" });
  }

  async #serve(connection: TransferConnection) {
    const { clients } = this.#options, id = clients?.add(listed(connection));
    let answer: TransferAnswer | undefined;
    try {
      answer = await this.#transfer(connection);
    } catch (error) {
      if (!(error instanceof TransferAborted)) {
        this.failed(error as Error);
        answer = refusal("storage", "the server's disk failed");
      } else if (error.code !== undefined) answer = refusal(error.code);
      else this.metrics.add(error.isWrong ? "files wrong record" : "files cut");
    }
    if (answer?.kind === "no") this.metrics.add(`files refused ${answer.code}`);
    await connection.end(answer);
    if (id !== undefined) clients?.remove(id);
  }

  /** Returns the last answer, if there is one. */
  async #transfer(connection: TransferConnection): Promise<TransferAnswer | undefined> {
    const first = decodeTransferRequest(await connection.line() ?? "");
    if (first === undefined || !("ticket" in first)) return refusal("malformed");
    if (this.#isEnding) return refusal("ending");
    const grant = this.#options.tickets.take(first.ticket), keys = grant?.keys;
    if (grant === undefined) return NO_TICKET;
    if ((keys !== undefined) !== (first.kind === "sealed")) {
      if (keys !== undefined) eraseTransferKeys(keys);
      return NO_TICKET;
    }
    if (keys !== undefined) connection.seal(keys);
    const request = keys === undefined ? first : decodeTransferRequest(await connection.line() ?? "");
    if (request?.kind !== "upload" && request?.kind !== "download") return refusal("malformed");
    if (request.ticket !== first.ticket || request.kind !== grant.kind) return NO_TICKET;
    connection.begin(grant.user);
    if (keys === undefined) this.metrics.add("files in the clear");

    if (!this.#slots.take(connection, grant.user, networkOf(connection.hostname))) {
      return refusal("busy", "too many transfers at the same time");
    }
    try {
      return grant.kind === "upload"
        ? await new UploadReceiver(connection, grant, this).receive()
        : await new DownloadSender(connection, grant, this).send(
          request.kind === "download" ? request.offset : 0,
        );
    } finally {
      this.#slots.leave(connection);
    }
  }
}

/** A connection as an administrator is shown it, and ends it. */
function listed(connection: TransferConnection): ConnectedClient {
  const { hostname, port, traffic } = connection;
  return {
    service: "forum",
    kind: "transfer",
    hostname,
    port,
    traffic,
    get name() {
      return connection.user ?? "";
    },
    end: () => connection.kick(),
  };
}
