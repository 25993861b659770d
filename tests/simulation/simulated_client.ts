/** A client in a simulation, at an address of its own, in clear or under a seal. */

import { assertEquals } from "@std/assert";
import { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import { ServerTimeoutError } from "../../client/session/errors.ts";
import type { SessionResume } from "../../client/session/identity.ts";
import { ClientSeal } from "../../client/session/seal/seal.ts";
import { ACCOUNT, fastSalt } from "./account.ts";
import type { Clock } from "./clock.ts";
import type { Address, Network } from "./network.ts";
import type { Random } from "./random.ts";

/** Milliseconds until it tries again to log in, if the server is down or has no room. */
const RETRY_MS = 500;

/** Where a client is. */
export interface World {
  clock: Clock;
  random: Random;
  network: Network;
  server: Address;
}

/** Who it is: under a seal, if it knows the server's `key`. */
export interface Identity {
  address: Address;
  resume: SessionResume | undefined;
  key: string | undefined;
}

export class SimulatedClient {
  readonly session: MailboxSession;
  readonly #clock: Clock;
  readonly #seal: ClientSeal | undefined;
  readonly #unbind: () => void;
  #isAlive = true;

  constructor({ clock, random, network, server }: World, { address, resume, key }: Identity) {
    this.#clock = clock;
    const environment = {
      monotonicClock: clock.now,
      random: random.bytes,
      setTimer: (ms: number, callback: () => void) => clock.setTimer(ms, () => this.#isAlive && callback()),
      send: (datagram: Uint8Array<ArrayBuffer>) => {
        if (this.#isAlive) network.send(datagram, address, server);
      },
    };
    this.session = new MailboxSession({
      ...environment,
      send: (datagram) => this.#seal === undefined ? environment.send(datagram) : this.#seal.send(datagram),
    }, resume);
    if (key !== undefined) {
      const trust = { trust: (of: string) => assertEquals(of, key), trusted() {} };
      this.#seal = new ClientSeal(
        { ...environment, ...trust, service: "mailbox", saltPassword: fastSalt },
        { ...ACCOUNT },
        this.session,
      );
    }
    const receiver = this.#seal ?? this.session;
    this.#unbind = network.bind(address, (datagram) => receiver.received(datagram));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Logs in, as often as it takes, if it has a seal. Returns whether it has logged in. */
  async logIn(): Promise<boolean> {
    while (this.#seal !== undefined && this.#isAlive) {
      try {
        await this.#seal.open(this.session.state.id);
        return true;
      } catch (error) {
        if (!(error instanceof ServerTimeoutError)) throw error;
        await new Promise<void>((resolve) => this.#clock.setTimer(RETRY_MS, resolve));
      }
    }
    return false;
  }

  /** Ends it as the death of its process does. */
  kill() {
    this.#isAlive = false;
    this.#unbind();
  }
}
