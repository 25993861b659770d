import type { Completion } from "../command.ts";
import { type CommandEntry, HELP_TOPICS } from "./table.ts";

/** The script for fish 3 or later. */
export function fishScript(table: readonly CommandEntry[]): string {
  return `# Completion of wirepost for fish, made by 'wirepost completions fish'.

# names that a server knows, one a line; nothing if none answers
function __wirepost_names
    set -l words (commandline -opc)
    set -l server
    if set -l at (contains -i -- --server $words); and test $at -lt (count $words)
        set server --server $words[(math $at + 1)]
    end
    wirepost completions names $argv[1] --timeout 1s $server 2>/dev/null
end

complete -c wirepost -f
${
    table.map(({ name, summary }) => entry("__fish_use_subcommand", `-a ${name} -d ${quote(summary)}`)).join(
      "\n",
    )
  }
${entry("__fish_use_subcommand", "-a help -d 'Show the help of a command or a topic'")}
${entry(seen("help"), `-a ${quote([...table.map(({ name }) => name), ...HELP_TOPICS].join(" "))}`)}
${table.flatMap(commandLines).join("\n")}
`;
}

function commandLines({ name, options, arguments: completion }: CommandEntry): string[] {
  const lines = options.map((option) =>
    entry(
      seen(name),
      `-l ${option.name} -d ${quote(option.help)}${
        option.value === undefined ? "" : ` ${valueOf(option.completion)}`
      }`,
    )
  );
  return completion === undefined ? lines : [...lines, entry(seen(name), valueOf(completion, false))];
}

/** `-r`: the option needs a value; `-x`: and that is no file. */
function valueOf(completion: Completion, isOption = true): string {
  const exclusive = isOption ? "-x" : "";
  if (completion === undefined) return exclusive;
  if ("files" in completion) return isOption ? "-rF" : "-F";
  const words = "words" in completion ? completion.words.join(" ") : `(__wirepost_names ${completion.names})`;
  return `${exclusive} -a ${quote(words)}`.trim();
}

function entry(condition: string, rest: string): string {
  return `complete -c wirepost -n ${quote(condition)} ${rest}`;
}

function seen(command: string): string {
  return `__fish_seen_subcommand_from ${command}`;
}

/** In single quotes, in which fish knows `\\` and `\'`. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
