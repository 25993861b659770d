/**
 * How a command reaches the server that it administers: by `--server`, or by the data directory of a server on this
 * machine.
 *
 * @module
 */

import type { OriginalMailbox } from "../original_mailbox.ts";
import { type Arguments, parseAddress } from "./command.ts";
import { connectOriginal } from "./server_option.ts";

/** The server's code that reads a data directory, as `main.ts` gives it. */
export interface DataDirectoryCode {
  /** The addresses of the services of the server that runs there, if one does. */
  readRunning(directory: string): Promise<{ services: Record<string, string[]> } | undefined>;
  /** @throws {Error} There is no secret in this file. */
  readSecret(path: string): Promise<Uint8Array>;
  secretPath(directory: string): string;
}

/** A server that is administered, and what proves to it that one may. */
export interface Administration {
  mailbox: OriginalMailbox;
  secret: Uint8Array;
}

export function dataDirectory(args: Arguments): string {
  return args.text("data") ?? "parley-data";
}

/** The server of `--server`, or of the data directory. */
export async function administration(args: Arguments, code: DataDirectoryCode): Promise<Administration> {
  const data = dataDirectory(args), secret = await secretOf(args, code);
  const running = args.text("server") === undefined ? await code.readRunning(data) : undefined;
  const address = parseAddress((running?.services.mailbox ?? running?.services.admin)?.[0] ?? "");
  return { mailbox: await connectOriginal(args, address && reachable(address)), secret };
}

async function secretOf(args: Arguments, code: DataDirectoryCode): Promise<Uint8Array> {
  const file = args.text("secret-file");
  if (file !== undefined) return await code.readSecret(file);
  try {
    return await code.readSecret(code.secretPath(dataDirectory(args)));
  } catch (error) {
    throw new Error(
      `${(error as Error).message}; start the server there once, or give --data or --secret-file`,
    );
  }
}

/** A server that listens on every address is reached at this machine's own. */
function reachable({ hostname, port }: { hostname: string; port: number }) {
  return { hostname: hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname, port };
}
