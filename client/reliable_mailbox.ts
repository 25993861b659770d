/**
 * Sends messages to a mailbox server and receives them through the reliable session: what `send` resolves for is on the
 * server's disk, once, and what is received is given out again until it is acknowledged.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectMailbox } from "./client/reliable_mailbox.ts";
 *
 * await using mailbox = await connectMailbox({ port: 21001 });
 * await mailbox.send("bob", "alice", "How are you?");
 * for await (const message of mailbox.messages("bob")) {
 *   await message.ack();
 *   break;
 * }
 * ```
 *
 * @module
 */

import { MAILBOX_PORT } from "../protocol/mailbox.ts";
import { resolveServer } from "./address.ts";
import { KnownServers, ServerKeyError } from "./known_servers.ts";
import type { Credentials } from "./login.ts";
import { ClientSeal } from "./seal.ts";
import {
  ClientSession,
  type Lease,
  type LeasedMessage,
  type PutMessage,
  type SessionState,
} from "./session.ts";

export * from "./session_errors.ts";
export { type Credentials, KnownServers, ServerKeyError, type SessionState };

export interface ConnectOptions {
  /** Name or address of the server. */
  hostname?: string;
  /** Its UDP port. */
  port?: number;
  /** Milliseconds without any answer after which the server counts as gone; 10 s by default. */
  timeout?: number;
  /** The state of an earlier connection, to go on with its next number: nothing is stored twice. */
  resume?: Omit<SessionState, "low">;
  /** Logs in: everything then travels under a seal, and the mailbox of the name is its own. */
  as?: Credentials;
  /** The server's key, as it logs it. Without it, the servers are remembered that were logged in to. */
  serverKey?: string;
  /** Where they are remembered; the user's own file by default. */
  knownServers?: KnownServers;
}

/** What is wanted beside the text of a message. */
export type SendOptions = Pick<PutMessage, "delay" | "ttl" | "wait" | "signal">;

export interface ReceiveOptions {
  /** Milliseconds to wait for each message; without an end by default. */
  wait?: number;
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Messages that are asked for ahead, 1 to 64. Those that are not reached are given back. */
  prefetch?: number;
}

/** For how long messages are leased, and how often the lease is prolonged while one of them is worked on, in ms. */
const LEASE = 30_000, PROLONG = 10_000;

/** Longest time that it takes to leave, in milliseconds: a server that is gone frees the name by itself. */
const LEAVING = 1000;

/** The longest wait that is asked for at a time, in milliseconds. */
const LONGEST_WAIT = 3_600_000;

/**
 * Looks the server up and makes ready to talk to it. Nothing is sent yet, unless it is to log in: then it has.
 *
 * @throws {LoginError} The server refuses the log-in, or could not prove who it is.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was told to it.
 * @throws {ServerGoneError} There was no answer to the log-in.
 */
