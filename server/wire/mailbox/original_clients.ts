import type { Clients, Traffic } from "../../report/clients.ts";

/** Addresses that are listed. With more of them, the one that came first is not listed any more. */
const MAX_ADDRESSES = 1024;

/** An address that has sent nothing for so long is not listed any more. */
const IDLE_MS = 600_000;

interface OriginalClient {
  name: string;
  traffic: Traffic;
  unlist(): void;
}

/**
 * The addresses that have used the original wire lately. The wire has no connections: each datagram stands for itself, so
 * its sender and its mailbox are all that is known of a client.
 */
export class OriginalClients {
  readonly #clients: Clients;
  readonly #wallClock: () => number;
  readonly #addresses = new Map<string, OriginalClient>();

  /** @param wallClock Milliseconds since 1970. */
  constructor(clients: Clients, wallClock: () => number) {
    this.#clients = clients;
    this.#wallClock = wallClock;
  }

  /** Counts a request, which was made under this name; `""` if it has none. Returns where its reply is counted. */
  received({ hostname, port }: Deno.NetAddr, name: string, bytes: number): Traffic {
    const key = `${hostname} ${port}`;
    let client = this.#addresses.get(key);
    if (client === undefined) {
      this.#makeRoom(this.#wallClock());
      this.#addresses.set(key, client = this.#add(hostname, port, key));
    }
    if (name !== "") client.name = name;
    client.traffic.received(1, bytes);
    return client.traffic;
  }

  #add(hostname: string, port: number, key: string): OriginalClient {
    const client = { name: "", traffic: this.#clients.traffic() };
    const id = this.#clients.add({
      service: "mailbox",
      kind: "datagrams",
      hostname,
      port,
      traffic: client.traffic,
      get name() {
        return client.name;
      },
      end: () => this.#remove(key),
    });
    return Object.assign(client, { unlist: () => this.#clients.remove(id) });
  }

  #remove(key: string) {
    this.#addresses.get(key)?.unlist();
    this.#addresses.delete(key);
  }

  /** Removes those that are idle; if there are none and all are taken, the first. */
  #makeRoom(now: number) {
    if (this.#addresses.size < MAX_ADDRESSES) return;
    for (const [key, { traffic }] of this.#addresses) if (now - traffic.heardMs > IDLE_MS) this.#remove(key);
    if (this.#addresses.size < MAX_ADDRESSES) return;
    const [first = ""] = this.#addresses.keys();
    this.#remove(first);
  }
}
