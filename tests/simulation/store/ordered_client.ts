import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type {
  OpenSession,
  OrderedBatch,
  OrderedRequest,
  RequestOutcome,
  SessionState,
} from "../../../server/store/requests/session.ts";
import type { Outcome } from "../../../server/store/store.ts";
import type { Random } from "../random.ts";

interface Change {
  request: OrderedRequest;
  /** Is called when it is known what became of it; undefined is success. */
  settle: (outcome: RequestOutcome | undefined) => void;
}

/** Most requests of one batch, and how many that are done may be asked for once more. */
const BATCH = 6, REPEATED = 3;

/**
 * A client's session: it sends its ordered requests until it knows what became of each, as the protocol wants it
 * (session.md section 5), and holds against each other what it is answered at different times.
 */
export class OrderedClient {
  readonly #random: Random;
  readonly #name: string;
  /** All requests, the first has number 1. */
  readonly #changes: Change[] = [];
  /** What became of those that are done. */
  readonly #outcomes: (RequestOutcome | undefined)[] = [];
  /** The highest number that was ever sent. */
  #sent = 0;
  #low = 1;
  #isAsking = false;

  constructor(name: string, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  get session(): string {
    return this.#name;
  }

  /** Requests of which it is not known what became of them. */
  get open(): number {
    return this.#changes.length - this.#outcomes.length;
  }

  add(request: OrderedRequest, settle: Change["settle"]) {
    this.#changes.push({ request, settle });
  }

  /** What it sends next; undefined if there is nothing, or an answer has to come first. */
  next(): OrderedBatch | undefined {
    const random = this.#random, done = this.#outcomes.length;
    if (this.#isAsking || done === 0 && this.open === 0) return undefined;
    if (this.open === 0 && random.chance(0.7)) return undefined;
    const first = Math.max(this.#low, done + 1 - (random.chance(0.3) ? random.between(1, REPEATED) : 0));
    this.#low = Math.max(this.#low, first - random.between(0, REPEATED));
    const changes = this.#changes.slice(first - 1, first - 1 + random.between(1, BATCH));
    if (changes.length === 0) return undefined;
    this.#isAsking = true;
    this.#sent = Math.max(this.#sent, first - 1 + changes.length);
    return {
      kind: "session",
      session: this.#name,
      startTime: 1,
      first,
      low: this.#low,
      changes: changes.map(({ request }) => request),
    };
  }

  answered(outcome: Outcome) {
    this.#isAsking = false;
    if (outcome !== "storage") this.#learn(outcome);
  }

  /** After a new start: what was on its way is not answered any more. */
  reopen(): OpenSession {
    this.#isAsking = false;
    return { kind: "open", session: this.#name, startTime: 1 };
  }

  reopened(outcome: Outcome) {
    if (outcome === "new") assertEquals(this.#outcomes.length, 0, `${this.#name} is forgotten`);
    else this.#learn(outcome);
  }

  #learn(outcome: Outcome) {
    assert(typeof outcome === "object", `${this.#name} is answered ${outcome}`);
    const { done, outcomes } = outcome as SessionState, known = this.#outcomes;
    assertGreaterOrEqual(done, known.length, `${this.#name} has gone back`);
    assertLessOrEqual(done, this.#sent, `${this.#name} has done what was never sent`);
    const byNumber = new Map(outcomes);
    for (let n = this.#low; n <= done; n++) {
      const outcome = byNumber.get(n);
      if (n <= known.length) assertEquals(outcome, known[n - 1], `${this.#name}: request ${n}, asked again`);
      else {
        known.push(outcome);
        this.#changes[n - 1]!.settle(outcome);
      }
    }
  }
}
