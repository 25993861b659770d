/**
 * The sockets of all services that run. A port that is in use ends the start, and the error says which process has it
 * and how to choose another port. If nobody named the service, it is left out instead. TCP sockets that a service manager
 * hands over are used in place of those that would be opened.
 *
 * @module
 */

import { createServer } from "node:http";
import { formatAddress } from "../../protocol/syntax/address.ts";
import type { InheritedSocket } from "../net/inherited_sockets.ts";
import type { StreamSocket } from "../net/listener.ts";
import { portHolder } from "../net/port_holder.ts";
import { listenBoth, listenDatagrams, listenStreams, PortTaken } from "../net/sockets.ts";
import type { Log } from "../report/log.ts";

/** A TCP socket with its address. */
type ListeningSocket = StreamSocket & { readonly addr: Deno.Addr };

export interface ServiceSockets {
  mailbox?: Deno.DatagramConn[];
  channels?: readonly ListeningSocket[];
  room?: readonly ListeningSocket[];
  /** The room's port for TLS. */
  "room-tls"?: readonly ListeningSocket[];
  forum?: { datagrams: Deno.DatagramConn[]; streams: readonly ListeningSocket[] };
  /** On the mailbox's port, unless it has one of its own. */
  http?: readonly ListeningSocket[];
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

/** Services with TCP, each with the sockets that it was handed. */
type Inherited = ReadonlyMap<string, readonly InheritedSocket[]>;

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
 * @param handedOver Sockets that listen already; it closes those that it can't use.
 * @throws {Error} One can't be opened, or none of those that may be left out, or one that was handed over belongs to no
 *   service; then none is open.
 */
export async function openSockets(
  { hosts, ports, leaveOutTaken, http }: SocketsOptions,
  log: Log,
  handedOver: readonly InheritedSocket[] = [],
): Promise<ServiceSockets> {
  const sockets: ServiceSockets = {};
  const leftOut: [ServiceName, string][] = [];
  try {
    const inherited = servicesOf(handedOver, { ports, http });
    for (const [name, port] of Object.entries(ports) as [ServiceName, number][]) {
      try {
        const streams = inherited.get(name);
        const withHttp = http === "mailbox" && ANSWERS_HTTP && !inherited.has("http");
        if (name === "mailbox") openMailbox(sockets, hosts, port, withHttp);
        else if (name === "forum") sockets.forum = openForum(hosts, port, streams);
        else sockets[name] = streams ?? listenStreams(hosts, port);
      } catch (error) {
        if (!(error instanceof PortTaken)) throw error;
        const holder = await portHolder(error);
        const why = `${error.message}${holder === undefined ? "" : `, by ${holder}`}`;
        if (!leaveOutTaken) throw new Error(`${why}; ${otherPort(name)}`);
        leftOut.push([name, why]);
      }
    }
    if (inherited.has("http")) sockets.http = inherited.get("http")!;
    await openHttp(sockets, hosts, http, log);
  } catch (error) {
    closeSockets(sockets);
    for (const socket of handedOver) socket.close();
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

/**
 * To which service each socket belongs that was handed over: the one of its name, or else the one whose port it has.
 *
 * @throws {Error} It belongs to none that runs.
 */
function servicesOf(
  handedOver: readonly InheritedSocket[],
  { ports, http }: Pick<SocketsOptions, "ports" | "http">,
): Inherited {
  const { mailbox, ...streams } = ports;
  const httpPort = http === "mailbox" ? mailbox : http;
  const all: Partial<Record<ServiceName, number>> = {
    ...streams,
    ...httpPort === undefined || !ANSWERS_HTTP ? {} : { http: httpPort },
  };
  return Map.groupBy(handedOver, ({ name, addr }) => {
    const service = Object.hasOwn(all, name)
      ? name
      : Object.entries(all).find(([, port]) => port === addr.port)?.[0];
    if (service !== undefined) return service;
    const names = Object.keys(all).join(", ");
    throw new Error(
      `Cannot use the socket on tcp ${
        formatAddress(addr)
      } of the service manager: no service has this port; ` +
        `its FileDescriptorName= may name one: ${names || "none of those that run has TCP"}`,
    );
  });
}

/** Its files are on the port of its commands. */
function openForum(
  hosts: readonly string[],
  port: number,
  streams: readonly InheritedSocket[] | undefined,
): NonNullable<ServiceSockets["forum"]> {
  return streams === undefined
    ? listenBoth(hosts, port)
    : { datagrams: listenDatagrams(hosts, streams[0]!.addr.port), streams };
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
