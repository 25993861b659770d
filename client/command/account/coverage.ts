/**
 * The notices about what an account covers. `protocol/accounts.md`.
 *
 * @module
 */

import { report, writeError } from "../../terminal/output.ts";

/** Reports that a new account does not cover the mailbox of its name, if so. */
export async function reportCoverage(name: string, { mailbox }: { mailbox: boolean }) {
  if (!mailbox) await writeError(`${forumOnlyNotice(name)}\n`);
}

/** The notice that a new account does not cover the mailbox of its name. */
export function forumOnlyNotice(name: string): string {
  return `The account '${name}' covers the forum alone, because the mailbox of that name is in use; ` +
    `an administrator gives it the mailbox by 'wirepost account confirm ${name}' beside the server`;
}

/** Reports how many messages from before an account covered its mailbox are set apart. */
export async function reportSetApart(name: string, apart: number) {
  if (apart === 0) return;
  const [messages, are] = apart === 1 ? ["1 message", "is"] : [`${apart} messages`, "are"];
  await report(
    "account",
    `${messages} that came before the account covered the mailbox ${name} ${are} set apart: see 'wirepost admin dead'`,
  );
}
