import type { ForumCommand } from "../../../protocol/forum/forum_text.ts";
import type { Forum } from "../../forum.ts";
import { escapeControls } from "../../terminal/output.ts";
import { Pager, pagerCommand, PagerError, PagerLeftError, type PagerTerminal } from "../../terminal/pager.ts";
import { CommandFailedError, printResults, type ResultOptions } from "./commands.ts";

/** Whether the results of a command may be longer than the screen. */
export function isPaged(command: ForumCommand): boolean {
  return command.kind === "LST" || command.kind === "RDT";
}

interface PagedOptions extends Omit<ResultOptions, "json"> {
  /** Finds the command line of the pager. */
  pager?: (() => Promise<string | undefined>) | undefined;
  /** Called when another program gets the terminal, and with it Ctrl-C, and when it has ended. */
  onLent?: ((isLent: boolean) => void) | undefined;
}

/**
 * Carries out a command, and shows its results on a terminal, page by page if they are long.
 *
 * @throws {CommandFailedError} The command failed, or the pager can't be run.
 */
export async function pageResults(
  terminal: PagerTerminal,
  forum: Forum,
  command: ForumCommand,
  { pager: find = pagerCommand, onLent, ...options }: PagedOptions,
) {
  const pager = new Pager(terminal, await find(), { signal: options.signal, onLent });
  const print = (line: string) => pager.print(escapeControls(line));
  try {
    await printResults(forum, command, { ...options, json: false }, print);
  } catch (error) {
    if (!(error instanceof PagerLeftError)) throw error;
  } finally {
    await pager.end().catch((error) => {
      throw error instanceof PagerError ? new CommandFailedError(error.message) : error;
    });
  }
}
