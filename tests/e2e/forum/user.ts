import { ENTER_COMMAND, SEND_TO_SERVER } from "../../../protocol/forum/forum_text.ts";
import { PATIENCE_MS } from "../../patience.ts";
import type { Process } from "../../hosting/hosted_process.ts";
import { startProgram } from "../../program.ts";

const encoder = new TextEncoder();

/** Prompts at the beginning of a line: in a pipe, what is typed behind them is not to be seen. */
const PROMPTS = new RegExp(
  `^(?:Enter username: |Enter password: |Enter new password for [^ ]+: |${ENTER_COMMAND})+`,
);

/**
 * `wirepost forum` in a directory of its own. Its user is a pipe. Its lines are the texts
 * without the prompts, and without the lines that the client begins with.
 */
export class ForumUser implements AsyncDisposable {
  readonly #started: Promise<{ child: Process; keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> }>;
  readonly #reading: Promise<unknown>;
  /** What it has written, and nobody has read. */
  readonly #written = { out: "", err: "" };
  #wrote: (() => void) | undefined;
  #isOver = false;
  /** Whether the empty line after the greeting is still to come. */
  #isGreeted = false;
  #isOpen = true;

  /**
   * @param cwd Directory of the process and of its known servers.
   * @param options Further arguments.
   */
  constructor(port: number, cwd: string, options: readonly string[] = []) {
    this.#started = startProgram(["forum", "127.0.0.1", `${port}`, ...options], {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state` },
      input: "piped",
    }).then((child) => ({ child, keys: child.stdin.getWriter() }));
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, to: "out" | "err") => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        this.#written[to] += text;
        this.#wrote?.();
      }
    };
    this.#reading = this.#started.then(async ({ child }) => {
      await Promise.all([read(child.stdout, "out"), read(child.stderr, "err")]);
      this.#isOver = true;
      this.#wrote?.();
    });
  }

  /** Types this line. Gives the next `count` lines, be they results or not. */
  async say(line: string, count: number): Promise<string[]> {
    await (await this.#started).keys.write(encoder.encode(`${line}\n`));
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.#line(line));
    return lines;
  }

  async #line(typed: string): Promise<string> {
    const { child } = await this.#started;
    // better than a test that never ends
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    const written = this.#written;
    try {
      for (;;) {
        for (const from of ["out", "err"] as const) {
          const line = this.#next(from);
          if (line !== undefined) return line;
        }
        if (this.#isOver) throw new Error(`The client ended after '${typed}': ${written.out}${written.err}`);
        await new Promise<void>((resolve) => this.#wrote = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next line, if it is there. */
  #next(from: "out" | "err"): string | undefined {
    const written = this.#written;
    for (;;) {
      const end = written[from].indexOf("\n");
      if (end < 0) return undefined;
      const line = written[from].slice(0, end).replace(PROMPTS, "");
      written[from] = written[from].slice(end + 1);
      if (from === "err") return line;
      const isBlank = this.#isGreeted && line === "";
      this.#isGreeted = line === SEND_TO_SERVER;
      if (!this.#isGreeted && !isBlank) return line;
    }
  }

  /** Ends the input. Gives the exit code, and the lines that nobody has read. */
  async end(): Promise<{ code: number; out: string; err: string }> {
    this.#isOpen = false;
    await (await this.#started).keys.close().catch(() => {});
    return await this.#ended();
  }

  /** Sends it a signal, and gives what it came to. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<{ code: number; out: string; err: string }> {
    const { child, keys } = await this.#started;
    child.kill(signal);
    const result = await this.#ended();
    this.#isOpen = false;
    await keys.close().catch(() => {});
    return result;
  }

  async #ended() {
    await this.#reading;
    const { code } = await (await this.#started).child.status;
    const rest = { out: "", err: "" };
    for (const from of ["out", "err"] as const) {
      for (let line; (line = this.#next(from)) !== undefined;) rest[from] += `${line}\n`;
      rest[from] += this.#written[from].replace(PROMPTS, "");
    }
    return { code, ...rest };
  }

  async [Symbol.asyncDispose]() {
    // at the end of its input it leaves
    if (this.#isOpen) await this.end();
  }
}
