import { type Credentials } from "../../client/session/seal/login.ts";
import { ClientSeal } from "../../client/session/seal/seal.ts";
import { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import { ACCOUNT, fastSalt, makeAccount } from "./account.ts";
import { Clock } from "./clock.ts";
import { type Address, type Conditions, Network, PERFECT } from "./network.ts";
import { Random } from "./random.ts";
import { SimulatedServer, type SimulatedServerOptions } from "./server.ts";

export const SERVER: Address = { hostname: "10.0.0.1", port: 21001 };

/** A datagram, as an observer on the network sees it. */
export interface Passing {
  datagram: Uint8Array<ArrayBuffer>;
  from: Address;
  to: Address;
}

export interface ClientOptions {
  as?: Partial<Credentials>;
  hostname?: string;
  server?: Address;
  resume?: { id: string; next: number };
  trust?(key: string): void;
  keepAlive?: boolean;
}

/** A server, the network before it, and clients that log in. It has the account of {@linkcode ACCOUNT}. */
export class SealedWorld implements AsyncDisposable {
  readonly clock = new Clock(1_700_000_000_000);
  readonly random: Random;
  readonly network: Network;
  readonly server: SimulatedServer;
  /** Everything that was sent. */
  readonly passed: Passing[] = [];
  readonly #directory: string;
  #port = 1000;

  private constructor(
    directory: string,
    { conditions = PERFECT, seed = 1, ...more }: Partial<SimulatedServerOptions> & WorldOptions,
  ) {
    const random = this.random = new Random(seed);
    this.#directory = directory;
    this.network = new Network(this.clock, random, () => conditions);
    const send = this.network.send.bind(this.network);
    this.network.send = (datagram, from, to) => {
      this.passed.push({ datagram: datagram.slice(), from, to });
      send(datagram, from, to);
    };
    const { clock, network } = this;
    const options = {
      clock,
      random,
      network,
      address: SERVER,
      directory,
      commit: 1,
      failing: 0,
      overloaded: 0,
    };
    this.server = new SimulatedServer({ ...options, ...more });
  }

  static async make(options: Partial<SimulatedServerOptions> & WorldOptions = {}): Promise<SealedWorld> {
    const world = new SealedWorld(await Deno.makeTempDir({ prefix: "wirepost-seal-" }), options);
    await world.server.start();
    await world.soon(world.server.accounts.add(ACCOUNT.name, makeAccount(ACCOUNT).verifier));
    return world;
  }

  /** A client with an address of its own, that has not logged in yet. */
  client(options: ClientOptions = {}) {
    const { as, hostname = "10.0.0.2", server = SERVER, resume, trust = () => {} } = options;
    const { clock, random, network } = this;
    const address = { hostname, port: this.#port++ };
    const environment = {
      monotonicClock: clock.now,
      random: random.bytes,
      setTimer: clock.setTimer,
      send: (datagram: Uint8Array<ArrayBuffer>) => network.send(datagram, { ...address }, server),
    };
    const session = new MailboxSession({ ...environment, send: (datagram) => seal.send(datagram) }, resume);
    const more = { service: "mailbox", saltPassword: fastSalt, trust, trusted() {} };
    const credentials = { ...ACCOUNT, ...as };
    const keepAlive = options.keepAlive === undefined ? {} : { keepAlive: options.keepAlive };
    const seal: ClientSeal = new ClientSeal({ ...environment, ...more, ...keepAlive }, credentials, session);
    let unbind = network.bind(address, (datagram) => seal.received(datagram));
    return {
      address,
      session,
      seal,
      login: () => seal.open(session.state.id),
      /** Changes its address. */
      move: () => {
        unbind();
        address.port = this.#port++;
        unbind = network.bind(address, (datagram) => seal.received(datagram));
      },
      kill: () => unbind(),
      put: (text: string) => session.put({ receiver: "bob", sender: credentials.name, text }),
    };
  }

  /** A session without a seal. */
  anonymous(hostname: string): MailboxSession {
    const { clock, random, network } = this, address = { hostname, port: 1 };
    const session = new MailboxSession({
      monotonicClock: clock.now,
      random: random.bytes,
      setTimer: clock.setTimer,
      send: (datagram) => network.send(datagram, address, SERVER),
    });
    network.bind(address, (datagram) => session.received(datagram));
    return session;
  }

  /** Runs the clock until this is settled. */
  async soon<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    if (!await this.clock.until(() => settled, ms)) throw new Error(`Not settled within ${ms} ms`);
    return await promise;
  }

  /** The texts in a mailbox. */
  texts(mailbox = "bob"): string[] {
    const texts: string[] = [];
    for (;;) {
      const taken = this.server.ask({ kind: "take", mailbox });
      if (typeof taken !== "object" || !("text" in taken)) return texts;
      texts.push(taken.text);
    }
  }

  async [Symbol.asyncDispose]() {
    this.server.kill();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

interface WorldOptions {
  conditions?: Conditions;
  seed?: number;
}
