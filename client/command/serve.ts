import { MAX_THREAD_ENTRIES, MAX_THREADS } from "../../protocol/forum.ts";
import { Networks, PRIVATE_NETWORKS } from "../../server/quota/address.ts";
import { Log, LOG_FORMATS, LOG_LEVELS } from "../../server/report/log.ts";
import { DEFAULT_HUB_LIMITS } from "../../server/hub_service.ts";
import { REMOTE_LIMITS } from "../../server/net/limits.ts";
import { serve, SERVICE_PORTS, type ServiceName } from "../../server/server.ts";
import { DEFAULT_FORUM_SERVICE_LIMITS } from "../../server/forum_service.ts";
import { DEFAULT_LIMITS, DEFAULT_SHARE } from "../../server/store/store.ts";
import { MAX_DATAGRAM_BYTES } from "../../protocol/mailbox.ts";
import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import config from "../../deno.json" with { type: "json" };
import { write, writeErrorBytes } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";

/** A stop that takes longer, in milliseconds, is broken off. */
const STOP_TIMEOUT = 5000;

/** How long the last line of the log may take, in milliseconds. */
const LAST_WORDS = 100;

/** A database file that is smaller holds next to nothing, in bytes. */
const MIN_FILE = 1024 * 1024;

/** Messages that a channel may be told to keep: its ring is in memory. */
const MAX_HISTORY = 100_000;

/** Bytes that have to be allowed to wait: one turn's messages do. */
const MIN_PENDING = 256 * 1024;

/** How many of the longest lines have to be allowed to wait: in frames, one may be over four times as long. */
const LINES_PENDING = 16;

/** Longest UDP payload over IPv4: RFC 768 and RFC 791. */
const MAX_UDP = 65_507;

const HUB = DEFAULT_HUB_LIMITS, FORUM = DEFAULT_FORUM_SERVICE_LIMITS;

