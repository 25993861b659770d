/**
 * The bench's side of a load (`load/loop.ts`).
 *
 * @module
 */

import { type Failure, type Figures, type Order } from "./load/loop.ts";
import { withFiles } from "./peers.ts";
import type { Load } from "./rows.ts";

/** Milliseconds beyond its own time after which a measurement has failed: more than any load explains. */
const LATE_MS = 60_000;

/** Where the loads are, and the versions of the packages that they use. */
const LOADS = new URL("load/", import.meta.url).pathname;

export class LoadProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #text = "";

  /** @param args Its arguments. */
  constructor({ script, isFromNpm }: Load, args: readonly string[]) {
    const [program = "", ...rest] = withFiles([
      Deno.execPath(),
      ...["run", "--no-check", "--no-prompt", "--no-config", "--unstable-net", "--allow-all"],
      // what is in a lock file is fetched, whether it is used or not
      ...isFromNpm ? ["--lock", `${LOADS}deno.lock`, "--frozen"] : ["--no-lock"],
      `${LOADS}${script}`,
      ...args,
    ]);
    this.#child = new Deno.Command(program, {
      args: rest,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /**
   * Carries out one measurement.
   *
   * @param ms How long it takes by itself.
   * @param signal Ends it, and the process.
   * @throws {Error} It failed, or the process has ended.
   */
  async measure(order: Order, ms: number, signal: AbortSignal): Promise<Figures> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#kill();
    }, ms + LATE_MS);
    const kill = () => this.#kill();
    signal.addEventListener("abort", kill);
    try {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`)).catch(() => {});
      const line = await this.#line();
      if (isLate) throw new Error(`no result within ${(ms + LATE_MS) / 1000} s`);
      if (line === undefined) throw new Error(firstLine(await this.#errors) || "the load ended");
      const answer: Figures | Failure = JSON.parse(line);
      if (typeof answer.error === "string") throw new Error(answer.error);
      return answer as Figures;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    }
  }

  #kill() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended already
    }
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  async [Symbol.asyncDispose]() {
    // what it measured is known
    this.#kill();
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#errors;
    await this.#child.status;
  }
}

/** What went wrong, without Deno's stack. */
function firstLine(errors: string): string {
  return errors.split("\n").find((line) => line.includes("rror")) ?? "";
}
