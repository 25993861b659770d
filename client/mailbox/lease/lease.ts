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
} from "../../../protocol/session/mailbox_requests.ts";

/** How long messages are leased. */
export const LEASE_MS = 30_000;

/** The requests that name a lease. */
export type LeaseRequestKind = "ack" | "back" | "fail" | "extend" | "begin";

/** What a program does with a message: the method of its lease, or how an attempt failed. */
export type Finish = "ack" | "release" | Failure;

/** The outcome: an error, or the messages that it was not performed for; nothing if it was performed for all. */
export type Settle = (error?: Error, lost?: readonly number[]) => void;

/** Where the requests of a lease go. */
interface LeaseSender {
  /** @throws {SessionEndError} The session has ended, or is being closed. */
  begin(): void;
  /** Sends a request that names the lease, with what follows its number. */
  send(kind: LeaseRequestKind, rest: string, settle: Settle): void;
}

/** Messages that this client has for a time: those that are not acknowledged by then are given to a client again. */
export class Lease {
  readonly messages: readonly LeasedMessage[];
  /** Bytes of their texts. */
  readonly bytes: number;
  /** Whether an attempt at a message counts only once {@linkcode begin} names it. */
  readonly ahead: boolean;
  readonly #token: string;
  readonly #sender: LeaseSender;

  constructor(
    { token, messages, bytes }: { token: string; messages: readonly LeasedMessage[]; bytes: number },
    ahead: boolean,
    sender: LeaseSender,
  ) {
    this.messages = messages;
    this.bytes = bytes;
    this.ahead = ahead;
    this.#token = token;
    this.#sender = sender;
  }

  /**
   * Removes messages, all by default.
   *
   * @returns Those that were not in the lease any more: given to a client again, or removed.
   */
  ack(ids?: readonly number[]): Promise<readonly number[]> {
    return this.#sendIds("ack", "", ids);
  }

  /**
   * Releases messages, all by default: they come again at their place in the order, and this was no attempt.
   *
   * @returns Those that were not in the lease any more.
   */
  release(ids?: readonly number[]): Promise<readonly number[]> {
    return this.#sendIds("back", "", ids);
  }

  /**
   * Counts a failed attempt at messages, all by default: they come again after a delay, or become dead letters.
   *
   * @returns Those that were not in the lease any more.
   * @throws {RangeError} The failure is not what the wire allows.
   */
  async fail(failure: Failure, ids?: readonly number[]): Promise<readonly number[]> {
    checkFailure(failure);
    return await this.#sendIds("fail", `${failureFields(failure)},`, ids);
  }

  /** Counts an attempt at these messages. Returns those that were not in the lease any more. */
  begin(ids: readonly number[]): Promise<readonly number[]> {
    return this.#sendIds("begin", "", ids);
  }

  /** Makes the lease end this long from now. Resolves to whether it was still there. */
  async extend(durationMs: number): Promise<boolean> {
    checkDuration(durationMs);
    return await this.#request("extend", `,${this.#token},${durationMs}`) === undefined;
  }

  /** Sends a request about some of the messages, at least one. */
  send(kind: LeaseRequestKind, fields: string, ids: readonly number[], settle: Settle) {
    this.#sender.send(kind, `,${this.#token},${fields}${ids.join(" ")}`, settle);
  }

  async #sendIds(
    kind: LeaseRequestKind,
    fields: string,
    ids: readonly number[] = this.messages.map(({ id }) => id),
  ): Promise<readonly number[]> {
    if (ids.length === 0) return [];
    if (ids.length > MAX_LEASE_MESSAGES) {
      throw new RangeError(`Cannot name ${ids.length} messages: a lease has up to ${MAX_LEASE_MESSAGES}`);
    }
    return await this.#request(kind, `,${this.#token},${fields}${ids.join(" ")}`) ?? [];
  }

  #request(kind: LeaseRequestKind, rest: string): Promise<readonly number[] | undefined> {
    return new Promise((resolve, reject) => {
      this.#sender.begin();
      this.#sender.send(kind, rest, (error, lost) => error === undefined ? resolve(lost) : reject(error));
    });
  }
}

/** @throws {RangeError} The failure is not what the wire allows. */
export function checkFailure(failure: Failure) {
  if (isFailure(failure)) return;
  const { delay, attempts, reason } = failure;
  throw new RangeError(
    `Cannot give back after ${delay} ms, ${attempts} attempts and '${reason}': expected 0 to ${MAX_RETRY_DELAY_MS}, ` +
      `1 to ${MAX_ATTEMPTS}, and 1 to 64 bytes without a comma`,
  );
}

/** @throws {RangeError} The wire allows no lease of this duration. */
export function checkDuration(durationMs: number) {
  if (Number.isSafeInteger(durationMs) && durationMs >= MIN_LEASE_MS && durationMs <= MAX_LEASE_MS) {
    return;
  }
  throw new RangeError(`Cannot lease for ${durationMs} ms: expected ${MIN_LEASE_MS} to ${MAX_LEASE_MS}`);
}
