import { connect, createServer, type Server, type Socket } from "node:net";

/** Changes what passes. `at` is where the bytes begin in their direction, and `connection` counts from 0. */
export type Change = (
  bytes: Uint8Array,
  direction: "to server" | "to client",
  at: number,
  connection: number,
) => Uint8Array | undefined;

/** Somebody on the way of TCP connections, who keeps all that passes, and may change it. */
export class Relay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #recorded: Uint8Array[] = [];
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param change Nothing is changed where it returns undefined. */
  static async start(port: number, change: Change = () => undefined): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true }), relay = new Relay(server);
    server.on("connection", (client) => {
      const out = connect({ port, host: "127.0.0.1", allowHalfOpen: true }), number = relay.connections++;
      relay.#pass(client, out, (bytes, at) => change(bytes, "to server", at, number));
      relay.#pass(out, client, (bytes, at) => change(bytes, "to client", at, number));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** All that has passed, as it came, in both directions. */
  get recorded(): Uint8Array {
    return Uint8Array.from(this.#recorded.flatMap((bytes) => [...bytes]));
  }

  #pass(from: Socket, to: Socket, change: (bytes: Uint8Array, at: number) => Uint8Array | undefined) {
    let at = 0;
    this.#sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => this.#sockets.delete(from));
    from.on("end", () => to.end());
    from.on("data", (bytes: Uint8Array) => {
      this.#recorded.push(bytes.slice());
      const changed = change(bytes, at) ?? bytes;
      at += bytes.length;
      if (to.write(changed)) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
  }

  async [Symbol.asyncDispose]() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
