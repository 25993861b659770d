/**
 * TCP sockets that listen already, and that a service manager hands over: sd_listen_fds(3). They stay open while no server
 * runs, so clients that connect meanwhile wait for the next one.
 *
 * Deno has no way to take over a UDP socket (2.9.6): `Deno.listenDatagram` takes no descriptor, and `bind` of node:dgram
 * refuses it ("Unsupported fd type"). `listen` of node:net takes one of TCP.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { DuplexReader } from "./duplex_reader.ts";
import type { Stream, StreamSocket } from "./listener.ts";

/** Variables of the environment that say which there are. */
export const LISTEN_VARIABLES = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] as const;

/** What they say; undefined where they are not set. */
export type ListenVariables = Readonly<Partial<Record<typeof LISTEN_VARIABLES[number], string | undefined>>>;

/** The descriptor of the first one. */
const FIRST_DESCRIPTOR = 3;

/** Most sockets that are handed over; each service has a few. */
const MAX_DESCRIPTORS = 64;

/** Connections that may wait until the server accepts them; it does at once, unless it has others to serve first. */
export const MAX_WAITING_CONNECTIONS = 4096;

/** Most bytes of one write: so often is seen whether the client reads. */
const MAX_WRITE_BYTES = 65_536;

/**
 * The sockets that this process was handed; none if the variables are not for it.
 *
 * @throws {Error} One is no TCP socket that listens; then none is open.
 */
export async function inheritedSockets(variables: ListenVariables): Promise<InheritedSocket[]> {
  const { LISTEN_FDS = "", LISTEN_PID, LISTEN_FDNAMES = "" } = variables;
  const count = /^\d{1,5}$/.test(LISTEN_FDS) && LISTEN_PID === `${Deno.pid}` ? Number(LISTEN_FDS) : 0;
  if (count > MAX_DESCRIPTORS) {
    throw new Error(`Cannot take over ${count} sockets: expected at most ${MAX_DESCRIPTORS}`);
  }
  const names = LISTEN_FDNAMES.split(":"), sockets: InheritedSocket[] = [];
  try {
    for (let i = 0; i < count; i++) {
      sockets.push(await InheritedSocket.open(FIRST_DESCRIPTOR + i, names[i] ?? ""));
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return sockets;
}

/** A socket that was handed over. */
export class InheritedSocket implements StreamSocket<InheritedStream> {
  readonly addr: Deno.NetAddr;
  /** What the service manager calls it; it may call several so. */
  readonly name: string;
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #accepting: PromiseWithResolvers<InheritedStream> | undefined;
  #isClosed = false;

  private constructor(server: Server, addr: Deno.NetAddr, name: string) {
    this.#server = server;
    this.addr = addr;
    this.name = name;
    server.on("connection", (socket) => this.#connected(socket));
    server.on("error", (error) => this.#fail(error));
  }

  /** @throws {Error} It is no TCP socket that listens. */
  static async open(descriptor: number, name: string): Promise<InheritedSocket> {
    // its client may end its side and still read
    const server = createServer({ allowHalfOpen: true });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ fd: descriptor }, resolve);
      });
      server.removeAllListeners("error");
    } catch (error) {
      throw notTaken(descriptor, name, (error as Error).message);
    }
    const address = server.address();
    if (address === null || typeof address === "string") {
      server.close();
      throw notTaken(descriptor, name, "it has no port");
    }
    const addr: Deno.NetAddr = { transport: "tcp", hostname: address.address, port: address.port };
    return new InheritedSocket(server, addr, name);
  }

  /** As that of a `Deno.Listener`. One call at a time. */
  accept(): Promise<InheritedStream> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return Promise.resolve(new InheritedStream(waiting));
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("Listener has been closed"));
    this.#accepting = Promise.withResolvers();
    return this.#accepting.promise;
  }

  /** Accepts no more; the service manager still has the socket. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#fail(new Deno.errors.BadResource("Listener has been closed"));
  }

  #connected(socket: Socket) {
    // an error of a socket that nobody reads yet would end the process
    socket.on("error", () => {});
    const isGone = socket.remoteAddress === undefined;
    if (isGone || this.#isClosed || this.#waiting.length >= MAX_WAITING_CONNECTIONS) return socket.destroy();
    if (this.#accepting === undefined) return void this.#waiting.push(socket);
    this.#accepting.resolve(new InheritedStream(socket));
    this.#accepting = undefined;
  }

  #fail(error: Error) {
    this.#accepting?.reject(error);
    this.#accepting = undefined;
  }
}

function notTaken(descriptor: number, name: string, why: string): Error {
  const which = name === "" ? `${descriptor}` : `${descriptor} (${name})`;
  return new Error(
    `Cannot take over socket ${which} of the service manager: ${why}; only TCP sockets that listen can be`,
  );
}

/** A connection that came through such a socket. */
export class InheritedStream implements Stream {
  readonly remoteAddr: Deno.NetAddr;
  readonly #socket: Socket;
  readonly #reader: DuplexReader;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new DuplexReader(socket);
    const { remoteAddress = "", remotePort = 0 } = socket;
    this.remoteAddr = { transport: "tcp", hostname: remoteAddress, port: remotePort };
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#reader.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.length > MAX_WRITE_BYTES ? bytes.subarray(0, MAX_WRITE_BYTES) : bytes;
    return new Promise((resolve, reject) =>
      this.#socket.write(piece, (error) => error ? reject(error) : resolve(piece.length))
    );
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close() {
    this.#socket.destroy();
    // who reads or writes just now is not kept waiting
    this.#reader.fail(new Deno.errors.BadResource("the connection is closed"));
  }

  setNoDelay(on: boolean) {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean) {
    this.#socket.setKeepAlive(on);
  }
}
