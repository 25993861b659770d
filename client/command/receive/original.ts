import { setTimeout as pause } from "node:timers/promises";
import type { Mail, OriginalMailbox } from "../../original_mailbox.ts";
import { write } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";
import { connectOriginal } from "../server_option.ts";
import { messageLine, type ReceiveOptions } from "./receiver.ts";

/** Wait between two requests to an empty mailbox; doubled each time, up to the maximum. */
const FIRST_WAIT_MS = 50, MAX_WAIT_MS = 1000;

/** Time for an answer after the wait is over. */
const GRACE_MS = 500;

/** `wirepost receive --basic`: receives on the original wire. Returns how many messages came. */
export async function receiveOriginal(
  args: Arguments,
  { mailbox, count, waitMs, json }: Omit<ReceiveOptions, "follow" | "exec">,
): Promise<number> {
  await using connection = await connectOriginal(args);
  let received = 0;
  const print = async (mail: Mail) => {
    received++;
    await write(messageLine(mailbox, mail, json));
  };
  const end = waitMs > 0 ? performance.now() + waitMs : undefined;
  while (received < count) {
    const mail = await receive(connection, mailbox, end);
    if (mail === undefined) break;
    await print(mail);
  }
  // the server has removed these already
  for (const mail of await connection.late(mailbox)) await print(mail);
  return received;
}

/** @param end When the wait is over; undefined if there is none. */
async function receive(
  connection: OriginalMailbox,
  mailbox: string,
  end: number | undefined,
): Promise<Mail | undefined> {
  for (let wait = FIRST_WAIT_MS;; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
    const limit = end === undefined ? undefined : Math.max(0, Math.ceil(end - performance.now())) + GRACE_MS;
    const mail = await connection.receive(mailbox, limit);
    const left = (end ?? 0) - performance.now();
    if (mail !== undefined || left <= 0) return mail;
    await pause(Math.min(wait, left));
  }
}
