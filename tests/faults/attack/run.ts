/**
 * Attacks a real server beside an honest client on each of its services.
 *
 * @module
 */

import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";
import type { Figures } from "./figures.ts";
import type { Target } from "./services.ts";
import { residentMiB } from "../form.ts";

/** The program that is attacked: this one, or that of another checkout, to compare them. */
export const MAIN = Deno.env.has("WIREPOST_MAIN")
  ? new URL(Deno.env.get("WIREPOST_MAIN")!, `file://${Deno.cwd()}/`).href
  : new URL("../../../main.ts", import.meta.url).href;

/** The permissions of {@linkcode FROM_SOURCE}. */
const RUN = FROM_SOURCE.slice(0, -1);

export interface Attack {
  /** The attack of `attack.py`, `threads`, or `none`. */
  kind: string;
  /** How many clients, sessions, mailboxes or threads. */
  size: number;
  /** Options of `serve`. */
  serve: readonly string[];
  /** Milliseconds for which the honest clients are counted, once the attack has its full size. */
  duration: number;
}

/** What came of an attack. */
export interface Outcome {
  /** What the honest client of each service counted meanwhile. */
  figures: Record<string, Figures>;
  /** Memory of the server at its end. */
  mib: number;
}

/** Runs the attack. */
export async function run({ kind, size, serve, duration }: Attack): Promise<Outcome> {
  await using directory = await temporaryDirectory();
  await using server = await start([
    ...["mailbox", "0", "channels", "0", "room", "0", "forum", "0"],
    ...["--data", `${directory.path}/data`, ...serve],
  ]);
  const target = await targetOf(server), json = JSON.stringify(target);
  const script = (name: string) => new URL(name, import.meta.url).pathname;
  await using honest = new Program([...RUN, script("honest.ts"), MAIN, json, directory.path]);
  await honest.next("ready");
  const command = kind === "threads"
    ? [...RUN, script("threads.ts"), MAIN, json, `${size}`]
    : ["python3", script("attack.py"), kind, `${size}`, json];
  await using attacker = kind === "none" ? undefined : new Program(command);
  await attacker?.next("reached");
  await honest.send("begin");
  await new Promise((resolve) => setTimeout(resolve, duration));
  const mib = await residentMiB(server.pid);
  await honest.send("end");
  return { figures: JSON.parse(await honest.next("{")), mib };
}

/** A server with as many descriptors as there are. */
function start(args: readonly string[]): Promise<ServerProcess> {
  const [deno = "", ...options] = RUN;
  const main = new URL(MAIN).pathname;
  const command = ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"', deno, ...options, main];
  return ServerProcess.start(args, { command });
}

async function targetOf(server: ServerProcess): Promise<Target> {
  const [mailbox, channels, room, forum] = [
    await server.ready("mailbox"),
    await server.ready("channels"),
    await server.ready("room"),
    await server.ready("forum"),
  ];
  await server.logged("key is ");
  const serverKey = /key is (\S+)/.exec(server.err)![1]!;
  return { mailbox, channels, room, forum, serverKey };
}

/** A child process that reads and writes lines. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #errors: Promise<string>;
  #said = "";

  constructor([program = "", ...args]: readonly string[]) {
    this.#child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
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
