/**
 * The server: opens the store and the services, says when they are ready, and stops them.
 *
 * @module
 */

import { CHANNELS_PORT } from "../protocol/channels.ts";
import { FORUM_PORT } from "../protocol/forum.ts";
import { MAILBOX_PORT } from "../protocol/mailbox.ts";
import { ROOM_PORT } from "../protocol/room.ts";
import { type SealKey, sealKey } from "../protocol/seal.ts";
import { accountCommand } from "./account_admin.ts";
import { Accounts, readAccounts } from "./accounts.ts";
import { formatAddress, type Networks } from "./address.ts";
import { Admin } from "./admin.ts";
import { AdminSocket } from "./admin_socket.ts";
import {
  makeDataDirectory,
  obtainSealKey,
  obtainSecret,
  readSealKey,
  readSecret,
  removeRunning,
  writeRunning,
} from "./data_directory.ts";
import { ForumService, type ForumServiceLimits } from "./forum.ts";
import { greet } from "./greeting.ts";
import { type HubLimits, HubService } from "./hub_service.ts";
import type { Log } from "./log.ts";
import { Loopback } from "./loopback.ts";
import { MailboxService } from "./mailbox.ts";
import { mailboxCommands } from "./mailbox_admin.ts";
import { Metrics } from "./metrics.ts";
import { openStore } from "./open_store.ts";
import { serverCommands } from "./server_admin.ts";
import type { Service } from "./service.ts";
import { listenBoth, listenDatagrams } from "./sockets.ts";
import { storeStatus } from "./status.ts";
import { ClientLog } from "./client_log.ts";
import { ContentFiles } from "./store/files.ts";
import { GroupCommit } from "./store/group.ts";
import type { StoreLimits } from "./store/store.ts";
import { Rounds } from "./rounds.ts";
import { uptime } from "./uptime.ts";

/** Each service by its name on the command line, in the order in which they start, with the port of its original. */
export const SERVICE_PORTS = {
  mailbox: MAILBOX_PORT,
  channels: CHANNELS_PORT,
  room: ROOM_PORT,
  forum: FORUM_PORT,
} as const;

export type ServiceName = keyof typeof SERVICE_PORTS;

export interface ServeOptions {
  version: string;
  /** Port of each service that is to run, or 0 for a free one. */
  ports: Readonly<Partial<Record<ServiceName, number>>>;
  /** Addresses to listen on. */
  hosts: readonly string[];
  /** Where messages are kept, or undefined for memory. */
  data: string | undefined;
  /** Where the administrator's secret is, if not in `data`. */
  secretFile: string | undefined;
  /** Where the server's own key is, if not in `data`. */
  sealKeyFile: string | undefined;
  /** Whether anybody who reaches the server may make an account, and not the administrator alone. */
  openAccounts: boolean;
  limits: StoreLimits;
  hubLimits: HubLimits;
  forumLimits: ForumServiceLimits;
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
  readonly services: readonly Service[];
  /** Where they listen. */
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
  const { data, log, ports } = options;
  if (data !== undefined) await makeDataDirectory(data);
  let mailbox: MailboxService | undefined;
  let files: ContentFiles | undefined;
  const unused = (contents: string[]) => contents.forEach((content) => files?.remove(content));
  const logging = { requests: options.logRequests };
  const clients = new ClientLog(log, logging, () => Math.floor(performance.now()));
  const store = await openStore(options, clients, (name) => mailbox?.ready(name), unused);
  const stopping = Promise.withResolvers<void>();
  // whoever was given the server hears of it; before that, the start fails by itself
  stopping.promise.catch(() => {});
  const group = new GroupCommit(store, stopping.reject);
  const metrics = new Metrics();
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const services: Service[] = [];
  let loopback: Loopback | undefined;
  let hub: HubService | undefined;
  const running: { close(): Promise<void> }[] = [];
  const beating = uptime.start();
  const close = async () => {
    await Promise.all(running.map((each) => each.close()));
    await beating.close();
    loopback?.close();
  };

