/**
 * Opens sockets on each of the addresses that the server listens on.
 *
 * @module
 */

import { formatAddress } from "../../protocol/syntax/address.ts";

/** The port is in use. */
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
 * @throws {PortTaken} The port is in use; then none is open.
 * @throws {Error} One can't be opened; then none is open.
 */
export function listenDatagrams(hosts: readonly string[], port: number): Deno.DatagramConn[] {
  return onEach(
    hosts,
    port,
    "udp",
    (hostname, port) => Deno.listenDatagram({ transport: "udp", hostname, port }),
  );
}

/** One TCP socket for each host, all with the same port, as {@linkcode listenDatagrams} opens UDP sockets. */
export function listenStreams(hosts: readonly string[], port: number): Deno.TcpListener[] {
  return onEach(hosts, port, "tcp", (hostname, port) => Deno.listen({ transport: "tcp", hostname, port }));
}

/** Free ports that are tried to find one that is free for both UDP and TCP. */
const MAX_TRIES = 16;

/**
 * A UDP and a TCP socket for each host, all with the same port.
 *
 * @param port 0 for a free one.
 * @throws {PortTaken} The port is in use; then none is open.
 * @throws {Error} One can't be opened; then none is open.
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
      if (port !== 0 || tries === MAX_TRIES) throw error;
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
    // `::` first: if it takes IPv4 too, it serves `0.0.0.0`
    for (const hostname of hosts.toSorted((a, b) => Number(b === "::") - Number(a === "::"))) {
      try {
        const socket = listen(hostname, port);
        sockets.push(socket);
        port = (socket.addr as Deno.NetAddr).port;
      } catch (error) {
        const served = hostname === "0.0.0.0" && sockets.length > 0 && hosts.includes("::");
        if (served && error instanceof Deno.errors.AddrInUse) continue;
        const message = `Cannot listen on ${transport} ${formatAddress({ hostname, port })}: ${
          // without the system's number, which Deno adds
          (error as Error).message.replace(/ \(os error \d+\)/, "")}`;
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
