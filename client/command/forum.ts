import {
  alreadyLoggedIn,
  ENTER_COMMAND,
  ENTER_PASSWORD,
  ENTER_USERNAME,
  enterNewPassword,
  INVALID_PASSWORD,
  parseCommand,
  type Typed,
  WELCOME,
} from "../../protocol/forum_text.ts";
import { isWord } from "../../protocol/forum.ts";
import type { ForumEntry } from "../forum.ts";
import { CommandFailed, type CommandOptions, entryText, perform } from "../forum_commands.ts";
import { connectForum, type Credentials, type Forum, type ForumConnectOptions } from "../forum_connection.ts";
import { LoginError } from "../session_errors.ts";
import { type LineEditor, openLineEditor } from "../terminal/line_editor.ts";
import { shown, write, writeError } from "../terminal/output.ts";
import { TransferBar } from "../terminal/transfer_progress.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { readServer } from "./conversation.ts";
import { givenPassword, PASSWORD_VARIABLE, readPassword } from "./password.ts";

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130;

/** Milliseconds that are spent on leaving after Ctrl-C: a name that is not left stays active for a minute. */
const LEAVING = 1000;

/** `parley forum`. */
export const command: Command = {
  name: "forum",
  summary: "Read and write the threads of a forum.",
  usage: ["HOST PORT [OPTION…]", "HOST PORT --user NAME COMMAND [ARG…] [OPTION…]"],
  about: [
    "Commands: CRT title, MSG title text, DLT title number, EDT title number text, LST, RDT title, UPD title file,\n" +
    "DWN title file, RMV title, XIT. Without one, they are asked for, after user name and password.",
    `The password is asked for on the terminal, or is the first line of --password-file, or in ${PASSWORD_VARIABLE}.\n` +
    "A name that has no account gets one with this password; with a COMMAND, only where --new says so.",
    "Contents of files travel in the clear.",
  ],
  options: {
    user: { value: "NAME", help: "Log in as NAME" },
    "password-file": { value: "FILE", help: "Where the password is" },
    new: { help: "Make the account, where the name has none" },
    "server-key": { value: "KEY", help: "The server's key, as it logs it" },
    json: { help: "Print an object a line for what LST and RDT find" },
    from: { value: "N", help: "RDT: begin with message N" },
    force: { help: "DWN: replace a file that is there" },
    timeout: { value: "DURATION", help: "How long the server may take to answer (10s)" },
  },
  examples: [
    "parley forum 127.0.0.1 10005",
    "parley forum 127.0.0.1 10005 --user yoda --password-file secret.txt LST",
    "parley forum 127.0.0.1 10005 --user yoda RDT thread0 --from 10 --json",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...words] = args.rest;
  const timeout = args.duration("timeout"), serverKey = args.text("server-key");
  const where = {
    ...readServer(host, port, []),
    ...timeout === undefined ? {} : { timeout },
    ...serverKey === undefined ? {} : { serverKey },
  };
  const from = args.integer("from", 1), user = args.text("user"), password = await givenPassword(args);
  if (user !== undefined && !isWord(user)) {
    throw new UsageError(`Cannot use '${user}' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`);
  }
  const options = { force: args.flag("force"), ...from === undefined ? {} : { from } };
  if (words.length > 0) {
    if (user === undefined) throw new UsageError("Missing --user NAME: who gives the command");
    return await once(
      where,
      { user, password, make: args.flag("new"), ask: (prompt) => readPassword(args, prompt) },
      words.join(" "),
      options,
      args.flag("json"),
    );
  }
  await using editor = openLineEditor({ prompt: ENTER_USERNAME });
  const { interrupted } = editor;
  return await untilInterrupted(interrupted, async () => {
    const forum = await logIn(editor, where, user, password);
    if (forum === undefined) return 0;
    await using _ = leaving(forum, interrupted);
    return await converse(editor, forum, options);
  });
}

/** Does the work to its exit code, or up to Ctrl-C. */
async function untilInterrupted(interrupted: AbortSignal, work: () => Promise<number>): Promise<number> {
  try {
    const code = await work();
    return interrupted.aborted ? INTERRUPTED : code;
  } catch (error) {
    if (interrupted.aborted) return INTERRUPTED;
    throw error;
  }
}

/** Leaves the forum in the end, soon where that was not awaited. */
function leaving(forum: Forum, interrupted: AbortSignal): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => forum.close(interrupted.aborted ? LEAVING : undefined),
  };
}

/** Waits for the work, or rejects with the reason of the signal where that comes first. */
async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

type Where = Omit<ForumConnectOptions, "as">;

/** Who gives a command of the command line. */
interface User {
  user: string;
  password: string | undefined;
  /** Whether the account is made, where there is none. */
  make: boolean;
  /** Asks for a password that was not given. */
  ask(prompt: string): Promise<string>;
}

