/**
 * A message in the hands of a receiver: it is leased to him until he acknowledges it or gives it back.
 *
 * @module
 */

import { utf8Length } from "../../protocol/mailbox.ts";
import { failureFields } from "../../protocol/mailbox_requests.ts";
import { checkFailure } from "./lease.ts";
import { ATTEMPTS, retryDelay } from "./retry.ts";
import type { Failure, Lease, LeasedMessage } from "../session/session.ts";

/** For how long messages are leased, and how often that is prolonged while one of them is open, in milliseconds. */
export const LEASE = 30_000;
const PROLONG = 10_000;

/** Bytes that a message takes beside its text, about. */
const OVERHEAD = 80;

/**
 * Turns of the microtask queue in which a loop that acknowledges what it is given at once has done so: then that need
 * not be told before.
 */
const AT_ONCE = 16;

/** What can be done with a message, in the words of the wire; or how an attempt at it failed. */
type Ending = "ack" | "back" | Failure;

interface Ended {
  id: number;
  resolve: (was: boolean) => void;
  reject: (error: Error) => void;
}

/** All that a receiver holds. It is prolonged for as long as a message of it is open. */
export class ReceivedLeases {
  readonly #holds = new Set<ReceivedLease>();
  #timer: ReturnType<typeof setInterval> | undefined;

  add(lease: Lease): ReceivedLease {
    const hold = new ReceivedLease(lease, () => this.#remove(hold));
    this.#holds.add(hold);
    this.#timer ??= setInterval(() => this.#prolong(), PROLONG);
    return hold;
  }

  #prolong() {
    for (const hold of this.#holds) {
      // one that fails is given out again, and told when it is acknowledged
      hold.extend().catch(() => this.#remove(hold));
    }
  }

  #remove(hold: ReceivedLease) {
    this.#holds.delete(hold);
    if (this.#holds.size === 0) this.close();
  }

  /** Prolongs nothing any more. What a loop was given and has not done with counts as given out. */
  close() {
    for (const hold of this.#holds) hold.tellBegun();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What is left of one lease. What is said of its messages in one turn is said to the server in one request. */
export class ReceivedLease {
  readonly messages: readonly ReceivedMessage[];
  readonly #lease: Lease;
  readonly #open: Set<number>;
  /** By what stands in the request. */
  readonly #ended = new Map<string, { ending: Ending; messages: Ended[] }>();
  /** Messages that a loop was given, and of which the server is to be told. */
  readonly #begun = new Set<number>();
  readonly #onEnd: () => void;

  /** @param onEnd Called when something was done with every message. */
  constructor(lease: Lease, onEnd: () => void) {
    this.#lease = lease;
    this.messages = lease.messages.map((message) => new ReceivedMessage(message, this));
    this.#open = new Set(lease.messages.map(({ id }) => id));
    this.#onEnd = onEnd;
  }

  async extend() {
    await this.#lease.extend(LEASE);
  }

  /** The message is given to a loop: where it is not done with at once, the server is told. */
  begin(id: number) {
    if (!this.#lease.ahead) return;
    if (this.#begun.size === 0) this.#tellBegunLater();
    this.#begun.add(id);
  }

  async #tellBegunLater() {
    for (let turn = 0; turn < AT_ONCE; turn++) await undefined;
    this.tellBegun();
  }

  /** Tells the server now of what a loop was given. */
  tellBegun() {
    const ids = [...this.#begun];
    this.#begun.clear();
    // where it fails, the lease ends, and it counts as no attempt
    if (ids.length > 0) this.#lease.begin(ids).catch(() => {});
  }

  /** Resolves to whether the message was still this receiver's. */
  end(id: number, ending: Ending): Promise<boolean> {
    this.#begun.delete(id);
    this.#open.delete(id);
    if (this.#open.size === 0) this.#onEnd();
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    if (this.#ended.size === 0) queueMicrotask(() => this.#tell());
    const key = typeof ending === "string" ? ending : failureFields(ending);
    const ended = this.#ended.get(key);
    if (ended === undefined) this.#ended.set(key, { ending, messages: [{ id, resolve, reject }] });
    else ended.messages.push({ id, resolve, reject });
    return promise;
  }

  #tell() {
    const all = [...this.#ended.values()];
    this.#ended.clear();
    for (const { ending, messages } of all) {
      const ids = messages.map(({ id }) => id);
      const told = typeof ending === "string" ? this.#lease[ending](ids) : this.#lease.fail(ending, ids);
      told.then(
        (lost) => messages.forEach(({ id, resolve }) => resolve(!lost.includes(id))),
        (error) => messages.forEach(({ reject }) => reject(error)),
      );
    }
  }
}

/** Bytes that the messages take, about. */
export function bytesOf({ messages }: ReceivedLease): number {
  return messages.reduce((bytes, { text }) => bytes + utf8Length(text) + OVERHEAD, 0);
}

/**
 * A message that is leased to this client until it is acknowledged or given back. The lease is prolonged meanwhile.
 *
 * ```ts
 * import { connectMailbox } from "../mailbox.ts";
 *
 * await using mailbox = await connectMailbox({ port: 21001 });
 * await mailbox.send("bob", "alice", "a job that fails at first");
 * for await (const message of mailbox.messages("bob", { wait: 0 })) {
 *   if (message.attempt === 1) await message.fail({ delay: 0, reason: "not today" });
 *   else await message.ack();
 *   console.log(message.sender, message.attempt); // alice 1, alice 2
 * }
 * ```
 */
export class ReceivedMessage implements LeasedMessage {
  readonly id: number;
  /** How many times it was given out, this time included. */
  readonly attempt: number;
  /** When the server received it, in milliseconds since 1970. */
  readonly time: number;
  readonly sender: string;
  readonly text: string;
  readonly #hold: ReceivedLease;

  /** @ignore */
  constructor(message: LeasedMessage, hold: ReceivedLease) {
    ({ id: this.id, attempt: this.attempt, time: this.time, sender: this.sender, text: this.text } = message);
    this.#hold = hold;
  }

  /** @ignore */
  begin() {
    this.#hold.begin(this.id);
  }

  /**
   * Removes it. Resolves to whether it was still this client's: if not, somebody else has it, or has had it. Those of one
   * lease that are acknowledged in one turn share a request.
   *
   * @throws {SessionEndError} The session has ended. With `sent`, nobody can tell whether it was removed.
   */
  ack(): Promise<boolean> {
    return this.#hold.end(this.id, "ack");
  }

  /**
   * Gives it back, to come again at its place in the order, with no attempt counted.
   *
   * @returns Whether it was still this client's.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease does.
   */
  back(): Promise<boolean> {
    return this.#hold.end(this.id, "back");
  }

  /**
   * Gives it back because what was to be done with it failed: it comes again after `delay` milliseconds, 0 to 86,400,000,
   * at its place in the order, while those behind it go on; or it is a dead letter, where this was the last of `attempts`.
   * By default it waits 1 s, doubled with each attempt, up to 5 minutes, and there are 5. The dead letter keeps `reason`,
   * which is up to 64 bytes without a comma.
   *
   * @returns Whether it was still this client's.
   * @throws {RangeError} It is not what the wire allows.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease does.
   */
  async fail(
    { delay = retryDelay(this.attempt), attempts = ATTEMPTS, reason = "failed" }: Partial<Failure> = {},
  ): Promise<boolean> {
    checkFailure({ delay, attempts, reason });
    return await this.#hold.end(this.id, { delay, attempts, reason });
  }
}
