import { type BasicMailbox, connectBasicMailbox } from "../mailbox.ts";
import type { Arguments, Option } from "./command.ts";

/** Options of every command that talks to a mailbox server. */
export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  server: { value: "HOST:PORT", help: "Where the server is (127.0.0.1:21001)" },
  timeout: { value: "DURATION", help: "How long it may take to answer (5s)" },
};

/** A connection as these options say, unless `address` is known better. */
export function connect(
  args: Arguments,
  address: { hostname: string; port: number } | undefined = undefined,
): Promise<BasicMailbox> {
  const timeout = args.duration("timeout");
  return connectBasicMailbox({
    ...args.address("server") ?? address,
    ...timeout === undefined ? {} : { timeout },
  });
}
