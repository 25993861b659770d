import {
  type LeasedMessage,
  MAX_LEASE,
  MAX_LEASE_TIME,
  MIN_LEASE_TIME,
  type NumberedRequest,
} from "../protocol/session.ts";

/** What can be done with a lease; gives what was lost. */
type LeaseChange = { kind: "ack" | "back" | "extend" | "begin"; rest: string };

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
   * Gives messages back, to be given out again at their place in the order. All of them, where none are named.
   *
   * @param why `failed` counts as an attempt; after 5 a message is a dead letter.
   * @returns Those that were not the lease's any more.
   */
  async back(
    ids: readonly number[] = this.#all(),
    why: (NumberedRequest & { kind: "back" })["why"] = "unused",
  ): Promise<readonly number[]> {
    return await this.#listed("back", `,${this.token},${why},`, ids);
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
    kind: "ack" | "back" | "begin",
    fields: string,
    ids: readonly number[],
  ): Promise<readonly number[]> {
    if (ids.length === 0) return [];
    if (ids.length > MAX_LEASE) {
      throw new RangeError(`Cannot name ${ids.length} messages: a lease has up to ${MAX_LEASE}`);
    }
    return await this.#change({ kind, rest: fields + ids.join(" ") }) ?? [];
  }

  #all(): number[] {
    return this.messages.map(({ id }) => id);
  }
}

/** @throws {RangeError} A lease can't be that long. */
export function checkDuration(duration: number) {
  if (!Number.isSafeInteger(duration) || duration < MIN_LEASE_TIME || duration > MAX_LEASE_TIME) {
    throw new RangeError(
      `Cannot lease for ${duration} ms: expected ${MIN_LEASE_TIME} to ${MAX_LEASE_TIME}`,
    );
  }
}
