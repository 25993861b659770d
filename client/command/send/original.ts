import { type OriginalMailbox, ServerTimeoutError } from "../../original_mailbox.ts";
import { readLines } from "../../terminal/input.ts";
import { writeError } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import type { Arguments } from "../command.ts";
import { connectOriginal } from "../server_option.ts";

/** Longest line of standard input that is read at all; whether it fits into a message is told when it is sent. */
const MAX_LINE = 65_536;

/** `wirepost send --basic`: the messages, or every line of standard input, on the original wire. */
export async function sendBasic(
  args: Arguments,
  to: string,
  from: string,
  messages: readonly string[],
): Promise<number> {
  await using mailbox = await connectOriginal(args);
  if (messages.length === 0) return await sendLines(mailbox, to, from);
  for (const message of messages) await mailbox.send(to, from, message);
  return 0;
}

async function sendLines(mailbox: OriginalMailbox, to: string, from: string): Promise<number> {
  const progress = new Progress();
  let number = 0, wrong: string | undefined;
  try {
    for await (const line of readLines(MAX_LINE)) {
      if ("error" in line) throw new Error(`Cannot send a line that is ${line.error}`);
      await mailbox.send(to, from, line.text);
      number++;
      await progress.show(() => `${number} messages sent`);
    }
  } catch (error) {
    if (error instanceof ServerTimeoutError) throw error;
    wrong = (error as Error).message;
  } finally {
    await progress.clear();
  }
  await mailbox.flush();
  if (wrong !== undefined) {
    await writeError(`wirepost send: line ${number + 1}: ${wrong}\n`);
    await writeError(`wirepost send: ${number} messages were sent before it\n`);
    return 1;
  }
  if (Deno.stderr.isTerminal()) await writeError(`${number} messages sent\n`);
  return 0;
}
