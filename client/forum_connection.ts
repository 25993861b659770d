/**
 * Connects to a forum and logs in.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectForum } from "./client/forum_connection.ts";
 *
 * await using forum = await connectForum({ as: { name: "yoda", password: "jedi", make: true } });
 * await forum.create("thread0");
 * await forum.post("thread0", "hello, all");
 * for await (const entry of forum.read("thread0")) console.log(entry);
 * ```
 *
 * @module
 */

import { FORUM_PORT } from "../protocol/forum.ts";
import { resolveServer } from "./address.ts";
import { formatAddress } from "./connection.ts";
import { Forum } from "./forum.ts";
import { type ConnectOptions, type Trust, trustOf } from "./reliable_mailbox.ts";
import { ClientSeal } from "./seal.ts";
import { ClientSession } from "./session.ts";

export { type Credentials, KnownServers, ServerKeyError } from "./reliable_mailbox.ts";
export * from "./session_errors.ts";
export { Forum };

/** Longest time that it takes to leave, in milliseconds: a server that is gone frees the name by itself. */
const LEAVING = 1000;

export type ForumConnectOptions =
  & Omit<ConnectOptions, "resume" | "as">
  & Required<Pick<ConnectOptions, "as">>;

/**
 * Looks the server up and logs in.
 *
 * @throws {LoginError} The server refuses the log-in, or could not prove who it is.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was told to it.
 * @throws {ServerGoneError} There was no answer.
 */
export async function connectForum(options: ForumConnectOptions): Promise<Forum> {
  const { hostname = "127.0.0.1", port = FORUM_PORT } = options;
  const server = await resolveServer(hostname, port);
  const connection = new SealedConnection(
    server,
    options,
    await trustOf(formatAddress(hostname.toLowerCase(), port), options),
  );
  try {
    await connection.open();
  } catch (error) {
    await connection.close(0);
    throw error;
  }
  return new Forum(connection, { hostname: server.address.hostname, port });
}

/** One socket, and one session on it that is logged in. */
class SealedConnection {
  readonly #socket: Deno.DatagramConn;
  readonly #session: ClientSession;
  readonly #seal: ClientSeal;
  readonly #reading: Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(
    { address, family }: { address: Deno.NetAddr; family: number },
    { as, timeout }: ForumConnectOptions,
    trust: Trust,
  ) {
    const socket = this.#socket = Deno.listenDatagram({
      transport: "udp",
      hostname: family === 6 ? "::" : "0.0.0.0",
      port: 0,
    });
    const environment = {
      now: () => performance.now(),
      setTimer(ms: number, callback: () => void) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
      random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
      // a datagram that can't be sent is one that was lost
      send: (datagram: Uint8Array<ArrayBuffer>) => socket.send(datagram, address).then(() => {}, () => {}),
      server: formatAddress(address.hostname, address.port),
      ...timeout === undefined ? {} : { timeout },
    };
    this.#session = new ClientSession({ ...environment, send: (datagram) => this.#seal.send(datagram) });
    this.#seal = new ClientSeal(
      { ...environment, ...trust, service: "forum", keepAlive: true },
      as,
      this.#session,
    );
    this.#reading = this.#read(address);
  }

  async open() {
    await this.#seal.open(this.#session.state.id);
  }

  async #read({ hostname, port }: Deno.NetAddr) {
    const buffer = new Uint8Array(65_536), repliesFrom = hostname.split("%")[0];
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
        // anybody can send to this port
        if (from.hostname === repliesFrom && from.port === port) this.#seal.received(datagram);
      } catch (error) {
        // Windows tells here that nobody listens where we sent to; the session finds out by itself
        if (!(error instanceof Deno.errors.ConnectionReset)) return;
      }
    }
  }

  change: ClientSession["change"] = (...args) => this.#session.change(...args);
  inquire: ClientSession["inquire"] = (inquiry) => this.#session.inquire(inquiry);

  close(limit = 5000): Promise<void> {
    return this.#closed ??= this.#close(limit);
  }

  async #close(limit: number) {
    try {
      await this.#session.close(limit);
      await this.#seal.close(Math.min(limit, LEAVING));
    } finally {
      this.#socket.close();
      await this.#reading;
    }
  }
}
