/**
 * The forum, put together: commands in sealed sessions over UDP, and files over TCP on the same port number.
 * `protocol/forum.md` and `protocol/transfer.md` are the specification.
 *
 * @module
 */

import { refusal } from "../protocol/describe/refusals.ts";
import { undecoded } from "../protocol/describe/words.ts";
import { alreadyLoggedIn, failedLogin } from "../protocol/forum/forum_text.ts";
import type { ServiceRequest } from "../protocol/session/service_requests.ts";
import type { SessionRequest } from "../protocol/session.ts";
import { REMOTE_LIMITS } from "./net/connection_slots.ts";
import type { StreamSocket } from "./net/listener.ts";
import { NetworkRate } from "./quota/network_rate.ts";
import type { Limit } from "./report/limit.ts";
import type { RefusedReason } from "./report/metrics.ts";
import { Forum } from "./service/forum.ts";
import { SessionService, type SharedOptions } from "./session_service.ts";
import type { ContentFiles } from "./store/files/files.ts";
import { ForumRequests } from "./wire/session/forum/forum_requests.ts";
import { TransferWire } from "./wire/transfer/transfer.ts";

/** Milliseconds between two searches for uploads that were not continued. */
const EXPIRY_INTERVAL_MS = 10 * 60 * 1000;

/** Why a datagram is refused that is neither a session's nor a seal's (forum.md 1.1). */
const OTHER = {
  ...refusal("malformed"),
  why: "neither a session's nor a seal's datagram",
  rule: "forum.md 1.1",
};

export interface ForumServiceOptions extends SharedOptions {
  /** Where files are transferred; it closes them. */
  listeners: readonly StreamSocket[];
  /** The files that it serves, and closes. */
  files: ContentFiles;
  /** Most transfers at the same time, and most TCP connections. */
  limits: { transfers: number; connections: number; connectionsPerSecond: number | undefined };
  /** Whether files of clients that are too old to seal them are transferred in the clear. */
  takesPlain: boolean;
}

export class ForumService {
  readonly sessions: SessionService;
  readonly forum: Forum;
  readonly #files: ContentFiles;
  readonly #expiry: ReturnType<typeof setInterval>;
  readonly #rate: NetworkRate;
  readonly #limits: ForumServiceOptions["limits"];
  readonly #transfers: TransferWire;
  readonly #tickets: Forum["tickets"];

  /** Starts to read and to accept. */
  constructor(options: ForumServiceOptions) {
    const { log, metrics, limits, files, accounts } = options;
    this.#limits = limits;
    const console = (line: string, hostname: string) => log.console("forum", line, { hostname });
    const refuse = (reason: RefusedReason) => metrics.add(`refused ${reason}`);
    const tap = options.watch.tap("forum");
    const forum = this.forum = new Forum(options);
    accounts.onEvent((name, what) => {
      if (what !== "added") forum.tickets.revoke(name);
    });
    this.#tickets = forum.tickets;
    this.#files = files;
    this.#expiry = setInterval(() => files.expire(), EXPIRY_INTERVAL_MS);
    const rate = this.#rate = new NetworkRate({
      perSecond: limits.connectionsPerSecond,
      remotePerSecond: REMOTE_LIMITS.connectionsPerSecond,
      monotonicClock: options.monotonicClock,
    });
    this.#transfers = new TransferWire({
      ...options,
      tap,
      tickets: forum.tickets,
      max: limits.transfers,
      maxConnections: limits.connections,
      rate,
    });
    this.sessions = new SessionService(options, {
      service: "forum",
      oneSession: true,
      handler: new ForumRequests(forum, console, {
        ...options,
        onPlainRefused: options.takesPlain ? undefined : () => refuse("files in the clear"),
      }),
      onOther(datagram, { address }) {
        if (tap.isOn) tap.see("in", address, () => ({ ...undecoded(datagram), ...OTHER }));
        refuse("malformed");
      },
      onRequest: ({ kind }: SessionRequest | ServiceRequest) => metrics.add(`forum ${kind}`),
      onDropped: refuse,
      onUser: (user, what, { hostname }) =>
        console(what === "in" ? `${user} successful login` : `${user} exited`, hostname),
      onRefusedLogin(name, why, { hostname }) {
        if (why === "wrong password") console(failedLogin(name), hostname);
        else if (why === "the name is active") console(alreadyLoggedIn(name), hostname);
      },
    });
  }

  /** Takes over what has changed in its limits, and the rate of its datagrams, from now on. */
  configure(options: Pick<SharedOptions, "datagramsPerSecond">) {
    const { transfers, connections, connectionsPerSecond } = this.#limits;
    this.sessions.configure(options);
    this.#rate.configure({ perSecond: connectionsPerSecond });
    this.#transfers.configure({ max: transfers, maxConnections: connections });
  }

  /** What the files of another wire share with those of this one. */
  get transfers(): Pick<TransferWire, "slots" | "turns" | "damaged" | "failed"> {
    return this.#transfers;
  }

  /** Takes back the tickets of a user for transfers that have not begun. */
  revoke(user: string) {
    this.#tickets.revoke(user);
  }

  /** The limits of its transfers, with their use now. */
  limits(): Limit[] {
    const { burst: limit, fullest: used } = this.#rate;
    return [
      ...this.#transfers.limits(),
      { name: "new connections for files", option: "connection-rate", used, limit },
      ...this.#tickets.limits(),
    ];
  }

  /** Accepts nothing more, answers what was accepted, and closes the sockets. */
  async close() {
    clearInterval(this.#expiry);
    this.sessions.stop();
    await this.#transfers.close();
    await this.sessions.close();
    await this.#files.close();
  }
}
