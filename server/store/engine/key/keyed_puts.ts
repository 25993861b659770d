import type { Put } from "../../requests/message.ts";
import type { PutOnce, PutOnceOutcome } from "../../requests/keyed.ts";
import type { Reached } from "../mailbox/limits.ts";
import type { RequestKeys } from "./request_keys.ts";

/** Puts messages, and remembers under which keys (store section 12). */
export class KeyedPuts {
  readonly #messages: { put(put: Put): "stored" | Reached; readonly last: number };
  readonly #keys: RequestKeys;

  constructor(messages: { put(put: Put): "stored" | Reached; readonly last: number }, keys: RequestKeys) {
    this.#messages = messages;
    this.#keys = keys;
  }

  put({ put, key }: PutOnce, canStore: boolean): PutOnceOutcome {
    const owner = put.owner ?? "";
    if (key !== undefined) {
      const before = this.#keys.find(key.key);
      // it may have been carried out: nothing is done twice
      if (before === "damaged") return "storage";
      if (before?.digest === key.digest) return { id: before.id, time: before.time };
      if (before !== undefined) return "other request";
      if (this.#keys.isFull(owner)) return "keys full";
    }
    if (!canStore) return "storage";
    const outcome = this.#messages.put(put);
    if (outcome !== "stored") return outcome.of === "share" ? "full share" : "full";
    const receipt = { id: this.#messages.last, time: put.time };
    if (key !== undefined) this.#keys.add(key, owner, receipt);
    return receipt;
  }
}
