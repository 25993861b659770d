import type { Socket } from "node:net";
import { DuplexReader } from "../duplex_reader.ts";
import type { TcpSocket } from "../socket.ts";

/** Connects with node:net, to the first of the name's addresses that accepts. */
export function connectNodeTcp(
  { hostname, port, signal }: { hostname: string; port: number; signal: AbortSignal },
): Promise<TcpSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TcpSocket>();
  if (signal.aborted) return Promise.reject(signal.reason);
  const socket = process.getBuiltinModule("node:net").connect({ host: hostname, port, allowHalfOpen: true });
  const abort = () => {
    socket.destroy();
    reject(signal.reason);
  };
  const fail = (error: Error & { errors?: Error[] }) => {
    signal.removeEventListener("abort", abort);
    // of several addresses, the first says why
    reject(error.errors?.[0] ?? error);
  };
  signal.addEventListener("abort", abort);
  socket.once("error", fail);
  socket.once("connect", () => {
    signal.removeEventListener("abort", abort);
    socket.off("error", fail);
    resolve(new NodeTcpSocket(socket));
  });
  return promise;
}

/** A connection of node:net, read only as far as it is asked for. */
class NodeTcpSocket implements TcpSocket {
  readonly #socket: Socket;
  readonly #reader: DuplexReader;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new DuplexReader(socket, "The connection is closed");
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#reader.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
    );
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  setNoDelay(isOn: boolean) {
    this.#socket.setNoDelay(isOn);
  }

  close() {
    this.#socket.destroy();
  }
}
