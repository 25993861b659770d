/**
 * The test's side of a kept process: what a test uses like a `Deno.ChildProcess`.
 *
 * @module
 */

import { type CommandLine, Frames } from "./frames.ts";

/** The environment variable with the address of the pool, `HOST:PORT`. `tests/run.ts` sets it for all tests. */
export const HOSTS_VARIABLE = "WIREPOST_TEST_HOSTS";

/** What a test uses of a process. */
export interface Process extends Pick<Deno.ChildProcess, "pid" | "stdin" | "status" | "kill"> {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** One run of the program in a kept process, which runs it for many tests, one after the other. */
export class HostedProcess implements Process {
  readonly pid: number;
  readonly stdin: WritableStream<Uint8Array<ArrayBuffer>>;
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<Deno.CommandStatus>;
  /** To the pool: the process is this test's until the pool closes it. */
  readonly #lease: Deno.Conn;
  /** To the kept process. */
  readonly #connection: Deno.Conn;
  readonly #frames: Frames;
  #isOver = false;

  private constructor(lease: Deno.Conn, connection: Deno.Conn, pid: number) {
    this.#lease = lease;
    this.#connection = connection;
    this.pid = pid;
    const frames = this.#frames = new Frames(connection);
    this.stdin = new WritableStream({
      write: (bytes) => frames.send("i", bytes),
      close: () => frames.send("e"),
    });
    const out = new TransformStream<Uint8Array<ArrayBuffer>>(undefined, undefined, {
      highWaterMark: Infinity,
    });
    const err = new TransformStream<Uint8Array<ArrayBuffer>>(undefined, undefined, {
      highWaterMark: Infinity,
    });
    this.stdout = out.readable;
    this.stderr = err.readable;
    this.status = this.#receive({ o: out.writable.getWriter(), r: err.writable.getWriter() });
  }

  /**
   * Starts a run. Returns undefined if there is no pool, as under `deno test` alone.
   *
   * @throws {Error} No process could be started.
   */
  static async start(commandLine: CommandLine, input: "null" | "piped"): Promise<HostedProcess | undefined> {
    const pool = Deno.env.get(HOSTS_VARIABLE);
    if (pool === undefined) return undefined;
    const lease = await connect(Number(pool.split(":")[1]));
    const granted = await readLine(lease), [, port, pid] = /^(\d+) (\d+)$/.exec(granted)?.map(Number) ?? [];
    if (port === undefined || pid === undefined) {
      lease.close();
      throw new Error(`Cannot start a process to run the program in: ${granted}`);
    }
    const process = new HostedProcess(lease, await connect(port), pid);
    await process.#frames.send("s", JSON.stringify(commandLine));
    if (input === "null") await process.#frames.send("e");
    return process;
  }

  async #receive(writers: Record<"o" | "r", WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>>) {
    let code: number | undefined;
    for (let frame; code === undefined && (frame = await this.#frames.receive()) !== undefined;) {
      if (frame.kind === "x") code = Number(new TextDecoder().decode(frame.content));
      else await writers[frame.kind as "o" | "r"].write(frame.content);
    }
    this.#isOver = true;
    this.#connection.close();
    // the pool answers once the process is idle or gone: before, it may hold files and ports
    const ended = await readLine(this.#lease);
    this.#lease.close();
    const status: { code: number; signal: Deno.Signal | null } = code === undefined
      ? JSON.parse(ended)
      : { code, signal: null };
    await Promise.all([writers.o.close(), writers.r.close()]);
    return { ...status, success: status.code === 0 };
  }

  /** @throws {TypeError} The run has ended. */
  kill(signal: Deno.Signal = "SIGTERM") {
    if (this.#isOver) throw new TypeError("The run has ended");
    Deno.kill(this.pid, signal);
  }
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Empty at the end of the connection. */
async function readLine(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(256);
  let text = "";
  while (!text.endsWith("\n")) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text.trimEnd();
}
