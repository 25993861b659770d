import type { BatchOptions, BatchResult } from "../engine/batch_engine.ts";
import { packRequests } from "./packed.ts";
import type { FromWorker, ToWorker } from "./sqlite_worker.ts";
import type { Counts } from "../requests/message.ts";
import type { Outcome, Store, StoreRequest } from "../store.ts";
import { StoreLocked, StoreLost } from "../errors.ts";

/** A {@linkcode Store} in one SQLite database, with a Worker that has the engine. */
export class SqliteStore implements Store {
  /** Set by `open`. */
  opened: Counts = { messages: 0, bytes: 0, mailboxes: 0 };
  dropped = 0;
  readonly #worker = new Worker(new URL("./sqlite_worker.ts", import.meta.url), { type: "module" });
  /** Messages to the Worker that it has not answered yet; it answers in order. */
  readonly #waiting: PromiseWithResolvers<unknown>[] = [];
  #lost: StoreLost | undefined;
  #closed: Promise<void> | undefined;

  private constructor(onEvent: BatchOptions["onEvent"]) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "event") onEvent(data.event);
      else if (data.kind === "lost") this.#lose(data.message);
      else if (data.kind === "done") this.#waiting.shift()?.resolve(data.value);
      else this.#waiting.shift()?.reject(new (data.locked ? StoreLocked : Error)(data.message));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(`Cannot rely on the store any more: ${event.message}`);
    };
  }

  /**
   * Opens the database in `options.directory`, which must exist, and creates it if needed; without a directory messages
   * are kept in memory.
   *
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It cannot be opened, or its schema is newer than this program.
   */
  static async open({ onEvent, ...options }: BatchOptions): Promise<SqliteStore> {
    const store = new SqliteStore(onEvent);
    try {
      store.opened = await store.#ask({ kind: "open", options }) as Counts;
      return store;
    } catch (error) {
      store.#worker.terminate();
      throw error;
    }
  }

  async apply(requests: readonly StoreRequest[]): Promise<Outcome[]> {
    if (this.#closed) throw new StoreLost("Cannot apply requests: the store is closed");
    const applied = await this.#ask({ kind: "apply", requests: packRequests(requests) });
    const { outcomes, dropped } = applied as BatchResult;
    this.dropped += dropped;
    return outcomes;
  }

  close(): Promise<void> {
    // also if it is lost
    return this.#closed ??= this.#ask({ kind: "close" }).then(() => {}, () => {})
      .finally(() => this.#worker.terminate());
  }

  /** @throws {StoreLost} The Worker cannot answer any more. */
  #ask(message: ToWorker): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>();
    if (this.#lost) answer.reject(this.#lost);
    else {
      this.#waiting.push(answer);
      this.#worker.postMessage(message);
    }
    return answer.promise;
  }

  #lose(message: string) {
    this.#lost = new StoreLost(message);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#lost);
  }
}
