/**
 * The server: opens the store and the services, says when they are ready, and stops them.
 *
 * @module
 */

import { formatAddress } from "../protocol/address.ts";
import { CHANNELS_PORT } from "../protocol/channels.ts";
import { FORUM_PORT } from "../protocol/forum.ts";
import { MAILBOX_PORT } from "../protocol/mailbox.ts";
import { ROOM_PORT } from "../protocol/room.ts";
import type { SealKey } from "../protocol/seal.ts";
import { accountCommand } from "./wire/admin/account_commands.ts";
import { Accounts, readAccounts } from "./service/accounts.ts";
import type { Networks } from "./quota/address.ts";
import { Admin } from "./wire/admin/admin_requests.ts";
import { AdminSocket } from "./wire/admin/admin_socket.ts";
import {
  makeDataDirectory,
  obtainSecret,
  readSecret,
  removeRunning,
  writeRunning,
} from "./data/data_directory.ts";
import { readLatestStart, SessionStartTimes } from "./wire/session/start_times.ts";
import { DataWatch } from "./data/data_watch.ts";
import { ForumService, type ForumServiceLimits } from "./forum_service.ts";
import { greet } from "./greeting.ts";
import { type HubLimits, HubService } from "./hub_service.ts";
import type { Log } from "./report/log.ts";
import { Loopback } from "./net/loopback.ts";
import { MailboxService } from "./mailbox_service.ts";
import { Mailboxes } from "./service/mailboxes.ts";
import { mailboxCommands } from "./wire/admin/mailbox_commands.ts";
import { Metrics } from "./report/metrics.ts";
import { openFiles, removeContents, removeUnused } from "./data/open_contents.ts";
import { closeSockets, openSockets, type ServiceSockets } from "./net/open_sockets.ts";
import { openStore } from "./data/open_store.ts";
import { obtainSealKey } from "./data/seal_key.ts";
import { serverCommands } from "./wire/admin/server_commands.ts";
import type { Service } from "./net/service.ts";
import { checkStart } from "./data/start_check.ts";
import { tableStatus } from "./table_status.ts";
import { storeStatus } from "./status.ts";
import type { ContentFiles } from "./store/files/files.ts";
import { GroupCommit } from "./store/journal/group.ts";
import type { StoreLimits } from "./store/store.ts";
import { Rounds } from "./net/rounds.ts";
import { uptime } from "./clock/uptime.ts";

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
  /** Whether a service whose port is taken is left out, as long as another one can run. */
  leaveOutTaken?: boolean;
  /** Addresses to listen on. */
  hosts: readonly string[];
  /** Where messages are kept, or undefined for memory. */
  data: string | undefined;
  /** Whether a new database is to begin in `data`, where what belongs to another is left. */
  beginNew?: boolean;
  /** Where the administrator's secret is, if not in `data`. */
  secretFile: string | undefined;
  /** Where the server's own key is, if not in `data`. */
  sealKeyFile: string | undefined;
  /** Whether a key may be made in the place of one that was lost, which clients of accounts know. */
  newSealKey?: boolean;
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
  const { data, log } = options;
  if (data !== undefined) {
    await makeDataDirectory(data);
    await checkStart(data, options.beginNew ?? false);
  }
  let mailboxes: Mailboxes | undefined;
  let mailbox: MailboxService | undefined;
  let forum: ForumService | undefined;
  let files: ContentFiles | undefined;
  const unused = (contents: string[]) => {
    // before the files are opened it is left to what follows that
    if (files !== undefined) removeContents(files, group, contents);
  };
  const store = await openStore(options, (name) => mailboxes?.ready(name), unused);
  const stopping = Promise.withResolvers<void>();
  // whoever was given the server hears of it; before that, the start fails by itself
  stopping.promise.catch(() => {});
  const group = new GroupCommit(store, stopping.reject);
  const watch = data === undefined ? undefined : await DataWatch.of(data);
  const metrics = new Metrics();
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const services: Service[] = [];
  let loopback: Loopback | undefined;
  let hub: HubService | undefined;
  let sockets: ServiceSockets = {};
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
    const known = await readAccounts(store);
    key = await obtainSealKey({ ...options, accounts: known.length });
    const startTimes = new SessionStartTimes(await readLatestStart(store), Date.now);
    const accounts = new Accounts({
      store: group,
      known,
      monotonicClock: () => performance.now(),
      open: options.openAccounts,
    });
    mailboxes = new Mailboxes({ store: group, accounts, wallClock: Date.now });
    const own = loopback = await Loopback.open();
    const rounds = new Rounds({
      look: () => own.pass(),
      monotonicClock: () => Math.floor(performance.now()),
    });
    sockets = await openSockets({
      ...options,
      leaveOutTaken: options.leaveOutTaken ?? false,
      onLeftOut: (service, what) => log.warn({ service, what }),
    });
    if (sockets.channels !== undefined || sockets.room !== undefined) {
      hub = await HubService.start({
        sockets,
        limits: options.hubLimits,
        store: group,
        rounds,
        metrics,
        log,
      });
      running.push(hub);
      services.push(...hub.services);
    }
    const started = Date.now();
    const status = async () => [
      ...await storeStatus({ version: options.version, started, store, group, accounts, files }),
      ...tableStatus(mailbox?.tables.map(([name, usage]) => [`mailbox ${name}`, usage]) ?? []),
      ...tableStatus(forum?.tables.map(([name, usage]) => [`forum ${name}`, usage]) ?? []),
      ...hub?.status() ?? [],
      ...metrics.entries().map(([name, count]) => `${name} ${count}`),
    ];
    const commands = [
      ...sockets.mailbox === undefined ? [] : mailboxCommands(group),
      ...hub?.commands ?? [],
      accountCommand(accounts),
    ];
    const admin = new Admin({
      secret,
      commands: serverCommands({ commands, status, log, stop: stopping.resolve }),
      monotonicClock: () => Math.floor(performance.now()),
      random,
      onWrongProof(peer) {
        const what = "a command of the administrator refused: wrong proof";
        log.warn({ service: "admin", peer, what, kind: what });
      },
    });
    if (sockets.mailbox !== undefined) {
      const { originalFrom, timestamps, maxDatagram } = options;
      mailbox = new MailboxService({
        sockets: sockets.mailbox,
        store: group,
        mailboxes,
        admin,
        accounts,
        sealKey: key,
        originalFrom,
        timestamps,
        maxDatagram,
        rounds,
        metrics,
        log,
        startTimes,
        wallClock: Date.now,
        random,
      });
      const addresses = sockets.mailbox.map(({ addr }) => addr as Deno.NetAddr);
      running.push(mailbox);
      services.unshift({ name: "mailbox", transport: "udp", addresses });
    }
    if (sockets.forum !== undefined) {
      const { datagrams, streams } = sockets.forum;
      const addresses = datagrams.map(({ addr }) => addr as Deno.NetAddr);
      const { forumLimits: { files: limits } } = options;
      const contents = files = await openFiles({ directory: data, limits, store: group, log, random });
      await removeUnused(contents, group);
      forum = new ForumService({
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
        startTimes,
        wallClock: Date.now,
        random,
      });
      running.push(forum);
      services.push(
        { name: "forum", transport: "udp", addresses },
        { name: "forum", transport: "tcp", addresses },
      );
    }
    if (sockets.mailbox === undefined && secret !== undefined) {
      const socket = new AdminSocket(admin, metrics);
      running.push(socket);
      services.push(socket);
    }
  } catch (error) {
    await close();
    closeSockets(sockets);
    await watch?.close();
    await store.close();
    throw error;
  }

  watch?.start((error) => group.lose(error));
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
      await watch?.close();
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
    const what = `cannot write where the server is into ${data}: ${(error as Error).message}`;
    log.warn({ service: "server", what });
  }
}
