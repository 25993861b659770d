import { format as formatBytes } from "@std/fmt/bytes";
import { connectOriginalMailbox, type OriginalMailbox } from "../../original_mailbox.ts";
import { escapeControls, outputLine, write } from "../../terminal/output.ts";
import { InterruptedError, onSignal } from "../../terminal/signals.ts";
import { DATA_OPTION, type DataDirectoryCode, openDataDirectory } from "../admin/administration.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";
import { localServer } from "../options/server_option.ts";

/** What a server answers that holds its state for a backup. */
interface HeldState {
  id: string;
  database: number;
  journal: number;
  messages: number;
}

interface BackupReport {
  messages: number;
  files: number;
  bytes: number;
  /** Milliseconds since 1970. */
  upTo: number;
}

/** The server's code that copies a data directory. */
export interface BackupCode extends DataDirectoryCode {
  backUp(
    directory: string,
    target: string,
    server: { hold(id?: string): Promise<HeldState>; endHold(id: string): Promise<void> } | undefined,
    stop: AbortSignal,
  ): Promise<BackupReport | "no database" | "in use">;
}

/** How long the server may take to answer: it writes its database back before, which may take long on a slow disk. */
const TIMEOUT_MS = 30_000;

/** `wirepost backup`, with the server's code. */
export function backupCommand(code: BackupCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "backup",
  summary: "Copy a running server's data",
  usage: ["DIR [OPTION…]"],
  about: [
    "Copies messages, accounts, threads, files, channels and keys into DIR, a directory that is empty or not there, as of\n" +
    "one moment, and checks the copy. A server that runs there goes on meanwhile. 'wirepost restore' puts it back.",
    "Keep it as secret as the data directory: it has the server's keys, and everybody's messages.",
  ],
  options: {
    json: { help: "Print an object" },
    ...DATA_OPTION,
  },
  completes: { files: true },
  examples: ["wirepost backup /backups/wirepost-$(date +%F)"],
};

async function run(args: Arguments, code: BackupCode): Promise<number> {
  const [target, ...more] = args.positionals;
  if (target === undefined || target === "") throw new UsageError("Missing DIR: the directory of the backup");
  expectArguments(more);
  const directory = await openDataDirectory(args);
  // so that nothing is left there
  const stopping = new AbortController(), { signal } = stopping;
  using _interrupted = onSignal("SIGINT", () => stopping.abort(new InterruptedError()));
  using _ended = onSignal(
    "SIGTERM",
    () => stopping.abort(new Error("Stopped by a signal: there is no backup")),
  );
  let report = await code.backUp(directory, target, undefined, signal);
  if (report === "in use") report = await backUpRunning(args, code, directory, target, signal);
  if (report === "no database") {
    throw new Error(`No server has kept anything in ${directory}: give the --data of one`);
  }
  if (report === "in use") throw new Error(`Cannot copy ${directory}: another process has it open`);
  const { messages, files, bytes } = report, upTo = new Date(report.upTo).toISOString();
  await write(
    args.flag("json")
      ? outputLine(JSON.stringify({ directory: target, messages, files, bytes, upTo }))
      : `Copied ${counted(messages, "message")} and ${counted(files, "file")} to ${
        escapeControls(target)
      }: ` +
        `${formatBytes(bytes, { binary: true })}, up to ${upTo}\n`,
  );
  return 0;
}

/** Copies with the help of the server that has the directory open. */
async function backUpRunning(
  args: Arguments,
  code: BackupCode,
  directory: string,
  target: string,
  stop: AbortSignal,
) {
  const { services } = await localServer(args.dataCode, directory);
  const address = services?.mailbox ?? services?.admin;
  if (address === undefined) return "in use";
  const secret = await code.readSecret(code.secretPath(directory));
  await using mailbox = await connectOriginalMailbox({ ...address, timeout: TIMEOUT_MS });
  return await code.backUp(directory, target, holder(mailbox, secret), stop);
}

function holder(mailbox: OriginalMailbox, secret: Uint8Array) {
  // a connection has one command open at a time
  let last: Promise<unknown> = Promise.resolve();
  const control = (command: string): Promise<string[]> => {
    const answer = last.catch(() => {}).then(() => mailbox.control(secret, command));
    last = answer;
    return answer;
  };
  return {
    async hold(id?: string): Promise<HeldState> {
      const [held = "", ...numbers] = await control(id === undefined ? "hold" : `hold, ${id}`);
      const [database = NaN, journal = NaN, messages = NaN] = numbers.map(Number);
      return { id: held, database, journal, messages };
    },
    async endHold(id: string) {
      await control(`end-hold, ${id}`);
    },
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
