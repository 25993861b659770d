/**
 * The options of `wirepost serve`: how each is read, its default and its help. What the server makes of them is
 * `serve_options.ts`: a new limit is declared here and used there.
 *
 * @module
 */

import { CHANNELS_PORT } from "../../protocol/channels.ts";
import { FORUM_PORT, MAX_THREAD_ENTRIES, MAX_THREADS } from "../../protocol/forum.ts";
import { MAILBOX_PORT, MAX_DATAGRAM_BYTES } from "../../protocol/mailbox.ts";
import { ROOM_PORT, ROOM_TLS_PORT } from "../../protocol/room.ts";
import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import { REMOTE_CREATIONS_PER_SECOND } from "../quota/creations.ts";
import { DEFAULT_HTTP_LIMITS, REMOTE_REQUESTS_PER_SECOND } from "../http_service.ts";
import { DEFAULT_HUB_LIMITS } from "../hub_service.ts";
import { REMOTE_LIMITS } from "../net/connection_slots.ts";
import { REMOTE_DATAGRAMS_PER_SECOND } from "../net/datagram_socket.ts";
import { Networks, PRIVATE_NETWORKS } from "../quota/address.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../report/log.ts";
import type { ServiceName } from "../start/service_sockets.ts";
import { DEFAULT_FILE_LIMITS as FILES } from "../store/files/file_quota.ts";
import { DEFAULT_FORUM_LIMITS as THREADS, DEFAULT_LIMITS, DEFAULT_SHARE } from "../store/limits.ts";
import { MAX_TRANSFERS } from "../wire/transfer/slots.ts";
import { ORIGINAL_REPLY_BYTES_PER_SECOND } from "../wire/mailbox/reply_rate.ts";
import { MAX_CONNECTIONS } from "../wire/transfer/transfer.ts";
import { count, flag, size, text, texts, word } from "./kinds.ts";

/** Each service by its name on the command line, in the order in which they start, with the port of its original. */
export const SERVICE_PORTS = {
  mailbox: MAILBOX_PORT,
  channels: CHANNELS_PORT,
  room: ROOM_PORT,
  forum: FORUM_PORT,
} as const satisfies Record<Exclude<ServiceName, "room-tls" | "http">, number>;

const HUB = DEFAULT_HUB_LIMITS;

/** Smallest limit of the database file, in bytes: a smaller one holds next to nothing. */
const MIN_FILE_BYTES = 1024 ** 2;

/** Largest history of a channel, which is kept in memory, in messages. */
const MAX_HISTORY = 100_000;

/** Smallest limit of what waits to be sent to a client, in bytes: the messages of one turn have to fit. */
const MIN_PENDING_BYTES = 256 * 1024;

/** Bounds of the longest datagram, in bytes; the upper one is that of UDP over IPv4 (RFC 768, RFC 791). */
const MIN_MAX_DATAGRAM = 256, MAX_MAX_DATAGRAM = 65_507;

/** For limits that hold for other machines only. */
function remote(limit: number): string {
  return `(${limit}; no limit for this machine's own)`;
}

