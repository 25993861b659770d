import type { Environment } from "../quota/uptime.ts";
import type { ContentFiles, IncomingFile } from "../store/files/files.ts";

export type { IncomingFile };

/** Milliseconds for which a ticket is valid (transfer.md 2.1). */
const TICKET_MS = 60_000;

/**
 * Most tickets that are not used yet: in all, and of one user. Most are of repeated requests, and never used
 * (transfer.md section 8).
 */
const MAX_TICKETS = 10_000, MAX_USER_TICKETS = 16;

/** One attempt at an upload that a user may make. */
export interface UploadGrant {
  kind: "upload";
  user: string;
  /** In bytes, 0 to 4 GiB. */
  size: number;
  /** SHA-256 of the content, 64 lower-case hexadecimal digits; undefined if the client didn't know it. */
  hash: string | undefined;
  /** Proves the content: 32 bytes in base64url, which the client received in its session. */
  key: string;
  /** See {@linkcode ContentFiles.begin}. */
  begin(displace: () => void): ReturnType<ContentFiles["begin"]>;
  /**
   * Adds the whole file to its thread: its content and its entry become durable and visible together.
   *
   * @returns `"stored"`, or the code of the reason why nothing was changed.
   * @throws {Error} The disk failed, and nothing was changed.
   */
  attach(incoming: IncomingFile): Promise<string>;
}

/** One attempt at a download that a user may make. */
export interface DownloadGrant {
  kind: "download";
  user: string;
  /** The file and its thread, for people. */
  name: string;
  /** Where the content is. */
  path: string;
  /** In bytes. */
  size: number;
  /** SHA-256 of what was uploaded, 64 lower-case hexadecimal digits. */
  hash: string;
  /** Opens the content; undefined if it was removed. */
  open(): Promise<Deno.FsFile | undefined>;
  /** Whether the content was found to be damaged: then it is checked before any of it is sent. */
  isDamaged(): boolean;
  setDamaged(): void;
  /** To be called when all of it was sent. */
  onEnd(): void;
}

export type Grant = UploadGrant | DownloadGrant;

export interface TicketsOptions extends Pick<Environment, "monotonicClock" | "random"> {
  /** Most tickets that are not used yet; 10,000 by default. */
  max?: number;
}

/**
 * Transfers that were permitted and have not begun. A ticket is 128 random bits, valid for one attempt and for a time.
 * A user with too many of them loses the oldest; when there are too many in all, no more are issued.
 */
export class Tickets {
  readonly #options: TicketsOptions;
  /** The oldest first: that is also the order in which they expire. */
  readonly #tickets = new Map<string, { grant: Grant; expires: number }>();
  /** Of each user who has some, the oldest first. */
  readonly #users = new Map<string, Set<string>>();

  constructor(options: TicketsOptions) {
    this.#options = options;
  }

  /** How many are not used yet. */
  get size(): number {
    return this.#tickets.size;
  }

  /** A new ticket, or undefined if there are too many. */
  issue(grant: Grant): string | undefined {
    const { monotonicClock, random, max = MAX_TICKETS } = this.#options;
    this.#expire();
    let own = this.#users.get(grant.user);
    if (own !== undefined && own.size >= MAX_USER_TICKETS) this.#remove(own.values().next().value!);
    if (this.#tickets.size >= max) return undefined;
    const ticket = random(16).toBase64({ alphabet: "base64url", omitPadding: true });
    this.#tickets.set(ticket, { grant, expires: monotonicClock() + TICKET_MS });
    own = this.#users.get(grant.user);
    if (own === undefined) this.#users.set(grant.user, own = new Set());
    own.add(ticket);
    return ticket;
  }

  /** What the ticket permits, once; undefined if it is unknown or expired. */
  take(ticket: string): Grant | undefined {
    this.#expire();
    return this.#remove(ticket);
  }

  /** Takes back the tickets of a user. */
  revoke(user: string) {
    for (const ticket of this.#users.get(user) ?? []) this.#remove(ticket);
  }

  #expire() {
    const now = this.#options.monotonicClock();
    for (const [ticket, { expires }] of this.#tickets) {
      if (expires > now) break;
      this.#remove(ticket);
    }
  }

  #remove(ticket: string): Grant | undefined {
    const grant = this.#tickets.get(ticket)?.grant;
    if (grant === undefined) return undefined;
    this.#tickets.delete(ticket);
    const own = this.#users.get(grant.user)!;
    own.delete(ticket);
    if (own.size === 0) this.#users.delete(grant.user);
    return grant;
  }
}
