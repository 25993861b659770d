/**
 * What is said under an Idempotency-Key, so that the same request says nothing twice, across a crash too: the store gets
 * the key together with the message. http.md 9.5.
 *
 * @module
 */

import { Refusal } from "../../../../protocol/http/problem.ts";
import { ownerAt } from "../../../quota/owner.ts";
import type { Accounts } from "../../../service/account/accounts.ts";
import type { Channel } from "../../../service/hub/channel.ts";
import type { ChannelRecord } from "../../../service/hub/history.ts";
import type { Hub } from "../../../service/hub/hub.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { RequestKey, UsedKey } from "../../../store/requests/keyed.ts";
import type { HttpClient } from "../exchange.ts";
import { keyRefusal } from "../request_key.ts";

/** What a request has said: the last of its messages. */
export interface Said {
  readonly number: number;
  readonly time: number;
}

export class SaidOnce {
  readonly #hub: Hub;
  readonly #store: Pick<GroupCommit, "ask">;
  readonly #accounts: Pick<Accounts, "ownerOf">;
  /** Requests that the store does not have yet, by their keys: as many as there are connections at most. */
  readonly #running = new Map<string, { digest: string; said: Promise<Said> }>();
  /** Channels with a message that the store has refused: it, and its key, may still be written later. */
  readonly #failing = new WeakSet<ChannelRecord>();

  constructor(hub: Hub, store: Pick<GroupCommit, "ask">, accounts: Pick<Accounts, "ownerOf">) {
    this.#hub = hub;
    this.#store = store;
    this.#accounts = accounts;
  }

  /**
   * What the request said when it came before, or says now. Resolves when the store has it.
   *
   * @throws {Refusal} `other body`, `keys full` or `storage`.
   */
  async say(channel: Channel, client: HttpClient, key: RequestKey, say: () => Said): Promise<Said> {
    const running = this.#running.get(key.key);
    if (running !== undefined) {
      if (running.digest !== key.digest) throw new Refusal("other body");
      return await running.said;
    }
    const said = this.#sayNew(channel, client, key, say);
    this.#running.set(key.key, { digest: key.digest, said });
    try {
      return await said;
    } finally {
      this.#running.delete(key.key);
    }
  }

  async #sayNew(channel: Channel, client: HttpClient, key: RequestKey, say: () => Said): Promise<Said> {
    const waiting = this.#unstored(channel, key);
    if (waiting !== undefined) return await this.#stored(channel, waiting, key);
    const owner = client.account === "" ? ownerAt(client.hostname) : this.#accounts.ownerOf(client.account);
    const found = await this.#store.ask({ kind: "find key", key: key.key, owner });
    if (found === "damaged") throw new Refusal("storage");
    if (found === "keys full") throw keyRefusal(found);
    if (found !== "new") return saidUnder(found, key);
    const said = say(), used = { ...key, id: said.number, time: said.time, owner };
    this.#hub.setKey(channel, used);
    return await this.#stored(channel, used, key);
  }

  /** What was said under the key and is not on disk, because the store has refused it. */
  #unstored({ record }: Channel, { key }: RequestKey): UsedKey | undefined {
    if (!this.#failing.has(record)) return undefined;
    return [...record.keys.values()].find((used) => used.key === key);
  }

  async #stored(channel: Channel, used: UsedKey, key: RequestKey): Promise<Said> {
    const said = saidUnder(used, key);
    try {
      await onDisk(this.#hub, channel, said);
    } catch (error) {
      this.#failing.add(channel.record);
      throw error;
    }
    return said;
  }
}

/** @throws {Refusal} `other body`: the key is that of another request. */
function saidUnder({ id, time, digest }: Omit<UsedKey, "owner">, key: RequestKey): Said {
  if (digest !== key.digest) throw new Refusal("other body");
  return { number: id, time };
}

/** @throws {Refusal} `storage`: it was passed on, but is not on disk. */
export async function onDisk(hub: Hub, channel: Channel, { number }: Said) {
  if (!await hub.stored(channel, number)) throw new Refusal("storage");
}
