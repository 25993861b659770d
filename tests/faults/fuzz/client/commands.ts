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
import { encodeAnswers, isSessionDatagram } from "../../../../protocol/session.ts";
import type { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, holds, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { listen, throwUncaught } from "../server/lives.ts";
import { FuzzedStream } from "../server/stream.ts";
import { environment, patched } from "./patched.ts";
import { checkShown } from "./terminal_output.ts";

/**
 * Milliseconds within which a command ends: a server that answers, but nothing that helps, is given up after 60 s. And bytes
 * that it writes, many times what was sent to it.
 */
const MAX_RUN_MS = 75_000, MAX_WRITTEN_BYTES = 4 * 1024 * 1024;

/** Milliseconds after which Ctrl-C is typed, and after which a connection ends, unless the script says `tcp-silent`. */
const WATCH_MS = 150, TCP_MS = 50;

/** Answers that the last line of a script gives. */
const LAST_REPEATED = 20;

const SERVER = { hostname: "127.0.0.1", port: 21001 };

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

/** The server's end of the client's sockets. */
class HostileServer {
  readonly #steps: string[];
  #repeated = 0;
  readonly streams: FuzzedStream[] = [];
  readonly #receivers = new Set<() => void>();
  readonly #sent: Bytes[] = [];
  readonly #startId = "00000001";

  constructor(steps: readonly string[]) {
    this.#steps = [...steps];
  }

  listenDatagram = () => {
    let closed = false, reject: (error: Error) => void = () => {};
    const sent = this.#sent, receivers = this.#receivers;
    return {
      addr: { transport: "udp", hostname: "0.0.0.0", port: 50_000 },
      receive: (buffer: Uint8Array) =>
        new Promise((resolve, fail) => {
          reject = fail;
          const pass = () => {
            if (closed) return void receivers.delete(pass);
            const datagram = sent.shift();
            if (datagram === undefined) return;
            receivers.delete(pass);
            buffer.set(datagram.subarray(0, buffer.length));
            resolve([buffer.subarray(0, Math.min(buffer.length, datagram.length)), {
              transport: "udp",
              ...SERVER,
            }]);
          };
          receivers.add(pass);
          pass();
        }),
      send: (datagram: Bytes) => {
        this.#received(datagram.slice());
        return Promise.resolve(datagram.length);
      },
      close: () => {
        closed = true;
        reject(new Deno.errors.BadResource("closed"));
      },
    };
  };

  connect = () => {
    const stream = new FuzzedStream("127.0.0.1", 55_555);
    this.streams.push(stream);
    stream.onWritten = () => this.#tcp();
    if (!this.#steps.includes("tcp-silent")) setTimeout(() => stream.isClosed || stream.end(), TCP_MS);
    return Promise.resolve(
      Object.assign(stream, { setNoDelay() {}, closeWrite: () => Promise.resolve(stream.end()) }),
    );
  };

  /** Gives the lines for connections that come next. */
  #tcp() {
    while (this.#steps[0]?.startsWith("tcp ")) {
      const bytes = unescaped(this.#steps.shift()!.slice(4));
      for (const stream of this.streams) if (!stream.isClosed) stream.send(bytes);
    }
  }

  #received(datagram: Bytes) {
    const text = textOf(datagram);
    if (text.startsWith("A, challenge")) return this.#send(bytesOf(`A, ok, ${"0".repeat(36)}`));
    const [, session = "", startId] = text.split(" ");
    if (isSessionDatagram(datagram) && startId === "-") {
      const cookie = "000000000001" + "1".repeat(16);
      return this.#send(encodeAnswers({ session, startId: this.#startId, cookie, done: 0 }, []));
    }
    const step = this.#next();
    if (step === undefined || step === "silent") return;
    const [, many, rest = ""] = /^(many )?(.*)$/s.exec(step)!;
    for (let i = 0; i < (many === undefined ? 1 : 50); i++) {
      this.#answer(rest.replaceAll("$i", `${i}`), session, text);
    }
    // what no datagram asks for comes at once
    while (this.#steps.length > 1 && this.#steps[0]!.startsWith("raw ")) {
      this.#send(unescaped(this.#steps.shift()!.slice(4)));
    }
    this.#tcp();
  }

  #answer(step: string, session: string, request: string) {
    if (step.startsWith("raw ")) return this.#send(unescaped(step.slice(4)));
    if (!request.startsWith("P1>")) return this.#send(bytesOf(`A, ${textOf(unescaped(step))}`));
    const number = /^[a-z]+,(\d+)/im.exec(request.slice(request.indexOf("\n") + 1))?.[1] ?? "1";
    const lines = textOf(unescaped(step.replaceAll(/\$[tn]/g, number)));
    this.#send(encodeAnswers({ session, startId: this.#startId, cookie: "", done: 0 }, [lines]));
  }

  #next(): string | undefined {
    if (this.#steps.length > 1) return this.#steps.shift();
    return this.#repeated++ < LAST_REPEATED ? this.#steps[0] : undefined;
  }

  #send(datagram: Bytes) {
    this.#sent.push(datagram);
    for (const pass of [...this.#receivers]) pass();
  }
}

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

const EVENT = (more: string) =>
  `{"time":"2026-01-31T12:00:00.000Z","direction":"in","service":"mailbox","peer":"1.2.3.4:5","what":"put"${more}}`;

const NASTY = [
  "\\e[2J",
  "\\e]0;x\\x07",
  "\\x9b",
  "\\xc2\\x9b2J",
  "\u202e",
  "\\x08",
  "\\x7f",
  "\u2028",
  "\\0",
];

const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  peek: [
    ...[
      "seen,$t,0,7,ready,0,1700000000000,alice,5,hello\\nlast,$t,7",
      "seen,$t,0,$i,ready,1,1,al\\e[2J,9,x",
      "last,$t,0",
      "more,$t,7",
    ],
    ...[
      "seen,$t,$i,8,leased,2,999999999999999,a,99999,x",
      "no,$t,not your mailbox\\e[2J",
      "no,$t,denied",
      "denied,$t",
    ],
  ],
  receive: [
    ...[
      "msg,$t,1,1,0123456789abcdef,7,1,1700000000000,alice,5,hello",
      "msg,$t,1,2,0123456789abcdef,7,1,0,al\\e]0;,3,x\\x9b2J",
    ],
    ...[
      "piece,$t,1,2,llo",
      "piece,$t,1,$i,x",
      "none,$t",
      "pending,$t",
      "got,$t",
      "ok,$n",
      "ok,1-9",
      "denied,$t",
      "no,$t,\\e[2J",
    ],
    ...["lost,$n,7", "lost,$n,"],
  ],
  send: [
    "ok,$n",
    "have,$n",
    "bad,$n,\\e[2J",
    "full,$n,\\x9b2J",
    "storage,$n",
    "login",
    "owned",
    "busy",
    "ending",
    "unknown",
  ],
  original: [
    ...[
      "raw N, 2026-01-31T00:00:00.000Z, ali\\e[2Jce, hel\\x9blo",
      "raw X",
      "raw nxt, x",
      "raw A, error, \\e[2J",
      "raw N, x, y, z",
    ],
  ],
  watch: [
    ...[
      "ok, 0123abcd, 1, 0",
      "error, \\e[2J",
      `raw A, events, 0123abcd, 1, 0\\n${EVENT("")}`,
      "raw A, events, 0123abcd, 1, 9",
    ],
    ...[
      `raw A, events, 0123abcd, $i, 0\\n${EVENT(',"text":"\\\\u001b[2J","refused":"x","why":"\\\\u009b"')}`,
    ],
    ...[
      `raw A, events, 0123abcd, 1, 0\\n${EVENT("").replace("mailbox", "\\\\u001b[2J")}`,
      "ok, 0123abcd, 9, 4",
    ],
    ...[`raw A, events, 0123abcd, 1, 0\\n${EVENT("").replace("1.2.3.4:5", "\\\\u001b[2J")}`],
  ],
  admin: [
    ...[
      "ok",
      "ok, \\e[2J",
      "ok, up, 1, \\x9b2J, 5",
      "ok\\n7,bob,alice,1700000000000,3,bro\\e[2Jken,5,hello",
      "error, \\e[2J",
    ],
    ...[
      "ok\\n1,connection,channels,1.2.3.4:5,Eve\\e[2J,1,2,3,4",
      "ok\\nban,eve\\e]0;,1,0",
      "ok, 1 bob\\e[2J",
      "ok, alice=1B mailbox admin",
    ],
    ...[
      "ok\\nmailbox,udp,127.0.0.1:21001",
      "ok\\nsessions,1,2,opt\\e[2Jion",
      "ok, stored, 1, received, x, version, \\e[2J",
    ],
    ...[
      "ok\\n1,session,mailbox,127.0.0.1:5,bob,1700000000000,1,2,3,4,5,6",
      "ok\\nban\\,127.0.0.1\\,5\\,",
      "ok, $i",
      "error, unknown command 'x'",
    ],
  ],
  stream: [
    ...[
      "info,$t,mailbox 21001,channels 55555,room 6000",
      "info,$t,channels 55555,account mailbox,auth required",
      "info,$t,room 6000",
    ],
    ...[
      `tcp ${"/create command must be followed by the name of a channel to create".padEnd(200)}`,
      "tcp \\r<x> \\e[2J\\n",
      "tcp [x] entered room\\n",
    ],
    ...[
      `tcp ${"[Bob] hello".padEnd(200)}`,
      `tcp ${"Room tea already exists, so cannot be created.".padEnd(200)}`,
      `tcp ${"tea\\e[2J".padEnd(205)}`,
    ],
    ...[`tcp ${"[B\\x9b2Job] hel\u202elo".padEnd(200)}`, "tcp \\x02message 1 2 3 x"],
  ],
};

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
