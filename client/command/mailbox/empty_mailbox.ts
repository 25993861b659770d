import { SHARED_QUEUE } from "../../../protocol/mailbox.ts";
import { report } from "../../terminal/output.ts";

/** Says at a terminal, where nobody sees the exit code, that a mailbox has no `messages` such as were asked for. */
export async function reportEmpty(command: string, mailbox: string, messages: string) {
  if (!Deno.stdout.isTerminal()) return;
  await report(
    command,
    `no ${messages} in ${mailbox === SHARED_QUEUE ? "the shared queue" : `mailbox '${mailbox}'`}`,
  );
}
