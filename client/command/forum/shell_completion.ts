/**
 * What Tab completes at the forum's prompt: commands, titles of threads, files of a thread, and files of this machine.
 *
 * @module
 */

import { isFileName } from "../../../protocol/transfer.ts";
import type { Forum } from "../../forum.ts";
import type { Complete, Completion } from "../../terminal/line_editor/completion.ts";
import { SHELL_WORDS, withHome } from "./typed_command.ts";

/** Candidates that are looked at: a list that is longer would help nobody. */
const MAX_CANDIDATES = 10_000;

/** Entries of a thread in which files are looked for. */
const MAX_ENTRIES = 100_000;

/** Milliseconds for which an answer of the server is good for the next TAB. */
const CACHE_MS = 5000;

/** Commands with a title behind them. */
const WITH_TITLE: readonly string[] = ["MSG", "DLT", "EDT", "RDT", "UPD", "DWN", "RMV"];

/** Completes the commands of a forum's user. */
export class ShellCompletion {
  readonly #forum: Forum;
  readonly #monotonicClock: () => number;
  /** What the server answered, by what it was asked for: `""` for the titles, or a title for the files of the thread. */
  readonly #answers = new Map<string, { names: string[]; time: number }>();

  constructor(forum: Forum, monotonicClock: () => number = () => performance.now()) {
    this.#forum = forum;
    this.#monotonicClock = monotonicClock;
  }

  /** Forgets what the server answered: a command may have changed it. */
  reset() {
    this.#answers.clear();
  }

  readonly complete: Complete = async (line, cursor) => {
    const before = line.slice(0, cursor).trimStart(), word = /\S*$/.exec(before)![0];
    const words = before.split(/\s+/), from = cursor - word.length;
    if (words.length === 1) return { from, candidates: commands(word) };
    const [typed = "", title = ""] = words, kind = typed.toUpperCase();
    if (words.length === 2 && WITH_TITLE.includes(kind)) {
      return { from, candidates: beginning(await this.#titles(), word, kind === "RDT" || kind === "RMV") };
    }
    if (words.length !== 3) return undefined;
    if (kind === "UPD") return await localFiles(word, from);
    if (kind === "DWN") return { from, candidates: beginning(await this.#files(title), word, true) };
  };

  #titles(): Promise<string[]> {
    return this.#ask("", async function* (forum: Forum) {
      yield* forum.threads();
    });
  }

  #files(title: string): Promise<string[]> {
    return this.#ask(title, async function* (forum: Forum) {
      let entries = 0;
      for await (const entry of forum.read(title)) {
        if ("file" in entry) yield entry.file;
        if (++entries >= MAX_ENTRIES) return;
      }
    });
  }

  async #ask(key: string, find: (forum: Forum) => AsyncIterable<string>): Promise<string[]> {
    const known = this.#answers.get(key), time = this.#monotonicClock();
    if (known !== undefined && time - known.time < CACHE_MS) return known.names;
    const names: string[] = [];
    for await (const name of find(this.#forum)) {
      if (names.push(name) >= MAX_CANDIDATES) break;
    }
    this.#answers.set(key, { names, time });
    return names;
  }
}

/** The commands that begin with this word, in its case. */
function commands(word: string): string[] {
  const isSmall = word !== word.toUpperCase();
  const found = SHELL_WORDS.filter((name) => name.startsWith(word.toUpperCase()));
  return found.map((name) => `${isSmall ? name.toLowerCase() : name} `);
}

/** The names that begin with this word. The last word of a command has no space behind it. */
function beginning(names: readonly string[], word: string, isLast: boolean): string[] {
  return names.filter((name) => name.startsWith(word)).map((name) => isLast ? name : `${name} `);
}

/** Directories, and files that can be uploaded, whose path begins with this one. */
async function localFiles(path: string, from: number): Promise<Completion> {
  const slash = path.lastIndexOf("/") + 1, name = path.slice(slash);
  const directory = withHome(path.slice(0, slash)) || ".";
  const candidates: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    // hidden ones only if they are meant
    if (!entry.name.startsWith(name) || entry.name.startsWith(".") && !name.startsWith(".")) continue;
    const isDirectory = await isDirectoryAt(entry, `${directory}/${entry.name}`);
    // a path is one word
    if (isDirectory ? !/\s/.test(entry.name) : isFileName(entry.name)) {
      candidates.push(isDirectory ? `${entry.name}/` : entry.name);
    }
    if (candidates.length >= MAX_CANDIDATES) break;
  }
  return { from: from + slash, candidates: candidates.sort() };
}

async function isDirectoryAt(entry: Deno.DirEntry, path: string): Promise<boolean> {
  if (!entry.isSymlink) return entry.isDirectory;
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}
