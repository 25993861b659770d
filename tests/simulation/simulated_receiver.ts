/** A receiver in a simulation: leases messages, and deals with them in every way there is. */

import type { Lease } from "../../client/mailbox/lease/lease.ts";
import { OutcomeUnknownError, SessionEndError } from "../../client/session/errors.ts";
import type { MessageLedger } from "./message_ledger.ts";
import type { Random } from "./random.ts";
import type { SimulatedClient } from "./simulated_client.ts";

/** What a receiver has of its simulation. */
export interface Receiving {
  random: Random;
  ledger: MessageLedger;
  mailboxes: readonly string[];
  sleep(ms: number): Promise<void>;
  /** Whether it is to receive more. */
  goesOn(): boolean;
  /** Whether the server may forget the session. */
  mayForget: boolean;
}

/** Receives until the simulation says so, and leaves. */
export async function receive(client: SimulatedClient, receiving: Receiving) {
  const { session } = client, { random, mailboxes, goesOn, mayForget } = receiving;
  try {
    while (goesOn()) {
      const mailbox = mailboxes[random.between(0, mailboxes.length - 1)]!;
      const max = random.between(1, 8), duration = random.between(1000, 6000);
      const lease = await session.lease(mailbox, { max, duration, wait: random.between(0, 8000) });
      // nobody is left who could deal with it
      if (!client.isAlive) return;
      if (lease !== undefined) await deal(lease, duration, receiving);
    }
    await session.close(2000);
  } catch (error) {
    if (!(error instanceof SessionEndError)) throw error;
    if (error instanceof OutcomeUnknownError && !mayForget) throw error;
  }
}

async function deal(lease: Lease, duration: number, { random, ledger, sleep }: Receiving) {
  ledger.deliver(lease);
  if (random.chance(0.2)) await sleep(random.fraction() * 2 * duration);
  if (random.chance(0.1)) await lease.extend(random.between(1000, 3000));
  const ids = lease.messages.map(({ id }) => id);
  const kept = random.chance(0.1) ? random.between(0, ids.length) : 0;
  if (kept > 0 && random.chance(0.7)) await lease.release(ids.slice(0, kept));
  else if (kept > 0) {
    const delay = random.between(0, 3000);
    await lease.fail({ delay, attempts: random.between(1, 5), reason: "exit 1" }, ids.slice(0, kept));
  }
  if (random.chance(0.1)) return;
  await ledger.acknowledge(lease, kept);
}
