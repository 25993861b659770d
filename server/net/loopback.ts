/**
 * A stream from this process to itself. What goes through it is seen only when Deno looks at its sockets.
 *
 * @module
 */

const HOST = "127.0.0.1", BYTE = new Uint8Array(1);

export class Loopback {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  readonly #buffer = new Uint8Array(1);

  private constructor(near: Deno.TcpConn, far: Deno.TcpConn) {
    this.#near = near;
    this.#far = far;
    near.setNoDelay(true);
  }

  /** @throws {Error} This machine's own address can't be connected to. */
  static async open(): Promise<Loopback> {
    try {
      using listener = Deno.listen({ hostname: HOST, port: 0 });
      const { port } = listener.addr as Deno.NetAddr;
      const near = await Deno.connect({ hostname: HOST, port });
      const own = (near.localAddr as Deno.NetAddr).port;
      try {
        for (;;) {
          const far = await listener.accept();
          if ((far.remoteAddr as Deno.NetAddr).port === own) return new Loopback(near, far);
          // somebody else was faster
          far.close();
        }
      } catch (error) {
        near.close();
        throw error;
      }
    } catch (error) {
      throw new Error(`Cannot connect to this machine's own address '${HOST}': ${(error as Error).message}`);
    }
  }

  /** Sends a byte, and resolves when it has come; also where the stream is closed meanwhile. */
  async pass() {
    try {
      const come = this.#far.read(this.#buffer);
      await Promise.all([come, this.#near.write(BYTE)]);
    } catch {
      // it is closed
    }
  }

  close() {
    this.#near.close();
    this.#far.close();
  }
}
