import {
  encodeAnswer,
  type RequestHeader,
  type SessionAnswer,
  type SessionRequest,
} from "../../../protocol/session.ts";
import type { TransferKeys } from "../../../protocol/transfer/records.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { isLoopback, networkOf } from "../../quota/address.ts";
import { LOOPBACK } from "../../quota/fair_table.ts";
import type { Linked } from "../../quota/owner_lists.ts";
import type { Traffic } from "../../report/clients.ts";
import type { OpenSession, SessionState } from "../../store/requests/session.ts";
import type { OrderedLine, UnorderedLine } from "./handler.ts";
import type { OrderedRequests, OrderedSession } from "./ordered_requests.ts";

/** The seal that a session is under. */
export interface SessionSeal<A extends Address> {
  /** Where the client is now. */
  readonly address: A;
  /** The account that is logged in. */
  readonly account: string;
  /** The network at which a client has made that account; undefined if none has. */
  readonly maker: string | undefined;
  /** Seals the part of a datagram behind the cookie, and sends it. */
  send(body: Uint8Array): void;
  /** The keys of the transfer with this ticket; undefined if the seal has ended. */
  transferKeys(ticket: string): TransferKeys | undefined;
}

/** The state of a session that the store does not know. */
export const NEW_SESSION: SessionState = { done: 0, outcomes: [] };

/** A request of the session, or of its service. */
export type AnyRequest = SessionRequest | OrderedLine | UnorderedLine;

export interface ReceivedDatagram {
  /** Its length. */
  bytes: number;
  header: RequestHeader;
  requests: AnyRequest[];
}

/** What the server has in memory of one session. */
export class Session<A extends Address> implements OrderedSession, Linked<Session<A>> {
  older: Session<A> | undefined;
  newer: Session<A> | undefined;
  use = 0;
  /** How far the store had carried it out when it was opened; {@linkcode OrderedRequests} knows what came since. */
  state: SessionState = NEW_SESSION;
  /** Made with the first ordered request: of sessions that only wait there may be many. */
  ordered: OrderedRequests | undefined;
  /** Datagrams that arrived before the store knew its state; undefined from then on. */
  opening: ReceivedDatagram[] | undefined = [];
  /** Lines to be sent at the end of this turn. */
  lines: string[] | undefined;
  receivedAt: number;
  /** When the store was last informed that it is in use. */
  reportedAt: number;
  readonly account: string;
  readonly network: string;
  /** The network at which a client has made its account; undefined if none has. */
  readonly maker: string | undefined;
  /** Its account, or the name under which it did something last; `""` if there is none. */
  name: string;
  /** What it has sent and was sent; there if clients are listed. */
  traffic: Traffic | undefined;
  /** Its number in the list of clients. */
  listedAs: number | undefined;

  constructor(
    readonly id: string,
    readonly startTime: number,
    public address: A,
    public seal: SessionSeal<A> | undefined,
    /** Milliseconds of the monotonic clock. */
    now: number,
    readonly sendLater: (session: Session<A>) => void,
  ) {
    this.receivedAt = this.reportedAt = now;
    this.name = this.account = seal?.account ?? "";
    this.maker = seal?.maker;
    this.network = isLoopback(address.hostname) ? LOOPBACK : networkOf(address.hostname);
  }

  get hostname(): string {
    return this.address.hostname;
  }

  get port(): number {
    return this.address.port;
  }

  called(name: string) {
    if (this.account === "" && name !== "") this.name = name;
  }

  transferKeys(ticket: string): TransferKeys | undefined {
    return this.seal?.transferKeys(ticket);
  }

  answer(answer: SessionAnswer) {
    this.send(encodeAnswer(answer));
  }

  send(line: string) {
    if (this.lines !== undefined) return void this.lines.push(line);
    this.lines = [line];
    this.sendLater(this);
  }

  /** The highest number that is carried out. */
  get done(): number {
    return (this.ordered ?? this.state).done;
  }

  /** Whether none of its requests is with the store. */
  get isIdle(): boolean {
    return this.ordered?.isIdle ?? true;
  }

  /** The request that opens it in the store, and keeps it there. */
  get open(): OpenSession {
    const { id, account, startTime } = this;
    return { kind: "open", session: id, account, startTime };
  }
}
