import { assertEquals } from "@std/assert";
import { selfSigned } from "../../client/command/cert/self_signed.ts";
import { temporaryDirectory } from "../program.ts";
import { withAdministrator } from "./administrator.ts";

/** What a constant that looks like a limit may be instead of one of many clients' use of the server. */
type Reason =
  /** Of one thing: a datagram, a line, an answer, a session. There may be 100,000 of these. */
  | "of one thing"
  /** What is remembered to save work: what does not fit is forgotten, and nobody notices. */
  | "remembered"
  /** How much the server does at a time, or waits, whatever clients do. */
  | "work"
  /** Part of what a row says, or sets it. */
  | "in a row";

/** By file and constant: the rows of `limits` that show its use, or why there is none. */
const CONSTANTS: Readonly<Record<string, readonly string[] | Reason>> = {
  "start/ending.ts MAX_LAST_LINE_MS": "work",
  "start/ending.ts MAX_STOP_MS": "work",
  "hub_service.ts DEFAULT_HUB_LIMITS": ["channels", "channels of one address", "waiting bytes", "line bytes"],
  "http_service.ts DEFAULT_HTTP_LIMITS": [
    "http connections",
    "http from one address",
    "new http connections",
  ],
  "http_service.ts REMOTE_REQUESTS_PER_SECOND": ["http requests per second"],
  "net/connection.ts MAX_READ_BYTES": "of one thing",
  "net/connection_slots.ts DEFAULT_CONNECTION_LIMITS": ["connections"],
  "net/connection_slots.ts REMOTE_LIMITS": [
    "connections of one address",
    "messages a second",
    "new connections of one address",
    "new connections for files",
  ],
  "net/datagram_queue.ts MAX_UNHANDLED_BYTES": [
    "mailbox bytes that are not handled yet",
    "forum bytes that are not handled yet",
  ],
  "net/datagram_socket.ts MAX_AT_ONCE": "work",
  "net/datagram_socket.ts MAX_OF_TURN": "work",
  "net/datagram_socket.ts MAX_QUEUED_DATAGRAMS": [
    "mailbox datagrams that wait",
    "forum datagrams that wait",
  ],
  "net/datagram_socket.ts MAX_WAITING_DATAGRAMS": "work",
  "net/datagram_socket.ts MAX_WHILE_POLLING": "work",
  "net/datagram_socket.ts REMOTE_DATAGRAMS_PER_SECOND": [
    "mailbox datagrams of an address",
    "forum datagrams of an address",
  ],
  "net/fairness.ts MAX_BATCH": "work",
  "net/fairness.ts MAX_CLIENTS": "in a row",
  "net/fairness.ts MAX_CLIENT_TASKS": "in a row",
  "net/fairness.ts MAX_MORE_TASKS": "in a row",
  "net/fairness.ts MAX_TASKS": [
    "mailbox handshakes that wait",
    "forum handshakes that wait",
  ],
  "net/fairness.ts MAX_TASK_MS": "work",
  "net/send_queue.ts DEFAULT_SEND_LIMITS": ["one client's waiting bytes"],
  "net/send_queue.ts MAX_JOINED_BYTES": "work",
  "net/send_queue.ts MAX_REMEMBERED": "remembered",
  "net/inherited_sockets.ts MAX_DESCRIPTORS": "work",
  "net/inherited_sockets.ts MAX_WAITING_CONNECTIONS": "work",
  "net/inherited_sockets.ts MAX_WRITE_BYTES": "of one thing",
  "net/sockets.ts MAX_TRIES": "work",
  "net/tls/handshakes.ts MAX_OPEN": ["half-open TLS handshakes"],
  "net/tls/handshakes.ts MAX_WAITING": ["TLS handshakes that wait"],
  "net/tls/hello.ts MAX_HELLO_BYTES": "of one thing",
  "net/tls/tls_session.ts MAX_END_MS": "of one thing",
  "net/tls/tls_session.ts MAX_WRITE_BYTES": "of one thing",
  "options/options.ts MAX_HISTORY": "in a row",
  "options/options.ts MAX_MAX_DATAGRAM": "in a row",
  "options/options.ts MIN_MAX_DATAGRAM": "in a row",
  "quota/address.ts MAX_REMEMBERED": "remembered",
  "quota/creations.ts BURST_SECONDS": "in a row",
  "quota/creations.ts MAX_COUNTED": "remembered",
  "quota/creations.ts REMOTE_CREATIONS_PER_SECOND": [
    "creations of one address",
    "original creations per address",
  ],
  "quota/equal_owners.ts MAX_STALE": "work",
  "quota/fair_table.ts LEASE_LIMITS": table("leases"),
  "quota/fair_table.ts MAX_PASSED": "work",
  "quota/fair_table.ts SESSION_LIMITS": [
    ...table("kept sessions"),
    ...["mailbox", "forum"].flatMap((service) => [
      ...table(`${service} sessions`),
      ...table(`${service} handshakes`),
    ]),
  ],
  "quota/rate_limit.ts MAX_KEYS": "remembered",
  "start/ready.ts MAX_FLUSH_MS": "work",
  "report/log.ts CONSOLE_LIMIT": ["console lines of one address"],
  "report/log.ts KIND_LIMIT": ["log lines of one address"],
  "report/log.ts MAX_PENDING_CHARACTERS": ["characters of the log that wait"],
  "report/watch.ts MAX_TOKENS": "work",
  "service/hub/fan_out.ts MAX_AT_ONCE": "work",
  "service/account/guesses.ts MAX_OWNERS": "remembered",
  "service/account/guesses.ts MAX_OWN_NETWORKS": "remembered",
  "service/hub/history.ts DEFAULT_HISTORY_LIMITS": ["messages kept of one channel", "kept channel bytes"],
  "service/hub/history.ts MAX_CHANNEL_BYTES": ["one channel's kept bytes"],
  "service/hub/history_ids.ts MAX_IDS": "of one thing",
  "service/hub/history_writer.ts TIME_BURST_US": "work",
  "service/hub/history_writer.ts WRITE_US_MAX": "work",
  "service/hub/hub.ts MAX_WAIT_MS": "work",
  "service/moderation.ts MAX_MEASURES": ["bans and mutes"],
  "service/account/password_checks.ts MAX_OF_NAME": ["passwords of one address for one name"],
  "service/account/password_checks.ts MAX_OF_NETWORK": ["passwords of one address"],
  "service/account/password_checks.ts MAX_RUNNING": ["passwords that are checked"],
  "service/account/password_checks.ts MAX_WAITING": ["passwords that wait"],
  "service/tickets.ts MAX_TICKETS": ["tickets"],
  "service/tickets.ts MAX_USER_TICKETS": ["tickets of one user"],
  "store/check/check_database.ts FAULTS_MAX": "work",
  "store/check/check_references.ts FINDINGS_MAX": "work",
  "store/checkpoint/backlog.ts BACKLOG_MAX": "work",
  "store/checkpoint/checkpoints.ts FLUSH_ROWS_MAX": "work",
  "store/checkpoint/checkpoints.ts HELD_LOG_BYTES_MAX": "work",
  "store/checkpoint/checkpoints.ts LOG_BYTES_MAX": "work",
  "store/checkpoint/checkpoints.ts MAX_CHECKS": "work",
  "store/checkpoint/checkpoints.ts MAX_WAIT_MS": "work",
  "store/engine/key/request_keys.ts KEYS_MAX": ["remembered request keys"],
  "store/engine/key/request_keys.ts OWNER_KEYS_MAX": ["request keys per owner"],
  "store/engine/mailbox/owners.ts MAX_OWNERS": ["addresses and users with messages"],
  "store/engine/mailbox/ready_queue.ts MAX_GONE": "work",
  "store/engine/message/dead_letters.ts DEAD_LIMITS": [
    "dead letters",
    "dead letters' bytes",
    "messages set apart",
    "set-apart messages' bytes",
  ],
  "store/engine/message/dead_letters.ts MAX_DROPS": "work",
  "store/engine/message/deadlines.ts PASSED_MAX": "work",
  "store/engine/message/messages.ts MAX_DROPS": "work",
  "store/engine/message/due_messages.ts PENDING_BYTES_MAX": "work",
  "store/engine/message/pending_messages.ts MAX_GONE": "work",
  "store/engine/session/forgotten_sessions.ts MAX_NAMES": "remembered",
  "store/engine/state/configuration.ts FORMER_LEASE_LIMITS": "in a row",
  "store/files/file_quota.ts DEFAULT_FILE_LIMITS": [
    "files",
    "file bytes",
    "files of one user",
    "one user's file bytes",
    "one file's bytes",
  ],
  "store/files/files.ts MAX_IDLE": ["interrupted uploads"],
  "store/files/files.ts MAX_IDLE_MS": "of one thing",
  "store/files/files.ts MAX_NETWORK_IDLE": ["interrupted uploads of one address"],
  "store/files/files.ts MAX_STORED": "remembered",
  "store/files/files.ts MAX_USER_IDLE": ["interrupted uploads of one user"],
  "store/journal/codec/byte_writer.ts NUMBER_BYTES_MAX": "of one thing",
  "store/journal/codec/byte_writer.ts NUMBER_MAX": "of one thing",
  "store/journal/codec/record.ts NUMBER_MAX": "of one thing",
  "store/journal/disk_journal.ts BUFFER_BYTES_MAX": "work",
  "store/journal/segment.ts MAX_BEHIND": "work",
  "store/journal/segment_pool.ts SPARES_MAX": "work",
  "store/journaled/group.ts BACKLOG_BYTES": ["waiting bytes for the disk"],
  "store/journaled/group.ts BACKLOG_REQUESTS": ["requests that wait for the disk"],
  "store/journaled/syncs.ts GATHER_MS_MAX": "work",
  "store/limits.ts DEFAULT_FORUM_LIMITS": [
    "threads",
    "thread entries",
    "thread bytes",
    "entries of one thread",
    "threads of one user",
    "entries of one user",
    "one user's thread bytes",
  ],
  "store/limits.ts DEFAULT_LIMITS": [
    "messages",
    "text bytes",
    "mailboxes",
    "messages of one mailbox",
    "one mailbox's bytes",
    "messages of one address",
    "one address's bytes",
    "mailboxes of one address",
  ],
  "store/requests/account.ts MAX_ACCOUNTS": ["accounts"],
  "store/requests/account.ts MAX_MADE_ACCOUNTS": ["accounts until clients make no more"],
  "store/requests/account.ts MAX_TOKENS": ["tokens of one account"],
  "wire/admin/admin_requests.ts MAX_AMPLIFICATION": "of one thing",
  "wire/admin/admin_requests.ts MAX_ANSWERS": ["administrator's commands within 30 s"],
  "wire/admin/admin_requests.ts MAX_ANSWER_BYTES": "of one thing",
  "wire/admin/mailbox_commands.ts MAX_LISTED": "of one thing",
  "wire/admin/mailbox_commands.ts MAX_LISTED_DEAD": "of one thing",
  "wire/admin/mailbox_commands.ts MAX_OLDEST": "of one thing",
  "wire/admin/mailbox_commands.ts MAX_REQUEUED": "of one thing",
  "wire/admin/moderation_commands.ts MAX_LISTED": "of one thing",
  "wire/admin/watchers.ts MAX_DATAGRAMS": "work",
  "wire/admin/watchers.ts MAX_PEERS": "remembered",
  "wire/admin/watchers.ts MAX_WAITING_BYTES": ["one watcher's waiting bytes"],
  "wire/admin/watchers.ts MAX_WATCHERS": ["watchers"],
  "wire/http/access/logins.ts MAX_KNOWN": "remembered",
  "wire/http/connection.ts MAX_READ_BYTES": "of one thing",
  "wire/http/http_wire.ts MAX_HEADERS": "of one thing",
  "wire/http/http_wire.ts MAX_HEAD_BYTES": "of one thing",
  "wire/http/mailbox/receivers.ts MAX_NETWORK_WAITING": ["http requests waiting per address"],
  "wire/http/mailbox/receivers.ts MAX_TAKEN_BYTES": "of one thing",
  "wire/http/mailbox/receivers.ts MAX_WAITING": ["http requests waiting"],
  "wire/mailbox/original_clients.ts MAX_ADDRESSES": "remembered",
  "wire/mailbox/reply_rate.ts ORIGINAL_REPLY_BYTES_PER_SECOND": ["one prefix's reply bytes"],
  "wire/session/cookies.ts MAX_TEXT_BYTES": "of one thing",
  "wire/session/mailbox/leases.ts MAX_ASKED": "work",
  "wire/session/mailbox/leases.ts MAX_TAGS": "of one thing",
  "wire/session/mailbox/peeks.ts MAX_NETWORK_PEEKS": ["pages of one address"],
  "wire/session/mailbox/peeks.ts MAX_PEEKS": ["pages that are looked up"],
  "wire/session/mailbox/receiver.ts MAX_LEASE_BYTES": "of one thing",
  "wire/session/mailbox/waiting_receivers.ts DEFAULT_LIMITS": table("mailbox waits"),
  "wire/session/ordered_requests.ts MAX_HELD": "of one thing",
  "wire/session/ordered_requests.ts MAX_HELD_BYTES": "of one thing",
  "wire/session/ordered_requests.ts MAX_OUTCOME_IDS": "of one thing",
  "wire/session/reorder_quota.ts MAX_EARLY_BYTES": ["mailbox early bytes", "forum early bytes"],
  "wire/session/seal_wire.ts HANDSHAKE_BURST": [
    "mailbox hellos of one address",
    "forum hellos of one address",
  ],
  "wire/session/session_wire.ts MAX_OPENING_DATAGRAMS": "of one thing",
  "wire/session/text_lines.ts MAX_UNIT_BYTES": "of one thing",
  "wire/transfer/slots.ts MAX_TRANSFERS": ["transfers"],
  "wire/transfer/slots.ts MAX_USER_TRANSFERS": ["transfers of one user"],
  "wire/transfer/transfer.ts MAX_ADDRESS_CONNECTIONS": ["file connections of one address"],
  "wire/transfer/transfer.ts MAX_CONNECTIONS": ["connections for files"],
};

