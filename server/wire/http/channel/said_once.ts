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
import type { Hub } from "../../../service/hub/hub.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { RequestKey } from "../../../store/requests/keyed.ts";
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
    const owner = client.account === "" ? ownerAt(client.hostname) : this.#accounts.ownerOf(client.account);
    const found = await this.#store.ask({ kind: "find key", key: key.key, owner });
    if (found === "damaged") throw new Refusal("storage");
    if (found === "keys full") throw keyRefusal(found);
    if (found !== "new") {
      if (found.digest !== key.digest) throw new Refusal("other body");
      return { number: found.id, time: found.time };
    }
    const said = say();
    this.#hub.setKey(channel, { ...key, id: said.number, time: said.time, owner });
    await onDisk(this.#hub, channel, said);
    return said;
  }
}

/** @throws {Refusal} `storage`: it was passed on, but is not on disk. */
export async function onDisk(hub: Hub, channel: Channel, { number }: Said) {
  if (!await hub.stored(channel, number)) throw new Refusal("storage");
}
