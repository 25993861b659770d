/**
 * One run of senders, receivers and a server on a network that loses, repeats, reorders and delays, while either side
 * is killed and started again: everything in it is determined by a seed.
 *
 * @module
 */

import type { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import { FullError, OutcomeUnknownError, SessionEndError } from "../../client/session/errors.ts";
import type { SessionResume } from "../../client/session/identity.ts";
import type { TableLimits } from "../../server/quota/fair_table.ts";
import type { Stats } from "../../server/store/requests/message.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { ACCOUNT, makeAccount } from "./account.ts";
import { Clock } from "./clock.ts";
import { MessageLedger, type Sent, type Summary } from "./message_ledger.ts";
import { type Address, type Conditions, type Counts, Network } from "./network.ts";
import { Random } from "./random.ts";
import { receive } from "./simulated_receiver.ts";
import { SimulatedClient } from "./simulated_client.ts";
import { SimulatedServer } from "./server.ts";

const SERVER: Address = { hostname: "10.0.0.1", port: 21001 };
const MAILBOXES = ["bob", "carol"];

/** Simulated milliseconds during which there are kills, and within which a run has to come to its end. */
const FAULTS = 15_000, END = 30 * 60_000;

/** What a run came to. */
export interface Report extends Summary {
  seed: number;
  network: Counts;
  kills: { server: number; sender: number; receiver: number };
  /** As `named`, for sessions that had to make room for others. */
  displaced: { there: number; missing: number };
  /** Simulated milliseconds. */
  took: number;
  /** Sessions that were logged in. */
  sealed: number;
}

export class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #clock = new Clock(1_700_000_000_000);
  readonly #network: Network;
  readonly #server: SimulatedServer;
  readonly #ledger = new MessageLedger();
  readonly #kills = { server: 0, sender: 0, receiver: 0 };
  #failure: unknown;
  #ports = 1000;
  #faults = true;
  #receiving = true;
  readonly #durable: boolean;
  /** Whether the server forgets its sessions while something is open. */
  readonly #forgetful: boolean;
  /** Whether it can keep few sessions, and strangers begin many. */
  readonly #besieged: boolean;
  readonly #senders = new Set<MailboxSession>();
  #sealed = 0;

  constructor(seed: number, directory: string) {
    this.#seed = seed;
    const random = this.#random = new Random(seed);
    const conditions = (): Conditions => ({
      loss: random.chance(0.2) ? 0 : random.fraction() * 0.4,
      repeated: random.fraction() * 0.2,
      reordered: random.fraction() * 0.4,
      late: random.between(1, 300),
      delay: [random.between(0, 10), random.between(10, 60)],
    });
    const there = conditions(), back = conditions();
    const calm: Conditions = { loss: 0, repeated: 0, reordered: 0, late: 0, delay: [1, 1] };
    this.#network = new Network(
      this.#clock,
      random,
      (_, to) => !this.#faults ? calm : to === SERVER ? there : back,
    );
    this.#forgetful = random.chance(0.25);
    this.#besieged = !this.#forgetful && random.chance(0.4);
    this.#durable = !this.#forgetful && random.chance(0.5);
    const small = random.chance(0.3), crowded = random.chance(0.2);
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random,
      network: this.#network,
      address: SERVER,
      directory,
      ...small ? { limits: { mailboxMessages: random.between(3, 20) } } : {},
      ...crowded || this.#besieged ? { sessions: this.#limits() } : {},
      ...this.#besieged ? { kept: this.#limits() } : {},
      commit: random.between(1, 20),
      failing: random.chance(0.2) ? 0.02 : 0,
      overloaded: random.chance(0.2) ? 0.02 : 0,
    });
  }

  #limits(): TableLimits {
    const all = this.#random.between(2, 5);
    return { all, ofNetwork: this.#random.between(1, all), loggedIn: 400, ofAccount: 100 };
  }

  /** @throws {Error} What was promised does not hold. */
  async run(): Promise<Report> {
    const random = this.#random, clock = this.#clock, began = clock.now();
    await this.#server.start();
    this.#server.ask(makeAccount(ACCOUNT));
    this.#server.kill();
    await this.#server.start();
    const sending = Array.from({ length: random.between(1, 4) }, (_, i) => this.#sender(`s${i}`));
    if (this.#besieged) sending.push(this.#strangers());
    const receiving = Array.from({ length: random.between(1, 3) }, () => this.#receiver());
    const killing = this.#forgetful ? this.#forgetSessions() : this.#killServer();
    let sent = false, received = false, killed = false;
    killing.then(() => killed = true);
    const failed = (error: unknown) => this.#failure ??= error;
    Promise.all(sending).then(() => sent = true, failed);
    Promise.all(receiving).then(() => received = true, failed);
    await clock.run(FAULTS);
    this.#faults = random.chance(0.5);
    await this.#within(() => sent, "the senders have not finished");
    this.#faults = false;
    this.#receiving = false;
    await this.#within(() => received && killed, "the receivers have not finished");
    await this.#drain();
    try {
      this.#ledger.check();
    } catch (error) {
      throw new Error(`Seed ${this.#seed}: ${(error as Error).message}`, { cause: error });
    }
    const { named, ...counts } = this.#ledger.summary();
    return {
      named: { there: 0, missing: 0 },
      displaced: { there: 0, missing: 0 },
      seed: this.#seed,
      network: this.#network.counts,
      kills: this.#kills,
      ...counts,
      [this.#besieged ? "displaced" : "named"]: named,
      took: Math.round(clock.now() - began),
      sealed: this.#sealed,
    };
  }

  async #within(reached: () => boolean, what: string) {
    const over = await this.#clock.until(() => reached() || this.#failure !== undefined, END);
    if (this.#failure !== undefined) {
      throw new Error(`Seed ${this.#seed}: ${this.#failure}`, { cause: this.#failure });
    }
    if (!over) throw new Error(`Seed ${this.#seed}: ${what}`);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(ms, resolve));
  }

  #hostname(): string {
    return this.#besieged ? `10.0.0.${this.#random.between(2, 4)}` : "10.0.0.2";
  }

  async #client(isSealed: boolean, resume?: SessionResume): Promise<SimulatedClient> {
    const address = { hostname: this.#hostname(), port: this.#ports++ };
    const client = new SimulatedClient(
      { clock: this.#clock, random: this.#random, network: this.#network, server: SERVER },
      { address, resume, key: isSealed ? this.#server.key : undefined },
    );
    if (await client.logIn()) this.#sealed++;
    return client;
  }

  async #killServer() {
    const random = this.#random;
    for (let i = random.between(0, 3); i > 0; i--) {
      await this.#sleep(random.fraction() * FAULTS / 3);
      this.#server.kill();
      this.#kills.server++;
      // mostly shorter than it takes to be given up
      await this.#sleep(random.chance(0.1) ? 12_000 : random.fraction() * 3000);
      await this.#server.start();
    }
  }

  /**
   * Kills the server, which has forgotten all sessions when it comes again: at a moment when each sender has had an
   * answer, because by that alone it can learn of it.
   */
  async #forgetSessions() {
    await this.#sleep(this.#random.fraction() * FAULTS / 6);
    const all = () => [...this.#senders];
    for (let i = 0; i < 1000 && !all().every(({ state }) => state.low > 1); i++) await this.#sleep(10);
    if (!all().every(({ state }) => state.low > 1)) return;
    this.#server.kill();
    this.#kills.server++;
    this.#server.forget();
    await this.#sleep(this.#random.fraction() * 3000);
    await this.#server.start();
  }

  /** Puts messages. If it is killed, it has several lives. */
  async #sender(name: string) {
    const random = this.#random;
    // some have everything to say at once
    const hurried = random.chance(0.3), count = random.between(5, hurried ? 200 : 60);
    const durable = this.#durable && name === "s0", isSealed = random.chance(0.4);
    const from = isSealed ? ACCOUNT.name : "sender";
    let next = 0, tried = 0, state: SessionResume | undefined, forgotten = 0;
    const tryAgain = (i: number) => {
      const message = this.#ledger.sent.find(({ text }) => durable && text === `${name} ${i}`);
      // the outcome is known again once this life gets the answer
      if (message !== undefined) Object.assign(message, { again: true, outcome: "open" });
      return message;
    };
    for (let life = 0; next < count; life++) {
      const client = await this.#client(isSealed, state);
      this.#senders.add(client.session);
      if (durable) client.session.keep();
      const mortal = !this.#forgetful && random.chance(0.3);
      if (mortal) {
        this.#sleep(random.fraction() * 3000).then(() => {
          if (client.isAlive && this.#faults) this.#kills.sender++, client.kill();
        });
      }
      const settled: Promise<void>[] = [], messages: Sent[] = [];
      const session = durable ? `${name}.${forgotten}` : `${name}.${life}`;
      let failed: Error | undefined;
      for (; next < count && client.isAlive && failed === undefined; next++) {
        const message = tryAgain(next) ?? this.#message(name, next, session, durable);
        messages.push(message);
        settled.push(this.#put(client.session, from, message, durable, (error) => failed = error));
        if (!hurried && random.chance(0.3)) await this.#sleep(random.fraction() * 200);
      }
      const over = Promise.all(settled).then(() => true);
      const died = this.#dead(client);
      if (await Promise.race([over, died])) await Promise.race([client.session.close(2000), died]);
      tried = Math.max(tried, next);
      if (failed instanceof OutcomeUnknownError) {
        // its user decides what of that is to be sent again, and of what an earlier life may have sent: here nothing
        next = tried;
        state = undefined;
        forgotten++;
      } else if (durable && (failed !== undefined || !client.isAlive)) {
        // it continues with the puts of unknown outcome, under the numbers that they had, from `low` on
        const { id, startTime, low } = client.session.state;
        // without a beginning nothing was sent
        state = startTime === "" && !isSealed ? undefined : { id, startTime, next: low };
        const open = messages.findIndex(({ outcome }) => outcome !== "stored");
        if (open >= 0) next -= messages.length - open;
      }
      client.kill();
      this.#senders.delete(client.session);
      // nobody is left to get the outcome
      for (const message of this.#ledger.sent) {
        if (message.session === session && message.outcome === "open") message.outcome = "unknown";
      }
    }
  }

  async #dead(client: SimulatedClient): Promise<boolean> {
    while (client.isAlive) await this.#sleep(50);
    return false;
  }

  #message(name: string, i: number, session: string, durable: boolean): Sent {
    const random = this.#random;
    const long = !durable && random.chance(0.1) ? ` ${"Ω".repeat(random.between(500, 5000))}` : "";
    const mailbox = MAILBOXES[random.between(0, 1)]!;
    const message: Sent = { text: `${name} ${i}${long}`, mailbox, session, outcome: "open" };
    this.#ledger.sent.push(message);
    return message;
  }

  async #put(
    session: MailboxSession,
    sender: string,
    message: Sent,
    durable: boolean,
    onFailed: (error: Error) => void,
  ) {
    const random = this.#random, { text, mailbox: receiver } = message;
    const withdrawing = new AbortController();
    if (!durable && random.chance(0.02)) {
      this.#sleep(random.fraction() * 500).then(() => withdrawing.abort());
    }
    const wait = !durable && random.chance(0.2) ? { wait: random.between(0, 3000) } : {};
    try {
      await session.put({ receiver, sender, text, signal: withdrawing.signal, ...wait });
      message.outcome = "stored";
    } catch (error) {
      if (error instanceof FullError) message.outcome = "withdrawn";
      else if (error instanceof OutcomeUnknownError && !this.#mayForget) throw error;
      else if (error instanceof SessionEndError) {
        if (error instanceof OutcomeUnknownError && error.sent) message.named = true;
        const isSent = error.sent || message.again;
        if (message.outcome !== "stored") message.outcome = isSent ? "unknown" : "not sent";
        onFailed(error);
      } else throw error;
    }
  }

  get #mayForget(): boolean {
    return this.#forgetful || this.#besieged;
  }

  /** Begins many sessions, with a message or two in each, while others are served. */
  async #strangers() {
    const random = this.#random, all: Promise<void>[] = [];
    for (let i = 0; this.#faults && i < 300; i++) {
      await this.#sleep(random.fraction() * 50);
      all.push(this.#stranger(`x${i}`));
    }
    await Promise.all(all);
  }

  async #stranger(name: string) {
    const client = await this.#client(false), { session } = client;
    const messages = [0, 1].map((i) => this.#message(name, i, name, false));
    const settled = messages.map((message) => this.#put(session, "stranger", message, false, () => {}));
    // some leave, and others just fall silent
    if (this.#random.chance(0.3)) {
      await Promise.all(settled);
      await session.close(2000);
    } else {
      await this.#sleep(this.#random.fraction() * 1000);
    }
    client.kill();
    for (const message of messages) if (message.outcome === "open") message.outcome = "unknown";
  }

  /** Receives messages. If it is killed, it has several lives. */
  async #receiver() {
    const random = this.#random;
    while (this.#receiving) {
      const client = await this.#client(random.chance(0.4));
      if (random.chance(0.4)) {
        this.#sleep(random.fraction() * 8000).then(() => {
          if (client.isAlive && this.#faults) this.#kills.receiver++, client.kill();
        });
      }
      const died = this.#dead(client);
      const received = receive(client, {
        random,
        ledger: this.#ledger,
        mailboxes: MAILBOXES,
        sleep: (ms) => this.#sleep(ms),
        goesOn: () => this.#receiving && client.isAlive,
        mayForget: this.#mayForget,
      });
      await Promise.race([received, died]);
      client.kill();
      await this.#sleep(random.fraction() * 500);
    }
  }

  /** Receives what is left, until the server has nothing any more but dead letters. */
  async #drain() {
    let empty = false;
    (async () => {
      while (!empty) {
        const client = await this.#client(false);
        empty = await this.#empty(client.session).catch((error) => {
          // the last receivers leave, and it may have to make room for one of them
          if (!this.#mayForget || !(error instanceof OutcomeUnknownError)) throw error;
          return false;
        });
        client.kill();
      }
    })().catch((error) => this.#failure ??= error);
    await this.#within(() => empty, "the server has not been emptied");
    this.#server.kill();
    // a list of them has no more than the beginning of each text
    for (const { id, time, text, bytes } of this.#server.deadLetters()) {
      if (utf8Length(text) !== bytes) throw new Error(`Seed ${this.#seed}: '${text.slice(0, 20)}' was cut`);
      this.#ledger.found(text, time, id);
    }
  }

  async #empty(session: MailboxSession): Promise<boolean> {
    while ((this.#server.ask({ kind: "stat" }) as Stats).messages > 0) {
      for (const mailbox of MAILBOXES) {
        const lease = await session.lease(mailbox, { max: 64, wait: 100 });
        if (lease === undefined) continue;
        this.#ledger.deliver(lease);
        await this.#ledger.acknowledge(lease, 0);
      }
    }
    await session.close();
    return true;
  }
}
