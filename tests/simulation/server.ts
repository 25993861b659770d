import { DatabaseSync } from "node:sqlite";
import { Accounts, readAccounts } from "../../server/service/account/accounts.ts";
import { readLatestStart, SessionStartTimes } from "../../server/wire/session/start_times.ts";
import { SealWire } from "../../server/wire/session/seal_wire.ts";
import { SessionWire } from "../../server/wire/session/session_wire.ts";
import type { SessionHandler } from "../../server/wire/session/handler.ts";
import { Mailboxes } from "../../server/service/mailboxes.ts";
import { MailboxRequests } from "../../server/wire/session/mailbox/mailbox_requests.ts";
import { DATABASE_FILE } from "../../server/store/database/database.ts";
import { BatchEngine } from "../batch_engine.ts";
import type { TableLimits } from "../../server/quota/fair_table.ts";
import type { GroupCommit, Source } from "../../server/store/journaled/group.ts";
import type { Outcome, Store, StoreRequest } from "../../server/store/store.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../server/store/limits.ts";
import { isSealDatagram } from "../../protocol/seal.ts";
import { type SealKey, sealKey } from "../../protocol/seal/keys.ts";
import type { Clock } from "./clock.ts";
import type { Address, Network } from "./network.ts";
import { Random } from "./random.ts";

export interface SimulatedServerOptions {
  clock: Clock;
  random: Random;
  network: Network;
  address: Address;
  /** Directory of its database, which outlives the server. */
  directory: string;
  limits?: Partial<StoreLimits>;
  /** Of the sessions in memory, of those that are kept, and of handshakes. */
  sessions?: TableLimits;
  kept?: TableLimits;
  /** What is served on this store; the mailbox by default. */
  handler?(store: Pick<GroupCommit, "submit">, clock: () => number): SessionHandler;
  /** Whether a name may be active in one session alone. */
  oneSession?: boolean;
  seals?: TableLimits;
  /** Longest time that a commit takes, in milliseconds. */
  commit: number;
  /** Probability with which a group of requests can't be written, and with which the store takes no more. */
  failing: number;
  overloaded: number;
}

/** Requests that the store may answer by `storage`. */
const MAY_FAIL = new Set(["session", "lease", "open"]);

