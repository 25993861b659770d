import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import { KnownServers } from "../account.ts";
import { escapeControls, outputLine, write, writeError } from "../terminal/output.ts";
import { didYouMean } from "./nearest.ts";
import { type Arguments, type Command, expectArguments, parseAddress, UsageError } from "./command.ts";

/** `wirepost known-servers`. */
export const command: Command = {
  name: "known-servers",
  summary: "List and forget the servers whose keys and certificates are remembered",
  isMore: true,
  usage: ["list [--json]", "remove HOST[:PORT]"],
  words: {
    heading: "Commands:",
    list: [
      { name: "list", help: "print a line 'HOST:PORT KEY CERTIFICATE' for each, with what of both is known" },
      {
        name: "remove",
        argument: "HOST[:PORT]",
        help: "forget key and certificate of this server; without PORT, of all on HOST",
      },
    ],
  },
  about: [
    "A client that has logged in to a server remembers the server's key, and one that speaks TLS its certificate, and\n" +
    "refuses a server with another one. If the server was given a new one on purpose, 'remove' makes the client accept it.",
    "They are in wirepost/known-servers in $XDG_STATE_HOME or ~/.local/state, on macOS in\n" +
    "~/Library/Application Support, on Windows in %LOCALAPPDATA%.",
  ],
  options: { json: { help: "list: print an object a line" } },
  examples: ["wirepost known-servers list", "wirepost known-servers remove 192.168.1.7:21001"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [what, ...rest] = args.positionals;
  if (what === undefined) throw new UsageError("Missing list or remove");
  if (what !== "list" && what !== "remove") {
    throw new UsageError(`Unknown command '${what}'${didYouMean(what, ["list", "remove"])}`);
  }
  expectArguments(rest, ...what === "list" ? [] : ["HOST[:PORT]"]);
  if (what === "list") return await list(args.flag("json"));
  args.refuse(what, "json");
  return await remove(rest[0]!);
}

/** Prints a line `HOST:PORT KEY CERTIFICATE` for each, or an object. */
async function list(json: boolean): Promise<number> {
  const known = new KnownServers();
  let code = 0;
  for (const { server, key, certificate, line, why } of await known.list()) {
    if (why !== undefined) {
      await writeError(
        `wirepost known-servers: line ${line} of ${escapeControls(known.path)} has no key: ${why}\n`,
      );
      code = 1;
    } else {
      const words = [escapeControls(server), key, certificate].filter((word) => word !== undefined);
      await write(json ? outputLine(JSON.stringify({ server, key, certificate })) : `${words.join(" ")}\n`);
    }
  }
  return code;
}

async function remove(text: string): Promise<number> {
  const withPort = parseAddress(text), address = withPort ?? parseAddress(text, MAILBOX_PORT);
  if (address === undefined) throw new UsageError(`Cannot read '${text}': expected HOST or HOST:PORT`);
  const known = new KnownServers(), hostname = address.hostname.toLowerCase();
  const isMeant = (server: string) => {
    const each = parseAddress(server);
    return each?.hostname === hostname && (withPort === undefined || each.port === withPort.port);
  };
  const servers = (await known.list()).map(({ server }) => server).filter(isMeant);
  if (servers.length === 0) throw new Error(`Cannot remove ${text}: it is not in ${known.path}`);
  for (const server of servers) await known.remove(server);
  return 0;
}
