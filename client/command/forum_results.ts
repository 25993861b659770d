import { type ForumCommand, parseCommand } from "../../protocol/forum_text.ts";
import { type CommandOptions, entryText, runCommand } from "./forum_commands.ts";
import type { Forum, ForumEntry } from "../forum.ts";
import { writeError } from "../terminal/output.ts";
import { ProgressBar } from "../terminal/transfer_progress.ts";

/** How commands are carried out. */
export interface ResultOptions extends Pick<CommandOptions, "from" | "force" | "maxSize"> {
  /** Whether results are objects. */
  json: boolean;
  /** Ends the command. */
  signal: AbortSignal;
}

/** Waits for the work, or rejects with the reason of the signal where that comes first. */
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

/** The words of a shell as a command. A path is one word there, whatever is in it. */
export function commandOf(words: readonly string[]): ForumCommand | string {
  const [command, title, file] = words;
  if (command !== "UPD" || words.length !== 3) return parseCommand(words.join(" "));
  const typed = parseCommand(`${command} ${title} file`);
  return typeof typed === "string" ? typed : { ...typed, file: file! } as ForumCommand;
}

/**
 * Carries a command out, with a bar that shows how far a file is, and prints what comes of it line by line: the forum's
 * words, or an object each.
 *
 * @throws What `perform` throws, and the reason of the signal.
 */
export async function printResults(
  forum: Forum,
  typed: ForumCommand,
  options: ResultOptions,
  print: (line: string) => Promise<void>,
) {
  const { json, signal, ...more } = options;
  const transfers = typed.command === "UPD" || typed.command === "DWN";
  const bar = transfers ? new ProgressBar(typed.file) : undefined;
  const tellCut = async (reason: string) => {
    await bar?.clear();
    await writeError(`wirepost forum: ${reason}; trying again\n`);
  };
  // what can't be told is no reason to end the transfer
  const onRetry = (reason: string) => void tellCut(reason).catch(() => {});
  const lines = linesOf(forum, typed, { ...more, ...bar && { onProgress: bar.show, onRetry, signal } }, json);
  // a transfer ends itself, and keeps what has arrived
  const next = () => transfers ? lines.next() : unlessAborted(signal, lines.next());
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
  typed: ForumCommand,
  options: CommandOptions,
  json: boolean,
): AsyncGenerator<string, void, void> {
  if (json && typed.command === "LST") {
    for await (const title of forum.threads()) yield JSON.stringify({ title });
    return;
  }
  for await (const what of runCommand(forum, typed, options)) {
    if (!json) yield typeof what === "string" ? what : entryText(what);
    else if (typeof what !== "string") yield JSON.stringify(toJson(what));
    // an empty thread has no entry to print
    else if (typed.command !== "RDT") yield JSON.stringify({ result: what });
  }
}

function toJson({ time, ...entry }: ForumEntry) {
  return { ...entry, time: new Date(time).toISOString() };
}
