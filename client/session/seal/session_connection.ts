import { setImmediate } from "node:timers";
import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
import type { TransferKeys } from "../../../protocol/transfer/records.ts";
import { resolveServer } from "../../stream/address.ts";
import { ServerSocket } from "../../stream/server_socket.ts";
import type { OnBusy } from "../busy_backoff.ts";
import type { SessionEnvironment } from "../environment.ts";
import type { SessionResume, SessionState } from "../identity.ts";
import { RoundTrips } from "../loss/round_trips.ts";
import { setSocketTimer } from "../socket_timer.ts";
import { type KnownServers, type Trust, trustOf } from "./known_servers.ts";
import type { Credentials } from "./login.ts";
import { ClientSeal, type SealedSession } from "./seal.ts";

/** Where a server is, and who connects to it. */
export interface ConnectOptions {
  /** Name or address of the server. */
  hostname?: string;
  /** Its UDP port. */
  port?: number;
  /** Milliseconds without any answer after which the server is given up; 10 s by default. */
  timeout?: number;
  /**
   * Called when the server has no room for this client, and when it has room again. Requests are repeated for up to 60 s,
   * and then fail with a `BusyError`.
   */
  onBusy?: OnBusy;
  /** The state of an earlier connection, to go on with its next number: nothing is stored twice. */
  resume?: SessionResume;
  /**
   * Called with what a later connection needs to go on as this one, before the first message is sent, which waits for it.
   * It is called again if the session has to begin anew, and not at all if it logs in.
   */
  onBegin?(state: SessionState): Promise<void>;
  /** Logs in: everything is sealed then. */
  as?: Credentials;
  /** The server's key, as the server logs it. Without it, the key is taken from the servers that are known. */
  serverKey?: string;
  /** The servers that are known; the user's own file by default. */
  knownServers?: KnownServers;
}

/** The service to connect to. */
interface ServedBy {
  /** Its name in the seal. */
  service: "mailbox" | "forum";
  /** Its port, if none is given. */
  port: number;
  /** Whether a name stays active while nothing is sent. */
  keepAlive?: boolean;
}

/** What a connection needs of a session. */
interface ConnectedSession extends SealedSession {
  readonly state: SessionState;
  close(limit: number): Promise<void>;
}

type NewSession<S> = (environment: SessionEnvironment, resume: SessionResume | undefined) => S;

/** Of all servers that this program has talked to. */
const ROUND_TRIPS = new RoundTrips();

/** Longest time to leave: a server that does not answer frees the name by itself. */
const LEAVE_MS = 1000;

/** One socket, and one session on it, sealed if it logs in. */
export class SessionConnection<S extends ConnectedSession> {
  readonly session: S;
  /** The server's address. */
  readonly server: Address;
  readonly #socket: ServerSocket;
  readonly #seal: ClientSeal | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Looks the server up and prepares a session. Nothing is sent yet, unless it logs in: then it has.
   *
   * @throws {Error} There is no server of that name.
   * @throws {LoginError} The server refuses the log-in, or could not prove that it knows the account.
   * @throws {ServerKeyError} The server has another key than it should have; nothing was sent to it.
   * @throws {ServerTimeoutError} There was no answer to the log-in.
   */
  static async open<S extends ConnectedSession>(
    options: ConnectOptions,
    served: ServedBy,
    newSession: NewSession<S>,
  ): Promise<SessionConnection<S>> {
    const { hostname = "127.0.0.1", port = served.port, as } = options;
    const server = await resolveServer(hostname, port);
    if (as === undefined) return new SessionConnection(server, options, served, newSession);
    const trust = await trustOf(formatAddress({ hostname: hostname.toLowerCase(), port }), options);
    const connection = new SessionConnection(server, options, served, newSession, { as, trust });
    try {
      await connection.#seal!.open(connection.session.state.id);
    } catch (error) {
      await connection.close(0);
      throw error;
    }
    return connection;
  }

  private constructor(
    server: Address,
    { timeout, resume, onBegin, onBusy }: ConnectOptions,
    { service, keepAlive = false }: ServedBy,
    newSession: NewSession<S>,
    login?: { as: Credentials; trust: Trust },
  ) {
    this.server = server;
    const socket = new ServerSocket(server, (datagram) => (this.#seal ?? this.session).received(datagram));
    this.#socket = socket;
    const environment = {
      monotonicClock: () => performance.now(),
      setTimer: setSocketTimer,
      endOfTurn: (callback: () => void) => void setImmediate(callback),
      random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
      // a datagram that can't be sent is one that was lost
      send: (datagram: Uint8Array<ArrayBuffer>) => socket.send(datagram).catch(() => {}),
      server: formatAddress(server),
      roundTrip: ROUND_TRIPS.of(formatAddress(server)),
      timeout,
      onBusy,
      onBegin,
    };
    if (login === undefined) {
      this.session = newSession(environment, resume);
      return;
    }
    const { as, trust } = login;
    const send = (datagram: Uint8Array<ArrayBuffer>) => this.#seal!.send(datagram);
    this.session = newSession({ ...environment, send }, resume);
    this.#seal = new ClientSeal({ ...environment, ...trust, service, keepAlive }, as, this.session);
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

  /** Sends a control message under the seal, which it has: what comes back is given to the session. */
  control(message: Uint8Array): Promise<void> | void {
    return this.#seal?.control(message);
  }

  /** The keys of a transfer: see {@linkcode ClientSeal.transferKeys}. */
  transferKeys(ticket: string): TransferKeys | undefined {
    return this.#seal?.transferKeys(ticket);
  }

  /** Waits until everything has its outcome, up to `limit` milliseconds, leaves, and closes the socket. */
  close(limit = 5000): Promise<void> {
    return this.#closed ??= this.#close(limit);
  }

  async #close(limit: number) {
    try {
      await this.session.close(limit);
      await this.#seal?.close(Math.min(limit, LEAVE_MS));
    } finally {
      await this.#socket.close();
    }
  }
}
