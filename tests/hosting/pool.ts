import { FROM_SOURCE } from "../program.ts";

/** A kept process. */
interface Host {
  /** The port at which it takes a command line; 0 until it has reported it. */
  port: number;
  pid: number;
  /** The connection of the test that has it now. */
  lease: Deno.Conn | undefined;
}

const HOST = new URL("host.ts", import.meta.url).pathname;

/**
 * Keeps processes (`host.ts`), and gives each to one test at a time. A test connects to the pool and is sent the line
 * `PORT PID` of a process; the pool closes the connection when that process is idle again. If the process ends instead,
 * it first sends a line `{"code":…,"signal":…}`. If no process is idle, another one is started.
 */
export class HostPool implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #idle: Host[] = [];
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #lending: Promise<void>;

  constructor() {
    this.#lending = this.#lend();
  }

  /** `HOST:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #lend() {
    for await (const connection of this.#listener) {
      const host = this.#idle.pop();
      if (host === undefined) this.#start(connection);
      else this.#grant(host, connection);
    }
  }

  #grant(host: Host, connection: Deno.Conn) {
    host.lease = connection;
    answer(connection, `${host.port} ${host.pid}`);
  }

  async #start(connection: Deno.Conn) {
    const [program = "", ...args] = FROM_SOURCE.toSpliced(-1, 1, HOST);
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#children.add(child);
    const host: Host = { port: 0, pid: child.pid, lease: connection };
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
        const line = text.slice(0, end);
        if (line === "idle") {
          host.lease?.close();
          host.lease = undefined;
          this.#idle.push(host);
        } else if (host.port === 0) {
          host.port = Number(line);
          this.#grant(host, connection);
        } else {
          // output of a run that went past the streams it was given: the test would miss it
          await Deno.stderr.write(new TextEncoder().encode(`a host wrote: ${line}\n`));
          child.kill("SIGKILL");
        }
      }
    }
    const { code, signal } = await child.status;
    this.#children.delete(child);
    const place = this.#idle.indexOf(host);
    if (place >= 0) this.#idle.splice(place, 1);
    if (host.lease === undefined) return;
    await answer(host.lease, JSON.stringify({ code, signal }));
    host.lease.close();
  }

  async [Symbol.asyncDispose]() {
    this.#listener.close();
    await this.#lending;
    for (const child of this.#children) await child.stdin.close().catch(() => {});
    for (const child of this.#children) await child.status;
  }
}

/** Sends a line to a test, which may be gone. */
async function answer(connection: Deno.Conn, line: string) {
  await connection.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
}