export const OPTIONS = {
  "host": texts(
    "ADDRESS",
    "Listen on this address; may be repeated; 0.0.0.0 and :: are every address (127.0.0.1)",
  ),
  "data": text("DIR", "Keep everything in this directory (WIREPOST_DATA, or else the user's own)"),
  "new": flag("Start a new database although keys or files of another one are there"),
  "memory": flag("Keep everything in memory and write no file"),
  "classroom": flag(
    "For a class: everything in memory, less for each address; prints the options that it stands for",
  ),
  "secret-file": text("FILE", "The administrator's secret, if not the one in the data directory"),
  "seal-key": text("FILE", "The server's own key, if not the one in the data directory"),
  "new-seal-key": flag("Replace a lost key by a new one; clients refuse it at first"),
  "tls-cert": text(
    "FILE",
    "The server's certificate in PEM, for TLS on channels, room and HTTP; read again on SIGHUP",
  ),
  "tls-key": text("FILE", "The key of that certificate in PEM"),
  "tls-room-port": count("The room's port for TLS", ROOM_TLS_PORT, { value: "PORT", min: 0, max: 65_535 }),
  "plaintext": word(
    "on|off",
    "Whether channels, room and HTTP take clients without TLS, and the forum files in the clear",
    ["on", "off"],
    "on",
  ),
  "http": text("PORT", "HTTP's TCP port, or 'off' (the mailbox's number, if that runs)"),
  "web-host": texts(
    "NAME",
    "A name by which browsers reach the server, beside localhost and IP addresses; may be repeated",
  ),
  "trusted-proxy": texts(
    "ADDRESS",
    "An HTTP proxy that says for whom it asks, as ADDRESS[/BITS]; may be repeated",
    (network) => void new Networks([network]),
  ),
  "accounts": word(
    "anyone|admin",
    "Who may add accounts: every client, or only 'wirepost account' beside the server",
    ["anyone", "admin"],
    "anyone",
  ),
  "auth": word(
    "open|required",
    "Whether names without an account may be used by anybody, or nobody is let in without a log-in",
    ["open", "required"],
    "open",
  ),
  "original-from": texts(
    "NETWORK",
    "Answer the original wire only for this ADDRESS/BITS, or 'none' (private networks)",
    (network) => network === "none" || new Networks([network]),
  ),
  "original-rate": size(
    "Replies of the original wire a second to addresses like one another, outside private networks",
    ORIGINAL_REPLY_BYTES_PER_SECOND,
  ),
  "timestamps": word("on|off", "Whether replies of the shared queue carry the time", ["on", "off"], "on"),
  "when-full": word(
    "WHAT",
    "A full mailbox: 'refuse' the new message or 'drop-oldest'",
    ["refuse", "drop-oldest"],
    DEFAULT_LIMITS.whenFull,
  ),
  "mailbox-messages": count("Messages in one mailbox", DEFAULT_LIMITS.mailboxMessages),
  "mailbox-bytes": size("Text in one mailbox", DEFAULT_LIMITS.mailboxBytes),
  "max-messages": count("Messages in all mailboxes", DEFAULT_LIMITS.messages),
  "max-bytes": size("Text in all mailboxes", DEFAULT_LIMITS.bytes),
  "max-mailboxes": count("Mailboxes that hold messages", DEFAULT_LIMITS.mailboxes),
  "share": count("What one address or user may store, of each limit", DEFAULT_SHARE, {
    value: "PERCENT",
    max: 100,
    note: "; 100 is all",
  }),
  "address-mailboxes": count(
    "Mailboxes that one address or user may have made (no limit but --share)",
    undefined,
  ),
  "address-bytes": size(
    "Text that one address or user may keep in mailboxes, in threads, and in files (no limit but --share)",
    undefined,
  ),
  "address-channels": count("Channels that one address may have made (no limit but --share)", undefined),
  "max-file": size("The database file, without the forum's files (no limit but the disk)", undefined, {
    min: MIN_FILE_BYTES,
  }),
  "max-channels": count("Channels", HUB.maxChannels),
  "history": count("Messages kept of each channel", HUB.history.messages, { max: MAX_HISTORY }),
  "history-bytes": size("Messages kept of all channels", HUB.history.bytes),
  "max-connections": count("Connections to channels and room", HUB.connections.connections),
  "address-connections": count(
    `Those of one address, to channels and room, and as many of HTTP ${
      remote(REMOTE_LIMITS.addressConnections)
    }`,
    HUB.connections.addressConnections,
  ),
  "message-rate": count(
    `Messages a second of one connection ${remote(REMOTE_LIMITS.messagesPerSecond)}`,
    HUB.connections.messagesPerSecond,
  ),
  "connection-rate": count(
    `New connections a second of one address, on each service ${remote(REMOTE_LIMITS.connectionsPerSecond)}`,
    HUB.connections.connectionsPerSecond,
  ),
  "http-connections": count("Connections of HTTP", DEFAULT_HTTP_LIMITS.connections),
  "http-rate": count(
    `HTTP requests a second of one address ${remote(REMOTE_REQUESTS_PER_SECOND)}`,
    undefined,
  ),
  "creation-rate": count(
    `Sessions, mailboxes, channels and threads that one address creates a second ${
      remote(REMOTE_CREATIONS_PER_SECOND)
    }`,
    undefined,
  ),
  "max-line": size("Longest line of the room", HUB.maxLineBytes),
  "max-pending": size("Disconnect a client that has so much waiting", HUB.sending.maxPendingBytes, {
    min: MIN_PENDING_BYTES,
  }),
  // the default is not below --max-pending
  "max-pending-all": size(
    `Disconnect the client with most waiting, if all have so much (${HUB.maxPendingBytesInAll >> 20}MiB)`,
    undefined,
  ),
  "stall": {
    kind: "duration",
    value: "DURATION",
    help: "Disconnect a client that reads nothing for so long while something waits",
    default: HUB.sending.stallMs,
  },
  "max-threads": count("Threads of the forum", THREADS.threads, { max: MAX_THREADS }),
  "thread-entries": count("Messages and files in one thread", THREADS.threadEntries, {
    max: MAX_THREAD_ENTRIES,
  }),
  "max-entries": count("Messages and files in all threads", THREADS.entries),
  "max-posts": size("Text of all messages in threads, and names of files", THREADS.bytes),
  "file-size": size("One file of the forum", MAX_FILE_BYTES, {
    max: MAX_FILE_BYTES,
    note: ", which is the most",
  }),
  "max-files": count("Files of the forum", FILES.files),
  "max-file-bytes": size("All files of the forum together", FILES.bytes),
  "max-transfers": count("Files being sent or received at the same time", MAX_TRANSFERS),
  "file-connections": count("TCP connections to the forum", MAX_CONNECTIONS),
  "max-datagram": size("Longest datagram accepted, and longest reply", MAX_DATAGRAM_BYTES, {
    min: MIN_MAX_DATAGRAM,
    max: MAX_MAX_DATAGRAM,
    note: "; a reply may always have that",
  }),
  "datagram-rate": count(
    `Datagrams a second of one address, on each service ${remote(REMOTE_DATAGRAMS_PER_SECOND)}`,
    undefined,
  ),
  "log": word(LOG_FORMATS.join("|"), "How log lines are written to standard error", LOG_FORMATS, "text"),
  "log-level": word(
    "LEVEL",
    "Lowest level that is logged: error, warn, info, or debug for each request too",
    LOG_LEVELS,
    "info",
  ),
} as const;

