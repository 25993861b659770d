/**
 * Where the server is: `--server`, or what the environment and the data directory say. The mailbox's address is all that
 * a user has to know, because it reports the ports of the other services.
 *
 * @module
 */

import { CHANNELS_PORT } from "../../../protocol/channels.ts";
import { FORUM_PORT } from "../../../protocol/forum.ts";
import { MAILBOX_PORT } from "../../../protocol/mailbox.ts";
import { ROOM_PORT, ROOM_TLS_PORT } from "../../../protocol/room.ts";
import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
import {
  connectMailbox,
  type ConnectOptions,
  type Mailbox,
  type OnBusy,
  type ServerInfo,
  ServerTimeoutError,
} from "../../mailbox.ts";
import { connectOriginalMailbox, type OriginalMailbox } from "../../original_mailbox.ts";
import { writeError } from "../../terminal/output.ts";
import { type Arguments, type Option, parseAddress, UsageError } from "../command.ts";
import type { DataDirectoryCode } from "../data/data_directory.ts";
import { serverKeyOf } from "./password.ts";

/** The variable that says where the server is. */
export const SERVER_VARIABLE = "WIREPOST_SERVER";

/** The option of every command that connects to a server. */
export const SERVER_OPTION: { readonly server: Option } = {
  server: { value: "HOST[:PORT]", help: `Where the server is (${SERVER_VARIABLE}, or else this machine)` },
};

/** Options of every command that connects to a mailbox server. */
export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  ...SERVER_OPTION,
  timeout: { value: "DURATION", help: "How long the server may take to answer (10s)" },
};

/** Those of the commands that have `--basic` too. */
export const EITHER_WIRE_OPTIONS: Readonly<Record<string, Option>> = {
  ...SERVER_OPTION,
  timeout: { value: "DURATION", help: "How long the server may take to answer (10s; with --basic 5s)" },
};

/** What is printed while the server has no room for one more client. */
export const BUSY = "the server is busy; trying again for up to 60 s";

/** Prints {@linkcode BUSY} when the server is busy. */
export function onBusy(args: Arguments): (busy: boolean) => void {
  return (busy) => busy && void writeError(`wirepost ${args.command}: ${BUSY}\n`);
}

/** The services that are found through the mailbox, and the ports of their originals. */
const STANDARD_PORTS = {
  channels: CHANNELS_PORT,
  room: ROOM_PORT,
  "room-tls": ROOM_TLS_PORT,
  forum: FORUM_PORT,
} as const;

/** How long a mailbox may take to report a port, in milliseconds. */
const PORT_TIMEOUT_MS = 3000;

/** Whether the command line or the environment names a server; `--data` names the one that runs there. */
export function isServerNamed(args: Arguments): boolean {
  return args.flag("server") || Boolean(Deno.env.get(SERVER_VARIABLE)) && !args.flag("data");
}

/** The server that is named, as it is written: `HOST[:PORT]`, or a URL. */
export function namedServer(args: Arguments): string | undefined {
  if (!isServerNamed(args)) return undefined;
  return args.text("server") ?? Deno.env.get(SERVER_VARIABLE);
}

/** The address that is named: a mailbox's. @throws {UsageError} It is no address. */
function namedAddress(args: Arguments): Address | undefined {
  const text = namedServer(args);
  if (text === undefined) return undefined;
  if (/^https?:\/\//i.test(text)) {
    throw new UsageError(
      `Cannot use '${text}' with '${args.command}': give HOST[:PORT]; over HTTP there are send, receive and peek`,
    );
  }
  if (args.flag("server")) return args.address("server", MAILBOX_PORT);
  const address = parseAddress(text, MAILBOX_PORT);
  if (address !== undefined) return address;
  throw new UsageError(`Cannot read ${SERVER_VARIABLE} '${text}': expected HOST or HOST:PORT`);
}

