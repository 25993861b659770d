/**
 * A bad network between clients and a server: it loses, repeats and reorders datagrams, and counts what it did.
 *
 * @module
 */

import { assert, assertLess } from "@std/assert";
import { Random } from "../simulation/random.ts";
import { report } from "./form.ts";

/** What share of the datagrams is lost, how much of the rest comes twice, and how much of what passes is delayed. */
export const LOST = 0.2, REPEATED = 0.1, DELAYED = 0.1;

/** Longest delay in milliseconds: so many that others overtake. */
const LONGEST_DELAY = 20;

/** What became of the datagrams of one direction. */
export interface Counts {
  arrived: number;
  lost: number;
  repeated: number;
  delayed: number;
  /** Of those delayed, how many went on behind one that had come after them. */
  overtaken: number;
}

const none = (): Counts => ({ arrived: 0, lost: 0, repeated: 0, delayed: 0, overtaken: 0 });

/** That so many of so many are a share of this size, but for what is left to chance: six standard deviations. */
function assertShare(count: number, of: number, share: number, what: string) {
  const deviation = Math.sqrt(of * share * (1 - share));
  assertLess(Math.abs(count - of * share), 6 * deviation, `${count} of ${of} datagrams ${what}`);
}

/** Looks whether the network was as bad as it was to be, and prints what it did. */
export function checkCounts(direction: string, { arrived, lost, repeated, delayed, overtaken }: Counts) {
  report(
    `${direction}: ${arrived} datagrams, ${lost} lost, ${repeated} repeated, ${delayed} delayed, ${overtaken} overtaken`,
  );
  assertShare(lost, arrived, LOST, "lost");
  assertShare(repeated, arrived - lost, REPEATED, "repeated");
  assertShare(delayed, arrived - lost + repeated, DELAYED, "delayed");
  assert(overtaken > 0, "nothing was reordered");
}

/** One direction between one client and the server. The seed determines what becomes of its first datagram, its second, … */
class Path {
  readonly #random: Random;
  readonly #counts: Counts;
  readonly #send: (datagram: Uint8Array<ArrayBuffer>) => Promise<unknown>;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #passed = 0;
  /** Sends one after the other: several sends of a socket at a time may overtake each other. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(random: Random, counts: Counts, send: (datagram: Uint8Array<ArrayBuffer>) => Promise<unknown>) {
    this.#random = random;
    this.#counts = counts;
    this.#send = send;
  }

  take(datagram: Uint8Array<ArrayBuffer>) {
    this.#counts.arrived++;
    if (this.#random.chance(LOST)) return void this.#counts.lost++;
    const twice = this.#random.chance(REPEATED);
    this.#later(datagram);
    if (!twice) return;
    this.#counts.repeated++;
    this.#later(datagram);
  }

  #later(datagram: Uint8Array<ArrayBuffer>) {
    if (!this.#random.chance(DELAYED)) return this.#pass(datagram);
    this.#counts.delayed++;
    const before = this.#passed;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#passed > before) this.#counts.overtaken++;
      this.#pass(datagram);
    }, this.#random.between(1, LONGEST_DELAY));
    this.#timers.add(timer);
  }

  #pass(datagram: Uint8Array<ArrayBuffer>) {
    this.#passed++;
    // one that can't be sent is lost as well
    this.#sending = this.#sending.then(() => this.#send(datagram)).catch(() => {});
  }

  /** Drops what is delayed. Resolves when nothing is sent any more. */
  async end() {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#sending;
  }
}

export class UdpProxy implements AsyncDisposable {
  readonly toServer = none();
  readonly toClients = none();
  readonly #seed: number;
  readonly #server: Deno.NetAddr;
  readonly #front: Deno.DatagramConn;
  /** By the client's address, the way of what it sends. */
  readonly #clients = new Map<string, Path>();
  readonly #sockets: Deno.DatagramConn[];
  readonly #paths: Path[] = [];
  readonly #reading: Promise<void>[] = [];

  /**
   * @param port That of the server, on this machine.
   * @param front Port for clients; 0 takes a free one.
   */
  constructor(port: number, seed: number, front = 0) {
    this.#front = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: front });
    this.#sockets = [this.#front];
    this.#seed = seed;
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
    this.#read(this.#front, (datagram, from) => {
      const name = `${from.hostname} ${from.port}`;
      let path = this.#clients.get(name);
      if (path === undefined) this.#clients.set(name, path = this.#client(from));
      path.take(datagram);
    });
  }

  /** Port for clients. */
  get port(): number {
    return (this.#front.addr as Deno.NetAddr).port;
  }

  /** Gives a client a socket of its own, so that the server sees it at an address of its own. */
  #client(client: Deno.NetAddr): Path {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#sockets.push(socket);
    const back = this.#path(this.toClients, (datagram) => this.#front.send(datagram, client));
    this.#read(socket, (datagram) => back.take(datagram));
    return this.#path(this.toServer, (datagram) => socket.send(datagram, this.#server));
  }

  #path(counts: Counts, send: (datagram: Uint8Array<ArrayBuffer>) => Promise<unknown>): Path {
    const random = new Random(this.#seed + Math.imul(this.#paths.length, 0x9e3779b1));
    const path = new Path(random, counts, send);
    this.#paths.push(path);
    return path;
  }

  #read(socket: Deno.DatagramConn, take: (datagram: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => void) {
    const read = async () => {
      const buffer = new Uint8Array(65_536);
      for (;;) {
        try {
          const [datagram, from] = await socket.receive(buffer);
          take(datagram.slice(), from as Deno.NetAddr);
        } catch {
          return; // closed
        }
      }
    };
    this.#reading.push(read());
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.#paths.map((path) => path.end()));
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#reading);
  }
}
