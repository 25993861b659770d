import {
  encodeAnswer,
  type RequestHeader,
  type SessionAnswer,
  type SessionRequest,
} from "../../../protocol/session.ts";
import { networkOf } from "../../quota/address.ts";
import { isLoopback } from "../../net/limits.ts";
import type { OrderedRequests } from "./ordered_requests.ts";
import type { Address } from "./cookies.ts";
import type { OrderedLine, SessionClient, UnorderedLine } from "./handler.ts";
import { LOOPBACK } from "../../quota/fair_table.ts";
import type { Held } from "../../quota/holder_lists.ts";
import type { OpenSession, SessionState } from "../../store/requests/session.ts";

/** The seal under which a session is, and to whom it is logged in. */
export interface SealPath<A extends Address> {
  /** Where the client is now. */
  readonly address: A;
  readonly user: string | undefined;
  /** Seals what stands in a datagram behind the cookie, and sends it. */
  send(body: Uint8Array): void;
}

/** Of a session that the store does not know. */
export const FRESH: SessionState = { done: 0, outcomes: [] };

/** A request of the session, or of its service. */
export type AnyRequest = SessionRequest | OrderedLine | UnorderedLine;

interface Opening {
  header: RequestHeader;
  requests: AnyRequest[];
}

export class Session<A extends Address> implements SessionClient, Held<Session<A>> {
  older: Session<A> | undefined;
  newer: Session<A> | undefined;
  /** How far it had come when it was taken up; {@linkcode OrderedRequests} knows what came since. */
  state: SessionState = FRESH;
  ordered: OrderedRequests | undefined;
  /** What has arrived before the store knew that. */
  opening: Opening[] | undefined = [];
  lines: string[] | undefined;
  receivedAt = 0;
  /** When its use was last reported to the store. */
  reportedAt = 0;
  readonly network: string;
  /** Whose it is; undefined is a session without a seal. */
  readonly user: string | undefined;
  readonly account: string;

  constructor(
    readonly id: string,
    /** When it began, as its client says. */
    readonly startTime: number,
    public address: A,
    /** The seal that it is under now. */
    public path: SealPath<A> | undefined,
    readonly flushLater: (session: Session<A>) => void,
  ) {
    this.user = path?.user;
    this.account = path?.user ?? "";
    this.network = isLoopback(address.hostname) ? LOOPBACK : networkOf(address.hostname);
  }

  answer(answer: SessionAnswer) {
    this.send(encodeAnswer(answer));
  }

  send(line: string) {
    if (this.lines !== undefined) return void this.lines.push(line);
    this.lines = [line];
    this.flushLater(this);
  }

  /** Asks the store how far the session has come, and reports that it is in use. */
  get open(): OpenSession {
    const { id, account: account, startTime: startTime } = this;
    return { kind: "open", session: id, account, startTime };
  }
}
