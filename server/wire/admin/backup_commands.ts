/**
 * The control commands of a backup.
 *
 * @module
 */

import type { Hold } from "../../store/checkpoint/hold.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** `hold` and `end-hold`. */
export function backupCommands(hold: Hold): AdminCommand[] {
  return [
    {
      usage: "hold[, ID]",
      async run([given]) {
        const { id, database, journal, messages } = await hold.ask(given);
        return [id, `${database}`, `${journal}`, `${messages}`];
      },
    },
    {
      usage: "end-hold, ID",
      run([id = ""]) {
        hold.end(id);
        return [id];
      },
    },
  ];
}