/** One command of the command line. */
async function once(
  where: Where,
  { user: name, password, make, ask }: User,
  line: string,
  options: CommandOptions,
  json: boolean,
): Promise<number> {
  const typed = parseCommand(line);
  if (typeof typed === "string") throw new UsageError(typed);
  const as: Credentials = {
    name,
    make,
    password: password ?? ((isNew) => ask(isNew ? enterNewPassword(name) : ENTER_PASSWORD)),
  };
  const interrupt = new AbortController(), { signal } = interrupt;
  const stop = () => interrupt.abort();
  Deno.addSignalListener("SIGINT", stop);
  try {
    return await untilInterrupted(signal, async () => {
      const forum = await unless(signal, connectOnce({ ...where, as }));
      await using _ = leaving(forum, signal);
      if (json && typed.command === "LST") {
        for await (const title of forum.threads()) await write(`${JSON.stringify({ title })}\n`);
        return 0;
      }
      await tell(forum, typed, options, signal, async (what) => {
        const text = typeof what === "string" ? what : entryText(what);
        if (!json) await write(`${Deno.stdout.isTerminal() ? shown(text) : text}\n`);
        else if (typeof what !== "string") await write(`${JSON.stringify(toJson(what))}\n`);
        // an empty thread has no entry to print
        else if (typed.command !== "RDT") await write(`${JSON.stringify({ result: what })}\n`);
      });
      return 0;
    });
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

async function connectOnce(options: ForumConnectOptions): Promise<Forum> {
  try {
    return await connectForum(options);
  } catch (error) {
    if (!(error instanceof LoginError)) throw error;
    throw new Error(error.reason === "active" ? alreadyLoggedIn(options.as.name) : error.message);
  }
}

function toJson({ time, ...entry }: ForumEntry) {
  return { ...entry, time: new Date(time).toISOString() };
}

/** Carries a command out, with a bar that shows how far a file is, and prints what comes of it. */
async function tell(
  forum: Forum,
  typed: Typed,
  options: CommandOptions,
  signal: AbortSignal,
  print: (what: string | ForumEntry) => Promise<void>,
) {
  const transfers = typed.command === "UPD" || typed.command === "DWN";
  const bar = transfers ? new TransferBar(typed.file) : undefined;
  const tellCut = async (reason: string) => {
    await bar?.clear();
    await writeError(`parley forum: ${reason}; trying again\n`);
  };
  // what can't be told is no reason to end the transfer
  const onCut = (reason: string) => void tellCut(reason).catch(() => {});
  try {
    const told = perform(forum, typed, { ...options, ...bar && { onProgress: bar.show, onCut, signal } });
    // a transfer ends itself, and keeps what has arrived
    const next = () => transfers ? told.next() : unless(signal, told.next());
    for (let what = await next(); !what.done; what = await next()) {
      await bar?.clear();
      await print(what.value);
    }
  } finally {
    await bar?.clear();
  }
}

/** Asks for name and password until they are right. Undefined where there is no more to read. */
async function logIn(
  editor: LineEditor,
  where: Where,
  user: string | undefined,
  password: string | undefined,
): Promise<Forum | undefined> {
  for (let given = user;; given = undefined) {
    editor.prompt = ENTER_USERNAME;
    const line = given === undefined ? await editor.read() : { text: given };
    if (line === undefined) return undefined;
    const name = "error" in line ? "" : line.text.trim();
    if (!isWord(name)) {
      if (name !== "") {
        await editor.print(
          `Cannot use '${shown(name)}' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-`,
        );
      }
      continue;
    }
    const ended = new Error("No password was given");
    const ask = async (isNew: boolean) => {
      editor.prompt = isNew ? enterNewPassword(name) : ENTER_PASSWORD;
      const line = await editor.read({ secret: true });
      if (line === undefined) throw ended;
      return "error" in line ? "" : line.text;
    };
    try {
      const as = { name, password: password ?? ask, make: true };
      const forum = await unless(editor.interrupted, connectForum({ ...where, as }));
      await editor.print(WELCOME);
      return forum;
    } catch (error) {
      if (error === ended || editor.interrupted.aborted) return undefined;
      // one that can't be a password at all is the user's mistake too
      if (!(error instanceof LoginError) && !(error instanceof TypeError)) throw error;
      const reason = error instanceof LoginError ? error.reason : "wrong password";
      await editor.print(
        reason === "wrong password"
          ? INVALID_PASSWORD
          : reason === "active"
          ? alreadyLoggedIn(name)
          : shown(error.message),
      );
      password = undefined;
    }
  }
}

/** Carries out what is typed, until the user leaves. */
async function converse(editor: LineEditor, forum: Forum, options: CommandOptions): Promise<number> {
  let failed = false;
  // a mistake on a terminal was seen
  const code = () => failed && !editor.isTerminal ? 1 : 0;
  editor.prompt = ENTER_COMMAND;
  for await (const line of editor) {
    const typed = "error" in line ? `The line is ${line.error}` : parseCommand(line.text);
    if (typeof typed === "string") {
      failed = true;
      await editor.print(typed);
      continue;
    }
    try {
      await tell(
        forum,
        typed,
        options,
        editor.interrupted,
        (what) => editor.print(shown(typeof what === "string" ? what : entryText(what))),
      );
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      failed = true;
      await editor.print(shown(error.message));
    }
    if (typed.command === "XIT") return code();
  }
  return code();
}
