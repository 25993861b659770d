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
  const listen = (hostname: string, port: number) =>
    Deno.listenDatagram({ transport: "udp", hostname, port });
  return tryPorts(port, () => onEach(hosts, port, "udp", listen));
}

/** One TCP socket for each host, all with the same port, as {@linkcode listenDatagrams} opens UDP sockets. */
export function listenStreams(hosts: readonly string[], port: number): Deno.TcpListener[] {
  const listen = (hostname: string, port: number) => Deno.listen({ transport: "tcp", hostname, port });
  return tryPorts(port, () => onEach(hosts, port, "tcp", listen));
}

/** Free ports that are tried to find one that is free on all hosts, and for both UDP and TCP. */
const MAX_TRIES = 16;

/** Opens sockets at this port; if it is 0, at another one when somebody has the one that was free on the first host. */
function tryPorts<T>(port: number, open: () => T): T {
  for (let tries = 1;; tries++) {
    try {
      return open();
    } catch (error) {
      if (port !== 0 || tries === MAX_TRIES || !(error instanceof PortTaken)) throw error;
    }
  }
}

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
  return tryPorts(port, () => {
    const datagrams = listenDatagrams(hosts, port);
    try {
      return { datagrams, streams: listenStreams(hosts, (datagrams[0]!.addr as Deno.NetAddr).port) };
    } catch (error) {
      for (const socket of datagrams) socket.close();
      throw error;
    }
  });
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
