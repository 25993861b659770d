import { type Line, LineDecoder } from "../../protocol/line.ts";
import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import {
  clientKeysOf,
  encodeVerifier,
  isName,
  ITERATIONS,
  preparePassword,
  SALT_BYTES,
  saltPassword,
  verifierOf,
} from "../../protocol/scram.ts";
import { fileError } from "../file/file_error.ts";
import { connectMailbox } from "../mailbox.ts";
import { SessionConnection } from "../seal/session_connection.ts";
import { escapeControls, write, writeError } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { type AccountPlace, openAccounts } from "./account_place.ts";
import { BUSY } from "./server_option.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { forumOnlyNotice, reportSetApart } from "./coverage.ts";
import {
  LOGIN_OPTIONS,
  NEW_PASSWORD_VARIABLE,
  readNewPassword,
  readPassword,
  serverKeyOf,
} from "./password.ts";

/** Longest line of a file of credentials, in bytes: name and password with much white space. */
const MAX_CREDENTIALS = 8192;

/** `wirepost account`. */
export const command: Command = {
  name: "account",
  summary: "Make, list, confirm and remove accounts, and set their passwords.",
  usage: [
    "add NAME [OPTION…]",
    "set-password NAME [OPTION…]",
    "list [OPTION…]",
    "confirm NAME [OPTION…]",
    "remove NAME [OPTION…]",
    "import FILE [OPTION…]",
  ],
  about: [
    "A name has 1 to 64 letters, digits and !@#$%.?,_- characters. The server keeps what a password is checked against,\n" +
    "and never the password.",
    "FILE has a line 'NAME PASSWORD' for each account; names that have one keep it. A line that is none is named by its\n" +
    "number, the others are taken, and the exit code is 1.",
    "An account that is made beside the server covers the forum, and the mailbox of its name. One that is made from\n" +
    "elsewhere covers the mailbox only where that is empty and nobody waits for it, otherwise the forum alone until\n" +
    "'confirm'. What was in the mailbox before is set apart then: see 'wirepost admin dead'. 'list' shows what each covers.",
    "A new password ends every session that was logged in by the old one.",
    "Beside the server, its data directory is all that is needed, whether it runs or not. From elsewhere, 'add' needs\n" +
    "--server, 'set-password' --server and the password until now, and 'list', 'confirm' and 'remove' --secret-file too.",
  ],
  options: {
    "data": { value: "DIR", help: "The server's data directory (./parley-data)" },
    "secret-file": { value: "FILE", help: "The administrator's secret, copied from there" },
    "password-file": LOGIN_OPTIONS["password-file"]!,
    "new-password-file": {
      value: "FILE",
      help: `The password to set, as its first line; or set ${NEW_PASSWORD_VARIABLE} (asked for)`,
    },
    "server-key": LOGIN_OPTIONS["server-key"]!,
    "server": { value: "HOST:PORT", help: "Where the server is (the one of the data directory)" },
    "timeout": { value: "DURATION", help: "How long the server may take to answer (5s; 10s under a seal)" },
  },
  examples: [
    "wirepost account add alice",
    "wirepost account set-password alice",
    "wirepost account import credentials.txt",
    'wirepost account add bob --server 192.168.1.7:21001 --server-key "$KEY"',
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [what, ...rest] = args.positionals;
  if (what === undefined) throw new UsageError("Missing add, set-password, list, confirm, remove or import");
  const named = ["add", "set-password", "confirm", "remove"].includes(what)
    ? "NAME"
    : what === "import"
    ? "FILE"
    : undefined;
  if (what !== "list" && named === undefined) throw new UsageError(`Unknown command '${what}'`);
  const count = named === undefined ? 0 : 1;
  if (rest.length < count) throw new UsageError(`Missing ${named}`);
  if (rest.length > count) throw new UsageError(`Unexpected argument '${rest[count]}'`);
  const [name = ""] = rest;
  if (named === "NAME" && !isName(name)) throw new UsageError(`Cannot use '${name}' as a name`);
  if (what !== "set-password" && args.text("new-password-file") !== undefined) {
    throw new UsageError(`${what} and --new-password-file exclude each other`);
  }
  const sets = what === "add" || what === "set-password";
  if (!sets && args.flag("password-file")) {
    throw new UsageError(`${what} and --password-file exclude each other`);
  }
  if (args.flag("server-key") && !(sets && args.flag("server"))) {
    throw new UsageError("--server-key is for add and set-password with --server");
  }
  switch (what) {
    case "set-password":
      return await (args.text("server") === undefined ? setPassword(args, name) : setUnderSeal(args, name));
    case "add":
      return await (args.text("server") === undefined ? add(args, name) : addUnderSeal(args, name));
    case "remove": {
      await using accounts = await openAccounts(args);
      await accounts.remove(name);
      return 0;
    }
    case "list": {
      await using accounts = await openAccounts(args);
      return await list(accounts);
    }
    case "confirm": {
      await using accounts = await openAccounts(args);
      await reportSetApart(name, (await accounts.cover(name)).apart);
      return 0;
    }
    default:
      if (args.text("server") !== undefined) throw new UsageError("import and --server exclude each other");
      return await importFile(args, name);
  }
}

function askNew(args: Arguments, name: string): Promise<string> {
  return readPassword(args, `New password of ${name}: `, "The same again: ");
}

async function add(args: Arguments, name: string): Promise<number> {
  const password = preparePassword(await askNew(args, name));
  await using accounts = await openAccounts(args);
  const added = await accounts.add(name, await verifier(password));
  if (added === undefined) throw exists(name);
  await reportSetApart(name, added.apart);
  return 0;
}

/** Each name, and what its account covers. */
async function list(accounts: AccountPlace): Promise<number> {
  const listed = await Array.fromAsync(accounts.list());
  const width = listed.reduce((most, { name }) => Math.max(most, name.length), 0);
  for (const { name, mailbox } of listed) {
    await write(`${escapeControls(name.padEnd(width))}  ${mailbox ? "forum, mailbox" : "forum"}\n`);
  }
  return 0;
}

/** As anybody may: the verifier travels under a seal. */
async function addUnderSeal(args: Arguments, name: string): Promise<number> {
  const timeout = args.duration("timeout");
  const password = (isNew: boolean) => {
    if (!isNew) throw exists(name);
    return askNew(args, name);
  };
  await using _ = await connectMailbox({
    onBusy: (busy) => busy && writeError(`wirepost account: ${BUSY}\n`),
    ...args.address("server"),
    ...timeout === undefined ? {} : { timeout },
    ...serverKeyOf(args),
    as: {
      name,
      password,
      make: true,
      made: async ({ mailbox }) => {
        if (!mailbox) await writeError(`${forumOnlyNotice(name)}\n`);
      },
    },
  });
  return 0;
}

async function setPassword(args: Arguments, name: string): Promise<number> {
  if (args.text("password-file") !== undefined) {
    throw new UsageError(
      "--password-file needs --server: beside the server the old password is not asked for",
    );
  }
  const password = preparePassword(await readNewPassword(args, name));
  await using accounts = await openAccounts(args);
  await accounts.change(name, await verifier(password));
  return 0;
}

/** As the owner of the account may: by the password that it has until now. */
async function setUnderSeal(args: Arguments, name: string): Promise<number> {
  const timeout = args.duration("timeout");
  const connection = await SessionConnection.open({
    ...args.address("server"),
    ...timeout === undefined ? {} : { timeout },
    ...serverKeyOf(args),
    as: { name, password: () => readPassword(args, `Password of ${name} until now: `) },
  }, { service: "mailbox", port: MAILBOX_PORT });
  try {
    await connection.setPassword(await readNewPassword(args, name));
  } finally {
    await connection.close();
  }
  return 0;
}

function exists(name: string): Error {
  return new Error(`Cannot add '${name}': the name has an account`);
}

async function verifier(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const keys = clientKeysOf(await saltPassword(password, salt, ITERATIONS));
  return encodeVerifier(verifierOf(keys, salt, ITERATIONS));
}

/** Takes every good line of a file, and names each that is none, or that the server does not take. */
async function importFile(args: Arguments, file: string): Promise<number> {
  const { good, bad } = parseCredentials(await readCredentials(file));
  await using accounts = await openAccounts(args);
  const progress = new Progress();
  let added = 0, next = 0;
  let failure: Error | undefined;
  const at = (number: number, why: string) => `${file}, line ${number}: ${why}`;
  const report = async (number: number, why: string) => {
    await progress.clear();
    await writeError(`wirepost account: ${escapeControls(at(number, why))}\n`);
  };
  for (const { number, why } of bad) await report(number, why);
  const worker = async () => {
    for (let line = good[next++]; line !== undefined; line = good[next++]) {
      const { number, name, password } = line;
      try {
        const account = await accounts.add(name, await verifier(password));
        if (account !== undefined) {
          added++;
          await reportSetApart(name, account.apart);
        } else await report(number, `'${name}' has an account, which was kept`);
      } catch (error) {
        // no room, or no server: so it is for the others
        failure ??= new Error(at(number, (error as Error).message));
        next = good.length;
      }
      await progress.show(() => `${added} of ${good.length} added`);
    }
  };
  // hashing takes a tenth of a second of one processor each
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, worker));
  await progress.clear();
  await write(`${added} ${added === 1 ? "account" : "accounts"} added\n`);
  if (failure !== undefined) throw failure;
  return bad.length > 0 ? 1 : 0;
}