/** Rows whose limits have other names in the code: parts of tables of rates, and what is no constant. */
const OTHERS: readonly string[] = [
  "datagram bytes",
  "database bytes",
  "holds for a backup",
  "wrong log-ins of one address",
  "wrong log-ins as one user",
  "new accounts of one address",
  "accounts made by one address",
];

/** The rows of a table that is shared between clients. */
function table(name: string): string[] {
  const parts = ["", " of one address", " logged in", " logged in at one address", " of one account"];
  return parts.map((part) => `${name}${part}`);
}

const SOURCE = new URL("../../server/", import.meta.url);

/** By file, the constants of the server's code that look like limits. */
async function limitsInSource(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, SOURCE))) {
    const path = `${folder}${name}`;
    if (isDirectory) found.push(...await limitsInSource(`${path}/`));
    else if (name.endsWith(".ts")) {
      const source = await Deno.readTextFile(new URL(path, SOURCE));
      found.push(...limitNames(source).map((constant) => `${path} ${constant}`));
    }
  }
  return found.sort();
}

function limitNames(source: string): string[] {
  const declared = [...source.matchAll(/^(?:export )?const ([\s\S]*?);$/gm)].flatMap(([, constants = ""]) =>
    [...constants.matchAll(/(?:^|, )([A-Z][A-Z0-9_]*)(?:: [^=]*?)? = /g)].map(([, name = ""]) => name)
  );
  return declared.filter((name) =>
    /(^|_)(MAX|LIMITS?|BURST|BACKLOG)(_|$)|_PER_SECOND$/.test(name) && name !== "LIMIT"
  );
}

// admin.md 4.8
Deno.test("every limit with a use has a row, and every row a limit", async () => {
  assertEquals(
    limitNames("const A_MAX: number = 1, MAX_B = 2;\nexport const LIMITS = {\n  MAX_C: 1,\n};\n"),
    [
      "A_MAX",
      "MAX_B",
      "LIMITS",
    ],
  );
  assertEquals(await limitsInSource(), Object.keys(CONSTANTS).sort());
  await using directory = await temporaryDirectory();
  const { cert, key } = await selfSigned(["localhost"], 1);
  const tls = { cert: `${directory.path}/cert.pem`, key: `${directory.path}/key.pem`, takesPlain: true };
  await Deno.writeTextFile(tls.cert, cert);
  await Deno.writeTextFile(tls.key, key);
  await withAdministrator({ tls }, async ({ control }) => {
    const names: string[] = [];
    for (
      let rows = await control("limits");
      rows.length > 0;
      rows = await control(`limits, ${names.length}`)
    ) {
      names.push(...rows.map((row) => row.split(",")[0]!));
    }
    const wanted = [...Object.values(CONSTANTS).filter((rows) => typeof rows !== "string").flat(), ...OTHERS];
    assertEquals(names.sort(), [...wanted].sort());
  });
});
