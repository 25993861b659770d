/**
 * How a command reaches the server that it administers: by `--server`, or by the data directory of a server on this
 * machine.
 *
 * @module
 */

import type { OriginalMailbox } from "../original_mailbox.ts";
import { report } from "../terminal/output.ts";
import type { Arguments, Option } from "./command.ts";
import type { DataDirectoryCode } from "./data_directory.ts";
import { connectOriginal } from "./server_option.ts";

export type { DataDirectoryCode };

/** The option of every command that uses a data directory. */
export const DATA_OPTION: { readonly data: Option } = {
  data: { value: "DIR", help: "The server's data directory (WIREPOST_DATA, or else the user's own)" },
};

/** A server that is administered, and what proves to it that one may. */
export interface Administration {
  mailbox: OriginalMailbox;
  secret: Uint8Array;
}

/** The data directory that the command uses. Reports if there is an earlier one that it does not use. */
export async function openDataDirectory(args: Arguments): Promise<string> {
  const { dataDirectory, earlierDirectoryNotice } = args.dataCode, given = args.text("data");
  const notice = await earlierDirectoryNotice(given);
  if (notice !== undefined) await report(args.command, notice);
  return dataDirectory(given);
}

/** The server of `--server`, or of the data directory. */
export async function administration(args: Arguments, code: DataDirectoryCode): Promise<Administration> {
  // a server that does not run matters more than a secret that is not there
  const mailbox = await connectOriginal(args, "admin");
  return { mailbox, secret: await secretOf(args, code) };
}

async function secretOf(args: Arguments, code: DataDirectoryCode): Promise<Uint8Array> {
  const file = args.text("secret-file");
  if (file !== undefined) return await code.readSecret(file);
  try {
    return await code.readSecret(code.secretPath(await openDataDirectory(args)));
  } catch (error) {
    throw new Error(
      `${(error as Error).message}; start the server there once, or give --data or --secret-file`,
    );
  }
}
