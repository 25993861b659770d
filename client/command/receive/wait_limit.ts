import { MAX_TIMER } from "../../stream/connection.ts";
import type { Credentials } from "../../seal/login.ts";
import type { Mailbox } from "../../mailbox.ts";

/** Milliseconds that a server has beyond the wait for its answer, and then for what is open to come to its outcome. */
const GRACE = 500, CLOSING = 500;

/** How long a server is waited for over all, whatever it does. Time that is spent on something else does not count. */
export class WaitLimit implements Disposable {
  readonly #wait: number;
  readonly #over = new AbortController();
  #left: number;
  #startedAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param wait Milliseconds; 0 and Infinity are no limit. It begins at once. */
  constructor(wait: number) {
    this.#wait = wait > 0 ? wait : Infinity;
    this.#left = this.#wait + GRACE;
    this.start();
  }

  /** Aborted when it has passed. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** What is waited for counts from now on. */
  start() {
    if (this.#left === Infinity || this.#startedAt !== undefined || this.signal.aborted) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#due(), Math.min(Math.max(this.#left, 0), MAX_TIMER));
  }

  #due() {
    this.stop();
    if (this.#left > 0) this.start();
    else this.#over.abort();
  }

  /** Nothing is waited for until {@linkcode start}. */
  stop() {
    clearTimeout(this.#timer);
    if (this.#startedAt !== undefined) this.#left -= performance.now() - this.#startedAt;
    this.#startedAt = undefined;
  }

  /** Begins anew, with the whole wait. */
  reset() {
    this.#left = this.#wait + GRACE;
  }

  /** The same credentials; while their password is typed, no server is waited for. */
  credentials({ password, ...as }: Credentials): Credentials {
    if (typeof password === "string") return { ...as, password };
    return {
      ...as,
      password: async (isNew) => {
        this.stop();
        try {
          return await password(isNew);
        } finally {
          this.start();
        }
      },
    };
  }

  /**
   * Connects; when the limit has passed, what is open there ends soon.
   *
   * @throws {Error} It has passed before that.
   */
  async connect(connecting: Promise<Mailbox>): Promise<Mailbox> {
    const passed = Promise.withResolvers<undefined>();
    const abort = () => passed.resolve(undefined);
    this.signal.addEventListener("abort", abort);
    if (this.signal.aborted) abort();
    try {
      const mailbox = await Promise.race([connecting, passed.promise]);
      if (mailbox === undefined) throw this.error;
      this.signal.addEventListener("abort", () => mailbox.close(CLOSING).catch(() => {}));
      return mailbox;
    } catch (error) {
      connecting.then((mailbox) => mailbox.close(0), () => {});
      throw error;
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  /** That there was no answer in time. */
  get error(): Error {
    return new Error(`The server has not answered within ${this.#wait / 1000} s`);
  }

  [Symbol.dispose]() {
    this.stop();
  }
}
