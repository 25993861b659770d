import { Mailbox } from "../../client/mailbox.ts";
import { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import type { Stats } from "../../server/store/requests/message.ts";
import { Clock } from "./clock.ts";
import { type Address, type Conditions, Network, PERFECT } from "./network.ts";
import { Random } from "./random.ts";
import { SimulatedServer } from "./server.ts";

const SERVER: Address = { hostname: "10.0.0.1", port: 21001 };

/** A client of the library in simulated time. */
export interface SimulatedClient {
  mailbox: Mailbox;
  /** Ends it as the death of its process does. */
  kill(): void;
  /** Holds up its timers and sockets for so long, as a program does that computes. */
  freeze(ms: number): Promise<void>;
}

/** A mailbox server and clients of the library, in simulated time. A datagram takes a millisecond, and so does a commit. */
export class ReceivingWorld implements AsyncDisposable {
  readonly clock = new Clock(1_700_000_000_000);
  readonly network: Network;
  readonly #random: Random;
  readonly #server: SimulatedServer;
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-receiving-" });
  #ports = 1000;

  private constructor(seed: number, conditions: Conditions) {
    const { clock } = this, random = this.#random = new Random(seed);
    const network = this.network = new Network(clock, random, () => conditions);
    const directory = this.#directory, address = SERVER;
    const calm = { commit: 1, failing: 0, overloaded: 0 };
    this.#server = new SimulatedServer({ clock, random, network, address, directory, ...calm });
  }

  /** With so many messages for bob: their numbers, from 1. */
  static async make(messages: number, seed = 1, conditions = PERFECT): Promise<ReceivingWorld> {
    const world = new ReceivingWorld(seed, conditions);
    await world.#server.start();
    await world.run(world.fill(1, messages));
    return world;
  }

  /** Sends messages for bob: these numbers. */
  async fill(first: number, last: number) {
    const { mailbox } = this.client();
    for (let i = first; i <= last; i++) {
      if (!mailbox.post("bob", "alice", `${i}`, () => {})) await mailbox.ready();
    }
    await mailbox.close(60_000);
  }

  client(): SimulatedClient {
    const { clock, network } = this, address = { hostname: "10.0.0.2", port: this.#ports++ };
    let isAlive = true, frozen: (() => void)[] | undefined;
    const run = (callback: () => void) => {
      if (frozen !== undefined) frozen.push(callback);
      else if (isAlive) callback();
    };
    const session = new MailboxSession({
      monotonicClock: clock.now,
      random: this.#random.bytes,
      setTimer(ms, callback) {
        let isSet = true;
        clock.setTimer(ms, () => run(() => isSet && callback()));
        return () => isSet = false;
      },
      send: (datagram) => {
        if (isAlive) network.send(datagram, address, SERVER);
      },
    });
    const unbind = network.bind(address, (datagram) => run(() => session.received(datagram)));
    return {
      mailbox: new Mailbox({ session, close: (limit) => session.close(limit) }),
      kill() {
        isAlive = false;
        unbind();
      },
      freeze: async (ms) => {
        const late: (() => void)[] = frozen = [];
        await this.sleep(ms);
        frozen = undefined;
        // the program goes on first
        clock.setTimer(0, () => late.forEach(run));
      },
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }

  /** How many messages of bob are with receivers. */
  get leased(): number {
    return this.#stat.leased;
  }

  /** How many messages bob has. */
  get messages(): number {
    return this.#stat.messages;
  }

  get #stat(): Stats {
    return this.#server.ask({ kind: "stat", mailbox: "bob" }) as Stats;
  }

  /** Runs the time until all of these are done, for an hour at most; gives how many milliseconds they took. */
  async run(...stories: Promise<unknown>[]): Promise<number> {
    const began = this.clock.now();
    let error: unknown, isDone = false;
    Promise.all(stories).then(() => isDone = true, (thrown) => {
      error = thrown;
      isDone = true;
    });
    await this.clock.until(() => isDone, 3_600_000);
    if (error !== undefined) throw error;
    if (!isDone) throw new Error("Cannot end: something waits for ever");
    return this.clock.now() - began;
  }

  async [Symbol.asyncDispose]() {
    this.#server.kill();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
