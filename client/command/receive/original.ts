import { setTimeout as pause } from "node:timers/promises";
import type { OriginalMailbox, OriginalMessage } from "../../original_mailbox.ts";
import { write } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";
import { connectOriginal } from "../options/server_option.ts";
import { messageLine, type ReceiveOptions } from "./receiver.ts";

/** Wait between two requests to an empty mailbox; doubled each time, up to the maximum. */
const FIRST_PAUSE_MS = 50, MAX_PAUSE_MS = 1000;

/** Time for an answer after the wait is over. */
const GRACE_MS = 500;

/** `wirepost receive --basic`: receives on the original wire. Returns how many messages came. */
export async function receiveOriginal(
  args: Arguments,
  { mailbox, count, waitMs, json }: Omit<ReceiveOptions, "follow" | "exec">,
): Promise<number> {
  await using connection = await connectOriginal(args);
  let received = 0;
  const print = async (message: OriginalMessage) => {
    received++;
    await write(messageLine(mailbox, message, json));
  };
  const end = waitMs > 0 ? performance.now() + waitMs : undefined;
  while (received < count) {
    const message = await receive(connection, mailbox, end);
    if (message === undefined) break;
    await print(message);
  }
  // the server has removed these already
  for (const message of await connection.late(mailbox)) await print(message);
  return received;
}

/** @param end When the wait is over; undefined if there is none. */
async function receive(
  connection: OriginalMailbox,
  mailbox: string,
  end: number | undefined,
): Promise<OriginalMessage | undefined> {
  for (let wait = FIRST_PAUSE_MS;; wait = Math.min(2 * wait, MAX_PAUSE_MS)) {
    const limit = end === undefined ? undefined : Math.max(0, Math.ceil(end - performance.now())) + GRACE_MS;
    const message = await connection.receive(mailbox, limit);
    const left = (end ?? 0) - performance.now();
    if (message !== undefined || left <= 0) return message;
    await pause(Math.min(wait, left));
  }
}
