/** Processes that inspect data directories, a few at a time. */

import { type Holding, save } from "./disk.ts";
import type { Found, Inspection } from "./inspect.ts";
import { LineProcess } from "../line_process.ts";

const SCRIPT = new URL("inspect.ts", import.meta.url);

type Inspector = LineProcess<Inspection, Found>;

export class Inspectors implements AsyncDisposable {
  readonly #idle: Inspector[] = [];
  readonly #all: Inspector[] = [];
  readonly #waiting: ((inspector: Inspector) => void)[] = [];
  readonly #directory: string;
  #count = 0;

  private constructor(directory: string, count: number) {
    this.#directory = directory;
    for (let i = 0; i < count; i++) this.#all.push(new LineProcess(SCRIPT));
    this.#idle.push(...this.#all);
  }

  static async start(count: number): Promise<Inspectors> {
    return new Inspectors(await Deno.makeTempDir({ prefix: "wirepost-test-" }), count);
  }

  /** Gives what is found in a directory, which is changed by it. */
  async inspectDirectory(directory: string, sessions: readonly string[]): Promise<Found> {
    return await this.#all[0]!.ask({ directory, sessions });
  }

  /** Resolves once one is free, and gives what it will find in a directory that holds this. */
  async inspect(held: Holding, sessions: readonly string[]): Promise<{ found: Promise<Found> }> {
    const inspector = this.#idle.pop() ??
      await new Promise<Inspector>((resolve) => this.#waiting.push(resolve));
    const directory = `${this.#directory}/${this.#count++}`;
    save(held, directory);
    const found = inspector.ask({ directory, sessions });
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
