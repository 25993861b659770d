/**
 * Carries out the commands of a forum's user, and prints their results: the forum's own texts, or JSON.
 *
 * @module
 */

import {
  ACTIVE_THREADS,
  doneText,
  type ForumCommand,
  NO_THREADS,
  parseCommand,
  refusedText,
  threadIsEmpty,
} from "../../../protocol/forum/forum_text.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";
import {
  checkSavedName,
  type Forum,
  type ForumEntry,
  FullError,
  nameOfPath,
  RefusedError,
  ServerTimeoutError,
  TransferError,
  type TransferOptions,
  WrongAnswerError,
} from "../../forum.ts";
import { escapeControls, writeError } from "../../terminal/output.ts";
import { ProgressBar } from "../../terminal/progress_bar.ts";

/** Options of a command, beside its words. */
interface CommandOptions extends TransferOptions {
  /** `RDT`: the number of the message to begin with. */
  from?: number;
  /** `DWN`: whether an existing file is replaced, and most bytes of the file. */
  force?: boolean;
  maxSize?: number | undefined;
}

export interface ResultOptions extends Pick<CommandOptions, "from" | "force" | "maxSize"> {
  /** Whether results are printed as JSON. */
  json: boolean;
  /** Ends the command. */
  signal: AbortSignal;
}

/** A command failed. The message is meant for the user as it is. */
export class CommandFailedError extends Error {
  override name = "CommandFailedError";
}

/** Reads a command from the words of a command line. A path is one word, also if it has spaces. */
export function commandOf(words: readonly string[]): ForumCommand | string {
  const [kind, title, file] = words;
  if (kind !== "UPD" || words.length !== 3) return parseCommand(words.join(" "));
  const command = parseCommand(`${kind} ${title} file`);
  return typeof command === "string" ? command : { ...command, file: file! } as ForumCommand;
}

/** An entry as a line. */
export function entryText(entry: ForumEntry): string {
  return "file" in entry
    ? `${entry.user} uploaded ${entry.file}`
    : `${entry.number} ${entry.user}: ${entry.text}`;
}

/**
 * Carries out a command, shows a progress bar for a file, and prints the results line by line.
 *
 * @throws What {@linkcode runCommand} throws, and the reason of the signal.
 */
export async function printResults(
  forum: Forum,
  command: ForumCommand,
  { json, signal, ...options }: ResultOptions,
  print: (line: string) => Promise<void>,
) {
  const bar = command.kind === "UPD" || command.kind === "DWN" ? new ProgressBar(command.file) : undefined;
  const reportRetry = async (reason: string) => {
    await bar?.clear();
    // a server chooses a part of it
    await writeError(`wirepost forum: ${escapeControls(reason)}; trying again\n`);
  };
  // a closed standard error is no reason to end the transfer
  const onRetry = (reason: string) => void reportRetry(reason).catch(() => {});
  const transfer = bar && { onProgress: bar.show, onRetry, signal };
  const lines = linesOf(forum, command, { ...options, ...transfer }, json);
  // a transfer ends itself, and keeps what has arrived
  const next = () => transfer ? lines.next() : unlessAborted(signal, lines.next());
  try {
    for (let line = await next(); !line.done; line = await next()) {
      await bar?.clear();
      await print(line.value);
    }
  } finally {
    await bar?.clear();
  }
}

async function* linesOf(
  forum: Forum,
  command: ForumCommand,
  options: CommandOptions,
  json: boolean,
): AsyncGenerator<string, void, void> {
  if (json && command.kind === "LST") {
    for await (const title of forum.threads()) yield JSON.stringify({ title });
    return;
  }
  for await (const result of runCommand(forum, command, options)) {
    if (!json) yield typeof result === "string" ? result : entryText(result);
    else if (typeof result !== "string") {
      const { time, ...entry } = result;
      yield JSON.stringify({ ...entry, time: new Date(time).toISOString() });
    } // an empty thread has no entry to print
    else if (command.kind !== "RDT") yield JSON.stringify({ result });
  }
}

/**
 * Carries out a command, and yields its results: texts, or entries of a thread.
 *
 * @throws {CommandFailedError} The command changed nothing.
 * @throws {Error} The session or the transfer ended.
 */
export async function* runCommand(
  forum: Forum,
  typed: ForumCommand,
  options: CommandOptions = {},
): AsyncGenerator<string | ForumEntry, void, void> {
  try {
    switch (typed.kind) {
      case "LST": {
        let any = false;
        for await (const title of forum.threads()) {
          if (!any) yield ACTIVE_THREADS;
          any = true;
          yield title;
        }
        if (!any) yield NO_THREADS;
        return;
      }
      case "RDT": {
        let any = false;
        for await (const entry of forum.read(typed.title, options)) {
          any = true;
          yield entry;
        }
        if (any) return;
        if ((options.from ?? 1) > 1) throw new CommandFailedError(`Message ${options.from} does not exist`);
        return yield threadIsEmpty(typed.title);
      }
    }
    await change(forum, typed, options);
    yield doneText(inThread(typed));
  } catch (error) {
    throw failureOf(typed, error);
  }
}

async function change(
  forum: Forum,
  command: Exclude<ForumCommand, { kind: "LST" | "RDT" }>,
  options: CommandOptions,
): Promise<unknown> {
  if ("text" in command && utf8Length(command.text) > MAX_TEXT_BYTES) throw new RefusedError("too long");
  switch (command.kind) {
    case "CRT":
      return await forum.create(command.title);
    case "MSG":
      return await forum.post(command.title, command.text);
    case "DLT":
      return await forum.delete(command.title, command.number);
    case "EDT":
      return await forum.edit(command.title, command.number, command.text);
    case "RMV":
      return await forum.remove(command.title);
    case "UPD":
      return await forum.upload(command.title, nameOfPath(command.file), command.file, options);
    case "DWN":
      checkSavedName(command.file);
      return await forum.download(command.title, command.file, command.file, options);
    case "XIT":
      return await forum.close();
  }
}

/** The command with its file as it is called in the thread. */
function inThread(command: ForumCommand): ForumCommand {
  return command.kind === "UPD" ? { ...command, file: nameOfPath(command.file) } : command;
}

/** The error to throw if this command failed with this error. */
function failureOf(command: ForumCommand, error: unknown): unknown {
  const { kind } = command;
  if (error instanceof RefusedError) {
    return new CommandFailedError(refusedText(inThread(command), error.reason));
  }
  if (error instanceof TransferError && error.code === "thread") {
    return new CommandFailedError(refusedText(inThread(command), error.message));
  }
  if (error instanceof TransferError || error instanceof TypeError || error instanceof WrongAnswerError) {
    return new CommandFailedError(error.message);
  }
  if (error instanceof FullError) {
    return new CommandFailedError(`The server cannot write to its disk: ${kind} was withdrawn`);
  }
  const hasOutcome = ["LST", "RDT", "UPD", "DWN", "XIT"].includes(kind);
  if (error instanceof ServerTimeoutError && error.sent && !hasOutcome) {
    const why = error.message.endsWith("?") ? error.message : `${error.message};`;
    return new ServerTimeoutError(`${why} ${kind} may have been carried out`, true);
  }
  return error;
}

/** Waits for the work, or rejects with the reason of the signal if that comes first. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
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