/** The lines of a file, the first of which has number 1. */
async function readCredentials(file: string): Promise<Line[]> {
  try {
    const bytes = await Deno.readFile(file);
    const begin = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
    // a line ends with LF, or with the file
    const decoder = new LineDecoder(MAX_CREDENTIALS);
    return [...decoder.decode(begin), ...decoder.end()];
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${fileError(error)}`);
  }
}

interface Credentials {
  number: number;
  name: string;
  password: string;
}

/** `NAME PASSWORD` of each line, but blank ones; and why the others are none. */
function parseCredentials(lines: readonly Line[]) {
  const good: Credentials[] = [], bad: { number: number; why: string }[] = [], names = new Set<string>();
  for (const [i, line] of lines.entries()) {
    const number = i + 1;
    try {
      if ("error" in line) throw new Error(`the line is ${line.error}`);
      if (line.text.trim() === "") continue;
      const [, name = "", password = ""] = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line.text) ?? [];
      if (!isName(name)) throw new Error(`Cannot use '${name}' as a name`);
      if (password === "") throw new Error(`Missing the password of '${name}'`);
      if (names.has(name)) throw new Error(`Cannot use '${name}' a second time`);
      names.add(name);
      good.push({ number, name, password: preparePassword(password) });
    } catch (error) {
      bad.push({ number, why: (error as Error).message });
    }
  }
  return { good, bad };
}
