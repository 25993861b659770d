/**
 * The options by which commands reach a mailbox server.
 *
 * @module
 */

import { connectMailbox, type ConnectOptions, type Mailbox } from "../mailbox.ts";
import { connectOriginalMailbox, type OriginalMailbox } from "../original_mailbox.ts";
import { writeError } from "../terminal/output.ts";
import type { Arguments, Option } from "./command.ts";
import { serverKeyOf } from "./password.ts";

/** Options of every command that connects to a mailbox server. */
export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  server: { value: "HOST:PORT", help: "Where the server is (127.0.0.1:21001)" },
  timeout: {
    value: "DURATION",
    help: "How long the server may take to answer (10s; with --basic 5s)",
  },
};

/** What is printed while the server has no room for one more client. */
export const BUSY = "the server is busy; trying again for up to 60 s";

/** Prints {@linkcode BUSY} when the server is busy. */
export function onBusy(args: Arguments): (busy: boolean) => void {
  return (busy) => busy && void writeError(`wirepost ${args.command}: ${BUSY}\n`);
}

/** `--server` and `--timeout`, for the options of a connection. */
export function connectOptions(args: Arguments): Pick<ConnectOptions, "hostname" | "port" | "timeout"> {
  const timeout = args.duration("timeout");
  return { ...args.address("server"), ...timeout === undefined ? {} : { timeout } };
}

/** A connection through the reliable session. */
export function connect(
  args: Arguments,
  more: Pick<ConnectOptions, "resume" | "as" | "onBegin" | "onBusy"> = {},
): Promise<Mailbox> {
  return connectMailbox({ onBusy: onBusy(args), ...connectOptions(args), ...serverKeyOf(args), ...more });
}

/** A connection on the original wire, to `address` unless `--server` is given. */
export function connectOriginal(
  args: Arguments,
  address?: { hostname: string; port: number },
): Promise<OriginalMailbox> {
  return connectOriginalMailbox({ ...address, ...connectOptions(args) });
}
