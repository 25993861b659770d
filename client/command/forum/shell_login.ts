import { FORUM_PORT, isWord } from "../../../protocol/forum.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { checkForum, type Forum, ServerTimeoutError } from "../../forum.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { escapeControls } from "../../terminal/output.ts";
import { forumOnlyNotice } from "../account/coverage.ts";
import { isFree } from "../options/server_option.ts";
import { connect, failureText, invalidName, type ServerOptions } from "./login.ts";

/** What need not be asked for. */
interface Known {
  name?: string | undefined;
  password?: string | undefined;
  /** Whether a name without an account gets one without a question. */
  make: boolean;
}

/** Milliseconds that a server may take to answer before anything is asked for. */
const MAX_SILENCE_MS = 3000;

/** Milliseconds after which the user is shown that the program waits for the server. */
const PATIENCE_MS = 1000;

/** What to do where there is no forum. */
const HINT = "'wirepost serve' starts a server, --server HOST names one";

/** The input has ended at a question. */
class EndOfInputError extends Error {}

/** The user does not want the account. */
class DeclinedError extends Error {}

/**
 * Finds the forum before anything is asked for.
 *
 * @param find Finds its address.
 * @throws {Error} There is none, or it does not answer.
 */
export async function findForum(
  find: () => Promise<ServerOptions>,
  report: (text: string) => void,
): Promise<ServerOptions> {
  const timer = setTimeout(report, PATIENCE_MS, "Waiting for the server …\n");
  try {
    const server = await find(), { hostname = "127.0.0.1", port = FORUM_PORT } = server;
    const noForum = () => new Error(`No forum answers at ${addressText(server)}: ${HINT}`);
    // better than to wait for an answer in vain
    if (isFree({ hostname, port })) throw noForum();
    const timeout = Math.min(server.timeout ?? MAX_SILENCE_MS, MAX_SILENCE_MS);
    await checkForum({ ...server, timeout }).catch((error) => {
      throw error instanceof ServerTimeoutError ? noForum() : error;
    });
    return server;
  } finally {
    clearTimeout(timer);
  }
}

/** The address of a forum, as a user reads it. */
export function addressText({ hostname = "127.0.0.1", port = FORUM_PORT }: ServerOptions): string {
  return formatAddress({ hostname, port });
}

/**
 * Logs in at a terminal: asks for what is not known until it is right, and whether to make an account of a new name.
 *
 * @returns The forum and the name; undefined at the end of the input.
 * @throws {ServerTimeoutError|ServerKeyError} Asking again would not help.
 */
export async function logInAtTerminal(
  editor: LineEditor,
  server: ServerOptions,
  known: Known,
  signal: AbortSignal,
): Promise<{ forum: Forum; name: string } | undefined> {
  let { name, password } = known, last: string | undefined;
  for (;; name = password = undefined) {
    try {
      name ??= await askName(editor, last);
      if (name === undefined) continue;
      last = name;
      const forum = await logIn(editor, server, { name, password, make: known.make }, signal);
      return { forum, name };
    } catch (error) {
      if (error instanceof EndOfInputError) return undefined;
      if (error instanceof DeclinedError) last = undefined;
      else await editor.notify(failureText(name!, error));
    }
  }
}

async function logIn(
  editor: LineEditor,
  server: ServerOptions,
  { name, password, make }: Known & { name: string },
  signal: AbortSignal,
): Promise<Forum> {
  const ask = async (isNew: boolean) => {
    if (isNew && !make) await askWhetherToMake(editor, name);
    if (password !== undefined) return password;
    return isNew ? await askNewPassword(editor) : await askLine(editor, `Password of ${name}: `, true);
  };
  const made = async ({ mailbox }: { mailbox: boolean }) => {
    await editor.notify(mailbox ? `The account '${name}' was made.` : escapeControls(forumOnlyNotice(name)));
  };
  return await connect({ ...server, as: { name, password: ask, make: true, made } }, signal);
}

/** The name that is typed, or `last` if none is; undefined if it is none. */
async function askName(editor: LineEditor, last: string | undefined): Promise<string | undefined> {
  const typed = await askLine(editor, last === undefined ? "Name: " : `Name [${last}]: `);
  const name = typed.trim() || last || "";
  if (isWord(name)) return name;
  if (name !== "") await editor.notify(escapeControls(invalidName(name)));
}

async function askWhetherToMake(editor: LineEditor, name: string) {
  const answer = await askLine(editor, `There is no account '${name}' yet. Make it? [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new DeclinedError();
}

async function askNewPassword(editor: LineEditor): Promise<string> {
  for (;;) {
    const password = await askLine(editor, "New password: ", true);
    if (password === "") continue;
    if (await askLine(editor, "The same again: ", true) === password) return password;
    await editor.notify("It was typed differently the second time.");
  }
}

async function askLine(editor: LineEditor, prompt: string, secret = false): Promise<string> {
  editor.prompt = prompt;
  const line = await editor.read({ secret });
  if (line === undefined) throw new EndOfInputError();
  return "error" in line ? "" : line.text;
}
