import { FROM_SOURCE } from "../program.ts";

/** Milliseconds after which a line counts as not coming: more than any load explains. */
const PATIENCE = 60_000;

const encoder = new TextEncoder();

/** `parley forum` in a process of its own, in a directory of its own, whose user is a pipe. */
export class ForumUser implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #errors: Promise<string>;
  readonly #out: ReadableStreamDefaultReader<string>;
  #rest = "";
  #isOpen = true;

  /** @param cwd Where it runs, and remembers servers. */
  constructor(port: number, cwd: string) {
    const [program = "", ...args] = FROM_SOURCE;
    const child = this.#child = new Deno.Command(program, {
      args: [...args, "forum", "127.0.0.1", `${port}`],
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state` },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#keys = child.stdin.getWriter();
    this.#out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(child.stderr).text();
  }

  /** Types this line. Gives the next so many lines that are told. */
  async say(line: string, told: number): Promise<string[]> {
    await this.#keys.write(encoder.encode(`${line}\n`));
    const lines: string[] = [];
    while (lines.length < told) lines.push(await this.#line(line));
    return lines;
  }

  async #line(typed: string): Promise<string> {
    // better than a test that never ends
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE);
    try {
      for (;;) {
        const end = this.#rest.indexOf("\n");
        if (end >= 0) {
          const line = this.#rest.slice(0, end);
          this.#rest = this.#rest.slice(end + 1);
          return line;
        }
        const { value, done } = await this.#out.read();
        if (done) throw new Error(`The client ended after '${typed}': ${this.#rest}${await this.#errors}`);
        this.#rest += value;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Has no more to say. Gives what it came to, `out` being what was told beyond what was asked for. */
  async end(): Promise<{ code: number; out: string; err: string }> {
    this.#isOpen = false;
    await this.#keys.close().catch(() => {});
    for (let read = await this.#out.read(); !read.done; read = await this.#out.read()) {
      this.#rest += read.value;
    }
    const { code } = await this.#child.status;
    return { code, out: this.#rest, err: await this.#errors };
  }

  /** Ends it without a warning. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.end();
  }

  async [Symbol.asyncDispose]() {
    if (!this.#isOpen) return;
    await this.kill().catch(() => {});
  }
}
