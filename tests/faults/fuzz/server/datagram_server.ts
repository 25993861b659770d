/** The mailbox and the forum, as the server puts them together, on sockets in memory and at a clock that a script moves. */

import { setImmediate } from "node:timers";
import { NOTHING_FILES } from "./no_files.ts";
import { sealKey } from "../../../../protocol/seal/keys.ts";
import { ForumService } from "../../../../server/forum_service.ts";
import { MailboxService } from "../../../../server/mailbox_service.ts";
import { Networks, PRIVATE_NETWORKS } from "../../../../server/quota/address.ts";
import { Clients } from "../../../../server/report/clients.ts";
import type { Limit } from "../../../../server/report/limit.ts";
import { Log } from "../../../../server/report/log.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { Watch } from "../../../../server/report/watch.ts";
import { Accounts, readAccounts } from "../../../../server/service/account/accounts.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { Moderation } from "../../../../server/service/moderation.ts";
import { accountCommand } from "../../../../server/wire/admin/account_commands.ts";
import { Admin } from "../../../../server/wire/admin/admin_requests.ts";
import { mailboxCommands } from "../../../../server/wire/admin/mailbox_commands.ts";
import { moderationCommands } from "../../../../server/wire/admin/moderation_commands.ts";
import { serverCommands } from "../../../../server/wire/admin/server_commands.ts";
import { Watchers } from "../../../../server/wire/admin/watchers.ts";
import { SessionStartTimes } from "../../../../server/wire/session/start_times.ts";
import { ACCOUNT, makeAccount } from "../../../simulation/account.ts";
import { Clock } from "../../../simulation/clock.ts";
import type { Random } from "../../../simulation/random.ts";
import { type Bytes, holds } from "../engine/target.ts";
import { fuzzedStore } from "./store.ts";

export const SECRET = new TextEncoder().encode("a secret of an administrator");

/** The administrator's account, whose commands may come under its seal. */
export const ADMINISTRATOR = { name: "root", password: "a password" };

type Receive = (datagram: Bytes, from: Deno.NetAddr) => void;

/** A socket in memory. */
class Socket {
  readonly addr = addressOf("10.0.0.1", 21001);
  /** Called with each datagram that is sent. */
  onSent: (datagram: Bytes, to: Deno.NetAddr) => void = () => {};
  #waiting:
    | { resolve(received: [Bytes, Deno.NetAddr]): void; reject(error: Error): void; buffer: Bytes }
    | undefined;
  #queue: [Bytes, Deno.NetAddr][] = [];

  readonly deliver: Receive = (datagram, from) => {
    this.#queue.push([datagram, from]);
    this.#pass();
  };

  receive(buffer: Bytes): Promise<[Bytes, Deno.NetAddr]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, buffer };
      this.#pass();
    });
  }

  #pass() {
    if (this.#waiting === undefined) return;
    const received = this.#queue.shift();
    if (received === undefined) return;
    const { resolve, buffer } = this.#waiting, [datagram, from] = received;
    this.#waiting = undefined;
    // one that is longer is cut
    buffer.set(datagram.subarray(0, buffer.length));
    resolve([buffer.subarray(0, Math.min(buffer.length, datagram.length)), from]);
  }

  send(datagram: Bytes, to: Deno.NetAddr): Promise<number> {
    this.onSent(datagram.slice(), to);
    return Promise.resolve(datagram.length);
  }

  close() {
    this.#waiting?.reject(new Deno.errors.BadResource("closed"));
  }
}

export function addressOf(hostname: string, port: number): Deno.NetAddr {
  return { transport: "udp", hostname, port };
}

export type ServiceName = "mailbox" | "forum";

export class DatagramServer {
  readonly clock = new Clock(1_700_000_000_000);
  /** Whole milliseconds, as the server's clocks have. */
  readonly now = (): number => Math.floor(this.clock.now());
  readonly mailbox: MailboxService;
  readonly forum: ForumService;
  readonly sockets = { mailbox: new Socket(), forum: new Socket() };
  readonly accounts: Accounts;
  readonly watchers: Watchers;
  /** Whether an administrator has asked it to stop. */
  isStopping = false;
  readonly #random: Random;
  readonly #stores;
  readonly #log: Log;

