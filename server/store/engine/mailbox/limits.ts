import type { Context } from "../../database/context.ts";
import { Mailbox } from "./mailbox.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { type Owner, ROOM } from "./owners.ts";

/** A limit that is reached: of one mailbox, of the whole store, or the share of one owner. */
export interface Reached {
  of: "mailbox" | "all" | "share";
  limit: string;
}

/** The first message that was refused since a limit was reached. */
interface Refusal {
  limit: string;
  mailbox?: string;
  owner?: string;
}

/** Which limit one more message would pass. Raises the events `full`, `room` and `long` at the end of a record. */
export class Limits {
  readonly #context: Context;
  readonly #mailboxes: Mailboxes;
  /** Messages refused since the whole store became full; undefined while it has room. */
  readonly #all: { refused: number | undefined } = { refused: undefined };
  /** Mailboxes and owners of which messages were refused since they became full. */
  readonly #full = new Set<Mailbox | Owner>();

  // of the record
  #refusals: Refusal[] = [];
  #passedOver: Mailbox[] = [];

  constructor(context: Context, mailboxes: Mailboxes) {
    this.#context = context;
    this.#mailboxes = mailboxes;
  }

  /**
   * The limit that one more message of `bytes` bytes would pass.
   *
   * @param isNew Whether it would be one more mailbox that holds messages.
   * @param fewer Messages that the mailbox, and the owner, would have fewer.
   */
  reachedBy(
    mailbox: Mailbox | undefined,
    owner: Owner,
    bytes: number,
    isNew = !mailbox?.messages,
    fewer = 0,
  ): Reached | undefined {
    const { limits } = this.#context, { totals, owners } = this.#mailboxes;
    const reached =
      passed("mailbox", "messages", (mailbox?.messages ?? 0) + 1 - fewer, limits.mailboxMessages) ??
        passed("mailbox", "bytes", (mailbox?.bytes ?? 0) + bytes, limits.mailboxBytes) ??
        passed("all", "messages", totals.messages + 1 - fewer, limits.messages) ??
        passed("all", "bytes", totals.bytes + bytes, limits.bytes) ??
        (isNew ? passed("all", "mailboxes", totals.mailboxes + 1, limits.mailboxes) : undefined);
    if (reached !== undefined) return reached;
    const share = owners.reachedBy(owner, bytes, isNew, fewer);
    return share === undefined ? undefined : { of: "share", limit: share };
  }

  /** Whether dropping messages of this mailbox alone could make room for `bytes` bytes of this owner. */
  canMakeRoom(mailbox: Mailbox, owner: Owner, bytes: number): boolean {
    const { limits } = this.#context, { totals, owners } = this.#mailboxes;
    if (owners.reachedBy(owner, bytes, false, 0) !== undefined) {
      // an owner's share gets no room from what others own
      if (mailbox.owner !== owner || mailbox.otherMessages > 0) return false;
      if (owners.reachedBy(owner, bytes - mailbox.bytes, false, mailbox.messages) !== undefined) return false;
    }
    return limits.whenFull === "drop-oldest" && mailbox.messages > 0 &&
      limits.mailboxMessages > 0 && bytes <= limits.mailboxBytes &&
      totals.messages - mailbox.messages < limits.messages &&
      totals.bytes - mailbox.bytes + bytes <= limits.bytes;
  }

