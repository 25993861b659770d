import { FairTable, type TableLimits } from "../../../quota/fair_table.ts";
import type { Receiver } from "./receiver.ts";

const DEFAULT_LIMITS: Readonly<TableLimits> = {
  all: 100_000,
  ofNetwork: 10_000,
  ofAccount: 10_000,
  sharedOut: true,
};

/** The receivers that wait, by mailbox, the one that has waited longest first. */
export class WaitingReceivers {
  readonly #byMailbox = new Map<string, Set<Receiver>>();
  /** Limits how many of one client wait. */
  readonly table: FairTable<Receiver>;

  constructor(limits: TableLimits = DEFAULT_LIMITS) {
    this.table = new FairTable(limits, ({ client }) => client);
  }

  has(mailbox: string): boolean {
    return this.#byMailbox.has(mailbox);
  }

  of(mailbox: string): ReadonlySet<Receiver> {
    return this.#byMailbox.get(mailbox) ?? new Set();
  }

  *all(): Generator<Receiver> {
    for (const receivers of this.#byMailbox.values()) yield* receivers;
  }

  add(receiver: Receiver) {
    const { mailbox } = receiver.request, receivers = this.#byMailbox.get(mailbox);
    if (receivers === undefined) this.#byMailbox.set(mailbox, new Set([receiver]));
    else receivers.add(receiver);
    this.table.add(receiver);
  }

  /** Returns whether it was waiting. */
  remove(receiver: Receiver): boolean {
    const { mailbox } = receiver.request, receivers = this.#byMailbox.get(mailbox);
    if (!receivers?.delete(receiver)) return false;
    this.table.remove(receiver);
    if (receivers.size === 0) this.#byMailbox.delete(mailbox);
    return true;
  }

  /** The first whose client has sent anything since then, or else the first. */
  next(mailbox: string, receivedSince: number): Receiver | undefined {
    const receivers = this.of(mailbox);
    return receivers.values().find(({ client }) => client.receivedAt >= receivedSince) ??
      receivers.values().next().value;
  }

  moveToFront(receiver: Receiver) {
    const { mailbox } = receiver.request, receivers = this.of(mailbox);
    if (receivers.has(receiver)) this.#byMailbox.set(mailbox, new Set([receiver, ...receivers]));
  }

  moveToEnd(receiver: Receiver) {
    const receivers = this.#byMailbox.get(receiver.request.mailbox);
    if (receivers?.delete(receiver)) receivers.add(receiver);
  }
}