/** `wirepost serve`. */
export const command: Command = {
  name: "serve",
  summary: "Run the server: mailbox, channels, room and forum.",
  usage: ["[SERVICE [PORT]]… [OPTION…]"],
  about: [
    [
      "Services, and their ports; all of them where none is named:",
      "  mailbox    keeps messages until their receivers ask for them (UDP 21001)",
      "  channels   passes messages on in channels, in frames of 200 bytes (TCP 55555)",
      "  room       passes lines on to all others who are connected (TCP 6000)",
      "  forum      keeps threads of messages and files, for users with accounts (UDP and TCP 10005)",
    ].join("\n"),
    "Prints a line for each address when it is ready, and logs to standard error. Port 0 takes a free port.",
    "Clients drop an answer from another address than they asked: where this machine has several on one network, name\n" +
    "with --host those that are used, not 0.0.0.0.",
    "Without --memory, what it answered for is on disk. Ends on SIGINT, SIGTERM and 'wirepost admin stop'.",
  ],
  options: {
    "host": {
      value: "ADDRESS",
      many: true,
      help: "Listen here (127.0.0.1); may be repeated; 0.0.0.0 and :: are every address",
    },
    "data": {
      value: "DIR",
      help: "Keep what there is, and the administrator's secret, here (./parley-data)",
    },
    "new": {
      help: "Begin a new database where the keys or files of another are left",
    },
    "memory": { help: "Keep it in memory, and write no file" },
    "secret-file": {
      value: "FILE",
      help: "The administrator's secret, if not the one in the data directory",
    },
    "seal-key": { value: "FILE", help: "The server's own key, if not the one in the data directory" },
    "new-seal-key": {
      help: "Make a new key in the place of a lost one; clients refuse it at first",
    },
    "accounts": {
      value: "anyone|admin",
      help: "Who may make accounts: who reaches the server, or 'wirepost account' beside it alone (anyone)",
    },
    "original-from": {
      value: "NETWORK",
      many: true,
      help: "Answer the original wire for these only, as ADDRESS/BITS, or 'none' (private networks)",
    },
    "timestamps": { value: "on|off", help: "Whether the shared queue's replies carry the time (on)" },
    "when-full": {
      value: "WHAT",
      help: "A full mailbox: 'refuse' the new message or 'drop-oldest' (refuse)",
    },
    "mailbox-messages": { value: "N", help: `Messages in one mailbox (${DEFAULT_LIMITS.mailboxMessages})` },
    "mailbox-bytes": { value: "SIZE", help: "Text in one mailbox (256MiB)" },
    "max-messages": { value: "N", help: `Messages in all mailboxes (${DEFAULT_LIMITS.messages})` },
    "max-bytes": { value: "SIZE", help: "Text in all mailboxes (4GiB)" },
    "max-mailboxes": { value: "N", help: `Mailboxes that hold messages (${DEFAULT_LIMITS.mailboxes})` },
    "share": {
      value: "PERCENT",
      help: `What one address or user may store, of each limit (${DEFAULT_SHARE}; 100 is all)`,
    },
    "max-file": {
      value: "SIZE",
      help: "The database file, without the forum's files (no limit but the disk)",
    },
    "max-channels": { value: "N", help: `Channels (${HUB.maxChannels})` },
    "history": { value: "N", help: `Messages kept of each channel (${HUB.history.messages})` },
    "history-bytes": { value: "SIZE", help: "Messages kept of all channels (64MiB)" },
    "max-connections": {
      value: "N",
      help: `Connections to channels and room (${HUB.connections.connections})`,
    },
    "address-connections": {
      value: "N",
      help:
        `Those of one address to channels and room (${REMOTE_LIMITS.addressConnections}; any number of this machine's own)`,
    },
    "message-rate": {
      value: "N",
      help:
        `Messages a second of one connection (${REMOTE_LIMITS.messageRate}; any number of this machine's own)`,
    },
    "max-line": { value: "SIZE", help: `Longest line of the room (${HUB.maxLine})` },
    "max-pending": { value: "SIZE", help: "Cut off who has so much waiting to be sent (1MiB)" },
    "max-pending-all": {
      value: "SIZE",
      help: "Cut off who has most waiting, where all have so much (128MiB)",
    },
    "stall": { value: "DURATION", help: "Cut off who takes nothing for so long while something waits (10s)" },
    "max-threads": { value: "N", help: `Threads of the forum (${FORUM.threads.threads})` },
    "thread-entries": {
      value: "N",
      help: `Messages and files in one thread (${FORUM.threads.threadEntries})`,
    },
    "max-entries": { value: "N", help: `Messages and files in all threads (${FORUM.threads.entries})` },
    "max-posts": { value: "SIZE", help: "Text of all messages in threads, and names of files (4GiB)" },
    "file-size": { value: "SIZE", help: "One file of the forum (4GiB, which is the most)" },
    "max-files": { value: "N", help: `Files of the forum (${FORUM.files.files})` },
    "max-file-bytes": { value: "SIZE", help: "All files of the forum together (64GiB)" },
    "max-transfers": {
      value: "N",
      help: `Files on their way at the same time (${FORUM.transfers.transfers})`,
    },
    "file-connections": {
      value: "N",
      help: `TCP connections to the forum (${FORUM.transfers.connections})`,
    },
    "max-datagram": {
      value: "SIZE",
      help:
        `Longest datagram taken (${MAX_DATAGRAM_BYTES}); a reply may have as much, and ${MAX_DATAGRAM_BYTES}`,
    },
    "log": { value: LOG_FORMATS.join("|"), help: "How log lines are written to standard error (text)" },
    "log-level": {
      value: "LEVEL",
      help: "The least that is logged: error, warn, info; debug is each request (info)",
    },
  },
  examples: [
    "wirepost serve",
    "wirepost serve channels 55555",
    "wirepost serve mailbox 21001 --host 0.0.0.0 --data /var/lib/wirepost",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const ports = servicePorts(args.rest);
  const memory = args.flag("memory");
  if (memory && args.text("data") !== undefined) {
    throw new UsageError("--memory and --data exclude each other");
  }
  if (memory && args.flag("new")) throw new UsageError("--memory and --new exclude each other");
  for (const option of ["memory", "seal-key"]) {
    if (args.flag("new-seal-key") && args.flag(option)) {
      throw new UsageError(`--new-seal-key and --${option} exclude each other`);
    }
  }
  const maxPending = args.size("max-pending", MIN_PENDING) ?? HUB.sending.maxPending;
  const maxPendingAll = args.size("max-pending-all") ?? Math.max(HUB.maxPendingAll, maxPending);
  if (maxPendingAll < maxPending) {
    throw new UsageError(`Cannot use --max-pending-all ${maxPendingAll}: expected at least --max-pending`);
  }
  const maxLine = args.size("max-line", 1) ?? HUB.maxLine;
  if (maxLine > maxPending / LINES_PENDING) {
    throw new UsageError(
      `Cannot use --max-line ${maxLine}: expected at most 1/${LINES_PENDING} of --max-pending`,
    );
  }
  const share = args.integer("share", 1, 100) ?? DEFAULT_SHARE;
  const hosts = args.texts("host");
  const log = new Log(writeErrorBytes, {
    format: args.word("log", LOG_FORMATS, "text"),
    level: args.word("log-level", LOG_LEVELS, "info"),
  });
  // before anybody is told that it is ready: a signal that comes then is to end it cleanly
  const stop = Promise.withResolvers<void>();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, stop.resolve);
  const server = await serve({
    version: config.version,
    ports,
    leaveOutTaken: args.rest.length === 0,
    hosts: hosts.length > 0 ? hosts : ["127.0.0.1"],
    data: memory ? undefined : args.text("data") ?? "parley-data",
    beginNew: args.flag("new"),
    secretFile: args.text("secret-file"),
    sealKeyFile: args.text("seal-key"),
    newSealKey: args.flag("new-seal-key"),
    openAccounts: args.word("accounts", ["anyone", "admin"], "anyone") === "anyone",
    limits: {
      mailboxMessages: args.integer("mailbox-messages", 1) ?? DEFAULT_LIMITS.mailboxMessages,
      mailboxBytes: args.size("mailbox-bytes") ?? DEFAULT_LIMITS.mailboxBytes,
      messages: args.integer("max-messages", 1) ?? DEFAULT_LIMITS.messages,
      bytes: args.size("max-bytes") ?? DEFAULT_LIMITS.bytes,
      mailboxes: args.integer("max-mailboxes", 1) ?? DEFAULT_LIMITS.mailboxes,
      share,
      whenFull: args.word("when-full", ["refuse", "drop-oldest"], "refuse"),
    },
    hubLimits: {
      share,
      maxChannels: args.integer("max-channels", 1) ?? HUB.maxChannels,
      history: {
        messages: args.integer("history", 1, MAX_HISTORY) ?? HUB.history.messages,
        bytes: args.size("history-bytes") ?? HUB.history.bytes,
      },
      connections: {
        connections: args.integer("max-connections", 1) ?? HUB.connections.connections,
        addressConnections: args.integer("address-connections", 1),
        messageRate: args.integer("message-rate", 1),
      },
      sending: {
        maxPending,
        stall: args.duration("stall") ?? HUB.sending.stall,
      },
      maxPendingAll,
      maxLine,
    },
    forumLimits: {
      threads: {
        share,
        threads: args.integer("max-threads", 1, MAX_THREADS) ?? FORUM.threads.threads,
        threadEntries: args.integer("thread-entries", 1, MAX_THREAD_ENTRIES) ?? FORUM.threads.threadEntries,
        entries: args.integer("max-entries", 1) ?? FORUM.threads.entries,
        bytes: args.size("max-posts") ?? FORUM.threads.bytes,
      },
      files: {
        share,
        fileBytes: fileSize(args),
        bytes: args.size("max-file-bytes") ?? FORUM.files.bytes,
        files: args.integer("max-files", 1) ?? FORUM.files.files,
      },
      transfers: {
        connections: args.integer("file-connections", 1) ?? FORUM.transfers.connections,
        transfers: args.integer("max-transfers", 1) ?? FORUM.transfers.transfers,
      },
    },
    maxFileBytes: args.size("max-file", MIN_FILE),
    originalFrom: originalFrom(args.texts("original-from")),
    timestamps: args.word("timestamps", ["on", "off"], "on") === "on",
    maxDatagram: datagramSize(args),
    log,
    ready: (line) => write(`${line}\n`),
  });

  let failed: Error | undefined;
  await Promise.race([stop.promise, server.stopping]).catch((error) => failed = error);
  for (const signal of signals) Deno.removeSignalListener(signal, stop.resolve);
  if (failed !== undefined) {
    // the store can't be relied on: nothing may be finished, committed or answered any more
    log.error({ service: "store", what: failed.message });
    await within(STOP_TIMEOUT, log.flush());
    return 1;
  }
  const closed = await within(STOP_TIMEOUT, server.close());
  if (!closed) {
    const what = `the stop took longer than ${STOP_TIMEOUT / 1000} s and was broken off`;
    log.error({ service: "server", what });
    // it may be standard error itself that is stuck
    await within(LAST_WORDS, log.flush());
  }
  return closed ? 0 : 1;
}