  private constructor(random: Random) {
    this.#random = random;
    const { clock, now } = this,
      stores = this.#stores = fuzzedStore(now, random, (mailbox) => mailboxes.ready(mailbox)),
      { store } = stores;
    const environment = {
      wallClock: now,
      monotonicClock: now,
      setTimer: clock.setTimer,
      random: random.bytes,
    };
    const accounts = this.accounts = new Accounts({ ...environment, store, known: [] });
    const metrics = new Metrics(), clients = new Clients(now), watch = new Watch(environment);
    const log = this.#log = new Log(() => Promise.resolve(), { ...environment, level: "debug" });
    const moderation = new Moderation({ ...environment, store, known: [] });
    const watchers = this.watchers = new Watchers({ ...environment, watch, metrics, log });
    const mailboxes = new Mailboxes({ ...environment, store, accounts, moderation });
    const shared = {
      ...environment,
      store,
      accounts,
      sealKey: sealKey(random.bytes(32)),
      polling: { due: undefined } as never,
      metrics,
      log,
      watch,
      moderation,
      clients,
      startTimes: new SessionStartTimes(0, now),
      datagramsPerSecond: undefined,
    };
    const admin = new Admin({
      ...environment,
      secret: SECRET,
      commands: serverCommands({
        commands: [
          ...mailboxCommands(store),
          accountCommand(accounts),
          ...moderationCommands({ moderation, clients, revoke: (name) => this.forum.revoke(name) }),
          watchers.command,
        ],
        status: () => Promise.resolve(["up", "1"]),
        limits: () =>
          Promise.resolve(this.limits().map(({ name, used, limit }) => `${name},${used},${limit}`)),
        services: () => ["mailbox,udp,10.0.0.1:21001"],
        log,
        stop: () => this.isStopping = true,
      }),
    });
    this.mailbox = new MailboxService({
      ...shared,
      sockets: [this.sockets.mailbox as unknown as Deno.DatagramConn],
      mailboxes,
      services: { mailbox: 21001, forum: 10005 },
      admin,
      originalFrom: new Networks(PRIVATE_NETWORKS),
      originalBytesPerSecond: 100_000,
      timestamps: true,
      maxDatagramBytes: 1024,
    });
    this.forum = new ForumService({
      ...shared,
      sockets: [this.sockets.forum as unknown as Deno.DatagramConn],
      listeners: [],
      files: NOTHING_FILES,
      limits: { transfers: 4, connections: 16, connectionsPerSecond: undefined },
      takesPlain: true,
    });
  }

  static async start(random: Random): Promise<DatagramServer> {
    const server = new DatagramServer(random);
    for (const account of [ACCOUNT, ADMINISTRATOR]) {
      const adding = server.accounts.add(account.name, makeAccount(account).verifier);
      await server.soon(adding);
    }
    await server.soon(server.accounts.administer("role", ADMINISTRATOR.name, "admin"));
    await server.soon(readAccounts(server.#stores.whole));
    return server;
  }

  limits(): Limit[] {
    return [...this.mailbox.limits(), ...this.forum.limits()];
  }

  /** Runs the clock until this is settled. */
  async soon<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let isSettled = false;
    const settle = () => isSettled = true;
    promise.then(settle, settle);
    // what waits for no timer needs some turns
    for (let i = 0; i < 8 && !isSettled; i++) await turn();
    holds(isSettled || await this.clock.until(() => isSettled, ms), () => `not settled within ${ms} ms`);
    return await promise;
  }

  /** Lets everything happen that happens without waiting. */
  async settle() {
    for (let i = 0; i < 3; i++) await turn();
    this.#work();
  }

  /** Lets time pass. The store does what is due meanwhile. */
  async pass(ms: number) {
    const step = Math.max(100, ms / 20);
    for (let left = ms; left > 0; left -= step) {
      await this.clock.run(Math.min(step, left));
      this.#work();
    }
  }

  #work() {
    for (let i = 0; i < 100 && this.#stores.engine.work(); i++);
  }

  /** @throws {Fault} A table holds more than it may. */
  checkLimits() {
    for (const { name, used, limit } of this.limits()) {
      holds(used === undefined || limit === undefined || used <= limit, () => `${name}: ${used} of ${limit}`);
    }
  }

  async close() {
    await this.soon(Promise.all([this.mailbox.close(), this.forum.close()]));
    await this.watchers.close();
    await this.#log.flush();
    this.#stores.close();
  }
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
