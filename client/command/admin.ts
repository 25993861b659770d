import { readRunning, readSecret, secretPath } from "../../server/data/data_directory.ts";
import type { OriginalMailbox } from "../original_mailbox.ts";
import { type Control, LISTS, printDead, printFields, printList, printStatus } from "./admin/lists.ts";
import { isConfirmed, removalOf, remove } from "./admin/removal.ts";
import { type Arguments, type Command, expectArguments, parseAddress, UsageError } from "./command.ts";
import { connectOriginal, SERVER_OPTIONS } from "./server_option.ts";

/** `wirepost admin`. */
export const command: Command = {
  name: "admin",
  summary: "Manage a running server.",
  usage: ["COMMAND [ARG…] [OPTION…]"],
  about: [
    [
      "Commands:",
      "  status                  show what the server holds, and what it has done since its start",
      "  list                    list the mailboxes that hold messages",
      "  count [ID]              count the messages, in all or for ID; '' is the shared queue",
      "  clear ID                remove the messages of ID, of the shared queue (--shared) or all (--all)",
      "  dead                    list the dead letters, and why each is one",
      "  requeue ID…             give these dead letters out again, or all that are not set apart (--all)",
      "  delete ID…              remove these dead letters, or all (--all)",
      "  limit N                 let a mailbox hold N messages, until the server stops",
      "  channels                list the channels, with the number of their members",
      "  members CHANNEL         list the members of a channel, with their addresses",
      "  remove-channel CHANNEL  remove a channel and its history; prints how many members it had",
      "  log on|off              log every request, or stop that",
      "  stop                    stop the server",
      "  help                    list the server's own commands",
    ].join("\n"),
    "Beside the server, its data directory holds its address and the secret. From elsewhere, give --server and\n" +
    "--secret-file.",
  ],
  options: {
    all: { help: "clear, requeue, delete: all of them" },
    shared: { help: "clear: the shared queue" },
    yes: { help: "Do not ask before --all and --shared" },
    json: { help: "dead: print an object a line" },
    "data": { value: "DIR", help: "The server's data directory (./parley-data)" },
    "secret-file": { value: "FILE", help: "The administrator's secret, copied from there" },
    server: SERVER_OPTIONS.server!,
    timeout: { value: "DURATION", help: "How long the server may take to answer (5s)" },
  },
  examples: [
    "wirepost admin status",
    "wirepost admin dead",
    "wirepost admin clear --all --yes",
    "wirepost admin count bob --server 192.168.1.7:21001 --secret-file ./secret",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  checkArguments(args);
  const removal = removalOf(args);
  if (removal !== undefined && !await isConfirmed(removal, args)) return 1;
  const { mailbox, secret } = await administration(args);
  await using _ = mailbox;
  const control: Control = (command) => mailbox.control(secret, command);
  if (removal !== undefined) return await remove(control, removal);
  const [name = "", ...rest] = args.positionals;
  const list = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
  if (name === "dead") await printDead(control, args.flag("json"));
  else if (name === "status" && rest.length === 0) await printStatus(control);
  else if (list?.arguments === rest.length) await printList(control, list, rest[0] ?? "");
  else await printFields(await control(args.positionals.join(", ")));
  return 0;
}

/** @throws {UsageError} An argument can't be sent, or is empty by mistake. */
function checkArguments(args: Arguments) {
  const [name = "", ...rest] = args.positionals;
  if (name === "") throw new UsageError("Missing COMMAND");
  for (const arg of CHANNEL_COMMANDS.includes(name) ? [] : args.positionals) {
    if (arg.includes(",")) throw new UsageError(`Cannot use '${arg}': it has a comma`);
  }
  // as from a script whose variable is not set
  if (name !== "count" && rest.includes("")) {
    throw new UsageError(`Cannot use '' with '${name}': it is empty`);
  }
  if (name === "dead") expectArguments(rest);
  else args.refuse(name, "json");
}

/** A server to administer, and the administrator's secret. */
export interface Administration {
  mailbox: OriginalMailbox;
  secret: Uint8Array;
}

/** The server of `--server`, or of the data directory. */
export async function administration(args: Arguments): Promise<Administration> {
  const data = args.text("data") ?? "parley-data";
  const secret = await secretOf(args, data);
  const running = args.text("server") === undefined ? await readRunning(data) : undefined;
  const address = parseAddress((running?.services.mailbox ?? running?.services.admin)?.[0] ?? "");
  return { mailbox: await connectOriginal(args, address && reachable(address)), secret };
}

async function secretOf(args: Arguments, data: string): Promise<Uint8Array> {
  const file = args.text("secret-file");
  if (file !== undefined) return await readSecret(file);
  try {
    return await readSecret(secretPath(data));
  } catch (error) {
    throw new Error(
      `${(error as Error).message}; start the server there once, or give --data or --secret-file`,
    );
  }
}

/** A server that listens on every address is reached at this machine's own. */
function reachable({ hostname, port }: { hostname: string; port: number }) {
  return { hostname: hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname, port };
}

/** Commands whose last argument is a channel's name, which may have commas. */
const CHANNEL_COMMANDS = ["members", "remove-channel"];