/** Waits for the work, but no longer than so many milliseconds. Returns whether it was done. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The ports of `[SERVICE [PORT]]…`: of all services where none is named. */
function servicePorts(args: readonly string[]): Partial<Record<ServiceName, number>> {
  if (args.length === 0) return SERVICE_PORTS;
  const names = Object.keys(SERVICE_PORTS);
  const ports: Partial<Record<ServiceName, number>> = {};
  for (let i = 0; i < args.length; i++) {
    const name = args[i]! as ServiceName, next = args[i + 1];
    if (/^\d+$/.test(name)) {
      const meant = names.find((service) => `${SERVICE_PORTS[service as ServiceName]}` === name);
      const hint = meant === undefined
        ? "a port stands behind its service, as in 'wirepost serve mailbox 0'"
        : `did you mean 'wirepost serve ${meant} ${name}'?`;
      throw new UsageError(`Unexpected argument '${name}': ${hint}`);
    }
    if (!names.includes(name)) {
      throw new UsageError(
        `Unknown service '${name}': expected ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`,
      );
    }
    if (ports[name] !== undefined) throw new UsageError(`Service '${name}' is given more than once`);
    ports[name] = SERVICE_PORTS[name];
    if (next === undefined || names.includes(next)) continue;
    if (!/^\d{1,5}$/.test(next) || Number(next) > 65535) {
      throw new UsageError(`Cannot read port '${next}': expected a number from 0 to 65535`);
    }
    ports[name] = Number(next);
    i++;
  }
  return ports;
}

function originalFrom(networks: readonly string[]): Networks {
  if (networks.length === 0) return new Networks(PRIVATE_NETWORKS);
  try {
    return new Networks(networks.filter((network) => network !== "none"));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function datagramSize(args: Arguments): number {
  const bytes = args.size("max-datagram") ?? MAX_DATAGRAM_BYTES;
  if (bytes < 256 || bytes > MAX_UDP) {
    throw new UsageError(`Cannot use --max-datagram ${bytes}: expected 256 to ${MAX_UDP}`);
  }
  return bytes;
}

function fileSize(args: Arguments): number {
  const bytes = args.size("file-size") ?? MAX_FILE_BYTES;
  if (bytes > MAX_FILE_BYTES) throw new UsageError(`Cannot use --file-size ${bytes}: expected at most 4GiB`);
  return bytes;
}
