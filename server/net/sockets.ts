/**
 * Sockets on each of the addresses that the server is told to listen on.
 *
 * @module
 */

import { formatAddress } from "../../protocol/address.ts";

/** Another socket has the port. */
export class PortTaken extends Error {
  override name = "PortTaken";

  constructor(
    message: string,
    readonly transport: "udp" | "tcp",
    readonly hostname: string,
    readonly port: number,
  ) {
    super(message);
  }
}

/**
 * One UDP socket for each host, all with the same port.
 *
 * @param port 0 for a free one.
 * @throws {PortTaken} Another socket has the port; then there is none.
 * @throws {Error} One of them can't be had; then there is none.
 */
export function listenDatagrams(hosts: readonly string[], port: number): Deno.DatagramConn[] {
  return onEach(
    hosts,
    port,
    "udp",
    (hostname, port) => Deno.listenDatagram({ transport: "udp", hostname, port }),
  );
}

/** One TCP socket for each host, all with the same port, as {@linkcode listenDatagrams} does it. */
export function listenStreams(hosts: readonly string[], port: number): Deno.TcpListener[] {
  return onEach(hosts, port, "tcp", (hostname, port) => Deno.listen({ transport: "tcp", hostname, port }));
}

/** Free ports that are tried where one is to be free for UDP and for TCP. */
const TRIES = 16;

/**
 * A UDP and a TCP socket for each host, all with the same port.
 *
 * @param port 0 for a free one.
 * @throws {PortTaken} Another socket has the port; then there is none.
 * @throws {Error} One of them can't be had; then there is none.
 */
export function listenBoth(
  hosts: readonly string[],
  port: number,
): { datagrams: Deno.DatagramConn[]; streams: Deno.TcpListener[] } {
  for (let tries = 1;; tries++) {
    const datagrams = listenDatagrams(hosts, port);
    try {
      return { datagrams, streams: listenStreams(hosts, (datagrams[0]!.addr as Deno.NetAddr).port) };
    } catch (error) {
      for (const socket of datagrams) socket.close();
      if (port !== 0 || tries === TRIES) throw error;
    }
  }
}

function onEach<S extends { readonly addr: Deno.Addr; close(): void }>(
  hosts: readonly string[],
  port: number,
  transport: "udp" | "tcp",
  listen: (hostname: string, port: number) => S,
): S[] {
  const sockets: S[] = [];
  try {
    // `::` first: where it takes IPv4 as well, `0.0.0.0` is served by it
    for (const hostname of hosts.toSorted((a, b) => Number(b === "::") - Number(a === "::"))) {
      try {
        const socket = listen(hostname, port);
        sockets.push(socket);
        port = (socket.addr as Deno.NetAddr).port;
      } catch (error) {
        const served = hostname === "0.0.0.0" && sockets.length > 0 && hosts.includes("::");
        if (served && error instanceof Deno.errors.AddrInUse) continue;
        const message = `Cannot listen on ${transport} ${formatAddress({ hostname, port })}: ${
          (error as Error).message
        }`;
        throw error instanceof Deno.errors.AddrInUse
          ? new PortTaken(message, transport, hostname, port)
          : new Error(message);
      }
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return sockets;
}