export async function connectMailbox(options: ConnectOptions = {}): Promise<Mailbox> {
  const { hostname = "127.0.0.1", port = MAILBOX_PORT, as } = options;
  const address = await resolveServer(hostname, port);
  if (as === undefined) return new Mailbox(address, options);
  const name = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname.toLowerCase()}:${port}`;
  const mailbox = new Mailbox(address, options, await trustOf(name, options));
  try {
    await mailbox.open();
  } catch (error) {
    await mailbox.close(0);
    throw error;
  }
  return mailbox;
}

/** Who is to be trusted, and what becomes of it. */
export interface Trust {
  trust(key: string): void;
  trusted(key: string): Promise<void> | void;
}

export async function trustOf(server: string, { serverKey, knownServers }: ConnectOptions): Promise<Trust> {
  const check = (expected: string, where: string) => (key: string) => {
    if (key === expected) return;
    throw new ServerKeyError(`The server at ${server} has the key ${key}, but ${where} ${expected}`);
  };
  if (serverKey !== undefined) return { trust: check(serverKey, "was to have"), trusted() {} };
  const known = knownServers ?? new KnownServers(), key = await known.keyOf(server);
  if (key !== undefined) return { trust: check(key, `${known.path} says`), trusted() {} };
  let first: string | undefined;
  return {
    trust(key) {
      if (first !== undefined) check(first, "had")(key);
    },
    async trusted(key) {
      if (first === undefined) await known.add(server, key);
      first = key;
    },
  };
}

/** A message that is leased to this client until it is acknowledged or given back. */
export class ReceivedMessage implements LeasedMessage {
  readonly id: number;
  /** How many times it was given out, this time included. */
  readonly attempt: number;
  /** When the server received it, in milliseconds since 1970. */
  readonly time: number;
  readonly from: string;
  readonly text: string;
  readonly #lease: Lease;
  readonly #onDone: (id: number) => void;

  /** @ignore */
  constructor(message: LeasedMessage, lease: Lease, onDone: (id: number) => void) {
    ({ id: this.id, attempt: this.attempt, time: this.time, from: this.from, text: this.text } = message);
    this.#lease = lease;
    this.#onDone = onDone;
  }

  /** Removes it. Resolves to whether it was still this client's: if not, somebody else has it, or has had it. */
  async ack(): Promise<boolean> {
    this.#onDone(this.id);
    return (await this.#lease.ack([this.id])).length === 0;
  }

  /** Gives it back, to come again at its place in the order; `failed` counts as an attempt. */
  async back(why: "failed" | "unused" = "unused"): Promise<boolean> {
    this.#onDone(this.id);
    return (await this.#lease.back([this.id], why)).length === 0;
  }
}

/** A connection to a mailbox server: one socket, and one session on it. */
export class Mailbox implements AsyncDisposable {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;
  /** The server's address as replies name it, without its zone. */
  readonly #repliesFrom: string;
  readonly #session: ClientSession;
  readonly #seal: ClientSeal | undefined;
  readonly #reading: Promise<void>;

  /** @ignore */
  constructor(
    { address, family }: { address: Deno.NetAddr; family: number },
    options: ConnectOptions = {},
    trust?: Trust,
  ) {
    this.#server = address;
    this.#repliesFrom = address.hostname.split("%")[0]!;
    this.#socket = Deno.listenDatagram({
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
      send: (datagram: Uint8Array<ArrayBuffer>) =>
        this.#socket.send(datagram, this.#server).then(() => {}, () => {}),
      server: address.hostname.includes(":")
        ? `[${address.hostname}]:${address.port}`
        : `${address.hostname}:${address.port}`,
      ...options.timeout === undefined ? {} : { timeout: options.timeout },
    };
    const session: ClientSession = this.#session = new ClientSession({
      ...environment,
      send: (datagram) => this.#seal === undefined ? environment.send(datagram) : this.#seal.send(datagram),
    }, options.resume);
    if (options.as !== undefined && trust !== undefined) {
      const service = { ...environment, ...trust, service: "mailbox" };
      this.#seal = new ClientSeal(service, options.as, session);
    }
    this.#reading = this.#read();
  }

  /** Logs in. @ignore */
  async open() {
    await this.#seal?.open(this.state.id);
  }

  async #read() {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      try {
        const [datagram, from] = await this.#socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
        // anybody can send to this port
        if (from.hostname !== this.#repliesFrom || from.port !== this.#server.port) continue;
        (this.#seal ?? this.#session).received(datagram);
      } catch (error) {
        // Windows tells here that nobody listens where we sent to; the session finds out by itself
        if (!(error instanceof Deno.errors.ConnectionReset)) return;
      }
    }
  }

  /** What a later connection needs to go on as this one. */
  get state(): SessionState {
    return this.#session.state;
  }

  /**
   * Sends a message; resolves when it is on the server's disk. Messages of one connection are stored in the order of the
   * calls, however many are on their way.
   *
   * @param to ID of the receiver, or `SHARED_QUEUE`.
   * @param from ID of the sender; `""` for the shared queue.
   * @throws {TypeError|RangeError} It is not what the wire allows.
   * @throws {FullError} There was no room for it within `wait`, or `signal` withdrew it.
   * @throws {SessionEndError} The session has ended: the server is gone, or does not know it any more.
   */
  send(to: string, from: string, text: string, options: SendOptions = {}): Promise<void> {
    return this.#session.put({ to, from, text, ...options });
  }

  /**
   * Sends a message and calls back when its outcome is known: for those who send many. Returns whether there is room for
   * more; if not, {@linkcode ready} tells when there is.
   */
  post(
    to: string,
    from: string,
    text: string,
    settle: (error?: Error) => void,
    options: SendOptions = {},
  ): boolean {
    return this.#session.post({ to, from, text, ...options }, settle);
  }

  /** Resolves when there is room for more to send. */
  ready(): Promise<void> {
    return this.#session.ready();
  }

  /**
   * The messages for `id`, as they come: each is leased to this client, and the lease is prolonged until the message is
   * acknowledged or given back. Ends when none came within `wait`, or when `signal` says so.
   *
   * @throws {SessionEndError} The session has ended.
   */
  async *messages(id: string, options: ReceiveOptions = {}): AsyncGenerator<ReceivedMessage, void, void> {
    const { wait = Infinity, signal, prefetch = 1 } = options;
    const end = () => Math.min(wait, LONGEST_WAIT);
    for (;;) {
      let lease: Lease | undefined;
      try {
        lease = await this.#session.lease(id, {
          max: prefetch,
          duration: LEASE,
          wait: end(),
          ...signal ? { signal } : {},
        });
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
      if (lease !== undefined) yield* this.#each(lease);
      else if (wait !== Infinity) return;
    }
  }

  async *#each(lease: Lease): AsyncGenerator<ReceivedMessage, void, void> {
    const open = new Set(lease.messages.map(({ id }) => id));
    const done = (id: number) => {
      open.delete(id);
      if (open.size === 0) clearInterval(timer);
    };
    const timer = setInterval(() => {
      // one that fails is given out again, and told when it is acknowledged
      lease.extend(LEASE).catch(() => clearInterval(timer));
    }, PROLONG);
    let reached = 0;
    try {
      for (const message of lease.messages) {
        reached++;
        yield new ReceivedMessage(message, lease, done);
      }
    } finally {
      const left = lease.messages.slice(reached).map(({ id }) => id);
      if (left.length > 0) {
        left.forEach(done);
        await lease.back(left, "unused").catch(() => {});
      }
      // what was handed over and not acknowledged is the caller's, for as long as the lease runs
      if (reached < lease.messages.length || open.size === 0) clearInterval(timer);
    }
  }

  /** Counts of a mailbox, or of all: messages, bytes, ready, leased, delayed, dead. */
  stat(id = ""): Promise<Record<string, number>> {
    return this.#session.stat(id);
  }

  /** Waits for what is open, up to `limit` milliseconds, and closes the socket. */
  async close(limit = 5000): Promise<void> {
    try {
      await this.#session.close(limit);
      await this.#seal?.close(Math.min(limit, LEAVING));
    } finally {
      this.#socket.close();
      await this.#reading;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
