/**
 * The numbered requests of one session: puts them into their order, hands them to the store, and answers.
 *
 * @module
 */

import type { NumberedRequest, SessionAnswer } from "../protocol/session.ts";
import { MAX_TEXT } from "../protocol/session.ts";
import { utf8Length } from "../protocol/mailbox.ts";
import type { GroupCommit } from "./store/group.ts";
import type { Change, SessionOutcome, SessionState, Special } from "./store/store.ts";

/** Requests, and bytes of their text, that may wait for a lower number. */
const MAX_EARLY = 1024, MAX_EARLY_BYTES = 256 * 1024;

export interface ChangesOptions {
  session: string;
  /** Name of the account that the session is logged in to, or `""`. */
  owner: string;
  /** How far the session has come before. */
  state: SessionState;
  store: Pick<GroupCommit, "submit">;
  /** Milliseconds since 1970. */
  now(): number;
  answer(answer: SessionAnswer): void;
  /** The change that a request stands for, whose whole text has so many bytes. */
  change(request: NumberedRequest, bytes: number): Change;
  /** Is told of each change once it is carried out. */
  onCarriedOut(change: Change, special: Special | undefined): void;
  /** The store can't take the session up, or has forgotten it. */
  onLost(why: "unknown" | "busy" | "denied"): void;
}

/** Invariant: every number below `#next` is done or with the store. */
export class Changes {
  readonly #options: ChangesOptions;
  #done: number;
  #special: Map<number, Special>;
  /** The lowest number that is not with the store. */
  #next: number;
  /** Outcomes below need not be remembered. */
  #low = 1;
  /** The lowest number that has not come. What comes in its turn is answered when it is done, and not before. */
  #gap: number;
  readonly #early = new Map<number, NumberedRequest>();
  #earlyBytes = 0;
  /**
   * Whether a batch is with the store. The next one waits for it, and carries all that has come meanwhile: the session's
   * row is written once for all of them.
   */
  #inFlight = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#done = options.state.done;
    this.#special = new Map(options.state.special);
    this.#next = this.#gap = this.#done + 1;
  }

  /** The highest number that is carried out. */
  get done(): number {
    return this.#done;
  }

  /** Whether nothing waits here that would be lost if this were forgotten. */
  get isIdle(): boolean {
    return !this.#inFlight;
  }

  /** Takes the numbered requests of a datagram. */
  received(requests: readonly NumberedRequest[], low: number) {
    this.#low = Math.max(this.#low, low);
    const ok = new Ranges("ok"), have = new Ranges("have");
    for (const request of requests) {
      const { n } = request;
      if (n <= this.#done) {
        const special = this.#special.get(n);
        if (special === undefined) ok.add(n);
        else this.#options.answer({ n, ...special });
      } else if (n < this.#next || this.#early.has(n)) {
        have.add(n);
      } else if (this.#keep(request) && n !== this.#gap) {
        have.add(n);
      }
      while (this.#early.has(this.#gap)) this.#gap++;
    }
    this.#submit();
    for (const answer of ok.answers()) this.#options.answer(answer);
    for (const answer of have.answers()) this.#options.answer(answer);
  }

  /** Whether the request is kept until those before it have come. */
  #keep(request: NumberedRequest): boolean {
    const bytes = "text" in request ? request.text.length : 0;
    // no more outcomes are remembered than a client may have to ask for
    if (request.n >= this.#low + MAX_EARLY) return false;
    if (request.n >= this.#next + MAX_EARLY || this.#earlyBytes + bytes > MAX_EARLY_BYTES) return false;
    this.#early.set(request.n, request);
    this.#earlyBytes += bytes;
    return true;
  }

  /** Hands what is next to the store, as far as nothing is missing. */
  #submit() {
    if (this.#inFlight) return;
    const changes: Change[] = [], first = this.#next;
    let end = first;
    for (let change = this.#changeAt(end); change !== undefined; change = this.#changeAt(end)) {
      changes.push(change);
      end += change.numbers ?? 1;
    }
    if (changes.length === 0) return;
    const { session, owner, store } = this.#options;
    const taken = store.submit(
      { kind: "session", session, owner, first, low: this.#low, changes },
      (outcome) => {
        this.#inFlight = false;
        this.#carriedOut(outcome);
        this.#tell(first, changes);
        this.#submit();
      },
    );
    // what is too much for the store now comes again
    if (!taken) return this.#forgetAll();
    for (let n = first; n < end; n++) this.#forget(n);
    this.#next = end;
    this.#inFlight = true;
  }

  /** The change that begins with this number, once all of its parts have come. */
  #changeAt(n: number): Change | undefined {
    let text = "", last = n, request = this.#early.get(n);
    for (; request?.kind === "part"; request = this.#early.get(++last)) text += request.text;
    if (request === undefined) return undefined;
    const span = last > n ? { numbers: last - n + 1 } : {};
    if (!("text" in request)) {
      return last === n
        ? this.#options.change(request, 0)
        : { kind: "bad", reason: request.kind === "bad" ? request.reason : "parts without a text", ...span };
    }
    text += request.text;
    const bytes = utf8Length(text);
    if (bytes > MAX_TEXT) return { kind: "bad", reason: "too long", ...span };
    return { ...this.#options.change({ ...request, text }, bytes), ...span };
  }

  #carriedOut(outcome: SessionOutcome) {
    if (outcome === "unknown" || outcome === "busy" || outcome === "denied") {
      return this.#options.onLost(outcome);
    }
    if (outcome === "storage") {
      this.#refuse(this.#done + 1, undefined);
    } else {
      const before = this.#done;
      this.#done = outcome.done;
      this.#special = new Map(outcome.special);
      const ok = new Ranges("ok");
      for (let n = before + 1; n <= this.#done; n++) {
        const special = this.#special.get(n);
        if (special === undefined) ok.add(n);
        else this.#options.answer({ n, ...special });
      }
      for (const answer of ok.answers()) this.#options.answer(answer);
      if (outcome.refused !== undefined) this.#refuse(outcome.refused.n, outcome.refused.limit);
    }
  }

  #tell(first: number, changes: readonly Change[]) {
    let n = first - 1;
    for (const change of changes) {
      n += change.numbers ?? 1;
      if (n > this.#done) return;
      this.#options.onCarriedOut(change, this.#special.get(n));
    }
  }

  #refuse(n: number, limit: string | undefined) {
    this.#next = this.#done + 1;
    this.#forgetAll();
    this.#options.answer(limit === undefined ? { kind: "storage", n } : { kind: "full", n, limit });
  }

  #forgetAll() {
    this.#early.clear();
    this.#earlyBytes = 0;
    this.#gap = this.#next;
  }

  #forget(n: number) {
    const request = this.#early.get(n);
    if (request === undefined) return;
    this.#early.delete(n);
    if ("text" in request) this.#earlyBytes -= request.text.length;
  }
}

/** Numbers, told as the ranges that they make. */
class Ranges {
  readonly #kind: "ok" | "have";
  readonly #numbers: number[] = [];

  constructor(kind: "ok" | "have") {
    this.#kind = kind;
  }

  add(n: number) {
    this.#numbers.push(n);
  }

  *answers(): Generator<SessionAnswer> {
    const numbers = this.#numbers.sort((a, b) => a - b);
    for (let i = 0; i < numbers.length;) {
      const start = numbers[i]!;
      let end = start;
      while (i < numbers.length && numbers[i]! <= end + 1) end = numbers[i++]!;
      yield { kind: this.#kind, from: start, to: end };
    }
  }
}
