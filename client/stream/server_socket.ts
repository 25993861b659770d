import type { Address } from "../../protocol/syntax/address.ts";
import type { DatagramSocket } from "./socket.ts";
import { sockets } from "./sockets.ts";

/** A UDP socket for one server: `received` gets every datagram that comes from the server's address. */
export class ServerSocket {
  readonly #server: Address;
  readonly #socket: DatagramSocket;
  readonly #reading: Promise<void>;

  constructor(server: Address, received: (datagram: Uint8Array) => void) {
    this.#server = server;
    const hostname = server.hostname.includes(":") ? "::" : "0.0.0.0";
    this.#socket = sockets.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#reading = this.#read(received);
  }

  async #read(received: (datagram: Uint8Array) => void) {
    const { hostname, port } = this.#server;
    // replies name the server without its zone
    const buffer = new Uint8Array(65_536), repliesFrom = hostname.split("%")[0];
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer);
        // other hosts can send to this port too
        if (from.hostname === repliesFrom && from.port === port) received(datagram);
      } catch (error) {
        // Windows reports here that the server's port is closed; a time-out reports it later
        if ((error as { code?: string }).code !== "ECONNRESET") return;
      }
    }
  }

  async send(datagram: Uint8Array<ArrayBuffer>) {
    await this.#socket.send(datagram, { transport: "udp", ...this.#server });
  }

  async close() {
    this.#socket.close();
    await this.#reading;
  }
}