/** Where a server is if nothing says so. */
export const USUAL_ADDRESS: Address = { hostname: "127.0.0.1", port: MAILBOX_PORT };

/** The services of a server on this machine, by their names. */
type LocalServices = Readonly<Record<string, Address>>;

/**
 * The data directory, and the first address of each service of the server that runs there.
 *
 * @param given What `--data` names.
 */
export async function localServer(
  { dataDirectory, readRunning }: DataDirectoryCode,
  given?: string,
): Promise<{ directory: string | undefined; services: LocalServices | undefined }> {
  let directory: string;
  try {
    directory = dataDirectory(given);
  } catch {
    // a user who has no directory has no server in it
    return { directory: undefined, services: undefined };
  }
  const running = (await readRunning(directory))?.services ?? {}, services: Record<string, Address> = {};
  for (const [name, [first = ""]] of Object.entries(running)) {
    const address = parseAddress(first);
    if (address !== undefined) services[name] = ownAddress(address);
  }
  return { directory, services: Object.keys(services).length > 0 ? services : undefined };
}

/** One that listens on every address is reached at this machine's own. */
export function ownAddress({ hostname, port }: Address): Address {
  return { hostname: hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname, port };
}

/** The services that run in the data directory, if no server is named. */
async function localServices(args: Arguments): Promise<LocalServices | undefined> {
  return isServerNamed(args) ? undefined : (await localServer(args.dataCode, args.text("data"))).services;
}

/** Whether nobody listens at an address of this machine. */
export function isFree(address: Address, transport: "udp" | "tcp" = "udp"): boolean {
  try {
    if (transport === "udp") Deno.listenDatagram({ transport, ...address }).close();
    else Deno.listen({ transport, ...address }).close();
    return true;
  } catch {
    // also if it is no address of this machine
    return false;
  }
}

/**
 * The address of the mailbox: the one that is named, or of the server that runs in the data directory, or the usual one.
 *
 * @param service Whose address it may be too, where there is no mailbox.
 * @throws {UsageError} What is named is no address.
 * @throws {ServerTimeoutError} It would be the usual one, and nobody listens there.
 */
export async function mailboxAddress(args: Arguments, service = "mailbox"): Promise<Address> {
  const services = await localServices(args);
  const address = namedAddress(args) ?? services?.mailbox ?? services?.[service];
  if (address !== undefined) return address;
  // better than to wait for an answer in vain
  if (isFree(USUAL_ADDRESS)) throw new NoServerError();
  return USUAL_ADDRESS;
}

/** Nobody listens at the usual address, and no other one is named. */
class NoServerError extends ServerTimeoutError {
  constructor() {
    super(
      "No server runs on this machine: 'wirepost serve' starts one, --server HOST names one elsewhere",
      false,
    );
  }
}

/** Where another service is, and whether a name may be used there only after a log-in. */
export interface ServiceInfo {
  address: Address;
  isProtected: boolean;
}

/**
 * The address of another service, which the mailbox reports. A mailbox at the usual port that does not answer may be out
 * of reach, or not run: then it is the usual port.
 *
 * @throws {UsageError} What is named is no address.
 * @throws {Error} The service does not run, or the server does not answer.
 */
export async function serviceAddress(
  args: Arguments,
  service: keyof typeof STANDARD_PORTS,
): Promise<Address> {
  return (await serviceInfo(args, service)).address;
}

/**
 * The same, and whether the server wants a log-in of `name`: not if it has no mailbox, or that does not answer.
 *
 * @throws {UsageError} What is named is no address.
 * @throws {Error} The service does not run, or the server does not answer.
 */
