import type { EngineOptions } from "../engine/engine.ts";
import { packRequests } from "./packed.ts";
import type { FromWorker, ToWorker } from "./sqlite_worker.ts";
import type { Counts } from "../requests/message.ts";
import type { Outcome, Store, StoreRequest } from "../store.ts";
import { StoreLocked, StoreLost } from "../errors.ts";

/** A {@linkcode Store} in one SQLite database, with a Worker that has the engine. */
export class SqliteStore implements Store {
  readonly opened: Counts;
  dropped = 0;
  readonly #worker: Worker;
  /** Messages to the Worker that it has not answered yet; it answers in order. */
  readonly #waiting: PromiseWithResolvers<FromWorker>[] = [];
  #lost: StoreLost | undefined;
  #closed: Promise<void> | undefined;

  private constructor(worker: Worker, opened: Counts) {
    this.#worker = worker;
    this.opened = opened;
  }

  /**
   * Opens the database in `options.directory`, which must exist, and creates it if needed; without a directory messages
   * are kept in memory.
   *
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It cannot be opened, or its schema is newer than this program.
   */
  static async open(options: EngineOptions): Promise<SqliteStore> {
    const { onEvent, ...rest } = options;
    const worker = new Worker(new URL("./sqlite_worker.ts", import.meta.url), { type: "module" });
    const opening = Promise.withResolvers<FromWorker>();
    let store: SqliteStore | undefined;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "event") onEvent(data.event);
      else if (store === undefined) opening.resolve(data);
      else store.#answered(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const lost = { kind: "lost", message: `Cannot rely on the store any more: ${event.message}` } as const;
      if (store === undefined) opening.resolve(lost);
      else store.#answered(lost);
    };
    worker.postMessage({ kind: "open", options: rest } satisfies ToWorker);
    const answer = await opening.promise;
    if (answer.kind === "opened") return store = new SqliteStore(worker, answer.counts);
    worker.terminate();
    if (answer.kind !== "not opened") throw new Error("message" in answer ? answer.message : answer.kind);
    throw answer.locked ? new StoreLocked(answer.message) : new Error(answer.message);
  }

  async apply(requests: readonly StoreRequest[]): Promise<Outcome[]> {
    if (this.#closed) throw new StoreLost("Cannot apply requests: the store is closed");
    const answer = await this.#ask({ kind: "apply", requests: packRequests(requests) });
    if (answer.kind !== "applied") throw this.#lost ?? new StoreLost("Cannot apply requests");
    this.dropped += answer.result.dropped;
    return answer.result.outcomes;
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close() {
    await this.#ask({ kind: "close" });
    this.#worker.terminate();
  }

  #ask(message: ToWorker): Promise<FromWorker> {
    const answer = Promise.withResolvers<FromWorker>();
    if (this.#lost) answer.resolve({ kind: "lost", message: this.#lost.message });
    else {
      this.#waiting.push(answer);
      this.#worker.postMessage(message);
    }
    return answer.promise;
  }

  #answered(answer: FromWorker) {
    if (answer.kind !== "lost") {
      this.#waiting.shift()?.resolve(answer);
      return;
    }
    this.#lost = new StoreLost(answer.message);
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(answer);
  }
}
