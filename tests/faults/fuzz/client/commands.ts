/**
 * Commands against a server that answers as a script says. Its first line names the command; each line after it is what the
 * server answers to the next datagram, and the last one to all that follow, for a while.
 *
 * In lines that answer a session, `$t` and `$n` are the tag or number that the client has sent. `raw BYTES` is a datagram,
 * `many TEXT` fifty of them, `silent` none, and `tcp BYTES` goes to the connections of `chat` and `room`, which end unless
 * the script says `tcp-silent`.
 *
 * @module
 */

import { newDirectory } from "../engine/directory.ts";
import { main } from "../../../../main.ts";
import type { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, holds, pick, type Target, textOf } from "../engine/target.ts";
import { listen, throwUncaught } from "../server/lives.ts";
import { ANSWERS, NASTY } from "./answers.ts";
import { HostileServer } from "./hostile_server.ts";
import { environment, patched } from "./patched.ts";
import { checkShown } from "./terminal_output.ts";

/**
 * Milliseconds within which a command ends: a server that answers, but nothing that helps, is given up after 60 s. And bytes
 * that it writes, many times what was sent to it.
 */
const MAX_RUN_MS = 75_000, MAX_WRITTEN_BYTES = 4 * 1024 * 1024;

/** Milliseconds after which Ctrl-C is typed. */
const WATCH_MS = 150;

const AT = ["--server", "127.0.0.1:21001", "--timeout", "100ms"];

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  peek: ["peek", "bob", ...AT],
  "peek-json": ["peek", "bob", "--json", ...AT],
  receive: ["receive", "bob", ...AT],
  "receive-all": ["receive", "bob", "--all", ...AT],
  "receive-original": ["receive", "bob", "--original", ...AT],
  send: ["send", "bob", "hello", ...AT],
  watch: ["watch", "--secret-file", "$SECRET", "--texts", "--count", "3", ...AT],
  status: ["status", "--secret-file", "$SECRET", ...AT],
  limits: ["status", "--limits", "--secret-file", "$SECRET", ...AT],
  dead: ["admin", "dead", "--secret-file", "$SECRET", ...AT],
  connections: ["admin", "connections", "--secret-file", "$SECRET", ...AT],
  bans: ["admin", "bans", "--secret-file", "$SECRET", ...AT],
  list: ["admin", "list", "--secret-file", "$SECRET", ...AT],
  "account-list": ["account", "list", "--secret-file", "$SECRET", ...AT],
  mailbox: ["mailbox", "bob", ...AT],
  requeue: ["admin", "requeue", "7", "8", "--secret-file", "$SECRET", ...AT],
  kick: ["admin", "kick", "eve", "--secret-file", "$SECRET", ...AT],
  ban: ["admin", "ban", "eve", "--secret-file", "$SECRET", ...AT],
  status2: ["admin", "status", "--secret-file", "$SECRET", ...AT],
  tokens: ["account", "token", "list", "eve", "--secret-file", "$SECRET", ...AT],
  role: ["account", "role", "eve", "admin", "--secret-file", "$SECRET", ...AT],
  channels: ["admin", "channels", "--secret-file", "$SECRET", ...AT],
  members: ["admin", "members", "tea", "--secret-file", "$SECRET", ...AT],
  "requeue-all": ["admin", "requeue", "--all", "--yes", "--secret-file", "$SECRET", ...AT],
  chat: ["chat", "tea", "--server", "127.0.0.1:21001", "--as", "Eve", "--linger", "0s"],
  room: ["room", "--server", "127.0.0.1:21001", "--linger", "0s"],
};

/** Standard output or error of a terminal, whose bytes are looked at. */
class Terminal {
  bytes = 0;
  text = "";
  isTerminal = () => true;

  write = (bytes: Uint8Array): Promise<number> => Promise.resolve(this.writeSync(bytes));

