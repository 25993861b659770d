import { escapeControls, write } from "../terminal/output.ts";
import { type Control, list, listDead, LISTS } from "./admin/lists.ts";
import { isConfirmed, removalOf, remove } from "./admin/removal.ts";
import { administration, type DataDirectoryCode } from "./administration.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { SERVER_OPTIONS } from "./server_option.ts";

/** `wirepost admin`, with the server's code that reads a data directory. */
export function adminCommand(code: DataDirectoryCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "admin",
  summary: "Ask and tell a running server.",
  usage: ["COMMAND [ARG…] [OPTION…]"],
  about: [
    [
      "Commands:",
      "  status                  what the server holds, and what it has done since its start",
      "  list                    the mailboxes that hold messages",
      "  count [ID]              how many messages there are, in all or for ID; '' is the shared queue",
      "  clear ID                remove the messages of ID, with --shared of the shared queue, or --all",
      "  dead                    the messages that nobody could deal with, and why; --json an object a line",
      "  requeue ID…             give these dead letters out again; --all every one that is not set apart",
      "  delete ID…              remove these dead letters; --all every one",
      "  limit N                 let a mailbox hold N messages, until the server ends",
      "  channels                the channels, with how many members each has",
      "  members CHANNEL         who is in a channel, and from where",
      "  remove-channel CHANNEL  remove a channel and what was said there; how many members it had",
      "  log on|off              log every request",
      "  stop                    end the server",
      "  help                    what the server itself knows",
    ].join("\n"),
    "Beside the server, its data directory tells where it is and gives the secret. From elsewhere,\n" +
    "--server and --secret-file do.",
  ],
  options: {
    all: { help: "clear, requeue, delete: all there are" },
    shared: { help: "clear: the shared queue" },
    yes: { help: "Do not ask whether --all or --shared is meant" },
    json: { help: "dead: print each as an object a line, with its time in ISO 8601" },
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
};

async function run(args: Arguments, code: DataDirectoryCode): Promise<number> {
  checkArguments(args);
  const removal = removalOf(args);
  if (removal !== undefined && !await isConfirmed(removal, args)) return 1;
  const { mailbox, secret } = await administration(args, code);
  await using _ = mailbox;
  const control: Control = (command) => mailbox.control(secret, command);
  if (removal !== undefined) return await remove(control, removal);
  const [name = "", ...rest] = args.positionals;
  if (name === "dead") return await listDead(control, args.flag("json"));
  if (Object.hasOwn(LISTS, name) && rest.length === LISTS[name]!.arguments) {
    return await list(control, LISTS[name]!, rest[0] ?? "");
  }
  if (name === "status" && rest.length === 0) return await status(control);
  for (const field of await control(args.positionals.join(", "))) await write(`${escapeControls(field)}\n`);
  return 0;
}

/** @throws {UsageError} They can't be sent, or an empty one could mean more than was meant. */
function checkArguments(args: Arguments) {
  const [name = "", ...rest] = args.positionals;
  if (name === "") throw new UsageError("Missing COMMAND");
  for (const arg of CHANNEL_COMMANDS.includes(name) ? [] : args.positionals) {
    if (arg.includes(",")) throw new UsageError(`Cannot use '${arg}': it has a comma`);
  }
  // what a script gives whose variable is not set
  if (name !== "count" && rest.includes("")) {
    throw new UsageError(`Cannot use '' with '${name}': it is empty`);
  }
  if (name === "dead" && rest.length > 0) throw new UsageError(`Unexpected argument '${rest[0]}'`);
  if (name !== "dead" && args.flag("json")) throw new UsageError(`--json does not go with '${name}'`);
}

/** An answer holds as many fields as fit into a datagram: asks on until there are no more. */
async function status(control: Control): Promise<number> {
  for (let shownFields = 0;;) {
    const fields = await control(shownFields === 0 ? "status" : `status, ${shownFields}`);
    if (fields.length === 0) return 0;
    shownFields += fields.length;
    for (const field of fields) await write(`${escapeControls(field)}\n`);
  }
}

/** A channel's name may have commas, and stands last. */
const CHANNEL_COMMANDS = ["members", "remove-channel"];
