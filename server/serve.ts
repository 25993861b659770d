/**
 * The server: opens the store and the services, says when they are ready, and stops them.
 *
 * @module
 */

import { format as formatDuration } from "@std/fmt/duration";
import { formatAddress, Networks } from "./address.ts";
import { accountCommand } from "./account_admin.ts";
import { Accounts, readAccounts } from "./accounts.ts";
import { Admin } from "./admin.ts";
import {
  makeDataDirectory,
  obtainSealKey,
  obtainSecret,
  readRunning,
  readSealKey,
  readSecret,
  removeRunning,
  writeRunning,
} from "./data_directory.ts";
import { type SealKey, sealKey } from "../protocol/seal.ts";
import type { Log } from "./log.ts";
import { mailboxName, MailboxService } from "./mailbox.ts";
import { mailboxCommands } from "./mailbox_admin.ts";
import { Metrics } from "./metrics.ts";
import { GroupCommit } from "./store/group.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { type Account, type Store, type StoreEvent, type StoreLimits, StoreLocked } from "./store/store.ts";

export interface ServeOptions {
  version: string;
  /** UDP port of the mailbox, or 0 for a free one. */
  mailboxPort: number;
  /** Addresses to listen on. */
  hosts: readonly string[];
  /** Where messages are kept, or undefined for memory. */
  data: string | undefined;
  /** Where the administrator's secret is, if not in `data`. */
  secretFile: string | undefined;
  /** Where the server's own key is, if not in `data`. */
  sealKeyFile: string | undefined;
  limits: StoreLimits;
  /** Most bytes that the database may take on the disk. */
  maxFileBytes: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelay?: number;
  /** Whom the original wire is answered for. */
  originalFrom: Networks;
  timestamps: boolean;
  maxDatagram: number;
  logRequests: boolean;
  log: Log;
  /** Takes the line that says that a service is ready. */
  ready(line: string): Promise<void>;
}

export interface Server {
  /** Where each service listens. */
  readonly addresses: readonly Deno.NetAddr[];
  /** Resolves when somebody asked for a stop; rejects when the store can't be relied on any more. */
  readonly stopping: Promise<void>;
  /** Finishes what was accepted, commits and closes. */
  close(): Promise<void>;
}

