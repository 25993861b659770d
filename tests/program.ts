/**
 * Runs the program as a user would: in processes, each test in a directory of its own.
 *
 * @module
 */

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** How the program is started from source. */
export const FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  MAIN,
];

/** What a process came to. */
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
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    // one that ends before it has read all is judged by what it says
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Runs a subcommand of the program to its end. */
export function parley(
  args: readonly string[],
  options: { input?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  return runCommand([...FROM_SOURCE, ...args], options);
}

/** A server in a process of its own. */
export class ServerProcess implements AsyncDisposable {
  /** What it has written to standard error until now. */
  err = "";
  /** Ports of the addresses that its ready lines named. */
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  private constructor(child: Deno.ChildProcess, port: number, out: ReadableStreamDefaultReader<string>) {
    this.#child = child;
    this.port = port;
    const reading = async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) this.err += text;
    };
    const draining = async () => {
      while (!(await out.read()).done);
    };
    this.#reading = Promise.all([reading(), draining()]);
  }

  /** Starts `serve` with these arguments, and waits for its first ready line. */
  static async start(
    args: readonly string[],
    options: { cwd?: string; command?: readonly string[] } = {},
  ): Promise<ServerProcess> {
    const [program = "", ...before] = options.command ?? FROM_SOURCE;
    const child = new Deno.Command(program, {
      args: [...before, "serve", ...args],
      ...options.cwd === undefined ? {} : { cwd: options.cwd },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await out.read();
      if (done) {
        const err = await new Response(child.stderr).text();
        await child.status;
        throw new Error(`Server ended before it was ready: ${err}`);
      }
      text += value;
    }
    const port = Number(/:(\d+)\n/.exec(text)?.[1]);
    return new ServerProcess(child, port, out);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** `127.0.0.1:PORT`, for `--server`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when it has ended, by whatever. */
  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    await this.#reading;
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
    await this.end("SIGKILL");
  }
}

/** A socket as any client has it: sends datagrams to a server, and waits for what comes back. */
export class Peer implements Disposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #server: Deno.NetAddr;

  constructor(port: number) {
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
  }

  async send(datagram: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#socket.send(
      typeof datagram === "string" ? new TextEncoder().encode(datagram) : datagram,
      this.#server,
    );
  }

  async receive(): Promise<string> {
    const [datagram] = await this.#socket.receive(new Uint8Array(65_536));
    return new TextDecoder().decode(datagram);
  }

  /** Sends and waits for one datagram. */
  async ask(datagram: string): Promise<string> {
    await this.send(datagram);
    return await this.receive();
  }

  [Symbol.dispose]() {
    this.#socket.close();
  }
}
