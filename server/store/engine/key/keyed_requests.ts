import type { PutOnce, PutOnceOutcome, PutReceipt, RequestKey } from "../../requests/keyed.ts";
import type { Put } from "../../requests/message.ts";
import type { ChangeThread, ChangeThreadOutcome } from "../../requests/thread.ts";
import type { Reached } from "../mailbox/limits.ts";
import type { Threads } from "../thread/threads.ts";
import type { RequestKeys } from "./request_keys.ts";

/** Carries requests out once that have a key, and remembers what they came to (store section 12). */
export class KeyedRequests {
  readonly #messages: { put(put: Put): "stored" | Reached; readonly last: number };
  readonly #threads: Pick<Threads, "request">;
  readonly #keys: RequestKeys;

  constructor(
    messages: { put(put: Put): "stored" | Reached; readonly last: number },
    threads: Pick<Threads, "request">,
    keys: RequestKeys,
  ) {
    this.#messages = messages;
    this.#threads = threads;
    this.#keys = keys;
  }

  put({ put, key }: PutOnce, canStore: boolean): PutOnceOutcome {
    const owner = put.owner ?? "", before = key === undefined ? "new" : this.#before(key, owner);
    if (typeof before === "object") return { id: before.id, time: before.time };
    if (before !== "new") return before;
    if (!canStore) return "storage";
    const outcome = this.#messages.put(put);
    if (outcome !== "stored") return outcome.of === "share" ? "full share" : "full";
    const receipt = { id: this.#messages.last, time: put.time };
    if (key !== undefined) this.#keys.add(key, owner, receipt);
    return receipt;
  }

  change({ key, owner = "", ...request }: ChangeThread, canStore: boolean): ChangeThreadOutcome {
    if (key === undefined) return this.#threads.request(request, canStore);
    const before = this.#before(key, owner);
    if (typeof before === "object") return { id: before.id, number: before.place };
    if (before !== "new") return before;
    // the key needs space too
    if (!canStore) return "storage";
    const outcome = this.#threads.request(request, canStore);
    if (typeof outcome === "string" || "refused" in outcome) return outcome;
    const { id, number: place } = outcome, { change } = request;
    this.#keys.add(key, owner, { id, time: "time" in change ? change.time : 0, place });
    return outcome;
  }

  /** What the request came to before; or why it can't be carried out; or that it is new. */
  #before(
    { key, digest }: RequestKey,
    owner: string,
  ): PutReceipt & { place: number } | "new" | "other request" | "keys full" | "storage" {
    const before = this.#keys.find(key);
    // it may have been carried out: nothing is done twice
    if (before === "damaged") return "storage";
    if (before === undefined) return this.#keys.isFull(owner) ? "keys full" : "new";
    return before.digest === digest ? before : "other request";
  }
}
