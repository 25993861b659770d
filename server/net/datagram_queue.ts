/**
 * Datagrams that were read from a socket and are not handled yet, shared out between those who sent them.
 *
 * Invariants (session.md 10.10): blocks of networks take turns (README.md 1.4), and in each of them its clients, a
 * datagram each; where there is no room, the block that holds most bytes loses the oldest datagram of its client that does.
 * So a flood delays and drops its own datagrams, and a client that sends few of them comes before it. Blocks and clients are
 * known by a hash of their address: a text for each would have to be collected as garbage. The hash begins with a secret,
 * so that nobody can choose with whom they share a turn.
 *
 * @module
 */

/** What all may take, and what a datagram counts for beside its own bytes: about as much as in the system's queue. */
export const MAX_UNHANDLED_BYTES = 2 * 1024 * 1024, DATAGRAM_OVERHEAD_BYTES = 768;

const DOT = 0x2e, COLON = 0x3a;

/** How an IPv4 address begins that is mapped into IPv6 (README.md 1.4). */
const MAPPED = "::ffff:";

/** A datagram with a copy of its bytes. */
export interface Unhandled {
  bytes: Uint8Array;
  from: Deno.NetAddr;
  /** Counts all that were pushed. */
  at: number;
}

/** Parties with something that waits, by hash, in the order of their turns. */
class Turns<T extends { bytes: number }> {
  readonly #parties = new Map<number, T>();
  #fullest: [hash: number, party: T] | undefined;

  get isEmpty(): boolean {
    return this.#parties.size === 0;
  }

  /** The party with this hash, which `make` makes if it has nothing that waits. */
  of(hash: number, make: () => T): T {
    let party = this.#parties.get(hash);
    if (party === undefined) this.#parties.set(hash, party = make());
    return party;
  }

  /** The one whose turn it is. */
  get first(): [hash: number, party: T] {
    return this.#parties.entries().next().value!;
  }

  /** The one with most bytes, or nearly so: no more is needed, and to look at all would take long. */
  get fullest(): [hash: number, party: T] {
    return this.#fullest ?? this.first;
  }

  /** Has more than before. */
  grew(hash: number, party: T) {
    if (party.bytes >= (this.#fullest?.[1].bytes ?? 0)) this.#fullest = [hash, party];
  }

  /** Has had its turn: it goes behind all others, or, if nothing of it waits, away. */
  after(hash: number, party: T) {
    this.#parties.delete(hash);
    if (party.bytes > 0) this.#parties.set(hash, party);
    else if (party === this.#fullest?.[1]) this.#fullest = undefined;
  }
}

interface Client {
  bytes: number;
  waiting: Unhandled[];
}

interface Block {
  bytes: number;
  clients: Turns<Client>;
}

export class DatagramQueue {
  readonly #secret: number;
  readonly #blocks = new Turns<Block>();
  #bytes = 0;
  #length = 0;
  #pushed = 0;

  /** @param secret What the hash begins with, 32 bits. */
  constructor(secret = crypto.getRandomValues(new Int32Array(1))[0]!) {
    this.#secret = secret;
  }

  get length(): number {
    return this.#length;
  }

  /** What all datagrams count for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a copy of the datagram. Returns how many were dropped for it. */
  push(datagram: Uint8Array, from: Deno.NetAddr): number {
    const blockHash = this.#blockHash(from), clientHash = this.#clientHash(from);
    const block = this.#blocks.of(blockHash, () => ({ bytes: 0, clients: new Turns() }));
    const client = block.clients.of(clientHash, () => ({ bytes: 0, waiting: [] }));
    client.waiting.push({ bytes: datagram.slice(), from, at: this.#pushed++ });
    this.#count(block, client, 1, datagram);
    block.clients.grew(clientHash, client);
    this.#blocks.grew(blockHash, block);
    let dropped = 0;
    for (; this.#bytes > MAX_UNHANDLED_BYTES; dropped++) this.#remove("fullest");
    return dropped;
  }

  /**
   * The next datagrams to be handled: those whose turn it is, at most `count`, in the order in which they came. So where
   * all of them go, nobody overtakes anybody.
   */
  take(count: number): Unhandled[] {
    const taken: Unhandled[] = [];
    while (taken.length < count && !this.#blocks.isEmpty) taken.push(this.#remove("first"));
    return taken.sort((a, b) => a.at - b.at);
  }

  clear() {
    this.take(this.#length);
  }

  #remove(which: "first" | "fullest"): Unhandled {
    const [blockHash, block] = this.#blocks[which], [clientHash, client] = block.clients[which];
    const removed = client.waiting.shift()!;
    this.#count(block, client, -1, removed.bytes);
    block.clients.after(clientHash, client);
    this.#blocks.after(blockHash, block);
    return removed;
  }

  #count(block: Block, client: Client, sign: 1 | -1, datagram: Uint8Array) {
    const bytes = sign * (datagram.length + DATAGRAM_OVERHEAD_BYTES);
    client.bytes += bytes;
    block.bytes += bytes;
    this.#bytes += bytes;
    this.#length += sign;
  }

  /** Of the block of an address: the /16 of IPv4, or the /32 of IPv6. */
  #blockHash({ hostname }: Deno.NetAddr): number {
    // so a socket on `::` names all of IPv4
    const start = hostname.startsWith(MAPPED) && hostname.includes(".") ? MAPPED.length : 0;
    let end = start;
    for (let separators = 0; end < hostname.length; end++) {
      const code = hostname.charCodeAt(end);
      if ((code === DOT || code === COLON) && ++separators === 2) break;
    }
    return hashed(this.#secret, hostname, start, end);
  }

  #clientHash({ hostname, port }: Deno.NetAddr): number {
    return hashed(mixed(this.#secret, port), hostname, 0, hostname.length);
  }
}

/** The hash (FNV-1a, with a shift that brings high bits down) of a part of a text. */
function hashed(hash: number, text: string, start: number, end: number): number {
  for (let i = start; i < end; i++) hash = mixed(hash, text.charCodeAt(i));
  return hash;
}

function mixed(hash: number, code: number): number {
  const product = Math.imul(hash ^ code, 0x01000193);
  return product ^ product >>> 15;
}
