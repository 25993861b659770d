import {
  alreadyLoggedIn,
  ENTER_PASSWORD,
  ENTER_USERNAME,
  enterNewPassword,
} from "../../protocol/forum_text.ts";
import { isWord } from "../../protocol/forum.ts";
import type { Forum } from "../forum_connection.ts";
import { LoginError } from "../session/errors.ts";
import { openLineEditor } from "../terminal/open_line_editor.ts";
import { escapeControls, write, writeError } from "../terminal/output.ts";
import { INTERRUPTED, onEndSignal } from "../terminal/signals.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { readServer } from "./live_chat.ts";
import { forumOnlyNotice } from "./coverage.ts";
import { connect, LEAVING, type ServerOptions } from "./forum_login.ts";
import { invalidName, logIn, runCommands } from "./forum_dialogue.ts";
import { commandOf, printResults, type ResultOptions } from "./forum_results.ts";
import { BUSY } from "./server_option.ts";
import { givenPassword, LOGIN_OPTIONS, PASSWORD_VARIABLE, readPassword, serverKeyOf } from "./password.ts";

/** `wirepost forum`. */
export const command: Command = {
  name: "forum",
  summary: "Read and write the threads of a forum.",
  usage: ["HOST PORT [OPTION…]", "HOST PORT --user NAME COMMAND [ARG…] [OPTION…]"],
  about: [
    [
      "Commands, in capitals; TITLE, FILE and NAME have no spaces, and N is a message's number in its thread:",
      "  CRT TITLE          make a thread              LST              list the threads",
      "  MSG TITLE TEXT     post a message             RDT TITLE        read a thread",
      "  EDT TITLE N TEXT   change your own message    UPD TITLE FILE   upload a file: it may be a path",
      "  DLT TITLE N        delete your own message    DWN TITLE FILE   download a file to this directory",
      "  RMV TITLE          remove your own thread     XIT              leave; so do Ctrl-D and Ctrl-C",
    ].join("\n"),
    "Without a COMMAND, name, password and commands are asked for; in a pipe each is a line of standard input, and the\n" +
    "exit code is 1 where a command failed. With --user or --json, a pipe shows no prompts: results go to standard output,\n" +
    "and what failed to standard error.",
    `With --user, the password is that of --password-file or ${PASSWORD_VARIABLE}, or else the terminal is asked. A name\n` +
    "that has no account gets one with a password that is typed for it; in a pipe and with a COMMAND only with --new.",
    "Commands and messages travel under a seal, the contents of files in the clear.",
  ],
  options: {
    "user": { value: "NAME", help: "Log in as NAME" },
    "password-file": LOGIN_OPTIONS["password-file"]!,
    "new": { help: "Make the account, where NAME has none" },
    "server-key": LOGIN_OPTIONS["server-key"]!,
    "json": {
      help: "Print results as an object a line: a title, an entry of a thread, or what was done",
    },
    "from": { value: "N", help: "RDT: begin with message N (1)" },
    "force": { help: "DWN: replace a file that is there" },
    "max-size": { value: "SIZE", help: "DWN: refuse a file that is larger (4GiB)" },
    "timeout": { value: "DURATION", help: "How long the server may take to answer (10s)" },
  },
  examples: [
    "wirepost forum 127.0.0.1 10005",
    "wirepost forum 127.0.0.1 10005 --user yoda --new CRT thread0",
    "wirepost forum 127.0.0.1 10005 --user yoda --password-file secret.txt RDT thread0 --from 10 --json",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...words] = args.positionals;
  const timeout = args.duration("timeout");
  const where: ServerOptions = {
    ...readServer(host, port, []),
    ...timeout === undefined ? {} : { timeout },
    ...serverKeyOf(args),
  };
  const from = args.integer("from", 1), user = args.text("user");
  if (user !== undefined && !isWord(user)) throw new UsageError(invalidName(user));
  const options = {
    ...from === undefined ? {} : { from },
    force: args.flag("force"),
    maxSize: args.size("max-size"),
    json: args.flag("json"),
  };
  const onBusy = (busy: boolean) => busy && void writeError(`wirepost forum: ${BUSY}\n`);
  if (words.length > 0) return await once(args, { ...where, onBusy }, user, words, options);
  if (user === undefined) {
    for (const name of ["password-file", "new"]) {
      if (args.flag(name)) throw new UsageError(`--${name} needs --user NAME`);
    }
  }
  return await untilEnded(async (signal, end) => {
    // whoever names no user uses it as the original; with one, a script wants results alone
    const isOriginal = user === undefined && !options.json;
    await using editor = openLineEditor({
      prompt: ENTER_USERNAME,
      endsOnSignal: false,
      ...isOriginal ? { original: { notices: "stdout" } } : {},
    });
    where.onBusy = (busy) => busy && void editor.notify(BUSY);
    editor.interrupted.addEventListener("abort", () => end(INTERRUPTED));
    signal.addEventListener("abort", () => editor.close());
    // a line of a pipe that is a command must not become a password
    const forum = user !== undefined && !Deno.stdin.isTerminal()
      ? await logInOnce(args, where, user, signal)
      : await logIn(editor, where, {
        user,
        password: user === undefined ? undefined : await givenPassword(args),
        make: args.flag("new"),
        greet: !options.json,
      }, signal);
    if (typeof forum === "number") return forum;
    await using _ = leaving(forum, signal);
    return await runCommands(editor, forum, { ...options, signal });
  });
}

