/** Bytes of a datagram at most. */
const MAX_DATAGRAM = 65_536;

type Change = (bytes: Uint8Array<ArrayBuffer>, index: number) => Uint8Array<ArrayBuffer>[];

const SAME: Change = (bytes) => [bytes];

/**
 * Stands between a client and a server, as an attacker in the middle of them: sees what the client sends, by datagrams and
 * by connections to the same port, and may change it or send it again.
 */
export class Relay implements Disposable {
  /** Datagrams, and bytes of connections, that came from clients. */
  readonly datagrams: Uint8Array<ArrayBuffer>[] = [];
  readonly chunks: Uint8Array<ArrayBuffer>[] = [];
  /** Bytes of connections that came from the server. */
  readonly answers: Uint8Array<ArrayBuffer>[] = [];
  /** What becomes of a datagram, or of a piece of a connection: these are passed on instead. */
  change: Change = SAME;
  /** What becomes of what the server says on a connection. */
  changeAnswer: Change = SAME;
  readonly port: number;
  #server: Deno.NetAddr;
  /** Where clients send to, and where the server sends to. */
  readonly #near: Deno.DatagramConn;
  readonly #far: Deno.DatagramConn;
  readonly #listener: Deno.Listener;
  readonly #connections: Deno.Conn[] = [];
  #client: Deno.Addr | undefined;

  constructor(port: number) {
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
    const { near, listener } = bothOnOnePort();
    this.#near = near;
    this.#listener = listener;
    this.port = (near.addr as Deno.NetAddr).port;
    this.#far = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#pass(this.#near, async (datagram, from) => {
      this.#client = from;
      this.datagrams.push(datagram);
      for (const each of this.change(datagram, this.datagrams.length - 1)) await this.send(each);
    });
    this.#pass(this.#far, async (datagram) => {
      if (this.#client !== undefined) await this.#near.send(datagram, this.#client);
    });
    this.#accept();
  }

  /** Connections that clients have made. */
  get connections(): number {
    return this.#connections.length / 2;
  }

  /** The server is at this port from now on. */
  moveTo(port: number) {
    this.#server = { ...this.#server, port };
  }

  /** Ends the connections that there are. */
  cut() {
    for (const each of this.#connections.splice(0)) close(each);
  }

  /** Sends a datagram to the server, from where those of the client come for it. */
  async send(datagram: Uint8Array<ArrayBuffer>) {
    await this.#far.send(datagram, this.#server);
  }

  async #pass(
    socket: Deno.DatagramConn,
    pass: (datagram: Uint8Array<ArrayBuffer>, from: Deno.Addr) => Promise<void>,
  ) {
    try {
      for (;;) {
        const [datagram, from] = await socket.receive(new Uint8Array(MAX_DATAGRAM));
        await pass(datagram.slice(), from);
      }
    } catch {
      // it is closed
    }
  }

  async #accept() {
    try {
      for (;;) this.#join(await this.#listener.accept());
    } catch {
      // it is closed
    }
  }

  async #join(client: Deno.Conn) {
    const { hostname, port } = this.#server;
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname, port });
    } catch {
      // it does not run
      return close(client);
    }
    this.#connections.push(client, server);
    this.#copy(client, server, (bytes) => {
      this.chunks.push(bytes);
      return this.change(bytes, this.chunks.length - 1);
    });
    this.#copy(server, client, (bytes) => {
      this.answers.push(bytes);
      return this.changeAnswer(bytes, this.answers.length - 1);
    });
  }

  async #copy(
    from: Deno.Conn,
    to: Deno.Conn,
    change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>[],
  ) {
    const buffer = new Uint8Array(MAX_DATAGRAM);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (length === null) break;
        for (const bytes of change(buffer.slice(0, length))) {
          for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
        }
      }
      await to.closeWrite();
    } catch {
      // one end is closed, and the other one learns that
      for (const each of [from, to]) close(each);
    }
  }

  [Symbol.dispose]() {
    for (const each of [this.#near, this.#far, this.#listener, ...this.#connections]) close(each);
  }
}

function close(resource: { close(): void }) {
  try {
    resource.close();
  } catch {
    // it is closed already
  }
}

/** A port is the forum's for datagrams and connections: a free one of both. */
function bothOnOnePort() {
  for (;;) {
    const near = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = near.addr as Deno.NetAddr;
    try {
      return { near, listener: Deno.listen({ hostname: "127.0.0.1", port }) };
    } catch (error) {
      near.close();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
