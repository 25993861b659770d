import { assert, assertEquals } from "@std/assert";
import { LOADED } from "../program.ts";

/** A client in a process of its own, and the lines that it prints. */
export class ClientProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  readonly #errors: Promise<string>;
  #enough = Infinity;
  #reached = Promise.withResolvers<void>();

  constructor(script: string, args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...LOADED,
        "--no-prompt",
        "--allow-net",
        new URL(script, import.meta.url).pathname,
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#errors = new Response(this.#child.stderr).text();
    this.#reading = this.#read();
  }

  async #read() {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      // an incomplete line when it is killed does not count
      rest = lines.pop()!;
      this.lines.push(...lines);
      if (this.lines.length >= this.#enough) this.#reached.resolve();
    }
    this.#reached.resolve();
  }

  /** Resolves when it has printed this number of lines. */
  async printed(lines: number) {
    this.#enough = lines;
    if (this.lines.length >= lines) return;
    await this.#reached.promise;
    assert(this.lines.length >= lines, "the client ended by itself");
  }

  /** Ends it without a warning. Gives all that it printed. */
  async kill(): Promise<readonly string[]> {
    this.#child.kill("SIGKILL");
    const { signal } = await this.#child.status;
    await this.#reading;
    assertEquals(signal, "SIGKILL", `the client ended by itself: ${await this.#errors}`);
    return this.lines;
  }

  async [Symbol.asyncDispose]() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await this.#reading;
    await this.#errors;
  }
}
