/**
 * The forum's service on UDP: commands in sessions. `protocol/README.md`, "Forum", is the specification.
 *
 * @module
 */

import { CONSOLE_BEGIN } from "../protocol/forum_text.ts";
import { MAX_SESSION_DATAGRAM } from "../protocol/session.ts";
import { readDatagrams } from "./datagrams.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { Replies } from "./replies.ts";
import { SessionService } from "./session.ts";
import { ForumRequests } from "./session_forum.ts";
import type { GroupCommit } from "./store/group.ts";
import type { TransferService, Upload } from "./transfer.ts";

export interface ForumServiceOptions {
  /** Where it listens; it closes them. */
  sockets: readonly Deno.DatagramConn[];
  store: GroupCommit;
  /** Gives the tickets for files. */
  transfer: Pick<TransferService, "issueUpload" | "issueDownload">;
  /** Who has logged in, in this session. */
  user(session: string): string | undefined;
  /** The user of this session leaves: the name is free. */
  exit(session: string): void;
  metrics: Metrics;
  log: Log;
  /** Milliseconds since 1970. */
  now(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Where a client is, and what sends to it. */
interface ForumAddress {
  hostname: string;
  port: number;
  address: Deno.NetAddr;
  replies: Replies;
}

export class ForumService {
  readonly #options: ForumServiceOptions;
  readonly #replies: Replies[] = [];
  readonly #reading: Promise<void>[] = [];
  readonly #sessions: SessionService<ForumAddress>;
  #stopping = false;

  /** Begins to read. */
  constructor(options: ForumServiceOptions) {
    this.#options = options;
    const { log, metrics } = options;
    this.#sessions = new SessionService({
      ...options,
      requests: new ForumRequests({ ...options, console: (line) => log.line(line) }),
      send: (datagram, { address, replies }) => replies.send(datagram, address),
      onRequest: ({ kind }) => metrics.add(`forum ${kind}`),
      setTimer(ms, callback) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    });
    for (const line of CONSOLE_BEGIN) log.line(line);
    for (const socket of options.sockets) {
      const replies = new Replies(socket, () => metrics.add("send failed"));
      this.#replies.push(replies);
      this.#reading.push(readDatagrams(socket, replies, {
        maxBytes: MAX_SESSION_DATAGRAM,
        metrics,
        stopping: () => this.#stopping,
        received: (datagram, address) => this.#received(datagram, address, replies),
      }));
    }
  }

  #received(datagram: Uint8Array, address: Deno.NetAddr, replies: Replies) {
    this.#options.metrics.add("received");
    if (this.#stopping) return;
    const { hostname, port } = address;
    if (!this.#sessions.received(datagram, { hostname, port, address, replies })) {
      this.#options.metrics.add("refused malformed");
    }
  }

  /** Takes no more, answers what was taken, and closes the sockets. */
  async close() {
    this.#stopping = true;
    await this.#options.store.idle();
    this.#sessions.close();
    await Promise.all(this.#replies.map((replies) => replies.sent()));
    for (const socket of this.#options.sockets) socket.close();
    await Promise.all(this.#reading);
  }
}

/** Adds a file that has arrived to its thread: the `commit` of the transfer service. */
export function attachUpload(
  { store, now, log }: Pick<ForumServiceOptions, "store" | "now" | "log">,
  upload: Upload,
): Promise<"stored" | string> {
  const { promise, resolve, reject } = Promise.withResolvers<"stored" | string>();
  const taken = store.submit({ kind: "attach", ...upload, time: now() }, (outcome) => {
    if (outcome === "stored") {
      log.line(`${upload.user} uploaded ${upload.name}`);
      return resolve(outcome);
    }
    if (outcome === "storage") return reject(new Error("the disk takes nothing"));
    resolve(outcome);
  });
  if (!taken) reject(new RangeError("too much is waiting for the disk"));
  return promise;
}
