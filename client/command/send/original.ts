import { type OriginalMailbox, ServerTimeoutError } from "../../original_mailbox.ts";
import { readLines } from "../../terminal/input.ts";
import { report, writeError } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import type { Arguments } from "../command.ts";
import { connectOriginal } from "../options/server_option.ts";

/** Longest line that is read from standard input. If it fits into a message is checked when it is sent. */
const MAX_LINE_BYTES = 65_536;

/** `wirepost send --basic`: sends the texts, or every line of standard input, on the original wire. */
export async function sendOriginal(
  args: Arguments,
  receiver: string,
  sender: string,
  texts: readonly string[],
): Promise<number> {
  await using mailbox = await connectOriginal(args);
  if (texts.length === 0) return await sendLines(mailbox, receiver, sender);
  for (const text of texts) await mailbox.send(receiver, sender, text);
  return 0;
}

async function sendLines(mailbox: OriginalMailbox, receiver: string, sender: string): Promise<number> {
  const progress = new Progress();
  let sent = 0, failure: string | undefined;
  try {
    for await (const line of readLines(MAX_LINE_BYTES)) {
      if ("error" in line) throw new Error(`Cannot send a line that is ${line.error}`);
      await mailbox.send(receiver, sender, line.text);
      sent++;
      await progress.show(() => `${sent} messages sent`);
    }
  } catch (error) {
    if (error instanceof ServerTimeoutError) throw error;
    failure = (error as Error).message;
  } finally {
    await progress.clear();
  }
  await mailbox.flush();
  if (failure !== undefined) {
    await report("send", `line ${sent + 1}: ${failure}`);
    await report("send", `${sent} messages were sent before it`);
    return 1;
  }
  if (Deno.stderr.isTerminal()) await writeError(`${sent} messages sent\n`);
  return 0;
}
