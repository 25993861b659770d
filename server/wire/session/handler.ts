import type { BadRequest, DecodeLine, SessionAnswer } from "../../../protocol/session.ts";
import type { TransferKeys } from "../../../protocol/transfer/records.ts";
import type { SessionTable } from "../../report/metrics.ts";
import type { TableUsage } from "../../quota/fair_table.ts";
import type { OrderedRequest, RequestOutcome } from "../../store/requests/session.ts";

/** What a session knows of a service's request that has a number: its text may begin in parts. */
export interface OrderedLine {
  kind: string;
  n: number;
  text?: string;
  /** Bytes of its text, if they are known. */
  bytes?: number;
  /** IDs of messages that it names. */
  ids?: readonly number[];
}

/** What a session knows of a service's request that has a tag. */
export interface UnorderedLine {
  kind: string;
  t: number;
}

/** A session, as a service sees it. */
export interface SessionClient {
  readonly id: string;
  /** The account that is logged in; `""` in a session without a seal. */
  readonly account: string;
  /** The network that it began in, or `LOOPBACK`. */
  readonly network: string;
  /** The network at which a client has made its account; undefined if none has. */
  readonly maker?: string | undefined;
  /** Where it is now. */
  readonly hostname: string;
  /** When its last datagram arrived, in milliseconds of the monotonic clock. */
  readonly receivedAt: number;
  /** Notes the name under which it does something, unless it has an account. */
  called?(name: string): void;
  /** The keys of the transfer with this ticket, from the seal under which the session is; undefined if that has ended. */
  transferKeys?(ticket: string): TransferKeys | undefined;
  answer(answer: SessionAnswer): void;
  /** Sends the line of a service's answer. */
  send(line: string): void;
}

/**
 * A service that answers the requests of sessions. Every request that a session hands over is one that `decodeLine`
 * returned.
 */
export interface SessionHandler {
  readonly decodeLine: DecodeLine<OrderedLine | UnorderedLine | BadRequest>;
  /** Whether the session may send requests. One that may not is asked to log in. */
  admits(client: SessionClient): boolean;
  /** Whether a request that has arrived would create something, and its address creates too much just now. */
  createsTooFast?(client: SessionClient, request: OrderedLine): boolean;
  /** Takes an ordered request when it arrives, in its turn or not. Returns why it must not be carried out. */
  arrived?(client: SessionClient, request: OrderedLine): string | undefined;
  /**
   * What an ordered request asks of the store.
   *
   * @param bytes Length of its text, which is complete here.
   */
  toStore(client: SessionClient, request: OrderedLine, bytes: number): OrderedRequest;
  /** Called when a request has been carried out. */
  carriedOut?(client: SessionClient, request: OrderedRequest, outcome: RequestOutcome | undefined): void;
  /** Answers an unordered request, at once or later. */
  answer(client: SessionClient, request: UnorderedLine): void;
  /** Called about every 100 ms. */
  repeat?(): void;
  /** Called about every second. */
  expire?(): void;
  /** How full its tables are, by name. */
  readonly tables?: [name: SessionTable, usage: TableUsage][];
  /** Called when the session is removed from memory. */
  forget?(client: SessionClient): void;
}
