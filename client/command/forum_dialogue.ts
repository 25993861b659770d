/**
 * The forum as somebody uses it who types: name, password, commands.
 *
 * @module
 */

import {
  alreadyLoggedIn,
  ENTER_COMMAND,
  ENTER_PASSWORD,
  ENTER_USERNAME,
  enterNewPassword,
  INVALID_PASSWORD,
  noNewAccount,
  parseCommand,
  SEND_TO_SERVER,
  WELCOME,
} from "../../protocol/forum_text.ts";
import { isWord } from "../../protocol/forum.ts";
import { CommandFailedError } from "./forum_commands.ts";
import type { Forum } from "../forum_connection.ts";
import { LoginError } from "../session/errors.ts";
import type { LineEditor } from "../terminal/line_editor.ts";
import { escapeControls } from "../terminal/output.ts";
import { forumOnlyNotice } from "./coverage.ts";
import { connect, type ServerOptions } from "./forum_login.ts";
import { printResults, type ResultOptions } from "./forum_results.ts";

/** What of name and password is known before anybody is asked. */
export interface Known {
  user: string | undefined;
  /** The user's password. */
  password: string | undefined;
  /** Whether a password that is known may make the account. One that is typed may. */
  make: boolean;
  /** Whether the lines are said that the original begins with. */
  greet: boolean;
}

/** What is wrong with a name. */
export function invalidName(name: string): string {
  return `Cannot use '${name}' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`;
}

/**
 * Asks for name and password until they are right.
 *
 * @returns The forum; or, where there is no more to read, the exit code: 1 where a log-in of a pipe failed, else 0.
 * @throws {ServerTimeoutError|ServerKeyError} What asking again would not change.
 */
export async function logIn(
  editor: LineEditor,
  where: ServerOptions,
  known: Known,
  signal: AbortSignal,
): Promise<Forum | number> {
  let failed = false;
  const code = () => exitCode(failed, editor);
  const fail = async (text: string) => {
    failed = true;
    await editor.notify(text);
  };
  const greeting = known.greet ? `${SEND_TO_SERVER}\n\n` : "";
  if (greeting !== "") await editor.notify(greeting);
  for (let { user, password } = known;; user = password = undefined) {
    editor.prompt = ENTER_USERNAME;
    const line = user === undefined ? await editor.read() : { text: user };
    if (line === undefined) return code();
    const name = "error" in line ? "" : line.text.trim();
    if (!isWord(name)) {
      const text = "error" in line
        ? `The line is ${line.error}`
        : name === ""
        ? ""
        : escapeControls(invalidName(name));
      if (text !== "") await fail(text);
      continue;
    }
    const ended = new Error("No password was given");
    const ask = async (isNew: boolean) => {
      editor.prompt = isNew ? enterNewPassword(name) : ENTER_PASSWORD;
      const line = await editor.read({ secret: true });
      if (line === undefined) throw ended;
      return "error" in line ? "" : line.text;
    };
    const made = async ({ mailbox }: { mailbox: boolean }) => {
      if (!mailbox) await editor.notify(escapeControls(forumOnlyNotice(name)));
    };
    try {
      const as = { name, password: password ?? ask, make: password === undefined || known.make, made };
      const forum = await connect({ ...where, as }, signal);
      await editor.notify(`${WELCOME}\n${greeting}`);
      return forum;
    } catch (error) {
      if (error === ended) return code();
      // one that can't be a password at all is the user's mistake too
      if (!(error instanceof LoginError) && !(error instanceof TypeError)) throw error;
      const reason = error instanceof LoginError ? error.reason : "wrong password";
      await fail(
        reason === "wrong password"
          ? INVALID_PASSWORD
          : reason === "active"
          ? alreadyLoggedIn(name)
          : reason === "closed"
          ? noNewAccount(name)
          : escapeControls(error.message),
      );
    }
  }
}

/**
 * Carries out what is typed, until the user leaves.
 *
 * @returns The exit code: 1 where a command of a pipe failed, else 0.
 */
export async function runCommands(editor: LineEditor, forum: Forum, options: ResultOptions): Promise<number> {
  let failed = false;
  const print = (line: string) => editor.print(editor.isTerminal ? escapeControls(line) : line);
  const fail = async (text: string) => {
    failed = true;
    await editor.notify(escapeControls(text));
  };
  editor.clearHistory();
  editor.prompt = ENTER_COMMAND;
  for await (const line of editor) {
    const typed = "error" in line ? `The line is ${line.error}` : parseCommand(line.text);
    if (typeof typed === "string") {
      await fail(typed);
      continue;
    }
    try {
      await printResults(forum, typed, options, print);
    } catch (error) {
      if (!(error instanceof CommandFailedError)) throw error;
      await fail(error.message);
    }
    if (typed.command === "XIT") break;
  }
  return exitCode(failed, editor);
}

/** A mistake on a terminal was seen. */
function exitCode(failed: boolean, editor: LineEditor): number {
  return failed && !editor.isTerminal ? 1 : 0;
}
