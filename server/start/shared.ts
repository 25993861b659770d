/**
 * What the services of a server share: the data directory, the store, the sockets, the accounts, the clocks.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers/promises";
import { maxTaken } from "../../protocol/mailbox.ts";
import { openControlDirectory } from "../data/control_directory.ts";
import { obtainSecret, removeRunning } from "../data/directory.ts";
import { watchDirectory } from "../data/directory_watch.ts";
import { openStore, type StoreHandlers } from "../data/open_store.ts";
import { looseModes } from "../data/file_modes.ts";
import { obtainSealKey } from "../data/seal_key.ts";
import { SelfConnection, SocketPolling } from "../net/fairness.ts";
import { inheritedSockets, LISTEN_VARIABLES, type ListenVariables } from "../net/inherited_sockets.ts";
import { Certificate } from "../net/tls/certificate.ts";
import { Creations } from "../quota/creations.ts";
import { Handshakes } from "../net/tls/handshakes.ts";
import type { ServeOptions } from "../options/serve_options.ts";
import type { Ending } from "./ending.ts";
import { setTimer, uptime } from "../quota/uptime.ts";
import type { Log } from "../report/log.ts";
import { Clients } from "../report/clients.ts";
import { Metrics } from "../report/metrics.ts";
import { Watch } from "../report/watch.ts";
import { Accounts, readAccounts } from "../service/account/accounts.ts";
import { Moderation, readMeasures } from "../service/moderation.ts";
import { closeSockets, openSockets } from "./service_sockets.ts";
import { type Tls } from "./tls.ts";
import { GroupCommit } from "../store/journaled/group.ts";
import { Watchers } from "../wire/admin/watchers.ts";
import { readLatestStart, SessionStartTimes } from "../wire/session/start_times.ts";

/** How often tokens whose time is over are looked for, in milliseconds. */
const TOKEN_INTERVAL_MS = 1000;

/** How long others have between two pieces of work that nobody waits for, in milliseconds. */
const REST_MS = 1;

/** What the services share. */
export type Shared = Awaited<ReturnType<typeof openShared>>;

/** Opens the data directory, the store and the sockets; `opening` closes them. */
export async function openShared(
  options: ServeOptions,
  log: Log,
  ending: Ending,
  opening: AsyncDisposableStack,
) {
  const { data, limits, maxFileBytes } = options, metrics = new Metrics();
  // the services replace these
  const handlers: StoreHandlers = {
    ready() {},
    unused() {},
    damaged: () => metrics.add("rows damaged"),
    lost: ending.lose,
  };
  const monotonicClock = () => performance.now();
  const polling = new SocketPolling({
    connection: await SelfConnection.open(),
    monotonicClock: () => Math.floor(performance.now()),
  });
  opening.defer(() => polling.close());
  const beating = uptime.start();
  opening.defer(() => beating.close());
  const opened = await openStore(
    {
      directory: data,
      beginNew: options.beginNew,
      limits,
      takeBytesMax: maxTaken(options.maxDatagramBytes),
      forumLimits: options.forumLimits.threads,
      maxFileBytes,
      syncDelayMs: options.syncDelayMs,
      pause: async () => {
        await polling.due;
        await setImmediate();
      },
      rest: () => setTimeout(REST_MS),
    },
    log,
    handlers,
  );
  opening.defer(() => opened.close());
  const store = new GroupCommit(opened, ending.lose);
  handlers.lost = (error) => store.lose(error);
  if (data !== undefined) {
    // while the directory is still locked
    opening.defer(() => removeRunning(data));
    const watch = await watchDirectory(data, (error) => store.lose(error));
    opening.defer(() => watch.close());
  }
  const control = data ?? await controlDirectoryOf(options, log, opening);
  const secret = await obtainSecret(options.secretFile, control);
  const known = await readAccounts(opened);
  const measures = await readMeasures(opened);
  const sealKey = await obtainSealKey({ ...options, accounts: known.length });
  for (const what of await looseModes(control, [options.secretFile, options.sealKeyFile, options.tls?.key])) {
    log.warn({ service: "server", what });
  }
  // not the system's: setting that must not begin or end what is counted in it
  const { wallClock } = opened.clocks;
  const startTimes = new SessionStartTimes(await readLatestStart(opened), wallClock);
  const accounts = new Accounts({
    store,
    known,
    monotonicClock,
    open: options.openAccounts,
    auth: options.auth,
    wallClock,
  });
  const creations = new Creations({
    perSecond: options.creationsPerSecond,
    isMailbox: (name) => opened.isMailbox(name),
    monotonicClock,
  });
  const tokenTimer = setInterval(() => accounts.endTokens(), TOKEN_INTERVAL_MS);
  opening.defer(() => clearInterval(tokenTimer));
  const certificate = options.tls && await Certificate.load(options.tls);
  const handshakes = certificate && new Handshakes({ monotonicClock, setTimer });
  opening.defer(() => handshakes?.close());
  const tls: Tls | undefined = certificate && handshakes && options.tls &&
    { certificate, handshakes, takesPlain: options.tls.takesPlain };
  const sockets = await openSockets(options, log, await inheritedSockets(listenVariables()));
  opening.defer(() => closeSockets(sockets));
  const moderation = new Moderation({ store, known: measures, wallClock });
  const watch = new Watch({ wallClock, monotonicClock });
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  return {
    options,
    opened,
    store,
    handlers,
    sockets,
    polling,
    secret,
    sealKey,
    certificate,
    handshakes,
    tls,
    creations,
    accounts,
    startTimes,
    control,
    metrics,
    moderation,
    clients: new Clients(wallClock),
    watch,
    watchers: new Watchers({ watch, metrics, log, monotonicClock: uptime.now, setTimer, random }),
    log,
    wallClock,
    // not the wall clock: setting it must not end a session, or make a client wait
    monotonicClock: uptime.now,
    setTimer,
    random,
    stop: ending.stop,
  };
}

/** What the environment says of sockets that a service manager hands over. */
function listenVariables(): ListenVariables {
  return Object.fromEntries(LISTEN_VARIABLES.map((name) => [name, Deno.env.get(name)]));
}

/** The directory of the secret and the addresses, for a server in memory that has one. */
async function controlDirectoryOf(
  { controlDirectory }: ServeOptions,
  log: Log,
  opening: AsyncDisposableStack,
): Promise<string | undefined> {
  if (controlDirectory === undefined) return undefined;
  const directory = await openControlDirectory(controlDirectory);
  if (directory !== undefined) opening.defer(() => removeRunning(directory));
  else {
    const what =
      `another server runs in ${controlDirectory}: this one is administered with --secret-file alone`;
    log.warn({ service: "server", what });
  }
  return directory;
}