export async function serviceInfo(
  args: Arguments,
  service: keyof typeof STANDARD_PORTS,
  name = "",
): Promise<ServiceInfo> {
  const local = await localServices(args);
  if (local !== undefined) {
    const address = local[service];
    if (address === undefined) {
      throw notServed(service, "the server that runs on this machine", Object.keys(local));
    }
    const isAsked = name !== "" && local.mailbox !== undefined;
    return { address, isProtected: isAsked && await isProtected(args, name) };
  }
  const { hostname, port: mailboxPort } = namedAddress(args) ?? USUAL_ADDRESS;
  try {
    const timeout = args.duration("timeout") ?? PORT_TIMEOUT_MS;
    const { services, account, isLoginRequired } = await askInfo(args, name, {
      timeout,
      onBusy: onBusy(args),
    });
    const port = services[service];
    if (port !== undefined) {
      return { address: { hostname, port }, isProtected: account.mailbox || isLoginRequired };
    }
    throw notServed(service, formatAddress({ hostname, port: mailboxPort }), Object.keys(services));
  } catch (error) {
    if (!(error instanceof ServerTimeoutError) || mailboxPort !== MAILBOX_PORT) throw error;
    const usual = { hostname, port: STANDARD_PORTS[service] };
    // better than to say that one port can't be reached, or to wait for it in vain
    if (error instanceof NoServerError && isFree(usual, service === "forum" ? "udp" : "tcp")) throw error;
    return { address: usual, isProtected: false };
  }
}

async function isProtected(args: Arguments, name: string): Promise<boolean> {
  const timeout = args.duration("timeout") ?? PORT_TIMEOUT_MS;
  try {
    const { account, isLoginRequired } = await askInfo(args, name, { timeout, onBusy: onBusy(args) });
    return account.mailbox || isLoginRequired;
  } catch (error) {
    if (error instanceof ServerTimeoutError) return false;
    throw error;
  }
}

/** The address of the mailbox, under which the whole server is remembered; undefined if it has none. */
export async function rememberedAs(args: Arguments): Promise<Address | undefined> {
  const local = await localServices(args);
  if (local !== undefined) return local.mailbox;
  return namedAddress(args) ?? USUAL_ADDRESS;
}

function notServed(service: string, server: string, services: readonly string[]): Error {
  if (service === "room" && services.includes("room-tls")) {
    return new Error(`Cannot connect to ${service}: ${server} takes clients with TLS only: give --tls`);
  }
  const others = services.filter((name) => name !== "admin").join(", ") || "nothing else";
  return new Error(`Cannot connect to ${service}: ${server} has no such service, only ${others}`);
}

/**
 * What the server says of itself, and of an account.
 *
 * @throws {ServerTimeoutError} It does not answer.
 */
export async function askInfo(
  args: Arguments,
  name: string,
  options: { timeout?: number; onBusy?: OnBusy | undefined } = {},
): Promise<ServerInfo> {
  const { onBusy, ...rest } = options;
  await using mailbox = await connectMailbox({
    ...await connectOptions(args),
    ...onBusy === undefined ? {} : { onBusy },
    ...rest,
  });
  return await mailbox.info(name);
}

/**
 * `--server` and `--timeout`, for the options of a connection.
 *
 * @param service Whose address it may be too, where there is no mailbox.
 */
export async function connectOptions(
  args: Arguments,
  service?: string,
): Promise<Pick<ConnectOptions, "hostname" | "port" | "timeout">> {
  const timeout = args.duration("timeout");
  return { ...await mailboxAddress(args, service), ...timeout === undefined ? {} : { timeout } };
}

/** A connection through the reliable session. */
export async function connect(
  args: Arguments,
  more: Pick<ConnectOptions, "resume" | "as" | "onBegin" | "onBusy"> = {},
): Promise<Mailbox> {
  const key = serverKeyOf(args), server = { ...await connectOptions(args), ...key };
  return await connectMailbox({ onBusy: onBusy(args), ...server, ...more });
}

/**
 * A connection on the original wire.
 *
 * @param service Whose address it may be too, where there is no mailbox.
 */
export async function connectOriginal(args: Arguments, service?: string): Promise<OriginalMailbox> {
  return await connectOriginalMailbox(await connectOptions(args, service));
}
