import { formatAddress } from "../../protocol/address.ts";
import { KnownServers } from "../account.ts";
import { escapeControls, write, writeError } from "../terminal/output.ts";
import { type Arguments, type Command, expectArguments, parseAddress, UsageError } from "./command.ts";

/** `wirepost known-servers`. */
export const command: Command = {
  name: "known-servers",
  summary: "List and forget the servers whose keys are remembered.",
  isMore: true,
  usage: ["list", "remove HOST:PORT"],
  about: [
    "A client that has logged in to a server remembers the server's key, and refuses a server with another key. If the\n" +
    "server was given a new key on purpose, 'remove' makes the client accept it.",
    "The keys are in wirepost/known-servers in $XDG_STATE_HOME or ~/.local/state, on macOS in\n" +
    "~/Library/Application Support, on Windows in %LOCALAPPDATA%.",
  ],
  options: {},
  examples: ["wirepost known-servers list", "wirepost known-servers remove 192.168.1.7:21001"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [what, ...rest] = args.positionals;
  if (what === undefined) throw new UsageError("Missing list or remove");
  if (what !== "list" && what !== "remove") throw new UsageError(`Unknown command '${what}'`);
  expectArguments(rest, ...what === "list" ? [] : ["HOST:PORT"]);
  return await (what === "list" ? list() : remove(rest[0]!));
}

/** Prints a line `HOST:PORT KEY` for each. */
async function list(): Promise<number> {
  const known = new KnownServers();
  let code = 0;
  for (const { server, key, line, why } of await known.list()) {
    if (key === undefined) {
      await writeError(
        `wirepost known-servers: line ${line} of ${escapeControls(known.path)} has no key: ${why}\n`,
      );
      code = 1;
    } else {
      await write(`${escapeControls(server)} ${key}\n`);
    }
  }
  return code;
}

async function remove(text: string): Promise<number> {
  const address = parseAddress(text);
  if (address === undefined) throw new UsageError(`Cannot read '${text}': expected HOST:PORT`);
  const known = new KnownServers(),
    server = formatAddress({ ...address, hostname: address.hostname.toLowerCase() });
  if (!await known.remove(server)) throw new Error(`Cannot remove ${server}: it is not in ${known.path}`);
  return 0;
}
