/**
 * The mailbox's requests in a session: puts, leases and counts. `protocol/session.md` is the specification.
 *
 * @module
 */

import {
  decodeInfo,
  decodeMailboxAnswer,
  encodeMailboxRequest,
  type MailboxAnswer,
  MAX_LEASE_MESSAGES,
  type ServerInfo,
} from "../../protocol/session/mailbox_requests.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import { checkId, SHARED_QUEUE } from "../../protocol/mailbox.ts";
import type { SessionEnvironment } from "../session/environment.ts";
import type { SessionResume } from "../session/identity.ts";
import { type Measured, measured, OrderedRequest, textRequest } from "../session/requests/ordered_request.ts";
import { Session } from "../session/session.ts";
import { checkIds, checkText } from "./check_message.ts";
import { checkDuration, Lease, LEASE_MS, type LeaseRequestKind, type Settle } from "./lease/lease.ts";
import { denied, LeaseRequest } from "./lease/lease_request.ts";
import { PeekQuery, type SeenPage } from "./peek_query.ts";

/** What may be given beside the text of a message. */
export interface SendOptions {
  /** Milliseconds before it can be received. */
  delay?: number;
  /** Milliseconds after which it expires. */
  ttl?: number;
  /** Milliseconds to try again if the server has no room for it; then it is withdrawn. */
  wait?: number;
  /** Withdraws it. If it turns out that it was stored before, that is the outcome. */
  signal?: AbortSignal;
}

/** A message to be stored. */
interface MessageFields {
  /** ID of the receiver, or `SHARED_QUEUE`. */
  receiver: string;
  /** ID of the sender, not `admin`; `""` for the shared queue. */
  sender: string;
  /** Up to 65,000 bytes, without control characters other than TAB. */
  text: string;
}

interface LeaseOptions {
  /** Most messages, 1 to 64. */
  max?: number;
  /** Milliseconds until the lease ends, 1,000 to 86,400,000. */
  duration?: number;
  /** Milliseconds to wait for a message if there is none. */
  wait?: number;
  /** Whether an attempt at a message counts only once {@linkcode Lease.begin} names it. */
  ahead?: boolean;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** Requests that name a lease, and may be refused while the server has no room. */
const NEED_ROOM: ReadonlySet<LeaseRequestKind> = new Set(["fail", "begin"]);

/** Something that puts requests together until the next datagram is made. */
interface Gathering {
  collect(): void;
}

const NO_OPTIONS: SendOptions = {};

export class MailboxSession extends Session<MailboxAnswer> {
  readonly #plainFields = new PlainFields();
  readonly #gathered: Gathering[] = [];

  constructor(environment: SessionEnvironment, resume?: SessionResume) {
    super(environment, decodeMailboxAnswer, resume);
  }

