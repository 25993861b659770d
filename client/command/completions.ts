/**
 * `wirepost completions`: prints the script with which a shell completes commands, options and names.
 *
 * @module
 */

import { outputLine, write } from "../terminal/output.ts";
import { type Arguments, type Command, expectArguments, type NameKind, UsageError } from "./command.ts";
import { bashScript } from "./completions/bash.ts";
import { fishScript } from "./completions/fish.ts";
import { powershellScript } from "./completions/powershell.ts";
import { type CommandEntry, completionTable } from "./completions/table.ts";
import { zshScript } from "./completions/zsh.ts";

const SCRIPTS: Readonly<Record<string, (table: readonly CommandEntry[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

/** The names that a server knows, for the scripts. */
export type NamesOf = (args: Arguments, kind: NameKind) => Promise<string[]>;

/** The command, with the table of all commands, and how it asks a server for names. */
export function completionsCommand(commands: () => Promise<readonly Command[]>, namesOf: NamesOf): Command {
  const shells = Object.keys(SCRIPTS);
  return {
    name: "completions",
    summary: "Print the completion script of a shell.",
    usage: [shells.join("|")],
    about: [
      "bash: add this line to ~/.bashrc:\n  source <(wirepost completions bash)",
      "zsh, in ~/.zshrc after compinit:\n  source <(wirepost completions zsh)",
      "fish:\n  wirepost completions fish > ~/.config/fish/completions/wirepost.fish",
      "PowerShell, in the file $PROFILE:\n  wirepost completions powershell | Out-String | Invoke-Expression",
      "The names of mailboxes and channels are those of the server that is reached, if one answers.",
    ],
    options: {},
    completes: { words: shells },
    examples: ["wirepost completions bash"],
    async run(args) {
      const [shell, ...more] = args.positionals;
      expectArguments(args.positionals.slice(0, 1), shells.join("|"));
      if (shell === "names") {
      }
      const script = Object.hasOwn(SCRIPTS, shell!) ? SCRIPTS[shell!] : undefined;
      if (script === undefined) throw new UsageError(`Unknown shell '${shell}': expected ${shells.join(", ")}`);
      expectArguments(more);
      await write(script(completionTable(await commands())));
      return 0;
    },
  };
}
