import { dim } from "@std/fmt/colors";
import { WATCHED_SERVICES, type WatchFilter } from "../../../protocol/watch.ts";
import type { OriginalMailbox, WatchUpdate } from "../../original_mailbox.ts";
import { outputLine, terminalSize, write, writeError } from "../../terminal/output.ts";
import { onEndSignal } from "../../terminal/signals.ts";
import {
  administration,
  ADMINISTRATOR_OPTIONS,
  DATA_OPTION,
  type DataDirectoryCode,
} from "../admin/administration.ts";
import { type Arguments, type Command, expectArguments, parseAddress, UsageError } from "../command.ts";
import { SERVER_OPTION } from "../options/server_option.ts";
import { EventLines } from "./event_line.ts";

/** `wirepost watch`, with the server's code that reads a data directory. */
export function watchCommand(code: DataDirectoryCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "watch",
  summary: "Show what arrives at the server, decoded",
  usage: ["[OPTION…]"],
  about: [
    "Shows each datagram, frame and line: when, whether it arrives (→) or leaves (←), the service, the\n" +
    "client's address, and what it says. What is ignored or refused is shown with the reason and the\n" +
    "rule of protocol/. Of a text, only the length is shown without --texts. Passwords and other\n" +
    "secrets are never shown.",
    "It never slows the server: what is too much at once is left out, and how much that was is\n" +
    "reported on standard error. Ctrl-C ends it.",
    "Beside the server, its data directory holds its address and the secret. From elsewhere, give\n" +
    "--server and --secret-file, or --as NAME, whose account has the role admin.",
  ],
  options: {
    service: {
      value: "NAME",
      many: true,
      help: "Only events of mailbox, channels, room, forum, http or admin",
    },
    peer: { value: "HOST[:PORT]", many: true, help: "Only events of this client, by its IP address" },
    name: {
      value: "NAME",
      many: true,
      help: "Only events about this mailbox, sender, member, channel or account",
    },
    texts: { help: "Show texts too; they come unencrypted without --as" },
    count: { value: "N", help: "End after N events" },
    json: { help: "Print an object a line: time, direction, service, peer, what, and what else there is" },
    ...DATA_OPTION,
    ...ADMINISTRATOR_OPTIONS,
    ...SERVER_OPTION,
    timeout: { value: "DURATION", help: "How long the server may take to answer (5s)" },
  },
  examples: [
    "wirepost watch",
    "wirepost watch --service mailbox --name bob --texts",
    "wirepost watch --peer 192.0.2.7 --json --count 100",
  ],
};

async function run(args: Arguments, code: DataDirectoryCode): Promise<number> {
  expectArguments(args.positionals);
  const filter = filterOf(args), count = args.integer("count", 1) ?? Infinity;
  const { mailbox, secret } = await administration(args, code);
  await using _ = mailbox;
  return await watch(mailbox, secret, { filter, count, isJson: args.flag("json") });
}

function filterOf(args: Arguments): WatchFilter {
  const services = args.texts("service");
  for (const service of services) {
    if (WATCHED_SERVICES.some((name) => name === service)) continue;
    throw new UsageError(`Cannot read --service '${service}': expected ${WATCHED_SERVICES.join(", ")}`);
  }
  return {
    services,
    peers: args.texts("peer").map(peerOf),
    names: args.texts("name"),
    texts: args.flag("texts"),
  };
}

/** An address as events show it: of IPv6 without a port, it has no brackets. */
function peerOf(text: string): string {
  const isHost = (host: string) => /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i.test(host);
  const address = parseAddress(text), host = address === undefined ? text.replace(/^\[(.*)\]$/, "$1") : "";
  if (isHost(host)) return host.toLowerCase();
  if (address !== undefined && isHost(address.hostname)) return text.toLowerCase();
  throw new UsageError(`Cannot read --peer '${text}': expected an IP address, or one with a port`);
}

interface WatchSettings {
  filter: WatchFilter;
  count: number;
  isJson: boolean;
}

/** Prints events until a signal comes, or there were as many as wanted. Returns the exit code. */
async function watch(
  mailbox: OriginalMailbox,
  secret: Uint8Array,
  { filter, count, isJson }: WatchSettings,
): Promise<number> {
  const ended = new AbortController();
  let exitCode = 0, left = count;
  using signals = new DisposableStack();
  const isTerminal = Deno.stdout.isTerminal();
  const lines = new EventLines(() => isTerminal ? terminalSize().columns : Infinity);
  const onBegin = () => {
    // before that, a signal ends it at once: the server has nothing to stop
    signals.use(onEndSignal((code) => {
      exitCode = code;
      ended.abort();
    }));
    const texts = filter.texts ? "" : "; --texts shows texts too";
    void writeError(`wirepost watch: watching, Ctrl-C ends${texts}\n`);
  };
  await using missing = new MissingEvents(isJson);
  for await (const update of mailbox.watch(secret, filter, { signal: ended.signal, onBegin })) {
    const events = update.events.slice(0, left);
    left -= events.length;
    await write(
      events.map((event) => isJson ? outputLine(JSON.stringify(event)) : lines.format(event)).join(""),
    );
    await missing.add(update);
    if (left === 0) break;
  }
  return exitCode;
}

/** Milliseconds between two reports of what is missing. */
const REPORT_INTERVAL_MS = 1000;

/** Reports what was left out or lost, not more often than once a second, and in the end. */
class MissingEvents implements AsyncDisposable {
  readonly #isJson: boolean;
  #dropped = 0;
  #lost = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  async add({ dropped, lost, isNew }: WatchUpdate) {
    this.#dropped += dropped;
    this.#lost += lost;
    if (isNew) await note("the server has started anew: what happened in between is not known");
    if (this.#dropped + this.#lost > 0) this.#timer ??= setTimeout(() => this.#report(), REPORT_INTERVAL_MS);
  }

  async #report() {
    const dropped = this.#dropped, lost = this.#lost;
    this.#timer = undefined;
    this.#dropped = this.#lost = 0;
    if (dropped + lost === 0) return;
    if (this.#isJson) await write(`${JSON.stringify({ dropped, lost })}\n`);
    if (dropped > 0) await note(`${dropped} left out: more than the server decodes for watchers`);
    if (lost > 0) await note(`${lost} lost on the way here`);
  }

  async [Symbol.asyncDispose]() {
    clearTimeout(this.#timer);
    await this.#report();
  }
}

function note(text: string): Promise<void> {
  return writeError(`${dim(`… ${text}`)}\n`);
}
