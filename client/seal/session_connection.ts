import { formatAddress } from "../../protocol/address.ts";
import { resolveServer } from "../stream/address.ts";
import type { OnBusy } from "../session/busy.ts";
import { type KnownServers, type Trust, trustOf } from "./known_servers.ts";
import type { Credentials } from "./login.ts";
import { ClientSeal } from "./seal.ts";
import { Session, type SessionResume, type SessionState } from "../session/session.ts";

/** Where a server is, and who connects to it. */
export interface ConnectOptions {
  /** Name or address of the server. */
  hostname?: string;
  /** Its UDP port. */
  port?: number;
  /** Milliseconds without any answer after which the server counts as gone; 10 s by default. */
  timeout?: number;
  /**
   * Is told when the server has no room for this client, and when it has some again. It is asked for up to 60 s; what is
   * open then fails with a `BusyError`.
   */
  onBusy?: OnBusy;
  /** The state of an earlier connection, to go on with its next number: nothing is stored twice. */
  resume?: SessionResume;
  /**
   * Is told what a later connection needs to go on as this one, before the first message is sent, which waits for it.
   * It is told again where the session had to begin anew, and not at all where it logs in.
   */
  onBegin?(state: SessionState): Promise<void>;
  /** Logs in: everything then travels under a seal. */
  as?: Credentials;
  /** The server's key, as it logs it. Without it, the servers are remembered that were logged in to. */
  serverKey?: string;
  /** Where they are remembered; the user's own file by default. */
  knownServers?: KnownServers;
}

/** What is connected to. */
export interface ServedBy {
  /** As the seal names it. */
  service: "mailbox" | "forum";
  /** Its port, where none is given. */
  port: number;
  /** Whether a name stays active while there is nothing to say. */
  keepAlive?: boolean;
}

/** Longest time that it takes to leave, in milliseconds: a server that is gone frees the name by itself. */
const LEAVING = 1000;

/** One socket, and one session on it: under a seal, where it is logged in. */
export class SessionConnection {
  readonly session: Session;
  /** The server's address. */
  readonly server: Deno.NetAddr;
  readonly #socket: Deno.DatagramConn;
  readonly #seal: ClientSeal | undefined;
  readonly #reading: Promise<void>;
  #closed: Promise<void> | undefined;

  /**
   * Looks the server up and makes ready to talk to it. Nothing is sent yet, unless it is to log in: then it has.
   *
   * @throws {Error} There is no server of that name.
   * @throws {LoginError} The server refuses the log-in, or could not prove who it is.
   * @throws {ServerKeyError} The server has another key than it should have; nothing was told to it.
   * @throws {ServerGoneError} There was no answer to the log-in.
   */
  static async open(options: ConnectOptions, served: ServedBy): Promise<SessionConnection> {
    const { hostname = "127.0.0.1", port = served.port, as } = options;
    const server = await resolveServer(hostname, port);
    if (as === undefined) return new SessionConnection(server, options, served);
    const trust = await trustOf(formatAddress({ hostname: hostname.toLowerCase(), port }), options);
    const connection = new SessionConnection(server, options, served, { as, trust });
    try {
      await connection.#seal!.open(connection.session.state.id);
    } catch (error) {
      await connection.close(0);
      throw error;
    }
    return connection;
  }

  private constructor(
    { address, family }: { address: Deno.NetAddr; family: number },
    { timeout, resume, onBegin, onBusy }: ConnectOptions,
    { service, keepAlive = false }: ServedBy,
    login?: { as: Credentials; trust: Trust },
  ) {
    this.server = address;
    const socket = this.#socket = Deno.listenDatagram({
      transport: "udp",
      hostname: family === 6 ? "::" : "0.0.0.0",
      port: 0,
    });
    const environment = {
      monotonicClock: () => performance.now(),
      setTimer(ms: number, callback: () => void) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
      random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
      // a datagram that can't be sent is one that was lost
      send: (datagram: Uint8Array<ArrayBuffer>) => socket.send(datagram, address).then(() => {}, () => {}),
      server: formatAddress(address),
      ...timeout === undefined ? {} : { timeout },
      ...onBusy === undefined ? {} : { onBusy },
      ...onBegin === undefined ? {} : { onBegin },
    };
    const send = login === undefined
      ? environment.send
      : (datagram: Uint8Array<ArrayBuffer>) => this.#seal!.send(datagram);
    this.session = new Session({ ...environment, send }, resume);
    if (login !== undefined) {
      const { as, trust } = login;
      this.#seal = new ClientSeal({ ...environment, ...trust, service, keepAlive }, as, this.session);
    }
    this.#reading = this.#read();
  }

  async #read() {
    const { hostname, port } = this.server;
    // as replies name it: without its zone
    const buffer = new Uint8Array(65_536), repliesFrom = hostname.split("%")[0];
    const receiver = this.#seal ?? this.session;
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
        // anybody can send to this port
        if (from.hostname === repliesFrom && from.port === port) receiver.received(datagram);
      } catch (error) {
        // Windows tells here that nobody listens where we sent to; the session finds out by itself
        if (!(error instanceof Deno.errors.ConnectionReset)) return;
      }
    }
  }

  /**
   * Gives the account that it is logged in to another password. Every other session of the account ends.
   *
   * @throws {LoginError} The server refuses it.
   */
  async setPassword(password: string): Promise<void> {
    if (this.#seal === undefined) throw new TypeError("Cannot set a password: not logged in");
    await this.#seal.setPassword(password);
  }

  /** Waits for what is open, up to `limit` milliseconds, leaves, and closes the socket. */
  close(limit = 5000): Promise<void> {
    return this.#closed ??= this.#close(limit);
  }

  async #close(limit: number) {
    try {
      await this.session.close(limit);
      await this.#seal?.close(Math.min(limit, LEAVING));
    } finally {
      this.#socket.close();
      await this.#reading;
    }
  }
}
