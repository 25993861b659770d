import type { SessionState } from "../requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";

/** Whether the disk cannot be written to, and how many requests were refused since that was reported. */
export class StorageFailure {
  readonly #onEvent: (event: StoreEvent) => void;
  /** Undefined while the disk can be written to. */
  #refused: number | undefined;

  constructor(onEvent: (event: StoreEvent) => void) {
    this.#onEvent = onEvent;
  }

  get isOn(): boolean {
    return this.#refused !== undefined;
  }

  begin(reason: string) {
    if (this.isOn) return;
    this.#refused = 0;
    this.#onEvent({ kind: "storage failed", reason });
  }

  /** Counts what of a batch was refused. Returns whether anything was. */
  count(requests: readonly StoreRequest[], outcomes: readonly Outcome[]): boolean {
    let refused = 0, isRefused = false;
    for (const [i, request] of requests.entries()) {
      const count = refusedOf(request, outcomes[i]!);
      isRefused ||= count > 0;
      // messages of channels are in memory meanwhile, and come again
      if (request.kind !== "channel") refused += count;
    }
    if (!isRefused) return false;
    this.begin("database or disk is full");
    this.#refused! += refused;
    return true;
  }

  end() {
    this.#onEvent({ kind: "storage works", refused: this.#refused ?? 0 });
    this.#refused = undefined;
  }
}

/** How many requests were refused by the disk: one, or those of a session. */
function refusedOf(request: StoreRequest, outcome: Outcome): number {
  if (request.kind !== "session") return outcome === "storage" ? 1 : 0;
  if (outcome === "storage") return request.changes.length;
  const { refused } = outcome as SessionState;
  if (refused === undefined || refused.limit !== undefined) return 0;
  let last = request.first - 1;
  return request.changes.filter((change) => (last += change.numbers ?? 1) >= refused.n).length;
}
