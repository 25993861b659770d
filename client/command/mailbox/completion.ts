import type { Complete } from "../../terminal/line_editor/completion.ts";

/** Names that are remembered; the one that was not seen for longest is forgotten first. */
const MAX_NAMES = 1000;

/** The names that a user of `wirepost mailbox` has seen. */
export class SeenNames {
  readonly #names = new Set<string>();

  add(name: string | undefined) {
    if (name === undefined) return;
    this.#names.delete(name);
    this.#names.add(name);
    if (this.#names.size > MAX_NAMES) this.#names.delete(this.#names.values().next().value!);
  }

  /** Those that begin with this text, in capitals or not, the one that was seen last first. */
  beginning(word: string): string[] {
    const begin = word.toLowerCase();
    return [...this.#names].filter((name) => name.toLowerCase().startsWith(begin)).reverse();
  }
}

/**
 * Completes commands, and names behind them and in texts.
 *
 * @param commands With their `/`.
 * @param withName The commands that take a name.
 */
export function completionOf(
  commands: readonly string[],
  withName: readonly string[],
  names: SeenNames,
): Complete {
  return (line, cursor) => {
    const before = line.slice(0, cursor), word = /\S*$/.exec(before)![0], from = cursor - word.length;
    if (from > 0 || !before.startsWith("/")) {
      // a name may have spaces
      const [, command = "", name = ""] = /^(\/\S+) +(.*)$/.exec(before) ?? [];
      if (!withName.includes(command)) return { from, candidates: word === "" ? [] : names.beginning(word) };
      return { from: cursor - name.length, candidates: names.beginning(name) };
    }
    const found = commands.filter((command) => command.startsWith(word.toLowerCase()));
    return {
      from,
      candidates: found.map((command) => withName.includes(command) ? `${command} ` : command),
    };
  };
}