  /** Notes that a message is refused. A message that no mailbox could ever hold does not mean that this one is full. */
  refuse(mailbox: string, owner: Owner, bytes: number, reached: Reached) {
    const { mailboxBytes, bytes: bytesMax } = this.#context.limits;
    if (bytes > mailboxBytes || bytes > bytesMax) return;
    if (reached.of === "share" && bytes > this.#mailboxes.owners.most.bytes) return;
    const { of, limit } = reached, known = of === "mailbox" ? this.#mailboxes.get(mailbox) : undefined;
    const full = of === "share" ? owner : known ?? this.#all;
    if (full.refused === undefined) {
      const what = of === "share" ? { owner: owner.name } : known && { mailbox };
      this.#refusals.push({ ...what, limit });
      if (full !== this.#all) this.#full.add(full as Mailbox | Owner);
    }
    full.refused = (full.refused ?? 0) + 1;
  }

  /** Notes that a take has passed over a message that is too long for it. */
  passOver(mailbox: Mailbox) {
    if (!mailbox.isLongReported) this.#passedOver.push(mailbox);
  }

  /** All mailboxes were cleared. */
  clearAll() {
    const { eased, owners } = this.#mailboxes;
    for (const full of this.#full) {
      if (full instanceof Mailbox) eased.add(Object.assign(full, { messages: 0, bytes: 0 }));
      // looked up, so that what it has is counted
      else if (owners.get(full.name) === full) owners.eased.add(full);
    }
  }

  /** A server was started: it reports anew, whether an earlier one has reported it or records that were applied again. */
  start() {
    const { owners, eased } = this.#mailboxes;
    this.#all.refused = undefined;
    this.#full.clear();
    for (const owner of owners.all()) owner.refused = undefined;
    for (const mailbox of this.#mailboxes.all()) {
      mailbox.refused = undefined;
      mailbox.isLongReported = false;
    }
    eased.clear();
    owners.eased.clear();
  }

  /** Takes over what another engine of the same state has reported. */
  takeOver(other: Limits) {
    const { owners } = this.#mailboxes;
    this.#all.refused = other.#all.refused;
    for (const { name, refused } of other.#mailboxes.owners.all()) {
      const owner = owners.get(name);
      if (owner === undefined || refused === undefined) continue;
      owner.refused = refused;
      this.#full.add(owner);
    }
    for (const { name, refused, isLongReported } of other.#mailboxes.all()) {
      const mailbox = this.#mailboxes.get(name);
      if (mailbox === undefined) continue;
      Object.assign(mailbox, { refused, isLongReported });
      if (refused !== undefined) this.#full.add(mailbox);
    }
  }

  /** To be called at the end of a record. */
  endRecord() {
    const { onEvent } = this.#context;
    for (const refusal of this.#refusals) onEvent({ kind: "full", ...refusal });
    for (const mailbox of this.#passedOver) {
      // once for each mailbox, or a client that asks again and again would fill the log
      if (mailbox.isLongReported) continue;
      mailbox.isLongReported = true;
      onEvent({ kind: "long", mailbox: mailbox.name });
    }
    if (this.#refusals.length > 0) this.#refusals = [];
    if (this.#passedOver.length > 0) this.#passedOver = [];
    const { eased, owners } = this.#mailboxes;
    if (eased.size > 0 || owners.eased.size > 0) this.#reportEased();
    if (this.#all.refused !== undefined && this.#allHaveRoom) this.#reportRoom(this.#all, {});
  }

  /** Reports mailboxes and owners that have room again. */
  #reportEased() {
    const { eased, owners } = this.#mailboxes;
    for (const mailbox of eased) {
      if (this.#hasRoom(mailbox)) this.#reportRoom(mailbox, { mailbox: mailbox.name });
    }
    eased.clear();
    for (const owner of owners.eased) {
      if (owners.hasRoom(owner)) this.#reportRoom(owner, { owner: owner.name });
    }
    owners.eased.clear();
  }

  /** Reports that what was full has room again. */
  #reportRoom(full: { refused: number | undefined }, what: { mailbox?: string; owner?: string }) {
    this.#context.onEvent({ kind: "room", ...what, refused: full.refused! });
    full.refused = undefined;
    this.#full.delete(full as Mailbox | Owner);
  }

  #hasRoom({ messages, bytes }: Mailbox): boolean {
    const { mailboxMessages, mailboxBytes } = this.#context.limits;
    return messages <= mailboxMessages * ROOM && bytes <= mailboxBytes * ROOM;
  }

  get #allHaveRoom(): boolean {
    const { totals } = this.#mailboxes, { limits } = this.#context;
    return totals.messages <= limits.messages * ROOM && totals.bytes <= limits.bytes * ROOM &&
      totals.mailboxes <= limits.mailboxes * ROOM;
  }
}

/** The limit that this would pass. */
function passed(of: "mailbox" | "all", what: string, used: number, max: number): Reached | undefined {
  return used > max ? { of, limit: `${max} ${what}` } : undefined;
}
