/**
 * What waits to be sent to all clients together.
 *
 * @module
 */

/** What waits to be sent to one client. */
export interface PendingClient {
  /** Account or network that it is counted for: see `owner.ts`. */
  readonly owner: string;
  readonly pendingBytes: number;
  /** Disconnects the client, and releases all that waits for it. */
  disconnect(): void;
}

/**
 * Part of the limit that is free after clients were disconnected, so that this doesn't come with each message
 * (channels.md 5.3).
 */
const FREED_PART = 1 / 8;

/**
 * Counts bytes in memory: a chunk that several clients wait for counts once. Over the limit, clients are disconnected: those
 * of the address with most waiting, the one with most first. So an address that opens many connections and reads from
 * none of them pays for that itself, and no other slow client does.
 */
export class PendingTotal {
  /** The limit, inclusive. */
  maxBytes: number;
  readonly #clients = new Set<PendingClient>();
  /** How many clients wait for each chunk. */
  readonly #chunks = new Map<Uint8Array, number>();
  #bytes = 0;
  #isOver = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What waits for the client with most. */
  get fullest(): number {
    return this.#clients.values().reduce((most, { pendingBytes }) => Math.max(most, pendingBytes), 0);
  }

  add(client: PendingClient) {
    this.#clients.add(client);
  }

  remove(client: PendingClient) {
    this.#clients.delete(client);
  }

  /** One more client waits for this chunk. */
  hold(chunk: Uint8Array) {
    const clients = this.#chunks.get(chunk) ?? 0;
    this.#chunks.set(chunk, clients + 1);
    if (clients > 0) return;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.maxBytes || this.#isOver) return;
    this.#isOver = true;
    // not at once: a client that is disconnected leaves its channel, whose members may be iterated over just now
    queueMicrotask(() => this.#makeRoom());
  }

  /** One client fewer waits for this chunk. */
  release(chunk: Uint8Array) {
    const clients = this.#chunks.get(chunk)! - 1;
    if (clients > 0) {
      this.#chunks.set(chunk, clients);
      return;
    }
    this.#chunks.delete(chunk);
    this.#bytes -= chunk.length;
  }

  #makeRoom() {
    this.#isOver = false;
    // it may have been sent meanwhile
    if (this.#bytes <= this.maxBytes) return;
    const byOwner = Map.groupBy(
      [...this.#clients].sort((a, b) => a.pendingBytes - b.pendingBytes),
      ({ owner }) => owner,
    );
    const owners = [...byOwner.values()].map((clients) => ({
      clients,
      bytes: clients.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0),
    }));
    while (this.#bytes > this.maxBytes * (1 - FREED_PART)) {
      const most = owners.reduce((a, b) => b.bytes > a.bytes ? b : a, { clients: [], bytes: 0 });
      const client = most.clients.pop();
      if (client === undefined) return;
      most.bytes -= client.pendingBytes;
      client.disconnect();
    }
  }
}