/** The server's half on a real store, in simulated time. It can be killed at any moment, and started again. */
export class SimulatedServer {
  /** What of the datagrams under seal was dropped, by reason. */
  readonly dropped = new Map<string, number>();
  /** Milliseconds by which its clock is wrong. */
  clockSet = 0;
  readonly #options: SimulatedServerOptions;
  /** The server's own key, which outlives it. */
  readonly #key;
  /** For the store: each record draws from it, however the requests were grouped. */
  readonly #tokens = new Random(1);
  #accounts: Accounts | undefined;
  #seals: SealWire<Address> | undefined;
  #engine: BatchEngine | undefined;
  #service: SessionWire<Address> | undefined;
  #mailboxes: Mailboxes | undefined;
  #unbind: (() => void) | undefined;
  #waiting: { take(): StoreRequest | undefined; done: (outcome: never) => void }[] = [];
  readonly #gathering = new Set<Source<StoreRequest>>();
  #committing = false;
  /** When the answers to the last commit come, which is not before those to an earlier one. */
  #answered = 0;
  /** Counts starts: what an earlier process had in mind is not done any more. */
  #life = 0;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
    this.#key = sealKey(options.random.bytes(32));
  }

  /** The public half of its key, as clients know it. */
  get key(): string {
    return this.#key.text;
  }

  /** All of its key, as a thief of its disk has it. */
  get stolenKey(): SealKey {
    return this.#key;
  }

  get accounts(): Accounts {
    return this.#accounts!;
  }

  /** Handshakes that it knows. */
  get seals(): number {
    return this.#seals!.size;
  }

  get running(): boolean {
    return this.#engine !== undefined;
  }

  async start() {
    const {
      clock,
      random,
      network,
      address,
      directory,
      limits,
      sessions,
      kept,
      oneSession,
      seals,
    } = this.#options;
    const life = ++this.#life;
    const monotonicClock = () => Math.floor(clock.now()), wall = () => monotonicClock() + this.clockSet;
    this.#engine = new BatchEngine({
      directory,
      limits: { ...DEFAULT_LIMITS, ...limits },
      sessionLimits: kept,
      wallClock: wall,
      monotonicClock,
      random: this.#tokens.bytes,
      onEvent: (event) => {
        // as from a Worker: after what is being done
        if (event.kind === "ready") this.#later(0, life, () => this.#mailboxes?.ready(event.mailbox));
      },
    });
    const engine = this.#engine;
    const store = {
      submit: (request, done) => this.#submit(() => request, done),
      ask: (request) => new Promise((resolve) => this.#submit(() => request, resolve)),
      gather: (source) => this.#gather(source as Source<StoreRequest>),
    } as Pick<GroupCommit, "submit" | "ask" | "gather">;
    const whole = { apply: (requests) => Promise.resolve(engine.apply(requests).outcomes) } as Pick<
      Store,
      "apply"
    >;
    const known = await readAccounts(whole),
      startTimes = new SessionStartTimes(await readLatestStart(whole), wall);
    if (life !== this.#life) return;
    this.#accounts = new Accounts({ store, known, monotonicClock });
    const mailboxes = this.#mailboxes = new Mailboxes({ store, accounts: this.#accounts, wallClock: wall });
    const handler = this.#options.handler?.(store, monotonicClock) ??
      new MailboxRequests({ store, mailboxes, monotonicClock });
    const common = {
      store,
      send: (datagram: Uint8Array<ArrayBuffer>, to: Address) => {
        if (life === this.#life) network.send(datagram, address, to);
      },
      wallClock: wall,
      monotonicClock,
      random: random.bytes,
      setTimer: (ms: number, callback: () => void) =>
        clock.setTimer(ms, () => life === this.#life && callback()),
    };
    this.#service = new SessionWire<Address>({
      ...common,
      handler,
      ...sessions === undefined ? {} : { tableLimits: sessions },
      startTimes,
    });
    this.#seals = new SealWire<Address>({
      ...common,
      monotonicClock,
      ...oneSession === undefined ? {} : { oneSession },
      ...seals === undefined ? {} : { tableLimits: seals },
      service: "mailbox",
      key: this.#key,
      accounts: this.#accounts,
      sessions: this.#service,
      onDropped: (reason) => void this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1),
    });
    this.#unbind = network.bind(address, (datagram, from) => {
      if (isSealDatagram(datagram)) this.#seals!.received(datagram, from);
      else this.#service!.received(datagram, from);
    });
    this.#tick(life);
  }

  /** Ends it as `kill -9` does: what was committed is on the disk, what was not is nowhere. */
  kill() {
    this.#life++;
    this.#unbind?.();
    this.#engine?.close();
    this.#engine = this.#service = this.#mailboxes = undefined;
    this.#waiting = [];
    this.#gathering.clear();
    this.#committing = false;
  }

  /** Lets the one that was killed forget every session, as after a day, and nothing else. */
  forget() {
    const db = new DatabaseSync(`${this.#options.directory}/${DATABASE_FILE}`);
    db.exec("DELETE FROM session");
    db.close();
  }

  /** What the one that was killed has on the disk of messages that were given up. */
  deadLetters(): { id: number; time: number; text: string; bytes: number }[] {
    const db = new DatabaseSync(`${this.#options.directory}/${DATABASE_FILE}`);
    try {
      return db.prepare("SELECT id, time, text, bytes FROM dead").all() as ReturnType<
        SimulatedServer["deadLetters"]
      >;
    } finally {
      db.close();
    }
  }

  /** Asks the store itself, past every network. */
  ask(request: StoreRequest): Outcome {
    return this.#engine!.apply([request]).outcomes[0]!;
  }

  #later(ms: number, life: number, callback: () => void) {
    this.#options.clock.setTimer(ms, () => {
      if (life === this.#life) callback();
    });
  }

  #tick(life: number) {
    this.#later(100, life, () => {
      this.#engine!.tick();
      this.#tick(life);
    });
  }

  #submit(take: () => StoreRequest | undefined, done: (outcome: never) => void): boolean {
    if (this.#options.random.chance(this.#options.overloaded)) return false;
    this.#waiting.push({ take, done });
    this.#commitLater();
    return true;
  }

  #gather(source: Source<StoreRequest>): boolean {
    if (this.#gathering.has(source)) return true;
    const take = () => {
      this.#gathering.delete(source);
      return source.take();
    };
    if (!this.#submit(take, (outcome) => source.settle(outcome))) return false;
    this.#gathering.add(source);
    return true;
  }

  #commitLater() {
    if (this.#committing || this.#waiting.length === 0) return;
    this.#committing = true;
    const { random, commit, failing } = this.#options, life = this.#life;
    this.#later(random.fraction() * commit, life, () => {
      const group = this.#waiting.splice(0).flatMap(({ take, done }) => {
        const request = take();
        return request === undefined ? [] : [{ request, done }];
      });
      const fails = random.chance(failing);
      const works = fails ? group.filter(({ request }) => !MAY_FAIL.has(request.kind)) : group;
      const { outcomes } = this.#engine!.apply(works.map(({ request }) => request));
      // a kill may come between the commit and the answers, and so may the next commit
      const now = this.#options.clock.now();
      this.#answered = Math.max(this.#answered, now + random.fraction());
      this.#later(this.#answered - now, life, () => {
        for (const entry of group) {
          const i = works.indexOf(entry);
          entry.done((i < 0 ? "storage" : outcomes[i]) as never);
        }
      });
      this.#committing = false;
      this.#commitLater();
    });
  }
}
