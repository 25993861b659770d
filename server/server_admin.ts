/**
 * The control commands of the server as a whole.
 *
 * @module
 */

import type { AdminCommand } from "./admin.ts";

export interface ServerAdminOptions {
  /** Those of its services. */
  commands: readonly AdminCommand[];
  /** Fields of the answer to `status`. */
  status(): Promise<string[]>;
  /** Whether every request is logged. */
  logging: { requests: boolean };
  /** Begins to stop the server, once the answer is on its way. */
  stop(): void;
}

/** All commands, in the order in which `help` names them. */
export function serverCommands({ commands, status, logging, stop }: ServerAdminOptions): AdminCommand[] {
  const all: AdminCommand[] = [
    {
      name: "help",
      usage: "help",
      min: 0,
      max: 0,
      run: () => all.map(({ usage }) => usage),
    },
    {
      name: "status",
      usage: "status[, SKIP]",
      min: 0,
      max: 1,
      async run([skip = "0"]) {
        if (!/^\d{1,9}$/.test(skip)) throw new RangeError(`not how many fields to skip: '${skip}'`);
        return (await status()).slice(Number(skip));
      },
    },
    ...commands,
    {
      name: "log",
      usage: "log, on|off",
      min: 1,
      max: 1,
      run([text = ""]) {
        if (text !== "on" && text !== "off") throw new RangeError(`log is neither on nor off: '${text}'`);
        logging.requests = text === "on";
        return [text];
      },
    },
    {
      name: "stop",
      usage: "stop",
      min: 0,
      max: 0,
      run() {
        stop();
        return ["stopping"];
      },
    },
  ];
  return all;
}
