/**
 * Every metric of the server, declared once. `wirepost admin status` prints them by these names; any other name is a
 * type error.
 *
 * @module
 */

export interface Metric {
  /** A counter only grows, from 0 when the server starts. */
  readonly type: "counter" | "gauge";
  readonly unit: string;
  readonly help: string;
}

function counter(unit: string, help: string): Metric {
  return { type: "counter", unit, help };
}

function gauge(unit: string, help: string): Metric {
  return { type: "gauge", unit, help };
}

/** `room accept failed` for the label `room` and the pattern `* accept failed`. */
type Labelled<Pattern, Label extends string> = Pattern extends `${infer Before}*${infer After}`
  ? `${Before}${Label}${After}`
  : never;

/** The same metric once for each label, which stands for the `*` in the pattern. */
function each<const Label extends string, const Pattern extends string>(
  labels: readonly Label[],
  pattern: Pattern,
  metric: Metric,
): Record<Labelled<Pattern, Label>, Metric> {
  const entries = labels.map((label) => [pattern.replace("*", label), metric]);
  return Object.fromEntries(entries) as Record<Labelled<Pattern, Label>, Metric>;
}

/** Why a datagram, or a request on the original wire, is refused. Those with `sealed` concern a seal. */
export const REFUSED_REASONS = [
  ...["too long", "not UTF-8", "not printable", "malformed", "bad ID", "reserved sender", "unknown type"],
  ...["address not answered", "sender has an account", "account", "no log-in", "unproved", "overload"],
  ...["datagram rate", "reply rate", "creation rate"],
  ...["full", "full share", "storage", "banned", "muted", "files in the clear"],
  ...["sealed malformed", "sealed bad key", "sealed no account", "sealed out of place"],
  ...["sealed too many handshakes", "sealed too often", "sealed twice", "sealed wrong"],
] as const;
export type RefusedReason = typeof REFUSED_REASONS[number];

/** Requests of a session: the mailbox's, then the forum's. */
const SESSION_REQUESTS = [
  ...["put", "part", "ack", "back", "fail", "extend", "begin", "skip", "bad"],
  ...["lease", "got", "cancel", "stat", "info", "peek", "bye"],
  ...["CRT", "MSG", "DLT", "EDT", "RMV", "LST", "RDT", "UPD", "UPS", "DWN", "DWS"],
] as const;

/** Why a file transfer ends without success: the codes of its answer `no`. */
export const TRANSFER_REFUSALS = [
  ...["malformed", "ticket", "busy", "gone", "hash", "elsewhere", "short"],
  ...["full", "storage", "thread", "silence", "ending"],
] as const;

/** Why a request of HTTP is refused: the codes of its problems. */
export const HTTP_REFUSALS = [
  ...["malformed", "bad path", "bad query", "bad header", "bad ID", "bad body", "not printable"],
  ...["wrong log-in", "no log-in", "in clear", "bad host", "cross-site", "no administrator", "banned"],
  ...["account", "sender has an account", "not your mailbox", "not your name", "not confirmed", "muted"],
  ...["lease lost", "other body", "busy", "keys full", "full", "full share"],
  ...[
    "not found",
    "not served",
    "not done",
    "wrong method",
    "timed out",
    "too long",
    "wrong type",
    "too fast",
  ],
  ...["not logged in", "no channel", "too many channels"],
  ...["not yours", "no thread", "no message", "no file", "thread exists", "file exists", "wrong offset"],
  ...["bad range", "wrong digest", "files busy", "forum full"],
  ...["too many wrong log-ins", "head too long", "failed", "stopping", "overload", "storage"],
] as const;

/** Services whose clients are connected in streams and read one another's messages. */
const STREAMS = ["channels", "room"] as const;
export type StreamService = typeof STREAMS[number];
const LISTENERS = [...STREAMS, "files", "http"] as const;
export type ListenerName = typeof LISTENERS[number];

/** Tables that a service keeps of its sessions. */
export type SessionTable = "sessions" | "waits" | "handshakes";

/** Tables whose entries are shared fairly between clients. `status` prints also who has most of each. */
const TABLES = [
  ...["kept sessions", "leases"],
  ...["mailbox sessions", "mailbox waits", "mailbox handshakes"],
  ...["forum sessions", "forum waits", "forum handshakes"],
] as const;
export type TableName = typeof TABLES[number];

