/** Processes that inspect data directories, a few at a time. */

import { FROM_SOURCE } from "../../program.ts";
import { type Holding, save } from "./disk.ts";
import type { Found, Inspection } from "./inspect.ts";

const SCRIPT = new URL("inspect.ts", import.meta.url).pathname;

/** Memory serves better than a disk: nothing has to survive. */
const MEMORY = "/dev/shm";

class Inspector implements AsyncDisposable {
  readonly #child = new Deno.Command(FROM_SOURCE[0]!, {
    args: [...FROM_SOURCE.slice(1, -1), SCRIPT],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  readonly #writer = this.#child.stdin.getWriter();
  readonly #lines = this.#read();
  readonly #err = new Response(this.#child.stderr).text();

  async *#read(): AsyncGenerator<string> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  }

  async inspect(inspection: Inspection): Promise<Found> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(inspection)}\n`)).catch(() => {});
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`What opens ${inspection.directory} has ended: ${await this.#err}`);
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose]() {
    await this.#writer.close().catch(() => {});
    await this.#lines.return(undefined).catch(() => {});
    await this.#child.status;
    await this.#err;
  }
}

export class Inspectors implements AsyncDisposable {
  readonly #idle: Inspector[] = [];
  readonly #all: Inspector[] = [];
  readonly #waiting: ((inspector: Inspector) => void)[] = [];
  readonly #directory: string;
  #count = 0;

  private constructor(directory: string, count: number) {
    this.#directory = directory;
    for (let i = 0; i < count; i++) this.#all.push(new Inspector());
    this.#idle.push(...this.#all);
  }

  static async start(count: number): Promise<Inspectors> {
    const isThere = await Deno.stat(MEMORY).then(({ isDirectory }) => isDirectory, () => false);
    const options = { prefix: "wirepost-test-", ...isThere && { dir: MEMORY } };
    return new Inspectors(await Deno.makeTempDir(options), count);
  }

  /** Gives what is found in a directory, which is changed by it. */
  async inspectDirectory(directory: string, sessions: readonly string[]): Promise<Found> {
    return await this.#all[0]!.inspect({ directory, sessions });
  }

  /** Resolves once one is free, and gives what it will find in a directory that holds this. */
  async inspect(held: Holding, sessions: readonly string[]): Promise<{ found: Promise<Found> }> {
    const inspector = this.#idle.pop() ??
      await new Promise<Inspector>((resolve) => this.#waiting.push(resolve));
    const directory = `${this.#directory}/${this.#count++}`;
    save(held, directory);
    const found = inspector.inspect({ directory, sessions });
    const free = async () => {
      await Deno.remove(directory, { recursive: true });
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(inspector);
      else next(inspector);
    };
    return { found: found.finally(free) };
  }

  async [Symbol.asyncDispose]() {
    for (const inspector of this.#all) await inspector[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
