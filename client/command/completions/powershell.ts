import type { Completion } from "../command.ts";
import { type CommandEntry, HELP_TOPICS } from "./table.ts";

/** The script for PowerShell 5.1 or later. */
export function powershellScript(table: readonly CommandEntry[]): string {
  return `# Completion of wirepost for PowerShell, made by 'wirepost completions powershell'.

Register-ArgumentCompleter -Native -CommandName wirepost -ScriptBlock {
  param($word, $line, $cursor)

  # each command: what it is for, its options, and what completes their values and its arguments
  $commands = [ordered]@{
${table.map(commandEntry).join("\n")}
  }

  function reply($values) {
    $values | Where-Object { $_ -and $_.StartsWith($word) } | ForEach-Object {
      $text = if ($_ -match '[\\s''"]') { "'" + $_.Replace("'", "''") + "'" } else { $_ }
      [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
    }
  }

  # fixed words stand as they are; '@mailboxes' and '@channels' are names that a server knows
  function values($completion) {
    if ($completion -is [string] -and $completion.StartsWith('@')) {
      reply (& wirepost completions names $completion.Substring(1) --timeout 1s 2>$null)
    } else {
      reply $completion
    }
  }

  $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
  if ($words.Count -lt 2) {
    foreach ($name in @($commands.Keys) + 'help') {
      if ($name.StartsWith($word)) {
        $help = if ($commands[$name]) { $commands[$name].summary } else { 'Show the help of a command or a topic' }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $help)
      }
    }
    return
  }
  if ($words[1] -eq 'help') { return reply (@($commands.Keys) + ${value({ words: HELP_TOPICS })}) }
  $command = $commands[$words[1]]
  if (-not $command) { return }
  if ($command.values.ContainsKey($words[-1])) { return values $command.values[$words[-1]] }
  if ($word.StartsWith('-')) { return reply $command.options }
  values $command.arguments
}
`;
}

function commandEntry({ name, summary, options, arguments: completion }: CommandEntry): string {
  const valued = options.filter(({ value }) => value !== undefined);
  return `    ${quote(name)} = @{
      summary = ${quote(summary)}
      options = @(${options.map((option) => quote(`--${option.name}`)).join(", ")})
      values = @{ ${
    valued.map((option) => `${quote(`--${option.name}`)} = ${value(option.completion)}`).join("; ")
  } }
      arguments = ${value(completion)}
    }`;
}

/** Without a completion of its own, PowerShell completes names of files. */
function value(completion: Completion): string {
  if (completion === undefined || "files" in completion) return "@()";
  return "words" in completion
    ? `@(${completion.words.map(quote).join(", ")})`
    : quote(`@${completion.names}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
