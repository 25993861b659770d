import { bold } from "@std/fmt/colors";
import { readRunning, readSecret, secretPath } from "../../server/data_directory.ts";
import type { BasicMailbox } from "../mailbox.ts";
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
      "  status        what the server holds, and what it has done since its start",
      "  list          the mailboxes that hold messages",
      "  count [ID]    how many messages there are, in all or for ID; '' is the shared queue",
      "  clear [ID]    remove them",
      "  dead          the messages that were given out five times, by their numbers",
      "  requeue [N]   give them, or number N, out again",
      "  drop [N]      remove them, or number N",
      "  limit N       let a mailbox hold N messages, until the server ends",
      "  log on|off    log every request",
      "  stop          end the server",
      "  help          what the server itself knows",
    ].join("\n"),
    "Beside the server, its data directory tells where it is and gives the secret. From elsewhere, --server and\n" +
    "--secret-file do.",
  ],
  options: {
    "data": { value: "DIR", help: "The server's data directory (./parley-data)" },
    "secret-file": { value: "FILE", help: "The administrator's secret, copied from there" },
    ...SERVER_OPTIONS,
  },
  examples: [
    "parley admin status",
    "parley admin count bob --server 192.168.1.7:21001 --secret-file ./secret",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  if (args.rest.length === 0) throw new UsageError("Missing COMMAND");
  for (const arg of args.rest) {
    if (arg.includes(",")) throw new UsageError(`Cannot use '${arg}': it has a comma`);
  }
  const { mailbox, secret } = await administration(args);
  await using _ = mailbox;
  const [name, ...rest] = args.rest;
  if ((name === "list" || name === "dead") && rest.length === 0) return await list(mailbox, secret, name);
  for (const field of await mailbox.control(secret, args.rest.join(", "))) await write(`${shown(field)}\n`);
  return 0;
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
  const address = parseAddress(running?.services.mailbox?.[0] ?? "");
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

/** Of the commands that list, the heading, and which of the two fields of a row the next page begins behind. */
const LISTS = {
  list: { heading: "messages  mailbox", after: 1 },
  dead: { heading: "  number  mailbox", after: 0 },
} as const;

/** An answer holds as many rows as fit into a datagram: asks on until there are no more. */
async function list(mailbox: BasicMailbox, secret: Uint8Array, name: keyof typeof LISTS): Promise<number> {
  const { heading, after } = LISTS[name];
  await write(`${bold(heading)}\n`);
  for (let command: string = name;;) {
    const rows = await mailbox.control(secret, command);
    if (rows.length === 0) return 0;
    for (const row of rows) {
      const [number = "", ...words] = row.split(" "), id = words.join(" ");
      await write(`${number.padStart(8)}  ${id === "" ? "(shared queue)" : shown(id)}\n`);
      command = `${name}, ${[number, id][after]}`;
    }
  }
}