  let key: SealKey;
  try {
    const secret = await secretOf(options);
    key = await sealKeyOf(options, random);
    const known = await readAccounts(store);
    const accounts = new Accounts({
      store: group,
      known,
      now: () => performance.now(),
      open: options.openAccounts,
    });
    const own = loopback = await Loopback.open();
    const rounds = new Rounds({ look: () => own.pass(), now: () => Math.floor(performance.now()) });
    if (ports.channels !== undefined || ports.room !== undefined) {
      hub = await HubService.start({
        hosts: options.hosts,
        channelsPort: ports.channels,
        roomPort: ports.room,
        limits: options.hubLimits,
        store: group,
        rounds,
        metrics,
        log,
        logging,
      });
      running.push(hub);
      services.push(...hub.services);
    }
    const started = Date.now();
    const status = async () => [
      ...await storeStatus({ version: options.version, started, store, group, accounts, files }),
      ...hub?.status() ?? [],
      ...metrics.entries().map(([name, count]) => `${name} ${count}`),
    ];
    const commands = [
      ...ports.mailbox === undefined ? [] : mailboxCommands(group),
      ...hub?.commands ?? [],
      accountCommand(accounts),
    ];
    const admin = new Admin({
      secret,
      commands: serverCommands({ commands, status, logging, stop: stopping.resolve }),
      now: () => Math.floor(performance.now()),
      random,
    });
    if (ports.mailbox !== undefined) {
      const sockets = listenDatagrams(options.hosts, ports.mailbox);
      const { originalFrom, timestamps, maxDatagram } = options;
      mailbox = new MailboxService({
        sockets,
        store: group,
        admin,
        accounts,
        sealKey: key,
        originalFrom,
        timestamps,
        maxDatagram,
        rounds,
        metrics,
        log,
        logging,
        now: Date.now,
        random,
      });
      const addresses = sockets.map(({ addr }) => addr as Deno.NetAddr);
      running.push(mailbox);
      services.unshift({ name: "mailbox", transport: "udp", addresses });
    }
    if (ports.forum !== undefined) {
      const { datagrams, streams } = listenBoth(options.hosts, ports.forum);
      const addresses = datagrams.map(({ addr }) => addr as Deno.NetAddr);
      let contents: ContentFiles;
      try {
        contents = files = await ContentFiles.open({
          directory: data,
          limits: options.forumLimits.files,
          known: (contents) => knownContents(group, contents),
          now: Date.now,
          random,
        });
      } catch (error) {
        for (const socket of [...datagrams, ...streams]) socket.close();
        throw error;
      }
      const forum = new ForumService({
        sockets: datagrams,
        listeners: streams,
        store: group,
        accounts,
        sealKey: key,
        files: contents,
        limits: options.forumLimits.transfers,
        rounds,
        metrics,
        log,
        clients,
        now: Date.now,
        random,
      });
      running.push(forum);
      services.push(
        { name: "forum", transport: "udp", addresses },
        { name: "forum", transport: "tcp", addresses },
      );
    }
    if (ports.mailbox === undefined && secret !== undefined) {
      const socket = new AdminSocket(admin, metrics);
      running.push(socket);
      services.push(socket);
    }
  } catch (error) {
    await close();
    await store.close();
    throw error;
  }

  if (data !== undefined) await tellWhereItIs(data, services, log);
  greet(options, services, store, hub, key);
  for (const { name, transport, addresses } of services) {
    if (name === "admin") continue;
    for (const address of addresses) {
      await options.ready(`${name} listening on ${transport} ${formatAddress(address)}`);
    }
  }
  return {
    services,
    addresses: services.flatMap(({ addresses }) => addresses),
    stopping: stopping.promise,
    async close() {
      await close();
      // while the directory is still locked
      if (data !== undefined) await removeRunning(data);
      await store.close();
      await log.flush();
    },
  };
}

/** The administrator's secret, if there is one. */
async function secretOf({ secretFile, data }: ServeOptions): Promise<Uint8Array | undefined> {
  if (secretFile !== undefined) return await readSecret(secretFile);
  return data === undefined ? undefined : await obtainSecret(data);
}

async function tellWhereItIs(data: string, services: readonly Service[], log: Log) {
  const where = services.map(({ name, addresses }) => [name, addresses.map(formatAddress)]);
  try {
    await writeRunning(data, { pid: Deno.pid, services: Object.fromEntries(where) });
  } catch (error) {
    // on a full disk, what is stored can still be read
    log.line(`${data} does not tell where the server is: ${(error as Error).message}`);
  }
}

/** Which of these contents the store knows. */
function knownContents(group: GroupCommit, contents: readonly string[]): Promise<ReadonlySet<string>> {
  return new Promise((resolve, reject) => {
    const taken = group.submit({ kind: "contents", contents }, (known) => resolve(new Set(known)));
    if (!taken) reject(new RangeError("too much is waiting for the disk"));
  });
}

async function sealKeyOf(
  { data, sealKeyFile }: ServeOptions,
  random: (bytes: number) => Uint8Array,
): Promise<SealKey> {
  if (sealKeyFile !== undefined) return await readSealKey(sealKeyFile);
  return data === undefined ? sealKey(random(32)) : await obtainSealKey(data);
}
