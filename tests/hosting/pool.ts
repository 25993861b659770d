import { FROM_SOURCE } from "../program.ts";

/** A host, and who waits to hear how it ended. */
interface Host {
  port: number;
  pid: number;
  lease: Deno.Conn | undefined;
}

const HOST = new URL("host.ts", import.meta.url).pathname;

/**
 * Keeps hosts, and lends each to one test at a time. A connection to it is answered with the port and the process ID of
 * a host, and, if that ends by itself, with its exit code and signal. Where all are lent, another is started.
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
          // output that belongs to a run, and does not get there
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

/** The one who waits for it may have gone. */
async function answer(connection: Deno.Conn, line: string) {
  await connection.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
}
