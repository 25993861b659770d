/**
 * Who the user is: `--as`, or what the environment says; and when a command logs in.
 *
 * @module
 */

import { preparePassword } from "../../../protocol/seal/scram.ts";
import type { Credentials, OnBusy } from "../../mailbox.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";
import { credentials, LOGIN_OPTIONS, PASSWORD_VARIABLE, readPassword } from "./password.ts";
import { askInfo } from "./server_option.ts";

/** The variable that says who the user is. */
const SELF_VARIABLE = "WIREPOST_AS";

/** The variable in which the system has the user's name. */
const USER_VARIABLE = Deno.build.os === "windows" ? "USERNAME" : "USER";

/** The option of every command that does something under a name. */
export const SELF_OPTION: { readonly as: Option } = {
  as: { value: "NAME", help: `Who you are (${SELF_VARIABLE}, or else ${USER_VARIABLE})` },
};

/** Options of every command that may log in. */
export const SELF_OPTIONS: Readonly<Record<string, Option>> = { ...SELF_OPTION, ...LOGIN_OPTIONS };

/** What the help says about {@linkcode SELF_OPTIONS}. */
export const SELF_ABOUT =
  "It logs in, and everything travels under a seal, if your name has an account for its mailbox, or a password or the\n" +
  "server's key is given.";

/** Who the user is. */
export interface Self {
  name: string;
  /** Whether an option or WIREPOST_AS gives it, and not only the system. */
  isNamed: boolean;
}

/** Whether the server wants a log-in: for this name, or of everybody. */
async function wantsLogin(args: Arguments, name: string, onBusy: OnBusy | undefined) {
  const { account, isLoginRequired } = await askInfo(args, name, { onBusy });
  return account.mailbox || isLoginRequired;
}

/** Who the user is; undefined if nothing says so. */
export function selfOf(args: Arguments): Self | undefined {
  const named = args.text("as") ?? (Deno.env.get(SELF_VARIABLE) || undefined);
  const name = named ?? (Deno.env.get(USER_VARIABLE) || undefined);
  return name === undefined ? undefined : { name, isNamed: named !== undefined };
}

/** @throws {UsageError} Nothing says who the user is. */
export function requireSelf(args: Arguments): Self {
  const self = selfOf(args);
  if (self !== undefined) return self;
  throw new UsageError(`Missing --as NAME: who you are; or set ${SELF_VARIABLE}`);
}

/**
 * The password with which to log in to channels or room, if one has to. A password in the environment is for a name that
 * the user has said.
 *
 * @param isRequired Whether one has to if no password is given.
 * @throws {Error} There is none, or it can't be one.
 */
export async function passwordFor(
  args: Arguments,
  { name, isNamed }: Self,
  isRequired: boolean,
): Promise<string | undefined> {
  const isGiven = args.flag("password-file") || isNamed && Boolean(Deno.env.get(PASSWORD_VARIABLE));
  if (!isGiven && !isRequired) return undefined;
  return preparePassword(await readPassword(args, `Password of ${name}: `));
}

/**
 * The mailbox's account to log in to, if one has to. If a password or the server's key is given, nothing must be sent
 * without a seal; a password in the environment is for a name that the user has said. Otherwise the server is asked
 * whether the name is protected.
 *
 * @param isOwn Whether the command uses the mailbox of this name, or sends under it.
 * @throws {UsageError} There is no name, but an option that goes with one; or it is the original wire.
 * @throws {Error} The server can't be asked.
 */
export async function logInAs(
  args: Arguments,
  self: Self | undefined,
  { isOwn = true, onBusy }: { isOwn?: boolean; onBusy?: OnBusy } = {},
): Promise<Credentials | undefined> {
  const given = Object.keys(LOGIN_OPTIONS).find((option) => args.flag(option));
  if (self === undefined) {
    if (given !== undefined) throw new UsageError(`--${given} needs --as NAME`);
    return undefined;
  }
  const { name, isNamed } = self;
  const isSealed = given !== undefined || isNamed && Boolean(Deno.env.get(PASSWORD_VARIABLE)) ||
    (isOwn || isNamed) && await wantsLogin(args, name, onBusy);
  if (!isSealed) return undefined;
  // without a log-in the server would ignore what is sent, and say that there is nothing
  if (args.flag("basic")) {
    throw new UsageError(`Cannot log in as '${name}' on the original wire: leave out --basic`);
  }
  return credentials(args, name);
}
