import { type Control, LISTS, printDead, printFields, printList, printStatus } from "./lists.ts";
import { measureOf, printBans, printConnections, printMeasure } from "./clients.ts";
import { AT_ONCE, isConfirmed, removalOf, remove } from "./removal.ts";
import {
  administration,
  ADMINISTRATOR_OPTIONS,
  DATA_OPTION,
  type DataDirectoryCode,
} from "./administration.ts";
import { didYouMean } from "../nearest.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";
import { SERVER_OPTION } from "../options/server_option.ts";

/** `wirepost admin`, with the server's code that reads a data directory. */
export function adminCommand(code: DataDirectoryCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "admin",
  summary: "Manage the server: dead, requeue, clear, kick, ban, mute, stop",
  usage: ["COMMAND [ARG…] [OPTION…]"],
  words: {
    heading: "Commands:",
    list: [
      { name: "status", help: "show what the server holds, and what it has done since its start" },
      { name: "list", help: "list the mailboxes that hold messages" },
      {
        name: "count",
        argument: "[ID]",
        help: "count the messages, in all or for ID; '' is the shared queue",
      },
      {
        name: "clear",
        argument: "ID",
        help: "remove the messages of ID, of the shared queue (--shared) or all (--all)",
      },
      { name: "dead", help: "list the dead letters, and why each is one" },
      {
        name: "requeue",
        argument: "ID…",
        help: "give these dead letters out again, or all that are not set apart (--all)",
      },
      { name: "delete", argument: "ID…", help: "remove these dead letters, or all (--all)" },
      { name: "limit", argument: "N", help: "let a mailbox hold N messages, until the server stops" },
      { name: "channels", help: "list the channels, with the number of their members" },
      { name: "members", argument: "CHANNEL", help: "list the members of a channel, with their addresses" },
      {
        name: "remove-channel",
        argument: "CHANNEL",
        help: "remove a channel and its history; prints how many members it had",
      },
      { name: "connections", help: "list who is connected, since when, and what each has sent" },
      { name: "kick", argument: "NAME|ADDRESS", help: "end the connections and sessions of a client" },
      {
        name: "ban",
        argument: "NAME|ADDRESS",
        help: "answer nothing that comes from it, for good or for a time (--for); ADDRESS/BITS too",
      },
      { name: "unban", argument: "NAME|ADDRESS", help: "end a ban" },
      { name: "bans", help: "list the bans and mutes" },
      { name: "mute", argument: "NAME|ADDRESS", help: "pass on nothing that it sends; --for as with ban" },
      { name: "unmute", argument: "NAME|ADDRESS", help: "end a mute" },
      { name: "log", argument: "on|off", help: "log every request, or stop that" },
      { name: "stop", help: "stop the server" },
      { name: "help", help: "list the server's own commands" },
    ],
  },
  about: [
    "Beside the server, its data directory holds its address and the secret. From elsewhere, give --server and\n" +
    "--secret-file; or --as NAME, whose account has the role admin ('wirepost account role').",
  ],
  options: {
    all: { help: "clear, requeue, delete: all of them" },
    shared: { help: "clear: the shared queue" },
    yes: { help: "Do not ask before --all and --shared; ban, mute: this machine's own addresses too" },
    for: { value: "DURATION", help: "ban, mute: for so long (for good)" },
    json: { help: "Print results as an object a line" },
    ...DATA_OPTION,
    ...ADMINISTRATOR_OPTIONS,
    ...SERVER_OPTION,
    timeout: { value: "DURATION", help: "How long the server may take to answer (5s)" },
  },
  examples: [
    "wirepost admin status",
    "wirepost admin dead",
    "wirepost admin clear --all --yes",
    "wirepost admin ban 192.168.1.23 --for 1h",
    "wirepost admin count bob --server 192.168.1.7:21001 --secret-file ./secret",
  ],
};

async function run(args: Arguments, code: DataDirectoryCode): Promise<number> {
  checkArguments(args);
  const removal = removalOf(args);
  measureOf(args);
  if (removal !== undefined && !await isConfirmed(removal, args)) return 1;
  const { mailbox, secret } = await administration(args, code);
  await using _ = mailbox;
  const control: Control = (command) => mailbox.control(secret, command);
  const json = args.flag("json");
  if (removal !== undefined) return await remove(control, removal, json);
  const measure = measureOf(args);
  if (measure !== undefined) return await printMeasure(control, measure, json);
  const [name = "", ...rest] = args.positionals;
  if (name === "connections") return await printConnections(control, json);
  if (name === "bans") return await printBans(control, json);
  const list = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
  if (name === "dead") await printDead(control, json);
  else if (name === "status" && rest.length === 0) await printStatus(control, json);
  else if (list?.arguments === rest.length) await printList(control, list, rest[0] ?? "", json);
  else await printFields(await control(args.positionals.join(", ")), json ? name : undefined);
  return 0;
}

/** @throws {UsageError} An argument can't be sent, or is empty by mistake. */
function checkArguments(args: Arguments) {
  const [name = "", ...rest] = args.positionals;
  if (name === "") throw new UsageError("Missing COMMAND");
  if (!NAMES.includes(name)) {
    throw new UsageError(`Unknown command '${name}'${didYouMean(name, NAMES)}`);
  }
  for (const arg of WITH_COMMAS.includes(name) ? [] : args.positionals) {
    if (arg.includes(",")) throw new UsageError(`Cannot use '${arg}': it has a comma`);
  }
  // as from a script whose variable is not set
  if (name !== "count" && rest.includes("")) {
    throw new UsageError(`Cannot use '' with '${name}': it is empty`);
  }
  if (["dead", "connections", "bans"].includes(name)) expectArguments(rest);
}

const NAMES = [...HELP.words!.list.map(({ name }) => name), ...AT_ONCE];

/** Commands whose last argument is the name of a channel or a client, which may have commas. */
const WITH_COMMAS = ["members", "remove-channel", "kick", "ban", "unban", "mute", "unmute"];
