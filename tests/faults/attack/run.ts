/**
 * A real server that is attacked beside an honest client on each of its services.
 *
 * @module
 */

import config from "../../../deno.json" with { type: "json" };
import { FROM_SOURCE, pythonWith, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FULL, residentMiB } from "../form.ts";
import type { Figures } from "./figures.ts";
import type { Kind } from "./kinds.ts";
import type { Namespace } from "./namespace.ts";
import { ACCOUNTS, PASSWORD, PATIENCE_MS, type Target } from "./services.ts";

/** The program that is attacked: this one, or that of another checkout, to compare them. */
export const MAIN = Deno.env.has("WIREPOST_MAIN")
  ? new URL(Deno.env.get("WIREPOST_MAIN")!, `file://${Deno.cwd()}/`).href
  : new URL("../../../main.ts", import.meta.url).href;

/** The flags of V8 that the compiled program has: how much garbage may lie around. */
const [V8_FLAGS] = /--v8-flags=\S+/.exec(config.tasks.compile.command)!;

/** The flags and permissions of {@linkcode FROM_SOURCE}. */
const RUN = FROM_SOURCE.toSpliced(2, 0, V8_FLAGS).slice(0, -1);

export const PYTHON = await pythonWith("cryptography");

/** Cores of the clients, and of the server. */
const CLIENTS = 0, SERVER = 1;

/**
 * What has the server and honest clients go before other programs of this machine, where that is allowed: it is the server
 * for which clients wait then, and not somebody who takes no part. Attackers come behind them.
 */
const FIRST =
  FULL && await runCommand(["nice", "-n", "-20", "true"]).then(({ err }) => err === "", () => false)
    ? { parties: ["nice", "-n", "-40"], attacker: ["nice", "-n", "-40", "nice", "-n", "10"] }
    : { parties: [], attacker: ["nice", "-n", "19"] };

/** What keeps a program on one core, in the full form: the server has one, and attackers and honest clients the other. */
function pinned(core: number, first: string[]): string[] {
  return FULL && navigator.hardwareConcurrency > 1 ? ["taskset", "--cpu-list", `${core}`, ...first] : [];
}

/** What ends a program with this process, however that ends. */
const WITH_TEST = ["setpriv", "--pdeathsig", "KILL", "--"];

/** For commands on a machine that is busy with other tests. */
const PATIENT = ["--timeout", `${PATIENCE_MS}ms`];

/** What an honest client counted on each service. */
export type AllFigures = Record<string, Figures>;

