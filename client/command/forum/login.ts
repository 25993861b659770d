/**
 * Logs in to a forum: with what the command line gives, or by asking for name and password.
 *
 * @module
 */

import { isWord } from "../../../protocol/forum.ts";
import {
  alreadyLoggedIn,
  ENTER_PASSWORD,
  ENTER_USERNAME,
  enterNewPassword,
  INVALID_PASSWORD,
  noNewAccount,
  SEND_TO_SERVER,
  WELCOME,
} from "../../../protocol/forum/forum_text.ts";
import { connectForum, type Forum, type ForumConnectOptions, LoginError } from "../../forum.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { escapeControls } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";
import { forumOnlyNotice, reportCoverage } from "../account/coverage.ts";
import { within } from "../live_chat.ts";
import { givenPassword, readPassword } from "../options/password.ts";
import { unlessAborted } from "./commands.ts";

/** The address of the forum, and how to connect. */
export type ServerOptions = Omit<ForumConnectOptions, "as">;

/** Most milliseconds for leaving after a signal. A name that was not left stays active for a minute. */
export const MAX_LEAVE_MS = 1000;

/** What the prompts need not ask for. */
interface PromptOptions {
  user: string | undefined;
  /** The user's password. */
  password: string | undefined;
  /** Whether a known password may make the account. One that is typed may. */
  make: boolean;
  /** Whether to print the first lines of the original client. */
  greet: boolean;
}

/** What is wrong with a name. */
export function invalidName(name: string): string {
  return `Cannot use '${name}' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`;
}

/** The exit code after prompts: a user at a terminal has seen what failed. */
export function exitCode(failed: boolean, editor: LineEditor): number {
  return failed && !editor.isTerminal ? 1 : 0;
}

/** Logs in with the command line's options, or fails. */
export async function logIn(
  args: Arguments,
  server: ServerOptions,
  name: string,
  signal: AbortSignal,
): Promise<Forum> {
  const given = await givenPassword(args);
  const ask = (isNew: boolean) => readPassword(args, isNew ? enterNewPassword(name) : ENTER_PASSWORD);
  const made = (covers: { mailbox: boolean }) => reportCoverage(name, covers);
  try {
    const as = { name, make: args.flag("new"), password: given ?? ask, made };
    return await connect({ ...server, as }, signal);
  } catch (error) {
    if (!(error instanceof LoginError) || signal.aborted) throw error;
    throw new Error(error.reason === "active" ? alreadyLoggedIn(name) : error.message);
  }
}

/**
 * Asks for name and password until they are right.
 *
 * @returns The forum; or, at the end of the input, the exit code: 1 if a log-in of a pipe failed, else 0.
 * @throws {ServerTimeoutError|ServerKeyError} Asking again would not help.
 */
export async function askToLogIn(
  editor: LineEditor,
  server: ServerOptions,
  known: PromptOptions,
  signal: AbortSignal,
): Promise<Forum | number> {
  let failed = false;
  const fail = async (text: string) => {
    failed = true;
    await editor.notify(text);
  };
  const greeting = known.greet ? `${SEND_TO_SERVER}\n\n` : "";
  if (greeting !== "") await editor.notify(greeting);
  for (let { user, password } = known;; user = password = undefined) {
    editor.prompt = ENTER_USERNAME;
    const line = user === undefined ? await editor.read() : { text: user };
    if (line === undefined) return exitCode(failed, editor);
    const name = "error" in line ? "" : line.text.trim();
    if (!isWord(name)) {
      if ("error" in line) await fail(`The line is ${line.error}`);
      else if (name !== "") await fail(escapeControls(invalidName(name)));
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
      const forum = await connect({ ...server, as }, signal);
      await editor.notify(`${WELCOME}\n${greeting}`);
      return forum;
    } catch (error) {
      if (error === ended) return exitCode(failed, editor);
      await fail(failureText(name, error));
    }
  }
}

/** What the user reads about a failed log-in that can be tried again. */
export function failureText(name: string, error: unknown): string {
  // a password of the wrong form is the user's mistake too
  if (error instanceof TypeError) return INVALID_PASSWORD;
  if (!(error instanceof LoginError)) throw error;
  switch (error.reason) {
    case "wrong password":
      return INVALID_PASSWORD;
    case "active":
      return alreadyLoggedIn(name);
    case "closed":
      return noNewAccount(name);
    default:
      return escapeControls(error.message);
  }
}

/** Connects; if the signal comes before that is done, leaves again. */
export async function connect(options: ForumConnectOptions, signal: AbortSignal): Promise<Forum> {
  const connecting = connectForum(options);
  try {
    return await unlessAborted(signal, connecting);
  } catch (error) {
    if (signal.aborted) {
      await within(MAX_LEAVE_MS, connecting.then((forum) => forum.close(MAX_LEAVE_MS)));
    }
    throw error;
  }
}
