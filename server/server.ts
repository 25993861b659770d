/**
 * Starts the server and stops it. Everything that was started is on one stack and is closed in the reverse order, also
 * if the start fails.
 *
 * @module
 */

import { formatAddress } from "../protocol/syntax/address.ts";
import { type AdminSocket, openAdminSocket } from "./admin_socket.ts";
import { ContentRemoval, openFiles, removeUnused } from "./data/open_files.ts";
import { ForumService } from "./forum_service.ts";
import { HttpService } from "./http_service.ts";
import { HubService } from "./hub_service.ts";
import { MailboxService } from "./mailbox_service.ts";
import type { ServeOptions } from "./options/serve_options.ts";
import { end, Ending, MAX_STOP_MS } from "./start/ending.ts";
import { within } from "./quota/uptime.ts";
import { type ReadyReport, reportReady } from "./start/ready.ts";
import { ownOptions, Reloading } from "./start/reload.ts";
import { limits } from "./limits.ts";
import { limitRow } from "./report/limit.ts";
import { Log } from "./report/log.ts";
import { MANAGER_VARIABLES, ServiceManager } from "./report/service_manager.ts";
import { Mailboxes } from "./service/mailboxes.ts";
import { type Listening, listeningOn, servicePorts } from "./start/service_sockets.ts";
import { openShared, type Shared } from "./start/shared.ts";
import { status, values } from "./status.ts";
import { hubSockets, withTls } from "./start/tls.ts";
import type { ContentFiles } from "./store/files/files.ts";
import { accountCommand } from "./wire/admin/account_commands.ts";
import { Admin, type AdminCommand } from "./wire/admin/admin_requests.ts";
import { backupCommands } from "./wire/admin/backup_commands.ts";
import { mailboxCommands } from "./wire/admin/mailbox_commands.ts";
import { moderationCommands } from "./wire/admin/moderation_commands.ts";
import { serverCommands } from "./wire/admin/server_commands.ts";

export { AT_START, CLASSROOM, EXCLUSIVE, OPTIONS, SERVICE_PORTS } from "./options/options.ts";
export { serveOptions } from "./options/serve_options.ts";

/** Where a server writes to. */
export interface ServerOutput {
  /** Takes what the server is, once its services are ready. */
  ready(server: ReadyReport): Promise<void>;
  /** Whether {@linkcode ready} shows that to somebody: then it does not stand in the log. */
  isReadyShown?: boolean;
  /** Takes lines of the log. */
  log(bytes: Uint8Array): Promise<unknown>;
  /** Takes the console lines of the originals; by default they stand in the log. */
  console?(bytes: Uint8Array): Promise<unknown>;
}

export interface Server {
  /** Where the services listen. */
  readonly listening: readonly Listening[];
  readonly addresses: readonly Deno.NetAddr[];
  /** Resolves when an administrator stops the server; rejects when the store can't be relied on any more. */
  readonly stopping: Promise<void>;
  /**
   * Takes over what may change while the server runs, reads the certificate again, and logs both. What can't be used
   * changes nothing. Never rejects.
   *
   * @param read The options as they are now; what it throws is why they can't be used.
   */
  reload(read: () => Promise<ServeOptions>): Promise<void>;
  /** Finishes what was accepted, commits and closes. */
  close(): Promise<void>;
  /**
   * Ends the server within 5 seconds, and returns whether it was closed and all that was accepted is finished.
   *
   * @param failure Why the store can't be relied on: then nothing more is committed or answered.
   */
  end(failure?: Error): Promise<boolean>;
}

/** A part of the server that runs until it is closed. */
interface Service {
  /** Accepts no more, finishes what was accepted, and closes its sockets. */
  close(): Promise<void>;
}

/** The services that run, the forum's files, and what removes their contents. */
interface Running {
  mailbox?: MailboxService;
  mailboxes?: Mailboxes;
  hub?: HubService;
  forum?: ForumService;
  http?: HttpService;
  files?: ContentFiles;
  removal?: ContentRemoval;
  adminSocket?: AdminSocket;
  /** The administrator's. */
  commands?: readonly AdminCommand[];
}

