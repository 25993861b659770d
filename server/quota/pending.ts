/** Something that waits to be sent to one client. */
export interface Waiting {
  /** Who holds it: its address, or this machine. */
  readonly holder: string;
  /** Bytes that wait for this client. */
  readonly pending: number;
  /** Gives the client up; it lets go of all that waits for it. */
  giveUp(): void;
}

/** Which part of the limit is free again when clients have been given up for it: so that it isn't one for each message. */
const FREED = 1 / 8;

/**
 * What waits to be sent to all clients together, in bytes of memory: what several of them wait for counts once. With
 * more than the limit, clients are given up of the address that has most waiting, the one with most first: so whoever
 * opens many connections and reads from none of them pays for it, and nobody else who is slow.
 */
export class PendingTotal {
  readonly #limit: number;
  readonly #clients = new Set<Waiting>();
  /** How many clients hold each chunk. */
  readonly #holders = new Map<Uint8Array, number>();
  #bytes = 0;
  #isOver = false;

  /** @param limit Bytes, inclusive. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a client in, until {@linkcode remove}. */
  add(client: Waiting) {
    this.#clients.add(client);
  }

  remove(client: Waiting) {
    this.#clients.delete(client);
  }

  /** One client more holds this chunk. */
  hold(chunk: Uint8Array) {
    const holders = this.#holders.get(chunk) ?? 0;
    this.#holders.set(chunk, holders + 1);
    if (holders > 0) return;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#limit || this.#isOver) return;
    this.#isOver = true;
    // not at once: who is given up leaves its channel, in which somebody may be telling the members something just now
    queueMicrotask(() => this.#makeRoom());
  }

  /** One client fewer holds this chunk. */
  release(chunk: Uint8Array) {
    const holders = this.#holders.get(chunk)! - 1;
    if (holders > 0) {
      this.#holders.set(chunk, holders);
      return;
    }
    this.#holders.delete(chunk);
    this.#bytes -= chunk.length;
  }

  #makeRoom() {
    this.#isOver = false;
    // it may have been sent since
    if (this.#bytes <= this.#limit) return;
    const holders = new Map<string, { pending: number; clients: Waiting[] }>();
    for (const client of [...this.#clients].sort((a, b) => a.pending - b.pending)) {
      const held = holders.get(client.holder) ?? { pending: 0, clients: [] };
      holders.set(client.holder, held);
      held.pending += client.pending;
      held.clients.push(client);
    }
    while (this.#bytes > this.#limit * (1 - FREED)) {
      let most: { pending: number; clients: Waiting[] } | undefined;
      for (const held of holders.values()) if (held.pending > (most?.pending ?? 0)) most = held;
      const client = most?.clients.pop();
      if (client === undefined) return;
      most!.pending -= client.pending;
      client.giveUp();
    }
  }
}
