import { eraseTransferKeys, type TransferKeys } from "../../protocol/transfer/records.ts";
import { type Linked, OwnerLists } from "../quota/owner_lists.ts";
import type { Environment } from "../quota/uptime.ts";
import type { Limit } from "../report/limit.ts";
import type { ContentFiles, IncomingFile } from "../store/files/files.ts";

export type { IncomingFile };

/** Milliseconds for which a ticket is valid (transfer.md 2.1). */
const TICKET_MS = 60_000;

/**
 * Most tickets that are not used yet: in all, and of one user. Most are of repeated requests, and never used
 * (transfer.md section 8).
 */
const MAX_TICKETS = 10_000, MAX_USER_TICKETS = 16;

/** One attempt that a user may make. */
interface AnyGrant {
  user: string;
  /** Everything is sealed with these; undefined if it travels in the clear. */
  keys?: TransferKeys;
}

/** One attempt at an upload. */
export interface UploadGrant extends AnyGrant {
  kind: "upload";
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

/** One attempt at a download. */
export interface DownloadGrant extends AnyGrant {
  kind: "download";
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

/** The keys of the transfer with this ticket; undefined if the session has no seal any more. */
export type KeysOf = (ticket: string) => TransferKeys | undefined;

export type Grant = UploadGrant | DownloadGrant;

export interface TicketsOptions extends Pick<Environment, "monotonicClock" | "random"> {
  /** Most tickets that are not used yet; 10,000 by default. */
  max?: number;
}

interface Ticket extends Linked<Ticket> {
  name: string;
  grant: Grant;
  network: string;
  expires: number;
}

/**
 * Transfers that were permitted and have not begun. A ticket is 128 random bits, valid for one attempt and for a time.
 * A user with too many of them loses the oldest. When there are too many in all, the network with most loses its oldest if
 * it has more than the one that asks: an address can make users of its own. Otherwise no more are issued.
 */
export class Tickets {
  readonly #options: TicketsOptions;
  /** The oldest first: that is also the order in which they expire. */
  readonly #tickets = new Map<string, Ticket>();
  /** By the network of the client. */
  readonly #networks = new OwnerLists<Ticket>();
  /** Of each user who has some, the oldest first. */
  readonly #users = new Map<string, Set<string>>();

  constructor(options: TicketsOptions) {
    this.#options = options;
  }

  /** How many are not used yet. */
  get size(): number {
    return this.#tickets.size;
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    const { max = MAX_TICKETS } = this.#options;
    const ofUser = this.#users.values().reduce((most, { size }) => Math.max(most, size), 0);
    return [
      { name: "tickets", used: this.size, limit: max },
      { name: "tickets of one user", used: ofUser, limit: MAX_USER_TICKETS },
    ];
  }

  /**
   * A new ticket for a client of this network, or undefined if there are too many.
   *
   * @param keysOf The keys with which it is sealed; without it, it travels in the clear.
   */
  issue(grant: Grant, network = "", keysOf?: KeysOf): string | undefined {
    const { monotonicClock, random, max = MAX_TICKETS } = this.#options;
    this.#expire();
    let own = this.#users.get(grant.user);
    if (own !== undefined && own.size >= MAX_USER_TICKETS) this.#drop(own.values().next().value!);
    if (this.#tickets.size >= max && !this.#makeRoom(network)) return undefined;
    const ticket = random(16).toBase64({ alphabet: "base64url", omitPadding: true });
    const keys = keysOf?.(ticket);
    if (keysOf !== undefined) {
      if (keys === undefined) return undefined;
      grant.keys = keys;
    }
    const entry: Ticket = {
      name: ticket,
      grant,
      network,
      expires: monotonicClock() + TICKET_MS,
      older: undefined,
      newer: undefined,
      use: 0,
    };
    this.#tickets.set(ticket, entry);
    this.#networks.add(network, entry);
    own = this.#users.get(grant.user);
    if (own === undefined) this.#users.set(grant.user, own = new Set());
    own.add(ticket);
    return ticket;
  }

  /** Takes a ticket back from the network with most, unless that has hardly more than this one. */
  #makeRoom(network: string): boolean {
    const networks = this.#networks, most = networks.largest;
    if (most === undefined || networks.count(most) <= networks.count(network) + 1) return false;
    this.#drop(networks.oldest(most)!.name);
    return true;
  }

  /** What the ticket permits, once; undefined if it is unknown or expired. */
  take(ticket: string): Grant | undefined {
    this.#expire();
    return this.#remove(ticket);
  }

  /** Takes back the tickets of a user. */
  revoke(user: string) {
    for (const ticket of this.#users.get(user) ?? []) this.#drop(ticket);
  }

  #expire() {
    const now = this.#options.monotonicClock();
    for (const [ticket, { expires }] of this.#tickets) {
      if (expires > now) break;
      this.#drop(ticket);
    }
  }

  /** Removes a ticket that is not used. */
  #drop(ticket: string) {
    const keys = this.#remove(ticket)?.keys;
    if (keys !== undefined) eraseTransferKeys(keys);
  }

  #remove(ticket: string): Grant | undefined {
    const entry = this.#tickets.get(ticket);
    if (entry === undefined) return undefined;
    const { grant, network } = entry;
    this.#tickets.delete(ticket);
    this.#networks.remove(network, entry);
    const own = this.#users.get(grant.user)!;
    own.delete(ticket);
    if (own.size === 0) this.#users.delete(grant.user);
    return grant;
  }
}
