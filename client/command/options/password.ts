/**
 * How a command logs in: name, password and the server's key.
 *
 * @module
 */

import { decodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { fileError } from "../../file/file_error.ts";
import type { Credentials } from "../../mailbox.ts";
import { promptSecret } from "../../terminal/ask.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";

/** The variable that holds the password, if there is no terminal to ask. */
export const PASSWORD_VARIABLE = "WIREPOST_PASSWORD";

/** The same for a new password. */
export const NEW_PASSWORD_VARIABLE = "WIREPOST_NEW_PASSWORD";

/** Options with which a command logs in. */
export const LOGIN_OPTIONS: Readonly<Record<string, Option>> = {
  "password-file": {
    value: "FILE",
    help: `The password, as its first line; or set ${PASSWORD_VARIABLE} (asked for on the terminal)`,
  },
  "server-key": {
    value: "KEY",
    help: "The server's key, as the server logs it (the one that it had at first)",
  },
};

/** An account to log in to. The password is asked for when it is needed. */
export function credentials(args: Arguments, name: string): Credentials {
  return { name, password: () => readPassword(args, `Password of ${name}: `) };
}

/**
 * `--server-key`, for the options of a connection.
 *
 * @throws {UsageError} It is no key.
 */
export function serverKeyOf(args: Arguments): { serverKey?: string } {
  const serverKey = args.text("server-key");
  if (serverKey === undefined) return {};
  try {
    decodePublicKey(serverKey);
  } catch (error) {
    throw new UsageError(`Cannot read --server-key '${serverKey}': ${(error as Error).message}`);
  }
  return { serverKey };
}

/**
 * The password: the first line of `--password-file`, or the environment's, or what is typed.
 *
 * @param again The prompt at which the same has to be typed again.
 * @throws {Error} There is none.
 */
export async function readPassword(args: Arguments, prompt: string, again?: string): Promise<string> {
  return await givenPassword(args) ?? await typedPassword(prompt, again);
}

/**
 * The new password: the first line of `--new-password-file`, or the environment's, or what is typed twice.
 *
 * @throws {Error} There is none.
 */
export async function readNewPassword(args: Arguments, name: string): Promise<string> {
  const file = args.text("new-password-file");
  const given = file === undefined ? Deno.env.get(NEW_PASSWORD_VARIABLE) : await readFirstLine(file);
  return given ?? await typedPassword(`New password of ${name}: `, "The same again: ", true);
}

async function typedPassword(prompt: string, again?: string, isNew = false): Promise<string> {
  if (!Deno.stdin.isTerminal()) {
    const [option, variable] = isNew
      ? ["--new-password-file", NEW_PASSWORD_VARIABLE]
      : ["--password-file", PASSWORD_VARIABLE];
    throw new Error(
      `Cannot ask for a password: standard input is not a terminal; give ${option} or set ${variable}`,
    );
  }
  const password = await promptSecret(prompt);
  if (password === undefined) throw new Error("Cannot continue: no password was given");
  if (again !== undefined && await promptSecret(again) !== password) {
    throw new Error("Cannot use the password: it was typed differently the second time");
  }
  return password;
}

/** The password of `--password-file` or the environment, if there is one. */
export async function givenPassword(args: Arguments): Promise<string | undefined> {
  const file = args.text("password-file");
  // no password is empty: an empty variable is like none
  return file === undefined ? Deno.env.get(PASSWORD_VARIABLE) || undefined : await readFirstLine(file);
}

async function readFirstLine(file: string): Promise<string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file));
  } catch (error) {
    const why = error instanceof TypeError ? "it is not UTF-8" : fileError(error);
    throw new Error(`Cannot read the password in ${file}: ${why}`);
  }
  return text.split(/\r?\n/)[0]!;
}