/** The server, its honest clients, and whoever attacks it. */
export class Siege implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #namespace: Namespace | undefined;
  readonly #server: ServerProcess;
  readonly #honest: Program;
  readonly #target: Target;
  readonly #path: string;

  private constructor(
    stack: AsyncDisposableStack,
    namespace: Namespace | undefined,
    server: ServerProcess,
    honest: Program,
    target: Target,
    path: string,
  ) {
    this.#stack = stack;
    this.#namespace = namespace;
    this.#server = server;
    this.#honest = honest;
    this.#target = target;
    this.#path = path;
  }

  /** Starts the server, in the namespace if there is one, and its honest clients, and waits until all are served. */
  static async begin(namespace: Namespace | undefined, serve: readonly string[]): Promise<Siege> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory()), enter = namespace?.enter ?? [];
    const cert = `${path}/cert.pem`, key = `${path}/key.pem`;
    await succeed([...FROM_SOURCE, "cert", "--tls-cert", cert, "--tls-key", key]);
    const hosts = namespace === undefined ? [] : ["--host", "127.0.0.1", "--host", namespace.address];
    const [deno = "", ...options] = RUN, main = new URL(MAIN).pathname;
    // as many descriptors as there are
    const most = ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"'];
    const command = [
      ...enter,
      ...pinned(SERVER, FIRST.parties),
      ...WITH_TEST,
      ...most,
      deno,
      ...options,
      main,
    ];
    const server = stack.use(
      await ServerProcess.start([
        ...["mailbox", "0", "channels", "0", "room", "0", "forum", "0", "--tls-room-port", "0"],
        ...["--data", `${path}/data`, "--tls-cert", cert, "--tls-key", key, ...hosts, ...serve],
      ], { command }),
    );
    const target = { ...await targetOf(server), certificate: await Deno.readTextFile(cert) };
    if (namespace !== undefined) target.far = namespace.address;
    // accounts that clients make share what their address may have, also with an attacker's: these are the administrator's
    await Deno.writeTextFile(`${path}/accounts`, ACCOUNTS.map((name) => `${name} ${PASSWORD}\n`).join(""));
    const accounts = ["account", "import", `${path}/accounts`, "--data", `${path}/data`, ...PATIENT];
    await succeed([...enter, ...RUN, main, ...accounts]);
    const script = new URL("honest.ts", import.meta.url).pathname;
    const run = [...enter, ...pinned(CLIENTS, FIRST.parties), ...WITH_TEST, ...RUN, script];
    const honest = stack.use(new Program([...run, MAIN, JSON.stringify(target), path]));
    await honest.next("ready");
    return new Siege(stack.move(), namespace, server, honest, target, path);
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Memory of the server. */
  get mib(): Promise<number> {
    return residentMiB(this.#server.pid);
  }

  /** What the honest clients count for so many milliseconds. */
  async measure(ms: number): Promise<AllFigures> {
    await this.#honest.send("begin");
    return await this.measureOn(ms);
  }

  /** The same for so many milliseconds more, with what they have counted before. */
  async measureOn(ms: number): Promise<AllFigures> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#honest.send("end");
    return JSON.parse(await this.#honest.next("{"));
  }

  /** Attacks it until the attacker is disposed of. It says `reached` when it has its full size. */
  attack({ attack, size, sources, more }: Kind): Program {
    const folder = new URL("attacker/", import.meta.url).pathname;
    const target = JSON.stringify({ ...this.#target, certificate: "", sources });
    const enter = this.#namespace?.enter ?? [];
    return new Program([
      ...enter,
      ...pinned(CLIENTS, FIRST.attacker),
      PYTHON!,
      folder,
      attack,
      `${size}`,
      target,
      ...more,
    ]);
  }

  /** A command of the administrator. */
  async admin(...words: string[]) {
    const place = ["--server", `127.0.0.1:${this.#target.mailbox}`, "--data", `${this.#path}/data`];
    await succeed([...this.#namespace?.enter ?? [], ...FROM_SOURCE, "admin", ...words, ...place, ...PATIENT]);
  }

  /** Ends the server as its user would. */
  async end(): Promise<Deno.CommandStatus> {
    return await this.#server.end();
  }

  async [Symbol.asyncDispose]() {
    await this.#stack.disposeAsync();
  }
}

async function succeed(command: readonly string[]) {
  const { code, err } = await runCommand(command);
  if (code !== 0) throw new Error(err);
}

async function targetOf(server: ServerProcess): Promise<Target> {
  const [mailbox, channels, room, roomTls, forum] = [
    await server.ready("mailbox"),
    await server.ready("channels"),
    await server.ready("room"),
    await server.ready("room-tls"),
    await server.ready("forum"),
  ];
  await server.logged("server's key is ");
  const serverKey = /server's key is (\S+)/.exec(server.err)![1]!;
  return { mailbox, channels, room, roomTls, forum, serverKey, certificate: "" };
}

/** A child process that reads and writes lines. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #errors: Promise<string>;
  #said = "";

  get pid(): number {
    return this.#child.pid;
  }

  constructor([program = "", ...args]: readonly string[]) {
    const env = { PYTHONDONTWRITEBYTECODE: "1" };
    const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program, { args, env, ...piped }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#child.stdin.getWriter();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /**
   * Resolves to the next line that begins with this.
   *
   * @throws {Error} The program has ended without it.
   */
  async next(beginning: string): Promise<string> {
    for (;;) {
      const lines = this.#said.split("\n"), whole = lines.slice(0, -1);
      const at = whole.findIndex((line) => line.startsWith(beginning));
      if (at >= 0) {
        this.#said = lines.slice(at + 1).join("\n");
        return whole[at]!;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`Ended without '${beginning}': ${await this.#errors}`);
      this.#said += value;
    }
  }

  async send(line: string) {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  async [Symbol.asyncDispose]() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await this.#input.close().catch(() => {});
    await this.#lines.cancel();
    await this.#errors;
  }
}
