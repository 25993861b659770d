import { bold } from "@std/fmt/colors";
import { readRunning, readSecret, secretPath } from "../../server/data_directory.ts";
import type { BasicMailbox } from "../basic_mailbox.ts";
import { shown, write } from "../terminal/output.ts";
import { type Arguments, type Command, parseAddress, UsageError } from "./command.ts";
import { connectBasic, SERVER_OPTIONS } from "./server_option.ts";

/** `parley admin`. */
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
      "  clear [ID]              remove them",
      "  dead                    the messages that were given out five times, by their numbers",
      "  requeue [N]             give them, or number N, out again",
      "  drop [N]                remove them, or number N",
      "  limit N                 let a mailbox hold N messages, until the server ends",
      "  channels                the channels, with how many members each has",
      "  members CHANNEL         who is in a channel, and from where",
      "  remove-channel CHANNEL  remove a channel and what was said there; how many members it had",
      "  log on|off              log every request",
      "  stop                    end the server",
      "  help                    what the server itself knows",
    ].join("\n"),
    "Beside the server, its data directory tells where it is and gives the secret. From elsewhere, --server and\n" +
    "--secret-file do.",
  ],
  options: {
    "data": { value: "DIR", help: "The server's data directory (./parley-data)" },
    "secret-file": { value: "FILE", help: "The administrator's secret, copied from there" },
    server: SERVER_OPTIONS.server!,
    timeout: { value: "DURATION", help: "How long the server may take to answer (5s)" },
  },
  examples: [
    "parley admin status",
    "parley admin count bob --server 192.168.1.7:21001 --secret-file ./secret",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  if (args.rest.length === 0) throw new UsageError("Missing COMMAND");
  const [name = "", ...rest] = args.rest;
  for (const arg of CHANNEL_COMMANDS.includes(name) ? [] : args.rest) {
    if (arg.includes(",")) throw new UsageError(`Cannot use '${arg}': it has a comma`);
  }
  const { mailbox, secret } = await administration(args);
  await using _ = mailbox;
  if (Object.hasOwn(LISTS, name) && rest.length === LISTS[name]!.arguments) {
    return await list(mailbox, secret, LISTS[name]!, rest[0] ?? "");
  }
  if (name === "status" && rest.length === 0) return await status(mailbox, secret);
  for (const field of await mailbox.control(secret, args.rest.join(", "))) await write(`${shown(field)}\n`);
  return 0;
}

/** An answer holds as many fields as fit into a datagram: asks on until there are no more. */
async function status(mailbox: BasicMailbox, secret: Uint8Array): Promise<number> {
  for (let shownFields = 0;;) {
    const fields = await mailbox.control(secret, shownFields === 0 ? "status" : `status, ${shownFields}`);
    if (fields.length === 0) return 0;
    shownFields += fields.length;
    for (const field of fields) await write(`${shown(field)}\n`);
  }
}

/** A server that is to be administered, and what proves that one may. */
export interface Administration {
  mailbox: BasicMailbox;
  secret: Uint8Array;
}

/** The server of `--server`, or of the data directory. */
export async function administration(args: Arguments): Promise<Administration> {
  const data = args.text("data") ?? "parley-data";
  const secret = await secretOf(args, data);
  const running = args.text("server") === undefined ? await readRunning(data) : undefined;
  const address = parseAddress((running?.services.mailbox ?? running?.services.admin)?.[0] ?? "");
  return { mailbox: await connectBasic(args, address && reachable(address)), secret };
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

interface List {
  /** How many arguments the command has that lists everything. */
  arguments: number;
  heading: string;
  /** How a row is shown. */
  row(first: string, rest: string): string;
  /** The command for the first page, and for the page behind a row. `rows` counts those that were read. */
  page(argument: string, last?: { first: string; rest: string; rows: number }): string;
}

const counted = (number: string, name: string) => `${number.padStart(8)}  ${name}`;

/** The commands that list. */
const LISTS: Readonly<Record<string, List>> = {
  list: {
    arguments: 0,
    heading: "messages  mailbox",
    row: (messages, id) => counted(messages, id === "" ? "(shared queue)" : shown(id)),
    page: (_, last) => last === undefined ? "list" : `list, ${last.rest}`,
  },
  dead: {
    arguments: 0,
    heading: "  number  mailbox",
    row: (number, id) => counted(number, id === "" ? "(shared queue)" : shown(id)),
    page: (_, last) => last === undefined ? "dead" : `dead, ${last.first}`,
  },
  channels: {
    arguments: 0,
    heading: " members  channel",
    row: (members, channel) => counted(members, shown(channel)),
    page: (_, last) => last === undefined ? "channels" : `channels, ${last.rest}`,
  },
  members: {
    arguments: 1,
    heading: "address                name",
    row: (address, name) => `${address.padEnd(21)}  ${shown(name)}`,
    page: (channel, last) => `members, ${last?.rows ?? 0}, ${channel}`,
  },
};

/** An answer holds as many rows as fit into a datagram: asks on until there are no more. */
async function list(
  mailbox: BasicMailbox,
  secret: Uint8Array,
  list: List,
  argument: string,
): Promise<number> {
  let rows = 0, page = list.page(argument), headed = false;
  for (;;) {
    const fields = await mailbox.control(secret, page);
    if (!headed) await write(`${bold(list.heading)}\n`);
    headed = true;
    if (fields.length === 0) return 0;
    rows += fields.length;
    for (const field of fields) {
      const [first = "", ...words] = field.split(" "), rest = words.join(" ");
      await write(`${list.row(first, rest)}\n`);
      page = list.page(argument, { first, rest, rows });
    }
  }
}