  writeSync = (bytes: Uint8Array): number => {
    this.bytes += bytes.length;
    if (this.bytes > MAX_WRITTEN_BYTES) throw new Deno.errors.BrokenPipe("too much");
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
}

/** A line is typed, and then the input ends. */
function input() {
  const lines = [bytesOf("hello\n")];
  return {
    isTerminal: () => false,
    setRaw() {},
    read(buffer: Uint8Array): Promise<number | null> {
      const line = lines.shift();
      if (line !== undefined) buffer.set(line);
      return Promise.resolve(line?.length ?? null);
    },
  };
}

let directory: string | undefined;

async function run(script: Bytes) {
  listen();
  const [name = "", ...steps] = textOf(script).split("\n"), command = COMMANDS[name];
  if (command === undefined) return;
  directory ??= prepared();
  const args = command.map((arg) => arg.replace("$SECRET", `${directory}/secret`));
  const server = new HostileServer(steps), stdout = new Terminal(), stderr = new Terminal();
  let code: number | "too long", interrupt = () => {};
  {
    using _ = patched({
      env: environment({ XDG_STATE_HOME: directory, WIREPOST_DATA: `${directory}/data`, HOME: directory }),
      ...{ stdout, stderr, stdin: input(), consoleSize: () => ({ columns: 80, rows: 24 }) },
      ...{ listenDatagram: server.listenDatagram, connect: server.connect, removeSignalListener() {} },
      addSignalListener: (signal: string, handler: () => void) =>
        signal === "SIGINT" && (interrupt = handler),
    });
    let timer: ReturnType<typeof setTimeout>;
    // `watch` goes on until somebody ends it
    const ending = setTimeout(() => interrupt(), WATCH_MS);
    const late = new Promise<"too long">((resolve) => timer = setTimeout(resolve, MAX_RUN_MS, "too long"));
    code = await Promise.race([main(args), late]).finally(() => {
      clearTimeout(timer);
      clearTimeout(ending);
    });
    for (const stream of server.streams) if (!stream.isClosed) stream.cut();
  }
  throwUncaught();
  holds(code !== "too long", () => `${name} has not ended within ${MAX_RUN_MS} ms`);
  holds(stdout.bytes + stderr.bytes < MAX_WRITTEN_BYTES, () => `${name} has written ${stdout.bytes} bytes`);
  checkShown(stdout.text);
  checkShown(stderr.text);
  const internal = /Cannot read propert|is not a function|is not iterable|undefined|Invalid time value/.exec(
    stderr.text,
  );
  holds(internal === null, () => `${name}: ${stderr.text.slice(0, 500)}`);
}

/** A directory for what commands keep, and the secret. */
function prepared(): string {
  const path = newDirectory();
  Deno.writeTextFileSync(`${path}/secret`, "a secret of an administrator");
  return path;
}

const KIND: Readonly<Record<string, readonly string[]>> = {
  ...{
    peek: ["peek"],
    "peek-json": ["peek"],
    receive: ["receive"],
    "receive-all": ["receive"],
    send: ["send"],
  },
  ...{
    "receive-original": ["original"],
    watch: ["watch"],
    mailbox: ["original", "receive"],
    chat: ["stream"],
    room: ["stream"],
  },
};

const ALL = Object.values(ANSWERS).flat();

function step(random: Random): string {
  if (random.chance(0.05)) return "silent";
  const text = pick(random, ALL);
  return random.chance(0.1) ? `many ${text}` : random.chance(0.2) ? text + pick(random, NASTY) : text;
}

export const CLIENT_COMMANDS: Target = {
  name: "client_commands",
  covers: ["client/", "protocol/", "main.ts"],
  words: [
    ...NASTY,
    "$t",
    "$n",
    "$i",
    "\\n",
    ",",
    ...Object.keys(COMMANDS),
    "many ",
    "raw ",
    "tcp ",
    "silent",
  ],
  seeds: Object.keys(COMMANDS).flatMap((name) =>
    (KIND[name] ?? ["admin"]).flatMap((kind) => {
      const answers = ANSWERS[kind]!;
      return kind === "stream"
        ? answers.slice(0, 3).map((first) => [name, first, ...answers.slice(3)].join("\n"))
        : [[name, ...answers].join("\n"), [name, ...answers.toReversed()].join("\n")];
    })
  ),
  maxBytes: 8192,
  shortInputs: 10,
  maxMs: MAX_RUN_MS,
  line: step,
  run,
  end() {
    if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
    directory = undefined;
    return Promise.resolve();
  },
};