  /**
   * Puts a message; resolves when it is on the server's disk. Messages are stored in the order of the calls.
   *
   * @throws {TypeError|RangeError} It is not what the wire allows.
   * @throws {RefusedError} The server refuses it.
   * @throws {FullError} It was withdrawn before it was stored.
   * @throws {SessionEndError} The session has ended; `sent` says whether it may have been stored.
   */
  put(message: MessageFields & SendOptions, options: SendOptions = message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.post(message, (error) => error === undefined ? resolve() : reject(error), options);
    });
  }

  /**
   * Puts a message and calls back when its outcome is known: {@linkcode put} for programs that send many.
   *
   * @param settle Called with nothing when the message is on the server's disk, else with what `put` would throw.
   * @returns Whether there is room for more; if not, wait for `ordered.ready()`.
   * @throws What `put` would throw before anything is sent.
   */
  post(
    { receiver, sender, text }: MessageFields,
    settle: (error?: Error) => void,
    options: SendOptions = NO_OPTIONS,
  ): boolean {
    const { delay, ttl } = options, bytes = checkText(text);
    const fields = delay === undefined && ttl === undefined
      ? this.#plainFields.of(receiver, sender)
      : measured(putFields(receiver, sender, delay, ttl));
    if (bytes > MAX_TEXT_BYTES) {
      throw new RangeError(`Cannot send a message of ${bytes} bytes: at most ${MAX_TEXT_BYTES} fit`);
    }
    return this.add(textRequest("put", fields, { text, bytes }, settle), options);
  }

  /**
   * Leases the oldest messages of a mailbox that are not leased. Resolves to undefined if none came in time.
   *
   * @param mailbox ID of the receiver, or `SHARED_QUEUE`.
   * @throws {TypeError|RangeError} It is no ID, or an option is out of its range.
   * @throws {SessionEndError} The session has ended.
   * @throws The reason of `signal`.
   */
  async lease(mailbox: string, options: LeaseOptions = {}): Promise<Lease | undefined> {
    const { max = 1, duration: durationMs = LEASE_MS, wait = 0, ahead = false, signal } = options;
    if (mailbox !== SHARED_QUEUE) checkId(mailbox);
    if (!Number.isInteger(max) || max < 1 || max > MAX_LEASE_MESSAGES) {
      throw new RangeError(`Cannot lease ${max} messages: 1 to ${MAX_LEASE_MESSAGES}`);
    }
    checkDuration(durationMs);
    signal?.throwIfAborted();
    this.begin();
    const { promise, resolve, reject } = Promise.withResolvers<Lease | undefined>();
    const request = new LeaseRequest({
      mailbox,
      max,
      durationMs,
      until: this.now() + Math.max(0, wait),
      ahead,
      settle: (error, content) => {
        signal?.removeEventListener("abort", abort);
        if (error !== undefined) return reject(error);
        if (content === undefined) return resolve(undefined);
        const { request } = content;
        const sender = {
          begin: () => this.begin(),
          send: (kind: LeaseRequestKind, rest: string, settle: Settle) =>
            this.#sendForLease(request, kind, rest, settle),
        };
        resolve(new Lease(content, ahead, sender));
      },
    });
    const abort = () => {
      request.cancel(signal!.reason);
      this.loop.sendSoon();
    };
    this.unordered.add(request);
    signal?.addEventListener("abort", abort);
    return await promise;
  }

  #sendForLease(request: LeaseRequest, kind: LeaseRequestKind, rest: string, settle: Settle) {
    if (kind === "back" || kind === "fail") request.releasing();
    else request.acknowledging(this.environment.monotonicClock);
    const settled = (error?: Error, lost?: readonly number[]) => {
      if (error === undefined) request.confirmed(this.environment.monotonicClock);
      settle(error, lost);
    };
    const ordered = new OrderedRequest(kind, rest, rest.length, {
      settle: settled,
      needsRoom: NEED_ROOM.has(kind),
    });
    this.ordered.add(ordered, this.environment.monotonicClock);
  }

  /**
   * Calls `collect` when the next datagram is made, for requests that are put together until then.
   *
   * @throws {SessionEndError} The session has ended, or is being closed.
   */
  gather(source: Gathering) {
    this.begin();
    this.#gathered.push(source);
  }

  protected override prepare() {
    if (this.#gathered.length === 0) return;
    for (const source of this.#gathered.splice(0)) source.collect();
  }

  /**
   * A page of what a mailbox holds, from the first message behind the ID `after`.
   *
   * @param mailbox ID of the receiver, or `SHARED_QUEUE`.
   * @throws {TypeError} It is no ID.
   * @throws {RefusedError} The mailbox is another account's.
   * @throws {SessionEndError} The session has ended.
   */
  async peek(mailbox: string, after: number): Promise<SeenPage> {
    if (mailbox !== SHARED_QUEUE) checkId(mailbox);
    return await this.query(new PeekQuery(mailbox, after));
  }

  /**
   * Counts of a mailbox, or of all by default, by their names.
   *
   * @throws {TypeError} It is no ID.
   * @throws {SessionEndError} The session has ended.
   */
  async stat(mailbox = ""): Promise<Record<string, number>> {
    if (mailbox !== "") checkId(mailbox);
    const values = await this.query({
      line: (t) => encodeMailboxRequest({ kind: "stat", t, mailbox }),
      take(answer) {
        if (answer.kind === "denied") throw denied(mailbox);
        return answer.kind === "stat" ? answer.values : undefined;
      },
    });
    const fields = values.split(",").map((field) => field.split(" "));
    return Object.fromEntries(fields.map(([name, value]) => [name, Number(value)]));
  }

  /**
   * The services that run, and what the account of a name covers.
   *
   * @throws {TypeError} It is no ID.
   * @throws {SessionEndError} The session has ended.
   */
  async info(name: string): Promise<ServerInfo> {
    if (name !== "") checkId(name);
    const values = await this.query({
      line: (t) => encodeMailboxRequest({ kind: "info", t, name }),
      take: (answer) => answer.kind === "info" ? answer.values : undefined,
    });
    return decodeInfo(values);
  }
}

/**
 * What stands between number and text of a put.
 *
 * @throws {TypeError} An ID is not what the wire allows.
 * @throws {RangeError} A time is not a whole number of milliseconds.
 */
function putFields(receiver: string, sender: string, delay?: number, ttl?: number): string {
  checkIds(receiver, sender);
  if (receiver === SHARED_QUEUE && sender !== "") {
    throw new TypeError(`Cannot put into the shared queue as '${sender}': it names no senders`);
  }
  return `,${receiver},${sender},${milliseconds(delay)},${milliseconds(ttl)},`;
}

/** The fields of a put without times. Most puts have those of the one before. */
class PlainFields {
  #receiver: string | undefined;
  #sender: string | undefined;
  #fields: Measured = { text: "", bytes: 0 };

  of(receiver: string, sender: string): Measured {
    if (receiver === this.#receiver && sender === this.#sender) return this.#fields;
    this.#fields = measured(putFields(receiver, sender));
    this.#receiver = receiver;
    this.#sender = sender;
    return this.#fields;
  }
}

function milliseconds(time: number | undefined): string {
  if (time === undefined) return "";
  if (!Number.isSafeInteger(time) || time < 0 || time >= 1e15) {
    throw new RangeError(`Cannot use ${time} as a time: expected a whole number of milliseconds`);
  }
  return `${time}`;
}
