import type { Failure, LeasedMessage } from "../../../protocol/session/mailbox_requests.ts";
import { checkFailure, type Finish } from "./lease.ts";

/** Attempts at a message before it is a dead letter, by default. */
export const ATTEMPTS = 5;

/** Wait after the first failed attempt, and the longest one, by default. */
export const FIRST_RETRY_DELAY_MS = 1000, MAX_RETRY_DELAY_MS = 300_000;

/**
 * Milliseconds to wait after the `attempt`th attempt failed: `firstMs`, doubled with each further attempt, up to 5
 * minutes, or to `firstMs` if that is longer.
 */
export function retryDelay(attempt: number, firstMs = FIRST_RETRY_DELAY_MS): number {
  return Math.min(firstMs * 2 ** (attempt - 1), Math.max(firstMs, MAX_RETRY_DELAY_MS));
}

/** The lease that a message is in. */
interface MessageLease {
  given(message: ReceivedMessage): void;
  finish(message: ReceivedMessage, outcome: Finish): Promise<boolean>;
}

/** A message that is leased to this client until it is acknowledged or released. The lease is extended until then. */
export class ReceivedMessage implements LeasedMessage {
  /** Its number in the mailbox. */
  readonly id: number;
  /** How many attempts at it there were, this one included. */
  readonly attempt: number;
  /** When the server received it, in milliseconds since 1970. */
  readonly time: number;
  /** ID of the sender; `""` in the shared queue. */
  readonly sender: string;
  /** The text, as it was sent. */
  readonly text: string;
  /** @ignore Whether it is neither acknowledged nor released. */
  isOpen = true;
  /** @ignore Since when it is ahead of its loop. */
  heldSince = 0;
  readonly #lease: MessageLease;

  /** @ignore */
  constructor(message: LeasedMessage, lease: MessageLease) {
    ({ id: this.id, attempt: this.attempt, time: this.time, sender: this.sender, text: this.text } = message);
    this.#lease = lease;
  }

  /** @ignore */
  begin() {
    this.#lease.given(this);
  }

  /**
   * Acknowledges it: it is removed. Resolves to whether it was still leased to this client; if not, another client has it
   * or has had it. Messages that are acknowledged in one turn share a
   * datagram.
   *
   * @throws {SessionEndError} The session has ended. With `sent`, it may have been removed.
   */
  ack(): Promise<boolean> {
    return this.#lease.finish(this, "ack");
  }

  /**
   * Releases it: it comes again at its place in the order, and this was no attempt.
   *
   * @returns Whether it was still leased to this client.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease ends.
   */
  release(): Promise<boolean> {
    return this.#lease.finish(this, "release");
  }

  /**
   * Releases it because the attempt failed: it comes again after `delay` milliseconds, 0 to 86,400,000, at its place in
   * the order, while later messages go on; or it is a dead letter, if this was the last of `attempts`. By default it
   * waits 1 s, doubled with each attempt, up to 5 minutes, and there are 5 attempts. The dead letter keeps `reason`, up to
   * 64 bytes without a comma.
   *
   * @returns Whether it was still leased to this client.
   * @throws {RangeError} It is not what the wire allows.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease ends.
   */
  async fail(
    { delay = retryDelay(this.attempt), attempts = ATTEMPTS, reason = "failed" }: Partial<Failure> = {},
  ): Promise<boolean> {
    checkFailure({ delay, attempts, reason });
    return await this.#lease.finish(this, { delay, attempts, reason });
  }
}
