/**
 * Runs the program as a user would: in processes, each test in a directory of its own.
 *
 * @module
 */

import { HostedProcess, HOSTS_VARIABLE, type Process } from "./hosting/hosted_process.ts";
import { PATIENCE_MS } from "./patience.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** What `deno task test` loads into each process, because all have to hash passwords alike. */
const FAST_PASSWORDS = new URL("hosting/fast_passwords.ts", import.meta.url);

const isHosted = Deno.env.has(HOSTS_VARIABLE);
if (isHosted) await import(FAST_PASSWORDS.href);

/** Options of `deno run` in a run of tests. */
export const LOADED: readonly string[] = isHosted ? ["--preload", FAST_PASSWORDS.pathname] : [];

/** How the program is started from source. */
export const FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  ...LOADED,
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys=statfs,uid,networkInterfaces",
  MAIN,
];

/** The environment of every program that a test starts: its data are in its directory, and nobody says who it is. */
const ENVIRONMENT = { WIREPOST_DATA: "parley-data", WIREPOST_SERVER: "", WIREPOST_AS: "", USER: "" };
for (const [name, value] of Object.entries(ENVIRONMENT)) Deno.env.set(name, value);

/** A new directory, which is removed with its content at the end. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "wirepost-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** How a process ended, and what it wrote. */
export interface Result {
  code: number;
  out: string;
  err: string;
}