/**
 * Starts the services.
 *
 * @throws {Error} The data directory is in use or can't be used, or an address can't be listened on.
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { data, log } = options;
  if (data !== undefined) await makeDataDirectory(data);
  let mailbox: MailboxService | undefined;
  const store = await openStore(options, (name) => mailbox?.ready(name));

  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  let secret: Uint8Array | undefined, key: SealKey, known: Account[], sockets: Deno.DatagramConn[];
  try {
    known = await readAccounts(store);
    if (options.secretFile !== undefined) secret = await readSecret(options.secretFile);
    else if (data !== undefined) secret = await obtainSecret(data);
    if (options.sealKeyFile !== undefined) key = await readSealKey(options.sealKeyFile);
    else key = data === undefined ? sealKey(random(32)) : await obtainSealKey(data);
    sockets = listen(options.hosts, options.mailboxPort);
  } catch (error) {
    await store.close();
    throw error;
  }
  const addresses = sockets.map(({ addr }) => addr as Deno.NetAddr);
  const stopping = Promise.withResolvers<void>();
  // whoever was given the server hears of it; before that, the start fails by itself
  stopping.promise.catch(() => {});
  const group = new GroupCommit(store, stopping.reject);
  const metrics = new Metrics();
  const logging = { requests: options.logRequests };
  const started = Date.now();
  const accounts = new Accounts({ store: group, known, now: () => performance.now() });
  const admin = new Admin({
    secret,
    commands: [
      ...mailboxCommands({
        store: group,
        status: () => status(options.version, started, group, store, metrics),
        logging,
        stop: stopping.resolve,
      }),
      accountCommand(accounts),
    ],
    now: () => Math.floor(performance.now()),
    random,
  });
  const service = mailbox = new MailboxService({
    sockets,
    store: group,
    admin,
    accounts,
    sealKey: key,
    originalFrom: options.originalFrom,
    timestamps: options.timestamps,
    maxDatagram: options.maxDatagram,
    metrics,
    log,
    logging,
    now: Date.now,
    random,
  });

  if (data !== undefined) {
    const running = { pid: Deno.pid, services: { mailbox: addresses.map(formatAddress) } };
    await writeRunning(data, running).catch((error) => {
      // on a full disk, what is stored can still be read
      log.line(`mailbox: ${data} does not tell where the server is: ${error.message}`);
    });
  }
  greet(options, addresses, store, key);
  for (const address of addresses) await options.ready(`mailbox listening on udp ${formatAddress(address)}`);

  return {
    addresses,
    stopping: stopping.promise,
    async close() {
      await service.close();
      // while the directory is still locked
      if (data !== undefined) await removeRunning(data);
      await store.close();
      await log.flush();
    },
  };
}

async function openStore(options: ServeOptions, ready: (mailbox: string) => void): Promise<Store> {
  const { data, limits, maxFileBytes, commitDelay, log } = options;
  try {
    return await SqliteStore.open({
      directory: data,
      limits,
      maxFileBytes,
      commitDelay,
      onEvent: (event) => {
        if (event.kind === "ready") ready(event.mailbox);
        else if (event.kind !== "unused") log.line(`mailbox: ${describe(event)}`);
      },
    });
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    const running = await readRunning(data!);
    throw new Error(
      `Cannot use data directory ${data}: ${
        running ? `the server with process id ${running.pid}` : "another process"
      } has it open`,
    );
  }
}

/** One socket for each host, all with the same port. */
function listen(hosts: readonly string[], port: number): Deno.DatagramConn[] {
  const sockets: Deno.DatagramConn[] = [];
  try {
    // `::` first: where it takes IPv4 as well, `0.0.0.0` is served by it
    for (const hostname of hosts.toSorted((a, b) => Number(b === "::") - Number(a === "::"))) {
      try {
        const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
        sockets.push(socket);
        port = (socket.addr as Deno.NetAddr).port;
      } catch (error) {
        const served = hostname === "0.0.0.0" && sockets.length > 0 && hosts.includes("::");
        if (served && error instanceof Deno.errors.AddrInUse) continue;
        const address = formatAddress({ hostname, port });
        throw new Error(`Cannot listen on udp ${address}: ${(error as Error).message}`);
      }
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return sockets;
}

function greet(
  { data, log, originalFrom }: ServeOptions,
  addresses: readonly Deno.NetAddr[],
  store: Store,
  key: SealKey,
) {
  log.line("Message server is listening");
  const { messages, mailboxes } = store.opened;
  log.line(
    data === undefined
      ? "mailbox: messages are kept in memory and end with this process"
      : `mailbox: ${messages} messages in ${mailboxes} mailboxes in ${data}`,
  );
  const answered = originalFrom.networks.join(", ") || "nobody";
  log.line(`mailbox: the original wire is answered for ${answered}`);
  log.line(`mailbox: the server's key is ${key.text}`);
  const reachable = addresses.filter(({ hostname }) => !new Networks(["127.0.0.0/8", "::1"]).has(hostname));
  for (const { hostname, port } of reachable) {
    log.line(
      `mailbox: ${hostname} can be reached by others; a firewall has to let ${port}/udp through`,
    );
  }
}

async function status(
  version: string,
  started: number,
  group: GroupCommit,
  store: Store,
  metrics: Metrics,
): Promise<string[]> {
  const counts = await new Promise<{ messages: number; bytes: number; mailboxes: number }>(
    (resolve, reject) => {
      if (!group.submit({ kind: "count" }, resolve)) {
        reject(new RangeError("too much is waiting for the disk"));
      }
    },
  );
  const up = formatDuration(Math.floor((Date.now() - started) / 1000) * 1000, {
    style: "narrow",
    ignoreZero: true,
  });
  return [
    `version ${version}`,
    `up ${up || "0s"}`,
    `messages ${counts.messages}`,
    `bytes ${counts.bytes}`,
    `mailboxes ${counts.mailboxes}`,
    `dropped ${store.dropped}`,
    ...metrics.entries().map(([name, count]) => `${name} ${count}`),
  ];
}

function describe(event: Exclude<StoreEvent, { kind: "ready" | "unused" }>): string {
  switch (event.kind) {
    case "full":
      return `${full(event.mailbox)} full at ${event.limit}: further messages are refused`;
    case "room":
      return `${full(event.mailbox)} no longer full; ${event.refused} messages were refused`;
    case "storage failed":
      return `the disk takes nothing (${event.reason}): messages are refused, what is stored can be read`;
    case "storage works":
      return `the disk takes messages again; ${event.refused} were refused`;
  }
}

function full(mailbox: string | undefined): string {
  return mailbox === undefined ? "all mailboxes together are" : `${mailboxName(mailbox)} is`;
}
