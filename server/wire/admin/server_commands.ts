/**
 * The control commands of the server as a whole.
 *
 * @module
 */

import type { Log } from "../../report/log.ts";
import type { AdminCommand } from "./admin_requests.ts";

export interface ServerAdminOptions {
  /** The commands of its services. */
  commands: readonly AdminCommand[];
  /** Fields of the answer to `status`. */
  status(): Promise<string[]>;
  log: Pick<Log, "level">;
  /** Begins to stop the server, once the answer is on its way. */
  stop(): void;
}

/** All commands, in the order in which `help` names them. */
export function serverCommands({ commands, status, log, stop }: ServerAdminOptions): AdminCommand[] {
  const { level } = log;
  const all: AdminCommand[] = [
    {
      usage: "help",
      rows: true,
      run: () => all.map(({ usage }) => usage),
    },
    {
      usage: "status[, SKIP]",
      async run([skip = "0"]) {
        if (!/^\d{1,9}$/.test(skip)) throw new RangeError(`not how many fields to skip: '${skip}'`);
        return (await status()).slice(Number(skip));
      },
    },
    ...commands,
    {
      usage: "log, on|off",
      run([text = ""]) {
        if (text !== "on" && text !== "off") throw new RangeError(`log is neither on nor off: '${text}'`);
        // off is the level that the server was started with, unless that is debug
        log.level = text === "on" ? "debug" : level === "debug" ? "info" : level;
        return [text];
      },
    },
    {
      usage: "stop",
      run() {
        stop();
        return ["stopping"];
      },
    },
  ];
  return all;
}
