/** A TCP server that says what a test tells it to, to one client at a time. */

export class ScriptedServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  #connection: Deno.TcpConn | undefined;
  readonly #buffer = new Uint8Array(65_536);

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Waits for a client. */
  async accept(): Promise<this> {
    this.#connection?.close();
    this.#connection = await this.#listener.accept() as Deno.TcpConn;
    this.#connection.setNoDelay(true);
    return this;
  }

  /** Reads so many bytes; fewer where the client says no more. */
  async read(length: number): Promise<string> {
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const count = await this.#connection!.read(bytes.subarray(at));
      if (count === null) break;
      at += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, at));
  }

  /** Reads to the end of what the client says. */
  async readAll(): Promise<string> {
    let text = "";
    const decoder = new TextDecoder();
    for (;;) {
      const count = await this.#connection!.read(this.#buffer);
      if (count === null) return text;
      text += decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    }
  }

  /** Writes in pieces of at most so many bytes, each a segment of its own. */
  async write(text: string | Uint8Array, piece = Infinity) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection!.write(bytes.subarray(at, at + piece));
    }
  }

  /** Says no more to the client. */
  async end() {
    await this.#connection!.closeWrite();
  }

  /** Closes the connection. */
  close() {
    this.#connection?.close();
    this.#connection = undefined;
  }

  [Symbol.dispose]() {
    this.close();
    this.#listener.close();
  }
}
