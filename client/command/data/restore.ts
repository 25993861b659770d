import { escapeControls, outputLine, write } from "../../terminal/output.ts";
import { DATA_OPTION, openDataDirectory } from "../admin/administration.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";

/** The server's code that puts a backup back. */
export interface RestoreCode {
  restore(
    backup: string,
    directory: string,
  ): Promise<{ messages: number; files: number; upTo: number; aside: string[] }>;
}

/** `wirepost restore`, with the server's code. */
export function restoreCommand(code: RestoreCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "restore",
  summary: "Put a backup back",
  isMore: true,
  usage: ["BACKUP [OPTION…]"],
  about: [
    "Checks a backup of 'wirepost backup', and copies it into a data directory that has no database; the backup stays as it\n" +
    "is. Run it as the user whose server it is. What is left there of a database that is gone is moved aside, to unknown/.",
    "At the next start all sessions of clients end, because they may know of messages that are not there any more: their\n" +
    "programs get an error for each request whose outcome is not known.",
  ],
  options: {
    json: { help: "Print an object" },
    ...DATA_OPTION,
  },
  completes: { files: true },
  examples: ["wirepost restore /backups/wirepost-2026-11-29"],
};

async function run(args: Arguments, code: RestoreCode): Promise<number> {
  const [backup, ...more] = args.positionals;
  if (backup === undefined || backup === "") {
    throw new UsageError("Missing BACKUP: the directory of a backup");
  }
  expectArguments(more);
  const directory = await openDataDirectory(args), report = await code.restore(backup, directory);
  const { messages, files, aside } = report, upTo = new Date(report.upTo).toISOString();
  if (args.flag("json")) {
    await write(outputLine(JSON.stringify({ directory, messages, files, upTo, aside })));
    return 0;
  }
  const moved = aside.length === 0 ? "" : `; moved to unknown/: ${aside.join(", ")}`;
  await write(
    `Restored ${counted(messages, "message")} and ${counted(files, "file")} in ${
      escapeControls(directory)
    }: ` +
      `the state of ${upTo}${moved}\n`,
  );
  return 0;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
