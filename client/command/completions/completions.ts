/**
 * `wirepost completions`: prints the script with which a shell completes commands, options and names.
 *
 * @module
 */

import { outputLine, write } from "../../terminal/output.ts";
import { DATA_OPTION } from "../admin/administration.ts";
import { type Command, expectArguments, type NameKind, UsageError } from "../command.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { namesOf } from "./names.ts";
import { powershellScript } from "./powershell.ts";
import { type CommandEntry, completionTable } from "./table.ts";
import { zshScript } from "./zsh.ts";
import { SERVER_OPTIONS } from "../options/server_option.ts";

const SCRIPTS: Readonly<Record<string, (table: readonly CommandEntry[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

const SHELLS = Object.keys(SCRIPTS);

const KINDS: readonly NameKind[] = ["mailboxes", "channels"];

/** The command, with all commands that a shell completes. */
export function completionsCommand(commands: () => Promise<readonly Command[]>): Command {
  return {
    name: "completions",
    summary: "Print the completion script of a shell",
    isMore: true,
    usage: [SHELLS.join("|"), `names ${KINDS.join("|")}`],
    about: [
      "bash: add this line to ~/.bashrc:\n  source <(wirepost completions bash)",
      "zsh: add this line to ~/.zshrc, after compinit:\n  source <(wirepost completions zsh)",
      "fish:\n  wirepost completions fish > ~/.config/fish/completions/wirepost.fish",
      "PowerShell: add this line to the file $PROFILE:\n  wirepost completions powershell | Out-String | Invoke-Expression",
      "The scripts ask for names of mailboxes and channels with 'names', which prints those of the server,\n" +
      "one a line. Mailboxes need the administrator's secret, which the data directory has.",
    ],
    options: {
      ...SERVER_OPTIONS,
      timeout: { value: "DURATION", help: "How long the server may take to answer (10s)" },
      ...DATA_OPTION,
    },
    completes: { words: SHELLS },
    examples: ["wirepost completions bash", "wirepost completions names channels"],
    async run(args) {
      const [what, ...more] = args.positionals;
      if (what === undefined) throw new UsageError(`Missing the name of a shell: ${SHELLS.join(", ")}`);
      if (what === "names") {
        expectArguments(more, KINDS.join("|"));
        const kind = KINDS.find((kind) => kind === more[0]);
        if (kind === undefined) {
          throw new UsageError(`Unknown names '${more[0]}': expected ${KINDS.join(" or ")}`);
        }
        await write((await namesOf(args, kind)).map(outputLine).join(""));
        return 0;
      }
      const script = Object.hasOwn(SCRIPTS, what) ? SCRIPTS[what] : undefined;
      if (script === undefined) {
        throw new UsageError(`Unknown shell '${what}': expected ${SHELLS.join(", ")}`);
      }
      expectArguments(more);
      await write(script(completionTable(await commands())));
      return 0;
    },
  };
}
