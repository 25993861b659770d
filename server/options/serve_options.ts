/**
 * What the server makes of the options of `wirepost serve`.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { dataDirectory } from "../data/directory.ts";
import { DEFAULT_HUB_LIMITS, type HubLimits } from "../hub_service.ts";
import { Networks, PRIVATE_NETWORKS } from "../quota/address.ts";
import type { SocketsOptions } from "../start/service_sockets.ts";
import { DEFAULT_TIMEOUTS } from "../wire/http/http_wire.ts";
import type { WebPage } from "../wire/http/page_files.ts";
import { type OptionValues, SERVICE_PORTS } from "./options.ts";

/** How many of the longest lines have to fit into what waits: in frames, one may be over four times as long. */
const MIN_PENDING_LINES = 16;

/** What the server is started with. */
export type ServeOptions = ReturnType<typeof serveOptions> & {
  /** What a browser is shown; it is the client's, and handed in. */
  page?: WebPage;
};

/**
 * What the server makes of the command line.
 *
 * @param ports Of the services that are named; if none is, all run whose ports are free.
 * @throws {Error} A value doesn't go with another, or is no network.
 */
export function serveOptions(values: OptionValues, ports: SocketsOptions["ports"]) {
  const isNamed = Object.keys(ports).length > 0, tls = tlsOptions(values);
  return {
    version: config.version,
    // what was asked for, to see later what has changed
    values,
    given: ports,
    ports: portsWithTls(isNamed ? ports : SERVICE_PORTS, tls, values["tls-room-port"]),
    // undefined for plain channels and room only
    tls,
    leaveOutTaken: !isNamed,
    http: httpPort(values.http),
    webHosts: values["web-host"],
    trustedProxies: new Networks(values["trusted-proxy"]),
    hosts: values.host.length > 0 ? values.host : ["127.0.0.1"],
    // undefined to keep everything in memory
    data: values.memory ? undefined : dataDirectory(values.data),
    // what an administrator of a server in memory needs
    controlDirectory: values.memory && values.classroom ? dataDirectory(values.data) : undefined,
    beginNew: values.new,
    secretFile: values["secret-file"],
    sealKeyFile: values["seal-key"],
    newSealKey: values["new-seal-key"],
    openAccounts: values.accounts === "anyone",
    auth: values.auth,
    limits: {
      mailboxMessages: values["mailbox-messages"],
      mailboxBytes: values["mailbox-bytes"],
      messages: values["max-messages"],
      bytes: values["max-bytes"],
      mailboxes: values["max-mailboxes"],
      share: values.share,
      ownerMailboxes: values["address-mailboxes"],
      ownerBytes: values["address-bytes"],
      whenFull: values["when-full"],
    },
    hubLimits: hubLimits(values),
    httpTimeouts: DEFAULT_TIMEOUTS,
    httpLimits: {
      connections: values["http-connections"],
      addressConnections: values["address-connections"],
      connectionsPerSecond: values["connection-rate"],
      requestsPerSecond: values["http-rate"],
    },
    forumLimits: {
      threads: {
        share: values.share,
        userBytes: values["address-bytes"],
        threads: values["max-threads"],
        threadEntries: values["thread-entries"],
        entries: values["max-entries"],
        bytes: values["max-posts"],
      },
      files: {
        share: values.share,
        userBytes: values["address-bytes"],
        fileBytes: values["file-size"],
        bytes: values["max-file-bytes"],
        files: values["max-files"],
      },
      transfers: {
        connections: values["file-connections"],
        transfers: values["max-transfers"],
        connectionsPerSecond: values["connection-rate"],
      },
    },
    maxFileBytes: values["max-file"],
    // milliseconds that every sync takes longer, to measure as on a slower disk
    syncDelayMs: 0,
    originalFrom: new Networks(
      values["original-from"].length > 0
        ? values["original-from"].filter((network) => network !== "none")
        : PRIVATE_NETWORKS,
    ),
    originalBytesPerSecond: values["original-rate"],
    datagramsPerSecond: values["datagram-rate"],
    creationsPerSecond: values["creation-rate"],
    timestamps: values.timestamps === "on",
    maxDatagramBytes: values["max-datagram"],
    logFormat: values.log,
    logLevel: values["log-level"],
  };
}

/** @throws {RangeError} It is neither a port nor `off`. */
function httpPort(text: string | undefined): number | "mailbox" | undefined {
  if (text === undefined) return "mailbox";
  if (text === "off") return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new RangeError(`Cannot use --http ${text}: expected a port from 0 to 65535, or off`);
}

/** @throws {Error} An option lacks another one. */
function tlsOptions(values: OptionValues): { cert: string; key: string; takesPlain: boolean } | undefined {
  const cert = values["tls-cert"], key = values["tls-key"];
  if (cert === undefined && key === undefined) {
    if (values.plaintext === "on") return undefined;
    throw new Error(
      "Cannot use --plaintext off without --tls-cert and --tls-key: 'wirepost cert' makes both",
    );
  }
  if (cert === undefined) throw new Error("Cannot use --tls-key without --tls-cert");
  if (key === undefined) throw new Error("Cannot use --tls-cert without --tls-key");
  return { cert, key, takesPlain: values.plaintext === "on" };
}

/** With TLS the room has a second port, or only that one. */
function portsWithTls(
  ports: SocketsOptions["ports"],
  tls: { takesPlain: boolean } | undefined,
  port: number,
): SocketsOptions["ports"] {
  const { room, ...others } = ports;
  if (tls === undefined || room === undefined) return ports;
  return { ...tls.takesPlain ? ports : others, "room-tls": port };
}

/** @throws {RangeError} What may wait to be sent to one client is too little for a line, or too much for all. */
function hubLimits(values: OptionValues): HubLimits {
  const maxPending = values["max-pending"], maxLine = values["max-line"];
  const maxPendingAll = values["max-pending-all"] ??
    Math.max(DEFAULT_HUB_LIMITS.maxPendingBytesInAll, maxPending);
  if (maxPendingAll < maxPending) {
    throw new RangeError(`Cannot use --max-pending-all ${maxPendingAll}: expected at least --max-pending`);
  }
  if (maxLine > maxPending / MIN_PENDING_LINES) {
    throw new RangeError(
      `Cannot use --max-line ${maxLine}: expected at most 1/${MIN_PENDING_LINES} of --max-pending`,
    );
  }
  return {
    share: values.share,
    maxChannels: values["max-channels"],
    addressChannels: values["address-channels"],
    history: { messages: values.history, bytes: values["history-bytes"] },
    connections: {
      connections: values["max-connections"],
      addressConnections: values["address-connections"],
      messagesPerSecond: values["message-rate"],
      connectionsPerSecond: values["connection-rate"],
    },
    sending: { maxPendingBytes: maxPending, stallMs: values.stall },
    maxPendingBytesInAll: maxPendingAll,
    maxLineBytes: maxLine,
  };
}
