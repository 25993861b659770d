import { setTimeout as pause } from "node:timers/promises";
import { type Mail, type OriginalMailbox, SHARED_QUEUE } from "../../original_mailbox.ts";
import { write } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";
import { connectOriginal } from "../server_option.ts";

/** Wait between two questions to an empty mailbox, in milliseconds; doubled each time, up to the last. */
const FIRST_WAIT = 50, LAST_WAIT = 1000;

/** Milliseconds that a server has beyond the wait for its answer. */
const GRACE = 500;

/** What `wirepost receive --basic` is asked for. */
export interface BasicReceive {
  me: string;
  /** Most messages. */
  count: number;
  /** Milliseconds to wait in all. */
  wait: number;
  json: boolean;
  /** A text as it goes to standard output. */
  forOutput(text: string): string;
}

/** `wirepost receive --basic`: receives on the original wire, and returns how many messages came. */
export async function receiveBasic(
  args: Arguments,
  { me, count, wait, json, forOutput }: BasicReceive,
): Promise<number> {
  await using mailbox = await connectOriginal(args);
  let received = 0;
  const print = async (mail: Mail) => {
    received++;
    await write(`${forOutput(json ? toJson(me, mail) : mail.text)}\n`);
  };
  const end = performance.now() + wait;
  while (received < count) {
    const mail = await receive(mailbox, me, wait > 0 ? end : undefined);
    if (mail === undefined) break;
    await print(mail);
  }
  // the server has removed them already
  for (const mail of await mailbox.late(me)) await print(mail);
  return received;
}

/** @param end When the wait is over; undefined where there is none. */
async function receive(
  mailbox: OriginalMailbox,
  me: string,
  end: number | undefined,
): Promise<Mail | undefined> {
  for (let wait = FIRST_WAIT;; wait = Math.min(2 * wait, LAST_WAIT)) {
    const limit = end === undefined ? undefined : Math.max(0, Math.ceil(end - performance.now())) + GRACE;
    const mail = await mailbox.receive(me, limit);
    const left = (end ?? 0) - performance.now();
    if (mail !== undefined || left <= 0) return mail;
    await pause(Math.min(wait, left));
  }
}

function toJson(to: string, { sender, time, text }: Mail): string {
  return JSON.stringify({
    ...to === SHARED_QUEUE ? {} : { sender, receiver: to },
    ...Number.isNaN(time) ? {} : { time: new Date(time).toISOString() },
    text,
  });
}
