/**
 * The sockets of all services that run. A port that is in use ends the start, and the error says which process has it
 * and how to choose another port. If nobody named the service, it is left out instead.
 *
 * @module
 */

import { createServer } from "node:http";
import { portHolder } from "../net/port_holder.ts";
import { listenBoth, listenDatagrams, listenStreams, PortTaken } from "../net/sockets.ts";
import type { Log } from "../report/log.ts";

export interface ServiceSockets {
  mailbox?: Deno.DatagramConn[];
  channels?: Deno.TcpListener[];
  room?: Deno.TcpListener[];
  /** The room's port for TLS. */
  "room-tls"?: Deno.TcpListener[];
  forum?: { datagrams: Deno.DatagramConn[]; streams: Deno.TcpListener[] };
  /** On the mailbox's port, unless it has one of its own. */
  http?: Deno.TcpListener[];
}

export type ServiceName = keyof ServiceSockets;

export interface SocketsOptions {
  hosts: readonly string[];
  /** Port of each service that is to run, or 0 for a free one. */
  ports: Readonly<Partial<Record<ServiceName, number>>>;
  /** Whether a service whose port is in use is left out, as long as another one can run. */
  leaveOutTaken: boolean;
  /** The port of HTTP: its own, or the mailbox's if that runs; without it there is none. */
  http?: number | "mailbox" | undefined;
}

/** Where a service listens. */
export interface Listening {
  /** As on the command line, in ready lines and in the data directory; or `admin`. */
  readonly name: string;
  readonly transport: "udp" | "tcp";
  readonly addresses: readonly Deno.NetAddr[];
}

/**
 * Opens them.
 *
 * @throws {Error} One can't be opened, or none of those that may be left out; then none is open.
 */
export async function openSockets(
  { hosts, ports, leaveOutTaken, http }: SocketsOptions,
  log: Log,
): Promise<ServiceSockets> {
  const sockets: ServiceSockets = {};
  const leftOut: [ServiceName, string][] = [];
  try {
    for (const [name, port] of Object.entries(ports) as [ServiceName, number][]) {
      try {
        if (name === "mailbox") openMailbox(sockets, hosts, port, http === "mailbox" && ANSWERS_HTTP);
        else if (name === "forum") sockets.forum = listenBoth(hosts, port);
        else sockets[name] = listenStreams(hosts, port);
      } catch (error) {
        if (!(error instanceof PortTaken)) throw error;
        const holder = await portHolder(error);
        const why = `${error.message}${holder === undefined ? "" : `, by ${holder}`}`;
        if (!leaveOutTaken) throw new Error(`${why}; ${otherPort(name)}`);
        leftOut.push([name, why]);
      }
    }
    await openHttp(sockets, hosts, http, log);
  } catch (error) {
    closeSockets(sockets);
    throw error;
  }
  if (leftOut.length > 0 && Object.keys(sockets).length === 0) {
    const [[first, why]] = leftOut as [[ServiceName, string]];
    const others = leftOut.slice(1).map(([name]) => name).join(", ");
    throw new Error(
      `${why}${others && `; the ports of ${others} are in use too`}; ${otherPort(first)}`,
    );
  }
  for (const [service, why] of leftOut) {
    log.warn({ service, what: `left out: ${why}; ${otherPort(service)}` });
  }
  return sockets;
}

/** A free port is one that HTTP can have too. */
function openMailbox(sockets: ServiceSockets, hosts: readonly string[], port: number, withHttp: boolean) {
  if (port !== 0 || !withHttp) {
    sockets.mailbox = listenDatagrams(hosts, port);
    return;
  }
  const { datagrams, streams } = listenBoth(hosts, port);
  sockets.mailbox = datagrams;
  sockets.http = streams;
}

/**
 * Whether HTTP is answered here. The server of node:http in Deno before 2.9 takes no connection that another one has
 * accepted: it has no parser, and its answers go nowhere but into its own listener.
 */
const ANSWERS_HTTP = createServer().listenerCount("connection") > 0;

/** Beside the mailbox it is left out if it can't be had: nobody has asked for it. */
async function openHttp(
  sockets: ServiceSockets,
  hosts: readonly string[],
  http: SocketsOptions["http"],
  log: Log,
) {
  const port = http === "mailbox" ? (sockets.mailbox?.[0]?.addr as Deno.NetAddr | undefined)?.port : http;
  if (port === undefined || sockets.http !== undefined) return;
  if (!ANSWERS_HTTP) {
    const why = `HTTP needs Deno 2.9.5 or newer, and this is ${Deno.version.deno}`;
    if (http !== "mailbox") throw new Error(why);
    return log.warn({ service: "http", what: `left out: ${why}` });
  }
  try {
    sockets.http = listenStreams(hosts, port);
  } catch (error) {
    if (!(error instanceof PortTaken)) throw error;
    const holder = await portHolder(error);
    const why = `${error.message}${holder === undefined ? "" : `, by ${holder}`}`;
    if (http !== "mailbox") throw new Error(`${why}; ${otherPort("http")}`);
    log.warn({ service: "http", what: `left out: ${why}; ${otherPort("http")}` });
  }
}

function otherPort(service: ServiceName): string {
  const option = service === "room-tls"
    ? "--tls-room-port PORT"
    : service === "http"
    ? "--http PORT"
    : `${service} PORT`;
  return `'wirepost serve ${option}' takes another port`;
}

/**
 * Where the services listen, in the order in which they are reported.
 *
 * @param admin The administrator's own address, if there is no mailbox.
 */
export function listeningOn(
  { mailbox, channels, room, "room-tls": roomTls, forum, http }: ServiceSockets,
  admin: Deno.NetAddr | undefined,
): Listening[] {
  const on = (name: string, transport: "udp" | "tcp", sockets: readonly { addr: Deno.Addr }[] = []) => ({
    name,
    transport,
    addresses: sockets.map(({ addr }) => addr as Deno.NetAddr),
  });
  return [
    on("mailbox", "udp", mailbox),
    on("channels", "tcp", channels),
    on("room", "tcp", room),
    on("room-tls", "tcp", roomTls),
    on("forum", "udp", forum?.datagrams),
    on("forum", "tcp", forum?.streams),
    on("http", "tcp", http),
    on("admin", "udp", admin && [{ addr: admin }]),
  ].filter(({ addresses }) => addresses.length > 0);
}

/** The first port of each service that runs, by its name. */
export function servicePorts(sockets: ServiceSockets): Record<string, number> {
  // in reverse, so that the first address counts
  const listening = listeningOn(sockets, undefined).toReversed();
  return Object.fromEntries(listening.map(({ name, addresses }) => [name, addresses[0]!.port]).toReversed());
}

/** Closes those that are still open. */
export function closeSockets(
  { mailbox = [], channels = [], room = [], forum, http = [], ...sockets }: ServiceSockets,
) {
  const { datagrams = [], streams = [] } = forum ?? {}, roomTls = sockets["room-tls"] ?? [];
  for (const socket of [...mailbox, ...channels, ...room, ...roomTls, ...datagrams, ...streams, ...http]) {
    try {
      socket.close();
    } catch {
      // its service has closed it
    }
  }
}