/**
 * Starts the services.
 *
 * @throws {Error} The data directory is in use or can't be used, or an address can't be listened on.
 */
export async function serve(options: ServeOptions, output: ServerOutput): Promise<Server> {
  const log = new Log(output.log, {
    format: options.logFormat,
    level: options.logLevel,
    console: output.console,
  });
  const ending = new Ending();
  const starting = new AsyncDisposableStack();
  starting.defer(() => log.flush());
  try {
    const manager = await openServiceManager(log, starting);
    const started = start({ options: ownOptions(options), output, log, ending, manager }, starting);
    // a store that is lost answers nobody any more: who asks it here would wait for ever
    return await Promise.race([started, ending.stopping.then(() => started)]);
  } catch (error) {
    await within(MAX_STOP_MS, starting.disposeAsync());
    throw error;
  }
}

/** The service manager that this process has been started by, if it can be told anything. */
async function openServiceManager(
  log: Log,
  starting: AsyncDisposableStack,
): Promise<ServiceManager | undefined> {
  try {
    const manager = await ServiceManager.open(
      Object.fromEntries(MANAGER_VARIABLES.map((name) => [name, Deno.env.get(name)])),
    );
    if (manager !== undefined) starting.defer(() => manager.close());
    return manager;
  } catch (error) {
    const what = `the service manager can't be told that the server is ready: ${(error as Error).message}`;
    log.warn({ service: "server", what });
  }
}

/** What a start has. */
interface Starting {
  options: ServeOptions;
  output: ServerOutput;
  log: Log;
  ending: Ending;
  manager: ServiceManager | undefined;
}

/** Starts everything; `starting` closes it. */
async function start(
  { options, output, log, ending, manager }: Starting,
  starting: AsyncDisposableStack,
): Promise<Server> {
  const shared = await openShared(options, log, ending, starting);
  const { opened, sockets, sealKey, certificate, watchers, control } = shared;
  const services: Service[] = [];
  const running: Running = {};
  starting.defer(async () => {
    await Promise.all([watchers, ...services].map((service) => service.close()));
    await running.removal?.close();
  });
  for (const startService of SERVICES) {
    const service = await startService(shared, running);
    if (service !== undefined) services.push(service);
  }
  const listening = listeningOn(sockets, running.adminSocket?.address);
  await reportReady({
    options,
    control,
    listening,
    store: opened,
    hub: running.hub,
    sealKey,
    certificate,
    log,
  }, output);
  await manager?.ready(statusLine(listening));
  starting.defer(() => manager?.stopping());
  const close = () => starting.disposeAsync();
  const reloading = new Reloading(shared, running);
  return {
    listening,
    addresses: listening.flatMap(({ addresses }) => addresses),
    stopping: ending.stopping,
    reload: async (read) => {
      await manager?.reloading();
      await reloading.reload(read);
      await manager?.ready(statusLine(listening));
    },
    close,
    end: (failure) => end(log, close, failure ?? ending.lost),
  };
}

/** Where the services listen, in one line. */
function statusLine(listening: readonly Listening[]): string {
  return listening.map(({ name, transport, addresses }) => `${name} ${transport} ${addresses[0]!.port}`)
    .join(", ");
}

/** Those whose sockets are open, started in this order: the administrator's commands include the hub's, HTTP all. */
const SERVICES = [startHub, startMailbox, startForum, startHttp];

async function startHub(shared: Shared, running: Running): Promise<Service | undefined> {
  const { options: { hubLimits: limits }, tls } = shared;
  const sockets = hubSockets(shared.sockets, tls);
  if (Object.keys(sockets).length === 0) return undefined;
  return running.hub = await HubService.start({ ...shared, sockets, limits });
}

