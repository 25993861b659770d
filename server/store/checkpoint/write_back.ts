import { StoreLost } from "../errors.ts";
import type { WriteBackResult, WriteBackTask } from "./write_back_task.ts";

/** Writes SQLite's log back into the database, or syncs it as it is, off this thread (store 5.2, 10.2). One thing at a time. */
export class WriteBack {
  readonly #path: string;
  readonly #worker = new Worker(new URL("./write_back_worker.ts", import.meta.url), { type: "module" });
  #waiting: PromiseWithResolvers<WriteBackResult> | undefined;
  /** Why the Worker cannot go on. */
  #lost: StoreLost | undefined;
  /** Bytes of the log, as of the last time. */
  logBytes = 0;

  /** @param path The database's. */
  constructor(path: string) {
    this.#path = path;
    this.#worker.onmessage = ({ data }: MessageEvent<WriteBackResult>) => {
      this.#waiting!.resolve(data);
      this.#waiting = undefined;
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lost = new StoreLost(`it cannot be written back: ${event.message}`);
      this.#waiting?.reject(this.#lost);
    };
  }

  /** Whether the disk is busy with it. */
  get isRunning(): boolean {
    return this.#waiting !== undefined;
  }

  /**
   * Writes back what was committed. Returns whether all of it is in the database now, and durable: it is
   * not while a reader still needs what was there before.
   *
   * @throws {Error} With SQLite's `errcode`: a file could not be written or synced.
   * @throws {StoreLost} The Worker has ended.
   */
  async run(): Promise<boolean> {
    return await this.#do("write back");
  }

  /**
   * Makes what was committed durable in the log, and leaves the database's file as it is.
   *
   * @throws {StoreLost} It cannot be synced, or the Worker has ended.
   */
  async syncLog(): Promise<void> {
    await this.#do("sync log");
  }

  async #do(kind: "write back" | "sync log"): Promise<boolean> {
    const result = await this.#ask({ kind, path: this.#path });
    if (result.kind === "failed") {
      const { errcode, message } = result;
      throw errcode === undefined ? new StoreLost(message) : Object.assign(new Error(message), { errcode });
    }
    if (result.kind !== "done") return false;
    this.logBytes = result.logBytes;
    return result.isWhole;
  }

  async close() {
    try {
      if (this.#lost === undefined) await this.#ask({ kind: "close" });
    } finally {
      this.#worker.terminate();
    }
  }

  #ask(task: WriteBackTask): Promise<WriteBackResult> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    this.#waiting = Promise.withResolvers<WriteBackResult>();
    this.#worker.postMessage(task);
    return this.#waiting.promise;
  }
}
