import { decodePublicKey } from "../../protocol/key_text.ts";
import { fileError } from "../file/file_error.ts";
import type { Credentials } from "../seal/login.ts";
import { promptSecret } from "../terminal/ask.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

/** The environment's password, where a terminal can't be asked. */
export const PASSWORD_VARIABLE = "WIREPOST_PASSWORD";

/** The same for a password that is to be set. */
export const NEW_PASSWORD_VARIABLE = "WIREPOST_NEW_PASSWORD";

/** Options of every command that may log in. */
export const LOGIN_OPTIONS: Readonly<Record<string, Option>> = {
  "as": { value: "NAME", help: "Log in to this account: everything then travels under a seal" },
  "password-file": {
    value: "FILE",
    help: `The password, as its first line; or set ${PASSWORD_VARIABLE} (asked for on the terminal)`,
  },
  "server-key": { value: "KEY", help: "The server's key, as it logs it (the one that it had at first)" },
};

/**
 * Who is to log in, if anybody. The terminal is asked for the password when it is needed.
 *
 * @throws {UsageError} Nobody is, and there are options for it.
 */
export function credentialsOf(args: Arguments): Credentials | undefined {
  const name = args.text("as");
  if (name !== undefined) return { name, password: () => readPassword(args, `Password of ${name}: `) };
  // whoever gives the key must not send in the clear, to any server
  for (const option of ["password-file", "server-key"]) {
    if (args.flag(option)) throw new UsageError(`--${option} needs --as NAME`);
  }
}

/**
 * The key that the server is to have, where it is given, for the options of a connection.
 *
 * @throws {UsageError} It is none.
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
 * @param again Asks the terminal a second time by this, and wants the same.
 * @throws {Error} There is none.
 */
export async function readPassword(args: Arguments, prompt: string, again?: string): Promise<string> {
  return await givenPassword(args) ?? await typedPassword(prompt, again);
}

/**
 * The password that is to be set: the first line of `--new-password-file`, or the environment's, or what is typed
 * twice.
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
      `Cannot ask for a password: standard input is no terminal; give ${option} or set ${variable}`,
    );
  }
  const password = await promptSecret(prompt);
  if (password === undefined) throw new Error("Cannot go on: no password was given");
  if (again !== undefined && await promptSecret(again) !== password) {
    throw new Error("Cannot use the password: what was typed the second time differs");
  }
  return password;
}

/** The password of `--password-file` or the environment, if there is one. */
export async function givenPassword(args: Arguments): Promise<string | undefined> {
  const file = args.text("password-file");
  // an empty variable is as good as none: no password is empty
  return file === undefined ? Deno.env.get(PASSWORD_VARIABLE) || undefined : await readFirstLine(file);
}

async function readFirstLine(file: string): Promise<string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(file));
  } catch (error) {
    const why = error instanceof TypeError ? "it is no UTF-8" : fileError(error);
    throw new Error(`Cannot read the password in ${file}: ${why}`);
  }
  return text.split(/\r?\n/)[0]!;
}
