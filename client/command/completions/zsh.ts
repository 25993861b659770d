import type { Completion } from "../command.ts";
import { type CommandEntry, HELP_TOPICS } from "./table.ts";

/** The script for zsh: a file `_wirepost` in a folder of `$fpath`, or read by `source`. */
export function zshScript(table: readonly CommandEntry[]): string {
  return `#compdef wirepost
# Completion of wirepost for zsh, made by 'wirepost completions zsh'.

# names that a server knows, one a line; nothing if none answers
_wirepost_names() {
  local -a names server
  local at=\${words[(i)--server]}
  ((at < $#words)) && server=(--server "\${words[at+1]}")
  names=("\${(@f)$(wirepost completions names $1 --timeout 1s $server 2>/dev/null)}")
  compadd -a names
}

_wirepost() {
  local -a commands=(
${table.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
    'help:Show the help of a command or a topic'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  words=("\${(@)words[2,-1]}")
  ((CURRENT--))
  case $command in
    help)
      _describe command commands
      compadd -- ${HELP_TOPICS.join(" ")}
      ;;
${table.map(commandCase).join("\n")}
  esac
}

if [[ $funcstack[1] == _wirepost ]]; then
  _wirepost
else
  compdef _wirepost wirepost
fi
`;
}

function commandCase({ name, options, arguments: completion }: CommandEntry): string {
  const specs = options.map((option) => {
    const help = option.help.replaceAll(/[[\]\\]/g, "\\\\$&");
    const value = option.value === undefined
      ? ""
      : `:${option.value.replaceAll(":", "\\:")}:${action(option.completion)}`;
    return quote(`*--${option.name}[${help}]${value}`);
  });
  return `    ${name})
      _arguments -S \\
${[...specs, quote(`*::argument:${action(completion)}`)].map((spec) => `        ${spec}`).join(" \\\n")}
      ;;`;
}

function action(completion: Completion): string {
  if (completion === undefined) return " ";
  if ("files" in completion) return "_files";
  if ("words" in completion) return `(${completion.words.join(" ")})`;
  // the space keeps zsh from adding arguments of its own
  return ` _wirepost_names ${completion.names}`;
}

/** In single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
