/**
 * What the library uses of sockets: methods that Deno's have, and Node's are given (`node/`).
 *
 * @module
 */

import type { Address } from "../../protocol/syntax/address.ts";

/** A connection over TCP. */
export interface TcpSocket {
  /** Reads up to as many bytes as the buffer holds; null if the other side sends no more. One call at a time. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, and resolves to how many. One call at a time. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends this side after what was written. */
  closeWrite(): Promise<void>;
  /** Whether small writes are sent at once. */
  setNoDelay(isOn: boolean): void;
  /** Closes it at once. What waits fails. */
  close(): void;
}

/** A UDP socket. */
export interface DatagramSocket {
  /** The next datagram, which stands in the buffer, and who sent it. */
  receive(buffer: Uint8Array): Promise<[Uint8Array, Address]>;
  /** Sends a datagram. */
  send(datagram: Uint8Array, to: Address & { transport: "udp" }): Promise<number>;
  /** Closes it. What waits fails. */
  close(): void;
}

/** How they are opened. */
export interface Sockets {
  /** Connects to the first of the name's addresses that accepts. */
  connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<TcpSocket>;
  /** Opens a socket on a free port, if the port is 0. */
  listenDatagram(options: { transport: "udp"; hostname: string; port: number }): DatagramSocket;
}
