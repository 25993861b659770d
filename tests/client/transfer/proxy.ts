import { createServer, type Server, type Socket } from "node:net";
import { connect } from "node:net";

/** How a connection is cut. */
export type Cut = "fin" | "rst" | "silence";

/** How a connection is cut, after how many bytes either way, and who is told of it. */
export interface Fate {
  cut: Cut;
  after: number;
  then?: () => void;
}

/** A TCP proxy that cuts each connection after so many bytes of content, and counts the cuts. */
export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly cuts: Record<Cut, number> = { fin: 0, rst: 0, silence: 0 };

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param next How the next connection is cut; undefined where it is not. */
  static async start(port: number, next: () => Fate | undefined): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new CuttingProxy(server);
    server.on(
      "connection",
      (client) => proxy.#pass(client, connect({ port, host: "127.0.0.1", allowHalfOpen: true }), next()),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose]() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client: Socket, server: Socket, fate: Fate | undefined) {
    let left = fate?.after ?? Infinity;
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => this.#sockets.delete(from));
      from.on("end", () => to.end());
      from.on("data", (bytes: Uint8Array) => {
        if (left <= 0) return;
        const part = bytes.length < left ? bytes : bytes.subarray(0, left);
        left -= part.length;
        if (!to.write(part)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
        if (left > 0) return;
        this.#cut(fate!.cut, client, server);
        fate!.then?.();
      });
    }
  }

  #cut(cut: Cut, client: Socket, server: Socket) {
    this.cuts[cut]++;
    if (cut === "silence") {
      // both stay open, and hear nothing any more
      client.pause();
      server.pause();
      return;
    }
    for (const socket of [client, server]) {
      if (cut === "rst") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  }
}
