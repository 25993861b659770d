import { connectOriginalMailbox, type OriginalMailbox } from "../original_mailbox.ts";
import { connectMailbox, type ConnectOptions, type Mailbox } from "../mailbox.ts";
import { writeError } from "../terminal/output.ts";
import type { Arguments, Option } from "./command.ts";
import { serverKeyOf } from "./password.ts";

/** Options of every command that talks to a mailbox server. */
export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  server: { value: "HOST:PORT", help: "Where the server is (127.0.0.1:21001)" },
  timeout: {
    value: "DURATION",
    help: "How long the server may take to answer (10s; 5s where --basic is used)",
  },
};

/** A connection on the reliable session, as these options say. Where the server is busy, the user is told. */
export function connect(
  args: Arguments,
  more: Pick<ConnectOptions, "resume" | "as" | "onBegin" | "onBusy"> = {},
): Promise<Mailbox> {
  const onBusy = (busy: boolean) => busy && void writeError(`wirepost ${args.command}: ${BUSY}\n`);
  return connectMailbox({ onBusy, ...where(args), ...serverKeyOf(args), ...more });
}

/** What a user is told where the server has no room for one more client. */
export const BUSY = "the server is busy; trying again for up to 60 s";

/** A connection on the original wire, as these options say, unless `address` is known better. */
export function connectOriginal(
  args: Arguments,
  address: { hostname: string; port: number } | undefined = undefined,
): Promise<OriginalMailbox> {
  return connectOriginalMailbox({ ...address, ...where(args) });
}

function where(args: Arguments): Pick<ConnectOptions, "hostname" | "port" | "timeout"> {
  const timeout = args.duration("timeout");
  return { ...args.address("server"), ...timeout === undefined ? {} : { timeout } };
}