export const METRICS = {
  "up": gauge("seconds", "Time since the server started"),
  "messages": gauge("messages", "Messages stored in mailboxes"),
  "bytes": gauge("bytes", "Text of the messages in mailboxes"),
  "oldest message": gauge("seconds", "Age of the oldest message in a mailbox"),
  "dead letters": gauge("messages", "Dead letters"),
  "waiting bytes": gauge("bytes", "What waits to be sent to members and readers of events"),
  "mailboxes": gauge("mailboxes", "Mailboxes that hold messages"),
  "dropped": counter("messages", "Messages dropped for newer ones in a full mailbox"),
  "rows damaged": counter("rows", "Reads of rows that are not as they were written, and were not handed out"),
  "accounts": gauge("accounts", "Accounts"),
  "journal records": counter("records", "Records appended to the journal"),
  "journal bytes": counter("bytes", "Bytes of these records"),
  "journal syncs": counter("syncs", "Syncs of the journal to disk"),
  "journal sync time": counter("milliseconds", "Time that these syncs took together"),
  "journal segments": gauge("files", "Files that have records of the journal, or will have the next ones"),
  "backlog": gauge("bytes", "Records that the database does not have on disk"),
  "backlog time": gauge("milliseconds", "Time that it took to apply these records, as a start would have to"),
  "checkpoints": counter("checkpoints", "Checkpoints of the database"),
  "forum threads": gauge("threads", "Threads of the forum"),
  "forum entries": gauge("entries", "Messages and files in threads"),
  "forum bytes": gauge("bytes", "Text of messages in threads, and names of files"),
  "forum files": gauge("files", "Files of the forum"),
  "forum file bytes": gauge("bytes", "Content of the forum's files"),
  "channels": gauge("channels", "Channels"),
  "members": gauge("members", "Members in channels and in the room"),
  "event readers": gauge("connections", "Readers of events over HTTP"),
  "connections": gauge("connections", "Connections to channels and room"),
  ...each(TABLES, "*", gauge("entries", "Entries of clients without an account, and their limit")),
  ...each(TABLES, "* logged in", gauge("entries", "Entries of clients with an account, and their limit")),

  "received": counter("datagrams", "Datagrams received by mailbox and forum"),
  "read failed": counter("reads", "Reads from a UDP socket that failed"),
  "send failed": counter("datagrams", "Datagrams that could not be sent"),
  "receive queue full": counter(
    "datagrams",
    "Datagrams that were dropped because too many waited to be handled",
  ),
  "send queue full": counter("datagrams", "Datagrams that were dropped because too many waited to be sent"),
  "stored": counter("messages", "Messages put on the original wire"),
  "forwarded": counter("messages", "Messages taken on the original wire"),
  "empty": counter("requests", "Takes on the original wire that found no message"),
  "too long for a reply": counter("messages", "Messages too long to be taken on the original wire"),
  "sessions ahead": counter(
    "sessions",
    "Sessions whose clients had received outcomes that the state does not have",
  ),
  "control": counter("requests", "Requests of the administrator"),
  "watch events": counter("events", "Events that were sent to administrators who watch"),
  "watch dropped": counter(
    "events",
    "Events that those who watch were not sent, because there were too many",
  ),
  ...each(REFUSED_REASONS, "refused *", counter("datagrams", "Datagrams refused for this reason")),
  ...each(["in", "out"], "logged *", counter("log-ins", "Users that logged in to the mailbox, or left")),
  ...each(SESSION_REQUESTS, "session *", counter("requests", "Requests of this kind in mailbox sessions")),
  ...each(SESSION_REQUESTS, "forum *", counter("requests", "Requests of this kind in forum sessions")),

  ...each(STREAMS, "* connections", counter("connections", "Connections accepted")),
  ...each(STREAMS, "* tls", counter("connections", "Connections whose clients speak TLS")),
  ...each(STREAMS, "* tls failed", counter("connections", "Handshakes of TLS that failed")),
  ...each(STREAMS, "* tls timed out", counter("connections", "Handshakes of TLS that took too long")),
  ...each(
    STREAMS,
    "* too many handshakes",
    counter("connections", "Handshakes of TLS with no room or time"),
  ),
  ...each(STREAMS, "* plaintext refused", counter("connections", "Clients without TLS where it must be")),
  ...each(STREAMS, "* received", counter("messages", "Messages received from members")),
  ...each(STREAMS, "* delivered", counter("messages", "Messages sent to members")),
  ...each(STREAMS, "* slowed down", counter("messages", "Messages over the rate of a connection")),
  ...each(STREAMS, "* partial frame", counter("connections", "Connections that ended in a frame")),
  ...each(STREAMS, "* name too long", counter("messages", "Names that were refused as too long")),
  ...each(STREAMS, "* line too long", counter("messages", "Lines that were refused as too long")),
  ...each(STREAMS, "* banned", counter("connections", "Connections of banned addresses and names")),
  ...each(STREAMS, "* muted", counter("messages", "Messages of muted clients, which were not passed on")),
  ...each(STREAMS, "* log-in refused", counter("log-ins", "Log-ins that were refused")),
  ...each(
    STREAMS,
    "* not logged in",
    counter("messages", "Messages under a protected name without a log-in"),
  ),
  ...each(STREAMS, "* logged out", counter("connections", "Connections that ended because of an account")),
  ...each(STREAMS, "* kicked", counter("connections", "Connections that an administrator ended")),
  ...each(STREAMS, "* too many channels", counter("requests", "Channels refused at the limit")),
  ...each(STREAMS, "* displaced", counter("connections", "Connections closed for one of another address")),
  ...each(STREAMS, "* too many connections", counter("connections", "Connections over the limit")),
  ...each(STREAMS, "* too many connections of an address", counter("connections", "Those of one address")),
  ...each(STREAMS, "* cut off pending", counter("connections", "Clients with too much to be sent")),
  ...each(STREAMS, "* cut off stalled", counter("connections", "Clients that did not read")),
  ...each(STREAMS, "* cut off most pending", counter("connections", "Clients with most to be sent of all")),
  "channels given up": counter("channels", "Empty channels removed for newer ones"),

  ...each(LISTENERS, "* gone before accepted", counter("connections", "Connections that ended before that")),
  ...each(LISTENERS, "* too fast", counter("connections", "Connections over the rate of an address")),
  ...each(LISTENERS, "* accept failed", counter("accepts", "Accepts that failed")),
  "files banned": counter("connections", "Connections of banned addresses"),
  "files uploaded": counter("files", "Files received whole"),
  "files downloaded": counter("files", "Files sent whole"),
  "files bytes received": counter("bytes", "Content of files received"),
  "files bytes sent": counter("bytes", "Content of files sent"),
  "files damaged": counter("downloads", "Downloads of a content that is not what was uploaded"),
  "files cut": counter("transfers", "Transfers whose connection ended early"),
  "files in the clear": counter("transfers", "Transfers of clients that are too old to seal them"),
  "files wrong record": counter("transfers", "Transfers ended by a record that does not open"),
  "files displaced": counter("transfers", "Slow transfers ended for a new one"),
  "files connections refused": counter("connections", "Connections over the limit"),
  "files connections displaced": counter("connections", "Connections closed for a new one"),
  ...each(TRANSFER_REFUSALS, "files refused *", counter("transfers", "Transfers refused for this reason")),

  "http connections": counter("connections", "Connections of HTTP accepted"),
  "http tls": counter("connections", "Connections of HTTP whose clients speak TLS"),
  "http tls failed": counter("connections", "Handshakes of TLS that failed"),
  "http tls timed out": counter("connections", "Handshakes of TLS that took too long"),
  "http too many handshakes": counter("connections", "Handshakes of TLS with no room or time"),
  "http plaintext refused": counter("connections", "Clients without TLS where it must be"),
  "http banned": counter("connections", "Connections of banned addresses"),
  "http too many connections": counter("connections", "Connections over the limit"),
  "http too many connections of an address": counter("connections", "Those of one address"),
  "http cut off stalled": counter("connections", "Clients that did not read"),
  "http cut off pending": counter("connections", "Readers of events with too much to be sent"),
  "http cut off most pending": counter("connections", "Readers of events with most to be sent of all"),
  "http logged out": counter("connections", "Readers of events that ended because of an account"),
  "http put": counter("messages", "Messages put over HTTP"),
  "http taken": counter("messages", "Messages taken or acknowledged over HTTP"),
  "http received": counter("messages", "Messages received for channels"),
  "http delivered": counter("messages", "Messages sent to readers of events"),
  "http requests": counter("requests", "Requests of HTTP"),
  ...each(HTTP_REFUSALS, "http refused *", counter("requests", "Requests of HTTP refused for this reason")),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;

/** What is measured too often to keep each value: the values are counted by their size. `status` shows none of them. */
export const HISTOGRAMS = {
  "journal sync": { unit: "milliseconds", help: "How long a sync of the journal to disk took" },
} as const satisfies Record<string, Omit<Metric, "type">>;

export type HistogramName = keyof typeof HISTOGRAMS;

/** Values, counted by their size in the unit of the histogram. */
export interface HistogramValue {
  /** Upwards; there is none above all. */
  readonly bounds: readonly number[];
  /** Those above the bound before, and up to this one; at the end those above all bounds. */
  readonly counts: readonly number[];
  /** All of them together. */
  readonly sum: number;
}

/** All that is counted and measured. */
export interface MeasuredValues {
  readonly values: ReadonlyMap<MetricName, number>;
  readonly histograms: ReadonlyMap<HistogramName, HistogramValue>;
}

/** What is counted of channels and of the room alike: the name without the service. */
export type StreamEvent<Name = MetricName> = Name extends `room ${infer Event}` ? Event : never;

const STREAM_METRICS = { channels: metricsOf("channels"), room: metricsOf("room") };

function metricsOf(service: StreamService): ReadonlyMap<string, MetricName> {
  const names = (Object.keys(METRICS) as MetricName[]).filter((name) => name.startsWith(`${service} `));
  return new Map(names.map((name) => [name.slice(service.length + 1), name]));
}

/** The metric of an event of this service. Looked up: a name that is put together is hashed anew with each message. */
export function streamMetric(service: StreamService, event: StreamEvent): MetricName {
  return STREAM_METRICS[service].get(event)!;
}

/** What happened since the start, by name, in the order in which each happened first. */
export class Metrics {
  readonly #counts = new Map<MetricName, number>();

  add(name: MetricName, count = 1) {
    this.#counts.set(name, this.get(name) + count);
  }

  get(name: MetricName): number {
    return this.#counts.get(name) ?? 0;
  }

  entries(): [MetricName, number][] {
    return [...this.#counts];
  }
}
