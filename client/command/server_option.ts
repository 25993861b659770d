/**
 * Where the server is: `--server`, or what the environment and the data directory say. The mailbox's address is all that
 * one has to know, because it reports the ports of the other services.
 *
 * @module
 */

import { type Address, formatAddress } from "../../protocol/address.ts";
import { CHANNELS_PORT } from "../../protocol/channels.ts";
import { FORUM_PORT } from "../../protocol/forum.ts";
import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import { ROOM_PORT } from "../../protocol/room.ts";
import {
  connectMailbox,
  type ConnectOptions,
  type Mailbox,
  type OnBusy,
  type ServerInfo,
  ServerTimeoutError,
} from "../mailbox.ts";
import { connectOriginalMailbox, type OriginalMailbox } from "../original_mailbox.ts";
import { writeError } from "../terminal/output.ts";
import { type Arguments, type Option, parseAddress, UsageError } from "./command.ts";
import { serverKeyOf } from "./password.ts";

/** The variable that says where the server is. */
const SERVER_VARIABLE = "WIREPOST_SERVER";

/** The option of every command that connects to a server. */
export const SERVER_OPTION: { readonly server: Option } = {
  server: { value: "HOST[:PORT]", help: `Where the server is (${SERVER_VARIABLE}, or else this machine)` },
};

/** Options of every command that connects to a mailbox server. */
export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  ...SERVER_OPTION,
  timeout: {
    value: "DURATION",
    help: "How long the server may take to answer (10s; with --basic 5s)",
  },
};

/** What is printed while the server has no room for one more client. */
export const BUSY = "the server is busy; trying again for up to 60 s";

/** Prints {@linkcode BUSY} when the server is busy. */
export function onBusy(args: Arguments): (busy: boolean) => void {
  return (busy) => busy && void writeError(`wirepost ${args.command}: ${BUSY}\n`);
}

/** The services that are found through the mailbox, and the ports of their originals. */
const STANDARD_PORTS = { channels: CHANNELS_PORT, room: ROOM_PORT, forum: FORUM_PORT } as const;

/** How long a mailbox may take to report a port, in milliseconds. */
const PORT_TIMEOUT_MS = 3000;

/** The addresses of the services that run, by their names. */
type RunningServices = Readonly<Record<string, readonly string[]>>;

/** Whether the command line or the environment names a server; `--data` names the one that runs there. */
export function isServerNamed(args: Arguments): boolean {
  return args.flag("server") || Boolean(Deno.env.get(SERVER_VARIABLE)) && !args.flag("data");
}

/** The address that is named: a mailbox's. @throws {UsageError} It is no address. */
function namedAddress(args: Arguments): Address | undefined {
  if (args.flag("server") || !isServerNamed(args)) return args.address("server", MAILBOX_PORT);
  const text = Deno.env.get(SERVER_VARIABLE)!, address = parseAddress(text, MAILBOX_PORT);
  if (address !== undefined) return address;
  throw new UsageError(`Cannot read ${SERVER_VARIABLE} '${text}': expected HOST or HOST:PORT`);
}

/** The services that run in the data directory, if no server is named. */
async function runningServices(args: Arguments): Promise<RunningServices | undefined> {
  if (isServerNamed(args)) return undefined;
  const { dataDirectory, readRunning } = args.dataCode;
  let directory: string;
  try {
    directory = dataDirectory(args.text("data"));
  } catch {
    // a user who has no directory has no server in it
    return undefined;
  }
  return (await readRunning(directory))?.services;
}

/** The first address of a service. One that listens on every address is reached at this machine's own. */
function addressOf(running: RunningServices, service: string): Address | undefined {
  const address = parseAddress(running[service]?.[0] ?? "");
  if (address === undefined) return undefined;
  const { hostname, port } = address;
  return { hostname: hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname, port };
}

/**
 * The address of the mailbox: the one that is named, or of the server that runs in the data directory, or the usual one.
 *
 * @param service Whose address it may be too, where there is no mailbox.
 * @throws {UsageError} What is named is no address.
 */
export async function mailboxAddress(args: Arguments, service = "mailbox"): Promise<Address> {
  const running = await runningServices(args) ?? {};
  return namedAddress(args) ?? addressOf(running, "mailbox") ?? addressOf(running, service) ??
    { hostname: "127.0.0.1", port: MAILBOX_PORT };
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
  const running = await runningServices(args);
  if (running !== undefined && Object.keys(running).length > 0) {
    const address = addressOf(running, service);
    if (address !== undefined) return address;
    throw notServed(service, "the server that runs on this machine", Object.keys(running));
  }
  const mailbox = await mailboxAddress(args);
  try {
    const timeout = args.duration("timeout") ?? PORT_TIMEOUT_MS;
    const { services } = await askInfo(args, "", { timeout, onBusy: onBusy(args) });
    const port = services[service];
    if (port === undefined) throw notServed(service, formatAddress(mailbox), Object.keys(services));
    return { hostname: mailbox.hostname, port };
  } catch (error) {
    if (!(error instanceof ServerTimeoutError) || mailbox.port !== MAILBOX_PORT) throw error;
    return { hostname: mailbox.hostname, port: STANDARD_PORTS[service] };
  }
}

function notServed(service: string, server: string, services: readonly string[]): Error {
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

/** `--server` and `--timeout`, for the options of a connection. */
export async function connectOptions(
  args: Arguments,
): Promise<Pick<ConnectOptions, "hostname" | "port" | "timeout">> {
  const timeout = args.duration("timeout");
  return { ...await mailboxAddress(args), ...timeout === undefined ? {} : { timeout } };
}

/** A connection through the reliable session. */
export async function connect(
  args: Arguments,
  more: Pick<ConnectOptions, "resume" | "as" | "onBegin" | "onBusy"> = {},
): Promise<Mailbox> {
  const server = { ...await connectOptions(args), ...serverKeyOf(args) };
  return await connectMailbox({ onBusy: onBusy(args), ...server, ...more });
}

/**
 * A connection on the original wire.
 *
 * @param service Whose address it may be too, where there is no mailbox.
 */
export async function connectOriginal(args: Arguments, service?: string): Promise<OriginalMailbox> {
  return await connectOriginalMailbox({
    ...await connectOptions(args),
    ...await mailboxAddress(args, service),
  });
}