/**
 * What `--classroom` stands for, on the command line; an option that is given wins. Nothing is kept, the original wires
 * are answered, and what one student's program does by mistake leaves room for the others.
 */
export const CLASSROOM: readonly string[] = [
  "--memory",
  ...PRIVATE_NETWORKS.flatMap((network) => ["--original-from", network]),
  ...["--address-mailboxes", "1000", "--address-channels", "100", "--address-bytes", "64MiB"],
];

/** Options that exclude each other. */
export const EXCLUSIVE: readonly (readonly [OptionName, OptionName])[] = [
  ["memory", "data"],
  ["memory", "new"],
  ["new-seal-key", "memory"],
  ["new-seal-key", "seal-key"],
];

/**
 * Options that hold from the start of a server on: it has opened something with them, or has let clients in. It takes over
 * the others when it reads them again (SIGHUP).
 */
export const AT_START: readonly OptionName[] = [
  ...["host", "data", "new", "memory", "classroom", "secret-file", "seal-key", "new-seal-key"] as const,
  ...["tls-room-port", "plaintext", "http", "auth", "history", "max-file", "max-line"] as const,
  ...["max-datagram", "log"] as const,
];

export type OptionName = keyof typeof OPTIONS;

/** A value of each option: the default, unless it is given. */
export type OptionValues = { [Name in OptionName]: typeof OPTIONS[Name]["default"] };