/** Runs `command` to its end. `input` is its standard input. */
export async function runCommand(
  command: readonly string[],
  options: { input?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  const [program = "", ...args] = command;
  const { input, ...rest } = options;
  const child = new Deno.Command(program, {
    args,
    ...rest,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return await resultOf(child, input);
}

async function resultOf(process: Process, input: string | undefined): Promise<Result> {
  const reading = Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text()]);
  if (input !== undefined) {
    const writer = process.stdin.getWriter();
    // a command that ends before it has read everything is judged by its output
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const [out, err] = await reading;
  return { code: (await process.status).code, out, err };
}

/** Whether tests that need this program are skipped, because it is not installed. In CI nothing is skipped. */
export async function lacks(program: string): Promise<boolean> {
  if (Deno.env.get("CI") !== undefined) return false;
  // what a shell returns for a program that it does not find, also inside a wrapper
  const code = await runCommand([program, "--version"]).then(({ code }) => code, () => 127);
  if (code !== 126 && code !== 127) return false;
  await reportSkipped(`tests that need ${program}, which is not installed`);
  return true;
}

/** A Python 3 that has this module. Without one, tests that need it are skipped, except in CI. */
export async function pythonWith(module: string): Promise<string | undefined> {
  // a Python that came from elsewhere does not have the modules of Debian's packages
  for (const python of ["python3", "/usr/bin/python3"]) {
    const code = await runCommand([python, "-c", `import ${module}`]).then(({ code }) => code, () => 127);
    if (code === 0) return python;
  }
  if (Deno.env.get("CI") !== undefined) throw new Error(`No python3 has the module ${module}`);
  await reportSkipped(`tests that need python3 with the module ${module}, which is not installed`);
}

/** The programs called `nc` that tests know. */
export type Netcat = "openbsd" | "traditional" | "ncat";

/** Which `nc` is installed. If it is none of `usable`, tests that need one are skipped, except in CI. */
export async function netcat(...usable: Netcat[]): Promise<Netcat | undefined> {
  const help = await runCommand(["nc", "-h"]).then(({ out, err }) => out + err, () => "");
  const found = /^OpenBSD netcat/m.test(help)
    ? "openbsd"
    : /^\[v1\.\d+/m.test(help)
    ? "traditional"
    : /^Ncat /m.test(help)
    ? "ncat"
    : undefined;
  if (found !== undefined && usable.includes(found)) return found;
  if (Deno.env.get("CI") !== undefined) throw new Error(`No usable nc: expected ${usable.join(" or ")}`);
  await reportSkipped(`tests that need nc (${usable.join(" or ")}), which is ${found ?? "not installed"}`);
}

async function reportSkipped(what: string) {
  await Deno.stderr.write(new TextEncoder().encode(`skipped: ${what}\n`));
}

/**
 * Starts a subcommand of the program. A process that has run others before runs it, as long as `deno task test` keeps
 * such processes; {@linkcode runCommand} with {@linkcode FROM_SOURCE} starts a process of its own.
 *
 * @param options `input` says whether it gets one.
 */
export async function startProgram(
  args: readonly string[],
  options: { input: "null" | "piped"; cwd?: string; env?: Record<string, string> },
): Promise<Process> {
  const { input, cwd = Deno.cwd(), env = {} } = options;
  // what --exec runs writes to the streams of its process
  const hosted = args.includes("--exec")
    ? undefined
    : await HostedProcess.start({ args, cwd, env: { ...Deno.env.toObject(), ...env } }, input);
  if (hosted !== undefined) return hosted;
  const [program = "", ...before] = FROM_SOURCE;
  return new Deno.Command(program, {
    args: [...before, ...args],
    cwd,
    env,
    stdin: input,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a subcommand of the program to its end. */
export async function wirepost(
  args: readonly string[],
  options: { input?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  const { input, ...rest } = options;
  const process = await startProgram(args, { ...rest, input: input === undefined ? "null" : "piped" });
  return await resultOf(process, input);
}

/** The first line about where a service listens. `service` is a pattern of its name. */
function readyLine(service: string): RegExp {
  return new RegExp(
    `^(?:${service} |\\{.*"service":"${service}","what":")listening on [^"\n]*:(\\d+)"?\\}?\n`,
    "m",
  );
}

/** A server in a process of its own. */
export class ServerProcess implements AsyncDisposable {
  /** What it has written to standard output until now. */
  out = "";
  /** What it has written to standard error until now: also the ready lines, if a service alone has a console. */
  err = "";
  readonly #child: Process;
  /** For its temporary files, which it can't remove if it is killed. */
  readonly #temporary: AsyncDisposable;
  #removed: PromiseLike<void> | undefined;
  readonly #reading: Promise<unknown>;
  #wrote: (() => void) | undefined;

  private constructor(child: Process, temporary: AsyncDisposable) {
    this.#child = child;
    this.#temporary = temporary;
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, add: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        add(text);
        this.#wrote?.();
      }
    };
    this.#reading = Promise.all([
      read(child.stdout, (text) => this.out += text),
      read(child.stderr, (text) => this.err += text),
    ]);
  }

  /**
   * Starts `serve` with these arguments, and waits for its first ready line.
   *
   * @param options With a `command`, such as {@linkcode FROM_SOURCE}, it has a process of its own.
   */
  static async start(
    args: readonly string[],
    options: { cwd?: string; command?: readonly string[] } = {},
  ): Promise<ServerProcess> {
    const { command, cwd = Deno.cwd() } = options;
    const temporary = await temporaryDirectory();
    const env = { TMPDIR: temporary.path };
    let child: Process;
    if (command === undefined) child = await startProgram(["serve", ...args], { cwd, env, input: "null" });
    else {
      const [program = "", ...before] = command;
      child = new Deno.Command(program, {
        args: [...before, "serve", ...args],
        cwd,
        env,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    }
    const server = new ServerProcess(child, temporary);
    try {
      await server.#listening("[\\w-]+");
    } catch (error) {
      await server.ended();
      throw error;
    }
    return server;
  }

  /** Port of the address that its first ready line names. */
  get port(): number {
    return Number(readyLine("[\\w-]+").exec(`${this.out}\n${this.err}`)?.[1]);
  }

  /** Resolves to the port of the first address of this service, once it listens. */
  ready(service: string): Promise<number> {
    return this.#listening(service);
  }

  /** @param service A pattern of its name. */
  async #listening(service: string): Promise<number> {
    const line = readyLine(service);
    const ended = this.#reading.then(() => {
      if (!line.test(this.out) && !line.test(this.err)) {
        throw new Error(`Server ended before ${service} was ready: ${this.err}`);
      }
    });
    // there may be no one waiting for it
    ended.catch(() => {});
    for (;;) {
      const port = (line.exec(this.out) ?? line.exec(this.err))?.[1];
      if (port !== undefined) return Number(port);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wrote = resolve;
      await Promise.race([promise, ended]);
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** `127.0.0.1:PORT`, for `--server`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when it has logged this so many times, or on its console. Only one caller can wait. */
  async logged(text: string, times = 1): Promise<void> {
    const count = (written: string) => written.split(text).length - 1;
    const isThere = () => count(this.err) + count(this.out) >= times;
    const ended = this.#reading.then(() => {
      if (!isThere()) throw new Error(`Server ended and did not log '${text}': ${this.err}`);
    });
    while (!isThere()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wrote = resolve;
      await Promise.race([promise, ended]);
    }
  }

  /** Resolves when it has ended, for any reason. */
  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    await this.#reading;
    await (this.#removed ??= this.#temporary[Symbol.asyncDispose]());
    return status;
  }

  /** Sends the signal, and waits until it has ended. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended already
    }
    return await this.ended();
  }

  async [Symbol.asyncDispose]() {
    // a process that others can use after it goes on
    await this.end(this.#child instanceof HostedProcess ? "SIGTERM" : "SIGKILL");
  }
}

/** A client's socket: sends datagrams to a server, and receives the replies. */
export class Peer implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;
  readonly #buffer = new Uint8Array(65_536);

  /** @param from Its own address; by default the server's. */
  constructor(port: number, hostname = "127.0.0.1", from = hostname) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
    this.#server = { transport: "udp", hostname, port };
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async send(datagram: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#socket.send(
      typeof datagram === "string" ? new TextEncoder().encode(datagram) : datagram,
      this.#server,
    );
  }

  /** @throws {Error} Nothing came: better than a test that never ends. */
  async receive(): Promise<string> {
    let isWaiting = true;
    const timer = setTimeout(() => {
      isWaiting = false;
      this.mark("");
    }, PATIENCE_MS);
    try {
      const [datagram] = await this.#socket.receive(this.#buffer);
      if (!isWaiting) throw new Error(`Nothing came within ${PATIENCE_MS / 1000} s`);
      return new TextDecoder().decode(datagram);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends and waits for one datagram. */
  async ask(datagram: string): Promise<string> {
    await this.send(datagram);
    return await this.receive();
  }

  /** Makes `receive` return this text after everything that has arrived until now. */
  async mark(text: string): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(text), this.#socket.addr as Deno.NetAddr);
  }

  [Symbol.dispose]() {
    this.#socket.close();
  }
}
