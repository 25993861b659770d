import {
  type Failure,
  failureFields,
  isFailure,
  type LeasedMessage,
  MAX_ATTEMPTS,
  MAX_LEASE_MESSAGES,
  MAX_LEASE_MS,
  MAX_RETRY_DELAY_MS,
  MIN_LEASE_MS,
} from "../../protocol/mailbox_requests.ts";

/** What can be done with a lease; gives what was lost. */
export type LeaseChange = { kind: "ack" | "back" | "fail" | "extend" | "begin"; rest: string };

/** Messages that were given to this client for a time: whatever is not acknowledged by then is given out again. */
export class Lease {
  readonly mailbox: string;
  readonly token: string;
  readonly messages: readonly LeasedMessage[];
  /** Whether a message counts as given out only once it was begun with. */
  readonly ahead: boolean;
  readonly #change: (change: LeaseChange) => Promise<readonly number[] | undefined>;

  /** @ignore */
  constructor(
    mailbox: string,
    token: string,
    messages: readonly LeasedMessage[],
    ahead: boolean,
    change: (change: LeaseChange) => Promise<readonly number[] | undefined>,
  ) {
    this.mailbox = mailbox;
    this.token = token;
    this.messages = messages;
    this.ahead = ahead;
    this.#change = change;
  }

  /**
   * Removes messages: they are done with. All of them, where none are named.
   *
   * @returns Those that were not the lease's any more: given out again, or removed.
   */
  async ack(ids: readonly number[] = this.#all()): Promise<readonly number[]> {
    return await this.#listed("ack", `,${this.token},`, ids);
  }

  /**
   * Gives messages back, to be given out again at their place in the order, with no attempt counted. All of them, where
   * none are named.
   *
   * @returns Those that were not the lease's any more.
   */
  async back(ids: readonly number[] = this.#all()): Promise<readonly number[]> {
    return await this.#listed("back", `,${this.token},`, ids);
  }

  /**
   * Counts an attempt at messages, that failed: they are given out again after a delay, at their place in the order, or
   * are dead letters. All of them, where none are named.
   *
   * @returns Those that were not the lease's any more.
   * @throws {RangeError} The failure is not what the wire allows.
   */
  async fail(failure: Failure, ids: readonly number[] = this.#all()): Promise<readonly number[]> {
    checkFailure(failure);
    return await this.#listed("fail", `,${this.token},${failureFields(failure)},`, ids);
  }

  /** Has these messages count as given out. Returns those that are not the lease's any more. */
  async begin(ids: readonly number[]): Promise<readonly number[]> {
    return await this.#listed("begin", `,${this.token},`, ids);
  }

  /** Lets the lease end so many milliseconds from now. Resolves to whether it was still there. */
  async extend(duration: number): Promise<boolean> {
    checkDuration(duration);
    return await this.#change({ kind: "extend", rest: `,${this.token},${duration}` }) === undefined;
  }

  async #listed(
    kind: "ack" | "back" | "fail" | "begin",
    fields: string,
    ids: readonly number[],
  ): Promise<readonly number[]> {
    if (ids.length === 0) return [];
    if (ids.length > MAX_LEASE_MESSAGES) {
      throw new RangeError(`Cannot name ${ids.length} messages: a lease has up to ${MAX_LEASE_MESSAGES}`);
    }
    return await this.#change({ kind, rest: fields + ids.join(" ") }) ?? [];
  }

  #all(): number[] {
    return this.messages.map(({ id }) => id);
  }
}

/** @throws {RangeError} A failure can't be like that. */
export function checkFailure(failure: Failure) {
  if (isFailure(failure)) return;
  const { delay, attempts, reason } = failure;
  throw new RangeError(
    `Cannot give back after ${delay} ms, ${attempts} attempts and '${reason}': expected 0 to ${MAX_RETRY_DELAY_MS}, ` +
      `1 to ${MAX_ATTEMPTS}, and 1 to 64 bytes without a comma`,
  );
}

/** @throws {RangeError} A lease can't be that long. */
export function checkDuration(duration: number) {
  if (!Number.isSafeInteger(duration) || duration < MIN_LEASE_MS || duration > MAX_LEASE_MS) {
    throw new RangeError(
      `Cannot lease for ${duration} ms: expected ${MIN_LEASE_MS} to ${MAX_LEASE_MS}`,
    );
  }
}
