/**
 * `wirepost account`: as the administrator beside the server, or under a seal as any client may.
 *
 * @module
 */

import type { AccountAction } from "../../../protocol/admin.ts";
import { isName, preparePassword } from "../../../protocol/seal/scram.ts";
import { setPassword } from "../../account.ts";
import { connectMailbox } from "../../mailbox.ts";
import { escapeControls, outputLine, write } from "../../terminal/output.ts";
import { importFile } from "./import.ts";
import { addToken, listTokens, removeToken } from "./token.ts";
import { type AccountCode, newVerifier, openAccounts, refused } from "./store.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";
import { didYouMean } from "../nearest.ts";
import { ADMINISTRATOR_OPTIONS, DATA_OPTION } from "../admin/administration.ts";
import { reportCoverage, reportSetApart } from "./coverage.ts";
import { NEW_PASSWORD_VARIABLE, readNewPassword, readPassword, serverKeyOf } from "../options/password.ts";
import { connectOptions, isServerNamed, onBusy } from "../options/server_option.ts";

/** `wirepost account`, with the server's code for a data directory. */
export function accountCommand(code: AccountCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "account",
  summary: "Manage accounts",
  usage: ["COMMAND [ARGUMENT] [OPTION…]"],
  words: {
    heading: "Commands:",
    list: [
      { name: "add", argument: "NAME", help: "add an account" },
      { name: "set-password", argument: "NAME", help: "give an account another password" },
      { name: "list", help: "list the accounts, and what each covers" },
      { name: "confirm", argument: "NAME", help: "let an account cover the mailbox of its name" },
      {
        name: "role",
        argument: "NAME ROLE",
        help: "make an account an administrator's (admin), or not (user)",
      },
      { name: "token", argument: "add NAME", help: "add a token for a program, and print it: once" },
      {
        name: "token",
        argument: "list NAME",
        help: "list the IDs of an account's tokens, and when each is over",
      },
      { name: "token", argument: "remove NAME ID", help: "remove a token; what has logged in by it ends" },
      { name: "remove", argument: "NAME", help: "remove an account; its mailbox is anybody's again" },
      { name: "import", argument: "FILE", help: "add the accounts of a file" },
    ],
  },
  about: [
    "A name has 1 to 64 letters, digits and !@#$%.?,_- characters. The server keeps what a password is checked against,\n" +
    "and never the password.",
    "FILE has a line 'NAME PASSWORD' for each account; names that have one keep it. Any other line is reported by its\n" +
    "number, the rest is added, and the exit code is 1.",
    "An account that is added beside the server covers the forum, and the mailbox of its name. One that is added from\n" +
    "elsewhere covers the mailbox only if that is empty and no client waits for it, otherwise the forum alone until\n" +
    "'confirm'. What was in the mailbox before is set apart then: see 'wirepost admin dead'. 'list' shows what each covers.",
    "A token is used where a password is: in --password-file, WIREPOST_PASSWORD or /login. It changes no password.",
    "A new password ends every session that was logged in by the old one.",
    "Beside the server, its data directory is all that is needed, whether it runs or not. From elsewhere, 'add' needs\n" +
    "--server, 'set-password' --server and the current password, and 'list', 'confirm', 'role' and 'remove' --server and\n" +
    "--secret-file, or --as NAME: an account with the role admin, which may do all that the administrator may. With --as,\n" +
    "'add' and 'set-password' are the administrator's too, and take the password to set as 'set-password' does.",
  ],
  options: {
    "json": { help: "list: print an object a line" },
    "ttl": { value: "DURATION", help: "token add: how long the token is good (for good)" },
    ...DATA_OPTION,
    ...ADMINISTRATOR_OPTIONS,
    "new-password-file": {
      value: "FILE",
      help: `The password to set, as its first line; or set ${NEW_PASSWORD_VARIABLE} (asked for)`,
    },
    "server": {
      value: "HOST[:PORT]",
      help: "Where the server is (WIREPOST_SERVER, or else the one of the data directory)",
    },
    "timeout": { value: "DURATION", help: "How long the server may take to answer (5s; 10s under a seal)" },
  },
  examples: [
    "wirepost account add alice",
    "wirepost account set-password alice",
    "wirepost account import credentials.txt",
    'wirepost account add bob --server 192.168.1.7:21001 --server-key "$KEY"',
  ],
};

const TOKEN_WORDS: readonly string[] = ["add", "list", "remove"];

/** The subcommands, each with its arguments. */
const ARGUMENTS: Readonly<Record<string, readonly ("NAME" | "FILE" | "ROLE" | "WHAT" | "ID")[]>> = {
  "add": ["NAME"],
  "role": ["NAME", "ROLE"],
  "token": ["WHAT", "NAME"],
  "token remove": ["WHAT", "NAME", "ID"],
  "set-password": ["NAME"],
  "list": [],
  "confirm": ["NAME"],
  "remove": ["NAME"],
  "import": ["FILE"],
};

