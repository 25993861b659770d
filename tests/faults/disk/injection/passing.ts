/**
 * A load on all services, and so many messages besides that the journal goes on in further segments, and that checkpoints
 * are taken and written back.
 *
 * @module
 */

import type { ServerProcess } from "../../../program.ts";
import { type Amount, Load, type Ports } from "../../power/load.ts";
import { RecordedSession } from "../../power/recorded_session.ts";

const AMOUNT: Amount = { rounds: 4, files: 2 };

/** Messages of 1000 bytes before the load and after it, together a little more than a checkpoint waits for; at a time. */
const MESSAGES = 2500, WINDOW = 40, TEXT = "x".repeat(1000);

/** Puts the load through the server. @param bulk Has the many messages; the first of its sessions puts them. */
export async function passThrough(server: ServerProcess, ports: Ports, load: Load, bulk: Load) {
  await putMany(ports, bulk);
  await load.run(server, ports, AMOUNT);
  await putMany(ports, bulk);
}

export async function putMany({ mailbox }: Ports, bulk: Load) {
  if (bulk.senders.length === 0) {
    bulk.senders.push(new RecordedSession(mailbox));
    bulk.receivers.push(new RecordedSession(mailbox));
  }
  const [sender] = bulk.senders;
  for (let i = 0; i < MESSAGES; i += WINDOW) {
    await Promise.all(
      Array.from({ length: WINDOW }, (_, j) => sender!.put(bulk.kept(0), `${i + j} ${TEXT}`)),
    );
  }
}
