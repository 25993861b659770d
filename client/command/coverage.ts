/**
 * What users and administrators are told about what an account covers. `protocol/README.md`, "Accounts".
 *
 * @module
 */

import { writeError } from "../terminal/output.ts";

/** An account was made that does not cover the mailbox of its name. */
export function forumOnlyNotice(name: string): string {
  return `The account '${name}' covers the forum alone, because the mailbox of that name is in use; ` +
    `an administrator gives it the mailbox by 'wirepost account confirm ${name}' beside the server`;
}

/** An account covers a mailbox in which something was before. */
export async function reportSetApart(name: string, apart: number) {
  if (apart === 0) return;
  const [messages, are] = apart === 1 ? ["1 message", "is"] : [`${apart} messages`, "are"];
  await writeError(
    `wirepost account: ${messages} that came before the account covered the mailbox ${name} ${are} set apart: ` +
      "see 'wirepost admin dead'\n",
  );
}
