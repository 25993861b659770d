import { formatAddress } from "../../../protocol/address.ts";
import { isWord } from "../../../protocol/forum.ts";
import { checkForum, type Forum } from "../../forum.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { escapeControls } from "../../terminal/output.ts";
import { forumOnlyNotice } from "../coverage.ts";
import { unlessAborted } from "./commands.ts";
import { connect, failureText, invalidName, type ServerOptions } from "./login.ts";

/** What need not be asked for. */
interface Known {
  name?: string | undefined;
  password?: string | undefined;
  /** Whether a name without an account gets one without a question. */
  make: boolean;
}

/** Milliseconds without an answer after which the user learns what is waited for. */
const PATIENCE_MS = 1000;

/** The input has ended at a question. */
class EndOfInputError extends Error {}

/** The user does not want the account. */
class DeclinedError extends Error {}

/**
 * Logs in at a terminal: asks for what is not known until it is right, and whether to make an account of a new name.
 *
 * @returns The forum and the name; undefined at the end of the input.
 * @throws {ServerTimeoutError|ServerKeyError} Asking again would not help. Without a server nothing was asked for.
 */
export async function logInAtTerminal(
  editor: LineEditor,
  server: ServerOptions,
  known: Known,
  signal: AbortSignal,
): Promise<{ forum: Forum; name: string } | undefined> {
  let { name, password } = known, last: string | undefined;
  if (name === undefined) {
    using _ = waiting(editor, server);
    await unlessAborted(signal, checkForum(server));
  }
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
  const silence = waiting(editor, server);
  const ask = async (isNew: boolean) => {
    silence[Symbol.dispose]();
    if (isNew && !make) await askWhetherToMake(editor, name);
    if (password !== undefined) return password;
    return isNew ? await askNewPassword(editor) : await askLine(editor, `Password of ${name}: `, true);
  };
  const made = async ({ mailbox }: { mailbox: boolean }) => {
    await editor.notify(mailbox ? `The account '${name}' was made.` : escapeControls(forumOnlyNotice(name)));
  };
  try {
    return await connect({ ...server, as: { name, password: ask, make: true, made } }, signal);
  } finally {
    silence[Symbol.dispose]();
  }
}

/** Reports what is waited for if it takes long, until it is disposed of. */
function waiting(editor: LineEditor, { hostname = "127.0.0.1", port = 0 }: ServerOptions): Disposable {
  const text = `Waiting for the forum at ${formatAddress({ hostname, port })} …`;
  const timer = setTimeout(() => void editor.notify(text), PATIENCE_MS);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
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
