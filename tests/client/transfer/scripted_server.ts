import { TransferPeer } from "./peer.ts";

/** A server of files that does with each connection what a test says, and counts them. */
export class ScriptedServer implements AsyncDisposable {
  connections = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<TransferPeer>();
  readonly #serving: Promise<void>;

  /** @param serve Serves one connection; it is closed when that is done, or cut. */
  constructor(serve: (peer: TransferPeer, connection: number) => Promise<void>) {
    this.#serving = this.#serve(serve);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(serve: (peer: TransferPeer, connection: number) => Promise<void>) {
    const served: Promise<void>[] = [];
    for await (const socket of this.#listener) {
      const peer = TransferPeer.of(socket);
      this.#open.add(peer);
      const gone = () => {
        this.#open.delete(peer);
        peer[Symbol.dispose]();
      };
      // a client that goes ends what the test says
      served.push(serve(peer, ++this.connections).then(gone, gone));
    }
    await Promise.all(served);
  }

  async [Symbol.asyncDispose]() {
    this.#listener.close();
    for (const peer of this.#open) peer[Symbol.dispose]();
    await this.#serving;
  }
}
