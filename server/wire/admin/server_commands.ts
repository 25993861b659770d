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
  /** Rows of the answers to `limits` and `services`. */
  limits(): Promise<string[]>;
  services(): string[];
  log: Pick<Log, "level">;
  /** Begins to stop the server, once the answer is on its way. */
  stop(): void;
}

/** All commands, in the order in which `help` names them. */
export function serverCommands(options: ServerAdminOptions): AdminCommand[] {
  const { commands, status, limits, services, log, stop } = options, { level } = log;
  const all: AdminCommand[] = [
    {
      usage: "help",
      rows: true,
      run: () => all.map(({ usage }) => usage),
    },
    {
      usage: "status[, SKIP]",
      async run([skip = "0"]) {
        return (await status()).slice(skipped(skip, "fields"));
      },
    },
    { usage: "services", rows: true, run: services },
    {
      usage: "limits[, SKIP]",
      rows: true,
      async run([skip = "0"]) {
        return (await limits()).slice(skipped(skip, "rows"));
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

function skipped(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`not how many ${what} to skip: '${text}'`);
  return Number(text);
}
