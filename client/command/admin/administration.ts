/**
 * How a command reaches the server that it administers: by `--server`, or by the data directory of a server on this
 * machine.
 *
 * @module
 */

import { connectAdministrator, NO_SECRET, type OriginalMailbox } from "../../original_mailbox.ts";
import { report } from "../../terminal/output.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";
import type { DataDirectoryCode } from "../data/data_directory.ts";
import { credentials, LOGIN_OPTIONS, serverKeyOf } from "../options/password.ts";
import { connectOptions, connectOriginal, onBusy } from "../options/server_option.ts";

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

/** The options of every command of the administrator: how they prove who they are. */
export const ADMINISTRATOR_OPTIONS: Readonly<Record<string, Option>> = {
  "secret-file": { value: "FILE", help: "The administrator's secret, copied from there" },
  "as": {
    value: "NAME",
    help: "Log in to this account instead, whose role is admin; all travels under a seal",
  },
  "password-file": LOGIN_OPTIONS["password-file"]!,
  "server-key": LOGIN_OPTIONS["server-key"]!,
};

/** The server of `--server`, or of the data directory: by the secret, or under the seal of `--as`. */
export async function administration(args: Arguments, code: DataDirectoryCode): Promise<Administration> {
  const name = args.text("as");
  if (name === undefined) {
    // `account` has a use of its own for them
    const given = args.command === "account"
      ? []
      : ["password-file", "server-key"].filter((one) => args.flag(one));
    if (given.length > 0) throw new UsageError(`--${given[0]} needs --as NAME`);
    return await secretAdministration(args, code);
  }
  args.exclude("as", "secret-file");
  const server = { ...serverKeyOf(args), ...await connectOptions(args), onBusy: onBusy(args) };
  return {
    mailbox: await connectAdministrator({ ...server, as: credentials(args, name) }),
    secret: NO_SECRET,
  };
}

/** The same by the secret. */
export async function secretAdministration(
  args: Arguments,
  code: DataDirectoryCode,
): Promise<Administration> {
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
