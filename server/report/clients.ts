/**
 * Who is connected: every connection, session and file transfer, and the addresses that use the original wire. An
 * administrator is shown them, and may end them.
 *
 * @module
 */

/** What a client has sent and was sent. */
export class Traffic {
  receivedMessages = 0;
  receivedBytes = 0;
  sentMessages = 0;
  sentBytes = 0;

  /** When something came from it last, in milliseconds since 1970. */
  heardMs: number;
  readonly #wallClock: () => number;

  /** @param wallClock Milliseconds since 1970; without it, nobody asks when something came. */
  constructor(wallClock: () => number = () => 0) {
    this.#wallClock = wallClock;
    this.heardMs = wallClock();
  }

  received(messages: number, bytes: number) {
    this.receivedMessages += messages;
    this.receivedBytes += bytes;
    this.heardMs = this.#wallClock();
  }

  sent(messages: number, bytes: number) {
    this.sentMessages += messages;
    this.sentBytes += bytes;
  }
}

/** A client, as the wire that serves it knows it. */
export interface ConnectedClient {
  readonly service: string;
  readonly kind: "connection" | "session" | "datagrams" | "transfer";
  readonly hostname: string;
  readonly port: number;
  /** Its account, or the name that it gives itself; `""` if none is known. */
  readonly name: string;
  readonly traffic: Traffic;
  /** Ends its connection or session. */
  end(): void;
}

/** A client that is connected. Its number grows with time. */
export interface ListedClient {
  readonly id: number;
  readonly sinceMs: number;
  readonly client: ConnectedClient;
}

export class Clients {
  readonly #wallClock: () => number;
  readonly #clients = new Map<number, ListedClient>();
  #last = 0;
  /** Numbers of all clients, as they were when the first page was listed last. */
  #listed: number[] = [];

  /** @param wallClock Milliseconds since 1970. */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** A count of what a new client sends. */
  traffic(): Traffic {
    return new Traffic(this.#wallClock);
  }

  /** Lists a client until {@linkcode remove} takes its number, which is returned. */
  add(client: ConnectedClient): number {
    const id = ++this.#last;
    this.#clients.set(id, { id, sinceMs: this.#wallClock(), client });
    return id;
  }

  /** Lists the client of this number no longer. */
  remove(id: number) {
    this.#clients.delete(id);
  }

  /**
   * Up to `limit` of them, the oldest first, from the first behind the number `after`. A client that came since the page
   * behind 0 was listed is not among them.
   */
  list(after: number, limit: number): ListedClient[] {
    if (after === 0) this.#listed = [...this.#clients.keys()];
    const page: ListedClient[] = [];
    for (let i = firstBehind(this.#listed, after); i < this.#listed.length && page.length < limit; i++) {
      const client = this.#clients.get(this.#listed[i]!);
      if (client !== undefined) page.push(client);
    }
    return page;
  }

  /** Ends all that `isMeant`. Returns how many. */
  end(isMeant: (client: ConnectedClient) => boolean): number {
    const meant = [...this.#clients.values()].filter(({ client }) => isMeant(client));
    for (const { client } of meant) client.end();
    return meant.length;
  }
}

/** The index of the first number above `after`, in numbers that ascend. */
function firstBehind(numbers: readonly number[], after: number): number {
  let from = 0, to = numbers.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (numbers[middle]! <= after) from = middle + 1;
    else to = middle;
  }
  return from;
}
