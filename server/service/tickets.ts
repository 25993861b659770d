/** Milliseconds for which a ticket is good. */
const TIMEOUT = 60_000;

/** Most tickets that are out: in all, and of one user. */
const MAX_TICKETS = 10_000, MAX_USER_TICKETS = 16;

/** An upload that a user may make: one attempt at it. */
export interface UploadGrant {
  kind: "upload";
  user: string;
  /** What names the thread for good; its title may become another's. */
  thread: number;
  /** Name of the file in its thread. */
  name: string;
  /** In bytes, 0 to 4 GiB. */
  size: number;
  /** SHA-256 of the content, 64 small hexadecimal digits; undefined where the client didn't know it. */
  hash: string | undefined;
  /** What the content is proven with: 32 bytes in base64url, which the client was told over its session. */
  key: string;
  /** Called when the file is in its thread, or with the reason for which the thread does not take it. */
  onEnd?: ((refused?: string) => void) | undefined;
}

/** A download that a user may make: one attempt at it. */
export interface DownloadGrant {
  kind: "download";
  user: string;
  /** Name of the content among the content files, as the upload gave it. */
  content: string;
  /** In bytes. */
  size: number;
  /** Called when all of it was sent. */
  onEnd?: (() => void) | undefined;
}

export type Grant = UploadGrant | DownloadGrant;

export interface TicketsOptions {
  /** Milliseconds that never go back. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Milliseconds for which a ticket is good; 60 s by default. */
  timeout?: number;
  /** Most tickets that are out; 10,000 by default. */
  max?: number;
  /** Most tickets that one user has out; 16 by default. */
  maxUser?: number;
}

interface Ticket {
  grant: Grant;
  until: number;
}

/**
 * What was allowed and is not yet begun. A ticket is 128 random bits, good for one attempt and for a time; a user who
 * has too many of them loses the oldest, and where all have too many there is none.
 */
export class Tickets {
  readonly #options: TicketsOptions;
  readonly #timeout: number;
  readonly #max: number;
  readonly #maxUser: number;
  /** In the order in which they were issued, which is that in which they end. */
  readonly #tickets = new Map<string, Ticket>();
  /** Of each user who has some, in their order. */
  readonly #users = new Map<string, Set<string>>();

  constructor(options: TicketsOptions) {
    this.#options = options;
    this.#timeout = options.timeout ?? TIMEOUT;
    this.#max = options.max ?? MAX_TICKETS;
    this.#maxUser = options.maxUser ?? MAX_USER_TICKETS;
  }

  /** How many are out. */
  get size(): number {
    return this.#tickets.size;
  }

  /** A new ticket for this, or undefined where too many are out. */
  issue(grant: Grant): string | undefined {
    this.#expire();
    let own = this.#users.get(grant.user);
    if (own !== undefined && own.size >= this.#maxUser) this.#remove(own.values().next().value!);
    if (this.#tickets.size >= this.#max) return undefined;
    const ticket = base64url(this.#options.random(16));
    this.#tickets.set(ticket, { grant, until: this.#options.monotonicClock() + this.#timeout });
    own = this.#users.get(grant.user);
    if (own === undefined) this.#users.set(grant.user, own = new Set());
    own.add(ticket);
    return ticket;
  }

  /** What the ticket allows, once; undefined where there is none, or it is too old. */
  take(ticket: string): Grant | undefined {
    this.#expire();
    return this.#remove(ticket)?.grant;
  }

  /** Takes back all that a user was given. */
  revoke(user: string) {
    for (const ticket of this.#users.get(user) ?? []) this.#remove(ticket);
  }

  #expire() {
    const now = this.#options.monotonicClock();
    for (const [ticket, { until }] of this.#tickets) {
      if (until > now) break;
      this.#remove(ticket);
    }
  }

  #remove(ticket: string): Ticket | undefined {
    const found = this.#tickets.get(ticket);
    if (found === undefined) return undefined;
    this.#tickets.delete(ticket);
    const own = this.#users.get(found.grant.user)!;
    own.delete(ticket);
    if (own.size === 0) this.#users.delete(found.grant.user);
    return found;
  }
}

/** Random bytes as they travel. */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
