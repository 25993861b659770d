import { FORUM_COMMANDS, isWord } from "../../../protocol/forum.ts";
import {
  ENTER_COMMAND,
  ENTER_USERNAME,
  type ForumCommand,
  parseCommand,
} from "../../../protocol/forum/forum_text.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import type { Forum } from "../../forum.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { openLineEditor } from "../../terminal/line_editor/open_line_editor.ts";
import { escapeControls, outputLine, write, writeError } from "../../terminal/output.ts";
import { STANDARD_TERMINAL } from "../../terminal/pager.ts";
import { INTERRUPTED, onEndSignal } from "../../terminal/signals.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { CommandFailedError, commandOf, printResults, type ResultOptions } from "./commands.ts";
import { askToLogIn, exitCode, invalidName, logIn, MAX_LEAVE_MS, type ServerOptions } from "./login.ts";
import { isPaged, pageResults } from "./paged_results.ts";
import { ForumShell } from "./shell.ts";
import { findForum, logInAtTerminal } from "./shell_login.ts";
import { readServer } from "../live_chat.ts";
import { givenPassword, PASSWORD_VARIABLE, serverKeyOf } from "../options/password.ts";
import { requireSelf, SELF_OPTIONS, selfOf } from "../options/self.ts";
import { BUSY, onBusy, SERVER_OPTION, serviceAddress } from "../options/server_option.ts";