/** One command of the command line. */
async function once(
  args: Arguments,
  where: ServerOptions,
  user: string | undefined,
  words: readonly string[],
  options: Omit<ResultOptions, "signal">,
): Promise<number> {
  if (user === undefined) throw new UsageError("Missing --user NAME: who gives the command");
  const typed = commandOf(words);
  if (typeof typed === "string") throw new UsageError(typed);
  for (const [option, command] of [["from", "RDT"], ["force", "DWN"], ["max-size", "DWN"]] as const) {
    if (args.flag(option) && typed.command !== command) throw new UsageError(`--${option} is for ${command}`);
  }
  return await untilEnded(async (signal) => {
    const forum = await logInOnce(args, where, user, signal);
    await using _ = leaving(forum, signal);
    const isShown = Deno.stdout.isTerminal();
    await printResults(
      forum,
      typed,
      { ...options, signal },
      (line) => write(`${isShown ? escapeControls(line) : line}\n`),
    );
    return 0;
  });
}

/** Logs in by what the command line says, or not at all. */
async function logInOnce(
  args: Arguments,
  where: ServerOptions,
  name: string,
  signal: AbortSignal,
): Promise<Forum> {
  const given = await givenPassword(args);
  const made = async ({ mailbox }: { mailbox: boolean }) => {
    if (!mailbox) await writeError(`${forumOnlyNotice(name)}\n`);
  };
  const ask = (isNew: boolean) => readPassword(args, isNew ? enterNewPassword(name) : ENTER_PASSWORD);
  try {
    const as = { name, make: args.flag("new"), password: given ?? ask, made };
    return await connect({ ...where, as }, signal);
  } catch (error) {
    if (!(error instanceof LoginError) || signal.aborted) throw error;
    throw new Error(error.reason === "active" ? alreadyLoggedIn(name) : error.message);
  }
}

/** Leaves the forum in the end, soon where that was not awaited. */
function leaving(forum: Forum, signal: AbortSignal): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => forum.close(signal.aborted ? LEAVING : undefined),
  };
}

/** Does the work to its exit code, or until Ctrl-C or a signal is to end the program: then the code tells that. */
async function untilEnded(
  work: (signal: AbortSignal, end: (code: number) => void) => Promise<number>,
): Promise<number> {
  const ending = new AbortController();
  let ended: number | undefined;
  const end = (code: number) => {
    ended ??= code;
    ending.abort();
  };
  using _ = onEndSignal(end);
  try {
    const code = await work(ending.signal, end);
    return ended ?? code;
  } catch (error) {
    if (ended !== undefined) return ended;
    throw error;
  }
}
