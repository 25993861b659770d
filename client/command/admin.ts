import { readRunning, readSecret, secretPath } from "../../server/data/data_directory.ts";
import type { OriginalMailbox } from "../original_mailbox.ts";
import { escapeControls, write } from "../terminal/output.ts";
import { type Control, list, listDead, LISTS } from "./admin/lists.ts";
import { isConfirmed, removalOf, remove } from "./admin/removal.ts";
import { type Arguments, type Command, parseAddress, UsageError } from "./command.ts";
import { connectOriginal, SERVER_OPTIONS } from "./server_option.ts";

/** `wirepost admin`. */
export const command: Command = {
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

/** A server that is to be administered, and what proves that one may. */
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

/** A server on every address is asked on this machine's own. */
function reachable({ hostname, port }: { hostname: string; port: number }) {
  return { hostname: hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname, port };
}

/** A channel's name may have commas, and stands last. */
const CHANNEL_COMMANDS = ["members", "remove-channel"];