/** `wirepost forum`. */
export const command: Command = {
  name: "forum",
  summary: "Read and write threads and files",
  usage: ["[COMMAND [ARG…]] [OPTION…]", "HOST PORT [COMMAND [ARG…]] [OPTION…]"],
  about: [
    [
      "Commands, in capitals; TITLE, FILE and NAME have no spaces, and N is a message's number in its thread:",
      "  CRT TITLE          make a thread              LST              list the threads",
      "  MSG TITLE TEXT     post a message             RDT TITLE        read a thread",
      "  EDT TITLE N TEXT   change your own message    UPD TITLE FILE   upload a file: it may be a path",
      "  DLT TITLE N        delete your own message    DWN TITLE FILE   download a file to this directory",
      "  RMV TITLE          remove your own thread     XIT              leave; so do Ctrl-D and Ctrl-C",
    ].join("\n"),
    "Without a COMMAND, it asks for password and commands. On a terminal small letters work too, 'help' shows the commands,\n" +
    "Tab completes them, and a long thread is shown by PAGER, or page by page. In a pipe each line of standard input is a\n" +
    "command, and the exit code is 1 if one failed; there are no prompts, and failures go to standard error. With HOST\n" +
    "PORT it is used as the original: without --as it asks for a name too, and a pipe shows the prompts.",
    `The password comes from --password-file or ${PASSWORD_VARIABLE}, or is typed at the terminal. A name without an\n` +
    "account gets one on a terminal, with the password that is typed; in a pipe and with a COMMAND only with --new.",
    "Everything travels under a seal, the contents of files too.",
  ],
  options: {
    ...SELF_OPTIONS,
    "user": { value: "NAME", hidden: true, help: "The same as --as" },
    "new": { help: "Make the account if there is none of your name" },
    "json": {
      help: "Print results as an object a line: a title, an entry of a thread, or what was done",
    },
    "from": { value: "N", help: "RDT: begin with message N (1)" },
    "force": { help: "DWN: replace an existing file" },
    "max-size": { value: "SIZE", help: "DWN: refuse a larger file (4GiB)" },
    ...SERVER_OPTION,
    "timeout": { value: "DURATION", help: "How long the server may take to answer (10s)" },
  },
  completes: { words: FORUM_COMMANDS },
  examples: [
    "wirepost forum",
    "wirepost forum --as yoda --new CRT thread0",
    "wirepost forum --as yoda --password-file secret.txt RDT thread0 --from 10 --json",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const { address, words } = placeOf(args);
  // somebody at a terminal who does not ask for the original gets the shell
  const isShell = address === undefined && words.length === 0 && !args.flag("json") && isTerminal();
  const isOriginal = address !== undefined && words.length === 0;
  const user = userOf(args, isShell ? "shell" : isOriginal ? "original" : undefined);
  const timeout = args.duration("timeout"), from = args.integer("from", 1);
  if (user !== undefined && !isWord(user)) throw new UsageError(invalidName(user));
  if (words.length > 0) checkCommand(args, words);
  const options = {
    ...from === undefined ? {} : { from },
    force: args.flag("force"),
    maxSize: args.size("max-size"),
    json: args.flag("json"),
  };
  if (user === undefined && !isShell) {
    for (const name of ["password-file", "new"]) {
      if (args.flag(name)) throw new UsageError(`--${name} needs --as NAME`);
    }
  }
  const key = serverKeyOf(args);
  const find = async (): Promise<ServerOptions> => ({
    ...address ?? await serviceAddress(args, "forum"),
    ...timeout === undefined ? {} : { timeout },
    ...key,
  });
  if (isShell) {
    const server = await findForum(find, (text) => void writeError(text).catch(() => {}));
    return await runShell(args, server, user, options);
  }
  const server = await find();
  if (words.length > 0) return await runOne(args, server, user!, words, options);
  return await untilSignal(async (signal, end) => {
    // without a user it is used as the original; a script with one wants results alone
    const showsPrompts = user === undefined && !options.json;
    await using editor = openLineEditor({
      prompt: ENTER_USERNAME,
      endsOnSignal: false,
      ...showsPrompts ? { original: { notices: "stdout" } } : {},
    });
    server.onBusy = (busy) => busy && void editor.notify(BUSY);
    editor.interrupted.addEventListener("abort", () => end(INTERRUPTED));
    signal.addEventListener("abort", () => editor.close());
    // a line of a pipe that is a command must not become a password
    const forum = user !== undefined && !Deno.stdin.isTerminal()
      ? await logIn(args, server, user, signal)
      : await askToLogIn(editor, server, {
        user,
        password: user === undefined ? undefined : await givenPassword(args),
        make: args.flag("new"),
        greet: !options.json,
      }, signal);
    if (typeof forum === "number") return forum;
    await using _ = leaving(forum, signal);
    return await runLines(editor, forum, { ...options, signal });
  });
}

/** Asks for commands at the shell's prompt. */
async function runShell(
  args: Arguments,
  server: ServerOptions,
  name: string | undefined,
  options: Omit<ResultOptions, "signal">,
): Promise<number> {
  // what a pager does with Ctrl-C is its own
  let isLent = false;
  return await untilSignal(async (signal, end) => {
    await using editor = openLineEditor({ prompt: "", endsOnSignal: false });
    server.onBusy = (busy) => busy && void editor.notify(BUSY);
    editor.interrupted.addEventListener("abort", () => end(INTERRUPTED));
    signal.addEventListener("abort", () => editor.close());
    const password = name === undefined ? undefined : await givenPassword(args);
    const known = { name, password, make: args.flag("new") };
    const user = await logInAtTerminal(editor, server, known, signal);
    if (user === undefined) return 0;
    await using _ = leaving(user.forum, signal);
    const shell = new ForumShell(editor, user.forum, {
      ...options,
      name: user.name,
      server,
      signal,
      onLent: (lent) => isLent = lent,
    });
    await shell.run();
    return 0;
  }, () => isLent);
}

/** Whether somebody types, and sees the results. */
function isTerminal(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/** The server and the command of the command line: a COMMAND stands where the originals have HOST PORT, or after it. */
function placeOf(args: Arguments): { address: Address | undefined; words: readonly string[] } {
  const [host, port, ...words] = args.positionals;
  if (host === undefined) return { address: undefined, words: [] };
  const kind = FORUM_COMMANDS.find((name) => name === host.toUpperCase());
  // a host may be called as a command is
  if (kind !== undefined && (kind === host || !isPort(port))) {
    return { address: undefined, words: [kind, ...args.positionals.slice(1)] };
  }
  return { address: readServer(args, host, port, []), words };
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,5}$/.test(text);
}

/** Who logs in; undefined if that is asked for: by the original's prompts always, by the shell if nothing says it. */
function userOf(args: Arguments, asks: "original" | "shell" | undefined): string | undefined {
  const named = args.text("as") ?? args.text("user");
  if (args.flag("as") && args.flag("user")) throw new UsageError("--as and --user exclude each other");
  if (named !== undefined || asks === "original") return named;
  return asks === "shell" ? selfOf(args)?.name : requireSelf(args).name;
}

/** @throws {UsageError} It is no command, or an option is for another one. */
function checkCommand(args: Arguments, words: readonly string[]): ForumCommand {
  const command = commandOf(words);
  if (typeof command === "string") throw new UsageError(command);
  for (const [option, kind] of [["from", "RDT"], ["force", "DWN"], ["max-size", "DWN"]] as const) {
    if (args.flag(option) && command.kind !== kind) throw new UsageError(`--${option} is for ${kind}`);
  }
  return command;
}

/** Carries out the one command of the command line. */
async function runOne(
  args: Arguments,
  server: ServerOptions,
  user: string,
  words: readonly string[],
  options: Omit<ResultOptions, "signal">,
): Promise<number> {
  const command = checkCommand(args, words);
  let isLent = false;
  return await untilSignal(async (signal) => {
    const forum = await logIn(args, { ...server, onBusy: onBusy(args) }, user, signal);
    await using _ = leaving(forum, signal);
    if (isPaged(command) && !options.json && isTerminal()) {
      const onLent = (lent: boolean) => isLent = lent;
      await pageResults(STANDARD_TERMINAL, forum, command, { ...options, signal, onLent });
      return 0;
    }
    const print = (line: string) => write(outputLine(line));
    await printResults(forum, command, { ...options, signal }, print);
    return 0;
  }, () => isLent);
}

/**
 * Carries out the commands that are typed, until the user leaves.
 *
 * @returns The exit code: 1 if a command of a pipe failed, else 0.
 */
async function runLines(editor: LineEditor, forum: Forum, options: ResultOptions): Promise<number> {
  let failed = false;
  const print = (line: string) => editor.print(editor.isTerminal ? escapeControls(line) : line);
  const fail = async (text: string) => {
    failed = true;
    await editor.notify(escapeControls(text));
  };
  editor.clearHistory();
  editor.prompt = ENTER_COMMAND;
  for await (const line of editor) {
    const command = "error" in line ? `The line is ${line.error}` : parseCommand(line.text);
    if (typeof command === "string") {
      await fail(command);
      continue;
    }
    try {
      await printResults(forum, command, options, print);
    } catch (error) {
      if (!(error instanceof CommandFailedError)) throw error;
      await fail(error.message);
    }
    if (command.kind === "XIT") break;
  }
  return exitCode(failed, editor);
}

/** Leaves the forum in the end; in less time after a signal. */
function leaving(forum: Forum, signal: AbortSignal): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => forum.close(signal.aborted ? MAX_LEAVE_MS : undefined) };
}

/**
 * Resolves to the exit code of the work, or of Ctrl-C or a signal if that ended it.
 *
 * @param isLent Whether another program has the terminal, and Ctrl-C is for that.
 */
async function untilSignal(
  work: (signal: AbortSignal, end: (code: number) => void) => Promise<number>,
  isLent: () => boolean = () => false,
): Promise<number> {
  const ending = new AbortController();
  let ended: number | undefined;
  const end = (code: number) => {
    ended ??= code;
    ending.abort();
  };
  using _ = onEndSignal((code) => {
    if (code !== INTERRUPTED || !isLent()) end(code);
  });
  try {
    const code = await work(ending.signal, end);
    return ended ?? code;
  } catch (error) {
    if (ended !== undefined) return ended;
    throw error;
  }
}