/** The mailbox, whose port the administrator uses too; if it doesn't run, there is a port for the administrator alone. */
function startMailbox(shared: Shared, running: Running): Service | undefined {
  const { options, handlers, sockets, secret } = shared;
  const admin = adminOf(shared, running);
  if (sockets.mailbox === undefined) {
    return secret === undefined ? undefined : running.adminSocket = openAdminSocket(admin, shared);
  }
  const mailboxes = running.mailboxes = new Mailboxes(shared);
  handlers.ready = (name) => mailboxes.ready(name);
  return running.mailbox = new MailboxService({
    ...shared,
    ...options,
    sockets: sockets.mailbox,
    mailboxes,
    services: servicePorts(sockets),
    admin,
  });
}

async function startForum(shared: Shared, running: Running): Promise<Service | undefined> {
  const { options: { data, forumLimits }, handlers, sockets, store, accounts, opened, tls } = shared;
  if (sockets.forum === undefined) return undefined;
  const files = running.files = await openFiles({
    ...shared,
    directory: data,
    limits: forumLimits.files,
    ownerOf: (user) => accounts.ownerOf(user),
    onLost: (error) => store.lose(error),
  });
  const removal = running.removal = new ContentRemoval(files, store, opened.hold);
  handlers.unused = removal.remove;
  await removeUnused(files, store, opened.hold);
  const { datagrams, streams } = sockets.forum, limits = forumLimits.transfers;
  return running.forum = new ForumService({
    ...shared,
    datagramsPerSecond: shared.options.datagramsPerSecond,
    sockets: datagrams,
    listeners: streams,
    files,
    limits,
    takesPlain: tls?.takesPlain ?? true,
  });
}

/** Its routes are those of the services that run. */
function startHttp(shared: Shared, running: Running): Service | undefined {
  const { options: { version, httpLimits: limits, webHosts, trustedProxies, page }, sockets, tls } = shared;
  const startTime = Date.now();
  if (sockets.http === undefined) return undefined;
  return running.http = new HttpService({
    ...shared,
    sockets: withTls(sockets.http, tls),
    version,
    services: servicePorts(sockets),
    limits,
    webHosts,
    hub: running.hub,
    forum: running.forum,
    values: () => values({ ...shared, ...running, version, startTime }),
    trustedProxies,
    page,
    mailboxes: running.mailboxes,
    administer: async (name, args) => {
      const command = running.commands?.find(({ usage }) => /^[\w-]+/.exec(usage)![0] === name);
      return await command?.run([...args], { address: "", send() {} });
    },
    timeouts: shared.options.httpTimeouts,
    isStorageFailing: () => shared.handlers.isStorageFailing ?? false,
  });
}

function adminOf(shared: Shared, running: Running): Admin {
  const { options: { version, data }, opened, sockets, store, accounts, watchers, secret, log, stop } =
      shared,
    startTime = Date.now();
  const admin: Admin = new Admin({
    secret,
    commands: running.commands = serverCommands({
      commands: [
        ...sockets.mailbox === undefined ? [] : mailboxCommands(store),
        ...running.hub?.commands ?? [],
        accountCommand(accounts),
        // in memory there is nothing to copy
        ...data === undefined ? [] : backupCommands(opened.hold),
        ...moderationCommands({ ...shared, revoke: (name) => running.forum?.revoke(name) }),
        watchers.command,
      ],
      status: () => status({ ...shared, ...running, version, startTime }),
      limits: async () => (await limits({ ...shared, ...running, admin })).map(limitRow),
      services: () =>
        listeningOn(sockets, running.adminSocket?.address).flatMap(({ name, transport, addresses }) =>
          addresses.map((address) => `${name},${transport},${formatAddress(address)}`)
        ),
      log,
      stop,
    }),
    monotonicClock: () => Math.floor(performance.now()),
    random: shared.random,
    onWrongProof(peer) {
      const what = "a command of the administrator refused: wrong proof";
      log.warn({ service: "admin", peer, what, kind: what });
    },
  });
  return admin;
}
