import type { NumberedRequest, SessionAnswer, TaggedRequest } from "../../../protocol/session.ts";
import type { TableUsage } from "../../quota/fair_table.ts";
import type { Tag } from "./mailbox/leases.ts";
import type { OrderedRequest, RequestOutcome } from "../../store/requests/session.ts";

/** The answer to a request of another service, and the reason for which nothing came of it. */
export const NOT_SERVED = "not served here";

/** A session, as a service sees it. */
export interface SessionClient {
  readonly id: string;
  /** Who has logged in; undefined in a session without a seal. */
  readonly user: string | undefined;
  /** The same, or `""`: for whom it is counted. */
  readonly owner: string;
  /** Where it began, or {@linkcode LOOPBACK}. */
  readonly network: string;
  /** When something came from it last, in milliseconds of a clock that is never set. */
  readonly heard: number;
  /** What its leases' tags stand for, the oldest first. */
  readonly tags: Map<number, Tag>;
  answer(answer: SessionAnswer): void;
}

/** What a service makes of the requests of its sessions: the mailbox's or the forum's. */
export interface ServiceRequests {
  /** Whether the session may ask for something. One that may not is told to log in. */
  admits(client: SessionClient): boolean;
  /** Takes note of a numbered request that has come, whether or not it is its turn. */
  arrived(client: SessionClient, request: NumberedRequest): void;
  /**
   * The change that a numbered request stands for.
   *
   * @param bytes Those of its text, which is whole here.
   */
  change(client: SessionClient, request: NumberedRequest, bytes: number): OrderedRequest;
  /** Takes note of a change that was carried out just now. */
  carriedOut?(client: SessionClient, change: OrderedRequest, special: RequestOutcome | undefined): void;
  /** Answers a request with a tag. */
  ask(client: SessionClient, request: TaggedRequest): void;
  /** There is a message in a mailbox. */
  ready?(mailbox: string): void;
  /** Whether a session waits for a mailbox. */
  isAwaited?(mailbox: string): boolean;
  /** Who may wait for a mailbox has changed. */
  review?(mailbox: string): void;
  /** Is called about every 100 ms, and every second. */
  repeat?(): void;
  expire?(): void;
  /** How full its tables are, by name. */
  readonly tables?: [name: string, usage: TableUsage][];
  /** The session is known no longer. */
  forget(client: SessionClient): void;
}
