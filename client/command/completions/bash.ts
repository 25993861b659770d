import type { Completion } from "../command.ts";
import { type CommandEntry, HELP_TOPICS } from "./table.ts";

/** The script for bash 4.4 or later. */
export function bashScript(table: readonly CommandEntry[]): string {
  const commands = table.map(({ name }) => name).join(" ");
  return `# Completion of wirepost for bash, made by 'wirepost completions bash'.

# names that a server knows, one a line; nothing if none answers
_wirepost_names() {
  local server=()
  [[ $COMP_LINE =~ --server[=\\ ]+([^\\ ]+) ]] && server=(--server "\${BASH_REMATCH[1]}")
  wirepost completions names "$1" --timeout 1s "\${server[@]}" 2>/dev/null
}

_wirepost() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} name
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${commands} help' -- "$word"))
    return
  fi
  case "$command $before" in
${table.flatMap(valueCases).join("\n")}
  esac
  if [[ $word == -* ]]; then
    case $command in
${
    table.map(({ name, options }) =>
      `      ${name}) set -- ${options.map((o) => `--${o.name}`).join(" ")} ;;`
    ).join("\n")
  }
      *) set -- ;;
    esac
    COMPREPLY=($(compgen -W "$*" -- "$word"))
    return
  fi
  case $command in
    help) ${reply({ words: [...table.map(({ name }) => name), ...HELP_TOPICS] })} ;;
${table.flatMap(argumentCase).join("\n")}
  esac
}

complete -F _wirepost wirepost
`;
}

/** The cases of the options that take a value: `command --option`. */
function valueCases({ name, options }: CommandEntry): string[] {
  const valued = options.filter(({ value }) => value !== undefined);
  return valued.map((option) => `    "${name} --${option.name}") ${reply(option.completion)}; return ;;`);
}

function argumentCase({ name, arguments: completion }: CommandEntry): string[] {
  return completion === undefined ? [] : [`    ${name}) ${reply(completion)} ;;`];
}

/** Sets the replies. */
function reply(completion: Completion): string {
  if (completion === undefined) return ":";
  if ("files" in completion) return `compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")`;
  if ("words" in completion) return `COMPREPLY=($(compgen -W '${completion.words.join(" ")}' -- "$word"))`;
  return `while IFS= read -r name; do [[ $name == "$word"* ]] && COMPREPLY+=("$(printf %q "$name")"); done ` +
    `< <(_wirepost_names ${completion.names})`;
}
