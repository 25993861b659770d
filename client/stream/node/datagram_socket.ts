import type { Socket } from "node:dgram";
import type { Address } from "../../../protocol/syntax/address.ts";
import type { DatagramSocket } from "../socket.ts";

/** Datagrams that wait to be received, at most. What comes beyond is lost, as in a full buffer of the system. */
const MAX_WAITING = 1024;

/** A UDP socket of node:dgram. */
export class NodeDatagramSocket implements DatagramSocket {
  readonly #socket: Socket;
  readonly #waiting: [Uint8Array, Address][] = [];
  #failure: Error | undefined;
  #wake = () => {};

  constructor(hostname: string, port: number) {
    const type = hostname.includes(":") ? "udp6" : "udp4", family = type === "udp6" ? 6 : 4;
    this.#socket = process.getBuiltinModule("node:dgram").createSocket({
      type,
      // it is given addresses, and would look each of them up
      lookup: (address, _options, done) => done(null, address, family),
    });
    this.#socket.on("message", (datagram, { address, port }) => {
      if (this.#waiting.length >= MAX_WAITING) return;
      // replies of Deno's sockets have no zone
      this.#waiting.push([datagram, { hostname: address.split("%")[0]!, port }]);
      this.#wake();
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("The socket is closed")));
    this.#socket.bind(port, hostname);
  }

  #fail(error: Error) {
    this.#failure = error;
    this.#wake();
  }

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Address]> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        const [datagram, from] = next;
        buffer.set(datagram);
        return [buffer.subarray(0, datagram.length), from];
      }
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        // on Windows it says no more than that one datagram did not arrive
        if ((failure as { code?: string }).code === "ECONNRESET") this.#failure = undefined;
        throw failure;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  send(datagram: Uint8Array, { hostname, port }: Address): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.send(datagram, port, hostname, (error, bytes) => error ? reject(error) : resolve(bytes))
    );
  }

  close() {
    this.#socket.close();
  }
}
