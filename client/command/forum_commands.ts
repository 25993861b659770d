/**
 * Carries out what a forum's user typed, and tells him what came of it, in the forum's own texts.
 *
 * @module
 */

import {
  ACTIVE_THREADS,
  doneText,
  type ForumCommand,
  NO_THREADS,
  refusedText,
  threadIsEmpty,
} from "../../protocol/forum_text.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import { checkSavedName, nameOfPath } from "../transfer/file_name.ts";
import type { Forum, ForumEntry, TransferOptions } from "../forum.ts";
import { FullError, RefusedError, ServerTimeoutError, WrongAnswerError } from "../session/errors.ts";
import { TransferError } from "../transfer/transfer.ts";

/** What of a command can't be typed. */
export interface CommandOptions extends TransferOptions {
  /** `RDT`: the number of the message to begin with. */
  from?: number;
  /** `DWN`: whether a file that is there is replaced, and most bytes that it may have. */
  force?: boolean;
  maxSize?: number | undefined;
}

/** Commands whose outcome is unknown where no answer comes. */
const CHANGES: ReadonlySet<ForumCommand["command"]> = new Set(["CRT", "MSG", "DLT", "EDT", "RMV"]);

/** A command that did not do what it was to do. Its message is what the user is told. */
export class CommandFailedError extends Error {
  override name = "CommandFailed";
}

/** An entry as a line. */
export function entryText(entry: ForumEntry): string {
  return "file" in entry
    ? `${entry.user} uploaded ${entry.file}`
    : `${entry.number} ${entry.user}: ${entry.text}`;
}

/**
 * Carries out a command, and yields what the user is told: a text, or an entry of a thread.
 *
 * @throws {CommandFailedError} The command was refused, and changed nothing.
 * @throws What else ends it: the session, or the transfer of a file.
 */
export async function* runCommand(
  forum: Forum,
  typed: ForumCommand,
  options: CommandOptions = {},
): AsyncGenerator<string | ForumEntry, void, void> {
  try {
    switch (typed.command) {
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
      default:
        if ("text" in typed && utf8Length(typed.text) > MAX_TEXT_BYTES) throw new RefusedError("too long");
        await change(forum, typed, options);
    }
    yield doneText(named(typed));
  } catch (error) {
    if (error instanceof RefusedError) throw new CommandFailedError(refusedText(named(typed), error.reason));
    if (error instanceof TransferError && error.code === "thread") {
      throw new CommandFailedError(refusedText(named(typed), error.message));
    }
    const isItsOwn = error instanceof TransferError || error instanceof TypeError ||
      error instanceof WrongAnswerError;
    if (isItsOwn) throw new CommandFailedError(error.message);
    if (error instanceof FullError) {
      throw new CommandFailedError(`The server's disk takes nothing: ${typed.command} was withdrawn`);
    }
    if (error instanceof ServerTimeoutError && error.sent && CHANGES.has(typed.command)) {
      const why = error.message.endsWith("?") ? error.message : `${error.message};`;
      throw new ServerTimeoutError(`${why} ${typed.command} may have been carried out`, true);
    }
    throw error;
  }
}

/** The command with its file as it is called in the thread. */
function named(typed: ForumCommand): ForumCommand {
  return typed.command === "UPD" ? { ...typed, file: nameOfPath(typed.file) } : typed;
}

async function change(
  forum: Forum,
  typed: Exclude<ForumCommand, { command: "LST" | "RDT" }>,
  options: CommandOptions,
): Promise<unknown> {
  switch (typed.command) {
    case "CRT":
      return await forum.create(typed.title);
    case "MSG":
      return await forum.post(typed.title, typed.text);
    case "DLT":
      return await forum.delete(typed.title, typed.number);
    case "EDT":
      return await forum.edit(typed.title, typed.number, typed.text);
    case "RMV":
      return await forum.remove(typed.title);
    case "UPD":
      return await forum.upload(typed.title, nameOfPath(typed.file), typed.file, options);
    case "DWN":
      checkSavedName(typed.file);
      return await forum.download(typed.title, typed.file, typed.file, options);
    case "XIT":
      return await forum.close();
  }
}
