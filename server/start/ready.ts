/**
 * What a server reports when it is ready: in its log, in its data directory, and a line for each address.
 *
 * @module
 */

import { formatAddress } from "../../protocol/syntax/address.ts";
import { CONSOLE_BEGIN } from "../../protocol/forum/forum_text.ts";
import type { SealKey } from "../../protocol/seal/keys.ts";
import { writeRunning } from "../data/directory.ts";
import type { HubService } from "../hub_service.ts";
import type { Certificate } from "../net/tls/certificate.ts";
import { isLoopback } from "../quota/address.ts";
import type { ServeOptions } from "../options/serve_options.ts";
import { within } from "../quota/uptime.ts";
import { logCertificate } from "./tls.ts";
import type { Log } from "../report/log.ts";
import type { Listening } from "./service_sockets.ts";
import type { Store } from "../store/store.ts";

/** How long lines of the log may take that stand before the report, in milliseconds. */
const MAX_FLUSH_MS = 100;

export interface ReadyServer {
  options: ServeOptions;
  /** The directory that has its addresses, for the commands beside it. */
  control: string | undefined;
  listening: readonly Listening[];
  store: Pick<Store, "opened">;
  hub: HubService | undefined;
  sealKey: SealKey;
  certificate: Certificate | undefined;
  log: Log;
}

/** A server that is ready. */
export interface ReadyReport {
  version: string;
  /** Its services; not the administrator's own address. */
  listening: readonly Listening[];
  /** Its data directory; undefined if it keeps everything in memory. */
  data: string | undefined;
  /** Its own key, if a service has a seal. */
  key: string | undefined;
  /** The fingerprint of its certificate, if it has one. */
  certificate: string | undefined;
}

/** Where that is reported: see `ServerOutput`. */
interface ReadyOutput {
  ready(report: ReadyReport): Promise<void>;
  isReadyShown?: boolean;
  console?: unknown;
}

/** Reports it in the log and the data directory, and to `ready`. */
export async function reportReady(
  server: ReadyServer,
  { ready, isReadyShown = false, console }: ReadyOutput,
) {
  const { options: { data, version }, control, listening, sealKey, certificate, log } = server;
  if (control !== undefined) await writeAddresses(control, listening, log);
  const hasSeal = listening.some(({ name }) => name === "mailbox" || name === "forum");
  for (const each of listening) {
    if (!isReadyShown || console !== undefined) logConsole(log, each);
    if (!isReadyShown) logListening(server, each);
  }
  if (hasSeal && !isReadyShown) log.info({ service: "server", what: `the server's key is ${sealKey.text}` });
  if (certificate !== undefined && !isReadyShown) logCertificate(certificate, log);
  // what follows stands behind it, also if both go to standard error
  await within(MAX_FLUSH_MS, log.flush());
  await ready({
    version,
    listening: listening.filter(({ name }) => name !== "admin"),
    data,
    key: hasSeal ? sealKey.text : undefined,
    certificate: certificate?.fingerprint,
  });
}

/** The first lines of the original's console. */
function logConsole(log: Log, { name, transport, addresses }: Listening) {
  if (name === "mailbox") log.console(name, "Message server is listening");
  if (name === "room") log.console(name, `Chat server started on port ${addresses[0]!.port}`);
  if (name === "forum" && transport === "udp") { for (const line of CONSOLE_BEGIN) log.console(name, line); }
}

/** For the commands beside the server. */
async function writeAddresses(data: string, listening: readonly Listening[], log: Log) {
  const services = listening.map(({ name, addresses }) => [name, addresses.map(formatAddress)]);
  try {
    await writeRunning(data, { pid: Deno.pid, services: Object.fromEntries(services) });
  } catch (error) {
    // on a full disk, what is stored can still be read
    const what = `cannot write where the server is into ${data}/server.json: ${(error as Error).message}`;
    log.warn({ service: "server", what });
  }
}

/** Services whose clients are the hub's members. */
const HUB_SERVICES = ["channels", "room", "room-tls"];

/** Logs what the service holds, and the addresses that others can reach. */
function logListening({ options, listening, store, hub, log }: ReadyServer, each: Listening) {
  const { data, originalFrom } = options, { name, transport, addresses } = each;
  const info = (what: string) => log.info({ service: name, what });
  const held = (what: string, held: string) =>
    info(data === undefined ? `${what} are kept in memory and end with this process` : `${held} in ${data}`);
  if (name === "admin") {
    return info(`commands are taken on ${transport} ${addresses.map(formatAddress)}`);
  } else if (name === "mailbox") {
    const { messages, mailboxes } = store.opened;
    held("messages", `${messages} messages in ${mailboxes} mailboxes`);
    info(`the original wire is answered for ${originalFrom.networks.join(", ") || "nobody"}`);
  } else if (name === "forum") {
    if (transport === "udp") held("threads and files", "threads and files are");
  } else {
    // once, if both services of the hub run
    const isFirst = listening.find(({ name }) => HUB_SERVICES.includes(name)) === each;
    if (isFirst) held("channels and messages", hub!.summary);
  }
  for (const { hostname, port } of addresses.filter(({ hostname }) => !isLoopback(hostname))) {
    info(`${hostname} can be reached by others; a firewall has to let ${port}/${transport} through`);
  }
}