/** @throws {UsageError} */
function checkArguments(args: Arguments) {
  const [subcommand, ...rest] = args.positionals;
  if (subcommand === undefined) {
    throw new UsageError("Missing add, set-password, list, confirm, role, token, remove or import");
  }
  if (!Object.hasOwn(ARGUMENTS, subcommand)) {
    throw new UsageError(`Unknown command '${subcommand}'${didYouMean(subcommand, Object.keys(ARGUMENTS))}`);
  }
  const isRemoval = subcommand === "token" && rest[0] === "remove";
  const names = ARGUMENTS[isRemoval ? "token remove" : subcommand]!, isServer = isServerNamed(args);
  expectArguments(rest, ...names);
  if (names[0] === "WHAT") {
    if (!TOKEN_WORDS.includes(rest[0]!)) {
      throw new UsageError(
        `Unknown command 'token ${rest[0]}': expected token add, token list or token remove`,
      );
    }
    if (!isName(rest[1]!)) throw new UsageError(`Cannot use '${rest[1]}' as a name`);
  }
  if (subcommand !== "token" || rest[0] !== "add") args.refuse(subcommand, "ttl");
  if (args.duration("ttl") === 0) throw new UsageError("Cannot use --ttl 0s: the token would never be good");
  if (names[0] === "NAME" && !isName(rest[0]!)) throw new UsageError(`Cannot use '${rest[0]}' as a name`);
  const withPassword = subcommand === "add" || subcommand === "set-password";
  const isAdministrator = args.flag("as");
  if (subcommand === "import") args.refuse(subcommand, "as");
  if (names[1] === "ROLE" && rest[1] !== "user" && rest[1] !== "admin") {
    throw new UsageError(`Cannot use '${rest[1]}' as a role: expected user or admin`);
  }
  if (subcommand !== "set-password" && !(subcommand === "add" && isAdministrator)) {
    args.refuse(subcommand, "new-password-file");
  }
  if (!withPassword && !isAdministrator) args.refuse(subcommand, "password-file");
  if (subcommand === "import") args.refuse(subcommand, "server");
  if (subcommand !== "list" && rest[0] !== "list") args.refuse(subcommand, "json");
  if (args.flag("server-key") && !(withPassword && isServer) && !isAdministrator) {
    throw new UsageError("--server-key is for add and set-password with --server");
  }
  if (subcommand === "set-password" && args.flag("password-file") && !isServer && !isAdministrator) {
    throw new UsageError(
      "--password-file needs --server: beside the server the old password is not asked for",
    );
  }
}

async function run(args: Arguments, code: AccountCode): Promise<number> {
  checkArguments(args);
  const [subcommand, name = "", role] = args.positionals, isAdministrator = args.flag("as");
  switch (subcommand) {
    case "list":
      return await list(args, code);
    case "import":
      return await importFile(args, code, name);
    case "add":
      if (isAdministrator) return await change(args, code, "add", name, await readNewPassword(args, name));
      if (isServerNamed(args)) return await addSealed(args, name);
      return await change(args, code, "add", name, await askNew(args, name));
    case "set-password":
      if (isServerNamed(args) && !isAdministrator) return await setPasswordSealed(args, name);
      return await change(args, code, "set-password", name, await readNewPassword(args, name));
    case "token":
      return await token(args, code);
    case "role":
      return await change(args, code, "role", name, undefined, role);
    default:
      return await change(args, code, subcommand as AccountAction, name);
  }
}

function token(args: Arguments, code: AccountCode): Promise<number> {
  const [, what, name = "", id = ""] = args.positionals;
  if (what === "add") return addToken(args, code, name);
  return what === "list" ? listTokens(args, code, name) : removeToken(args, code, name, id);
}

function askNew(args: Arguments, name: string): Promise<string> {
  return readPassword(args, `New password of ${name}: `, "The same again: ");
}

/** Changes an account as the administrator. */
async function change(
  args: Arguments,
  code: AccountCode,
  action: AccountAction,
  name: string,
  password?: string,
  role = "",
) {
  const value = password === undefined ? role : await newVerifier(preparePassword(password));
  await using accounts = await openAccounts(args, code);
  const outcome = await accounts.change(action, name, value);
  if (typeof outcome === "string") throw refused(action, name, outcome);
  await reportSetApart(name, outcome.apart);
  return 0;
}

/** The network of accounts that were made on the server's own machine. */
const THIS_MACHINE = "this machine";

/** Each name, what its account covers, and where a client elsewhere has made it. */
async function list(args: Arguments, code: AccountCode): Promise<number> {
  await using accounts = await openAccounts(args, code);
  if (args.flag("json")) {
    for await (const { name, mailbox, role, network } of accounts.list()) {
      const made = network === "" ? {} : { network };
      await write(outputLine(JSON.stringify({ name, forum: true, mailbox, role, ...made })));
    }
    return 0;
  }
  const listed = await Array.fromAsync(accounts.list());
  const width = listed.reduce((most, { name }) => Math.max(most, name.length), 0);
  for (const { name, mailbox, role, network } of listed) {
    const isElsewhere = network !== "" && network !== THIS_MACHINE;
    const covers = [
      "forum",
      ...mailbox ? ["mailbox"] : [],
      ...role === "admin" ? ["admin"] : [],
      ...isElsewhere ? [`made at ${network}`] : [],
    ].join(", ");
    await write(`${escapeControls(name.padEnd(width))}  ${covers}\n`);
  }
  return 0;
}

/** Adds an account as any client may: the verifier travels under a seal. */
async function addSealed(args: Arguments, name: string): Promise<number> {
  const password = (isNew: boolean) => {
    if (!isNew) throw refused("add", name, "exists");
    return askNew(args, name);
  };
  await using _ = await connectMailbox({
    ...serverKeyOf(args),
    ...await connectOptions(args),
    onBusy: onBusy(args),
    as: {
      name,
      password,
      make: true,
      made: (covers) => reportCoverage(name, covers),
    },
  });
  return 0;
}

/** Sets the password as the owner of the account may, who knows the current one. */
async function setPasswordSealed(args: Arguments, name: string): Promise<number> {
  await setPassword({
    ...serverKeyOf(args),
    ...await connectOptions(args),
    as: { name, password: () => readPassword(args, `Password of ${name} until now: `) },
  }, () => readNewPassword(args, name));
  return 0;
}
