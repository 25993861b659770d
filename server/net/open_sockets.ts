/**
 * The sockets of all services that are to run. A port that is taken ends the start, with who has it and how to move the
 * service; or it costs its own service alone, where nobody asked for that by name.
 *
 * @module
 */

import { portHolder } from "./port_holder.ts";
import type { ServiceName } from "../server.ts";
import { listenBoth, listenDatagrams, listenStreams, PortTaken } from "./sockets.ts";

export interface ServiceSockets {
  mailbox?: Deno.DatagramConn[];
  channels?: Deno.TcpListener[];
  room?: Deno.TcpListener[];
  forum?: { datagrams: Deno.DatagramConn[]; streams: Deno.TcpListener[] };
}

export interface SocketsOptions {
  hosts: readonly string[];
  /** Port of each service that is to run, or 0 for a free one. */
  ports: Readonly<Partial<Record<ServiceName, number>>>;
  /** Whether a service whose port is taken is left out, as long as another one can run. */
  leaveOutTaken: boolean;
  /** Is told of a service that is left out, and why. */
  onLeftOut(service: ServiceName, why: string): void;
}

/**
 * Opens them.
 *
 * @throws {Error} One can't be had, or none of those that may be left out; then none is open.
 */
export async function openSockets(options: SocketsOptions): Promise<ServiceSockets> {
  const { hosts, ports, leaveOutTaken, onLeftOut } = options;
  const sockets: ServiceSockets = {};
  const leftOut: [ServiceName, string][] = [];
  try {
    for (const [name, port] of Object.entries(ports) as [ServiceName, number][]) {
      try {
        if (name === "mailbox") sockets.mailbox = listenDatagrams(hosts, port);
        else if (name === "forum") sockets.forum = listenBoth(hosts, port);
        else sockets[name] = listenStreams(hosts, port);
      } catch (error) {
        if (!(error instanceof PortTaken)) throw error;
        const holder = await portHolder(error);
        const why = `${error.message}${holder === undefined ? "" : `, by ${holder}`}`;
        if (!leaveOutTaken) throw new Error(`${why}; 'wirepost serve ${name} PORT' takes another port`);
        leftOut.push([name, why]);
      }
    }
  } catch (error) {
    closeSockets(sockets);
    throw error;
  }
  if (leftOut.length > 0 && Object.keys(sockets).length === 0) {
    const whys = leftOut.map(([, why]) => why).join("; ");
    throw new Error(`${whys}; 'wirepost serve mailbox PORT', and so on, take other ports`);
  }
  for (const [name, why] of leftOut) {
    onLeftOut(name, `left out: ${why}; 'wirepost serve ${name} PORT' takes another port`);
  }
  return sockets;
}

/** Closes those that are not closed yet. */
export function closeSockets({ mailbox = [], channels = [], room = [], forum }: ServiceSockets) {
  const { datagrams = [], streams = [] } = forum ?? {};
  for (const socket of [...mailbox, ...channels, ...room, ...datagrams, ...streams]) {
    try {
      socket.close();
    } catch {
      // its service has closed it
    }
  }
}
