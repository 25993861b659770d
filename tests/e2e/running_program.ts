/** A program that runs, what it has printed, and its input. */
export class RunningProgram implements AsyncDisposable {
  /** Standard output until now. */
  out = "";
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  #wake = () => {};
  #isOver = false;

  constructor([program = "", ...args]: readonly string[]) {
    this.#process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
      .spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  async #read() {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.out += text;
      this.#wake();
    }
    this.#isOver = true;
    this.#wake();
  }

  /** Resolves when it has printed this. */
  async printed(text: string) {
    while (!this.out.includes(text)) {
      if (this.#isOver) throw new Error(`The program ended before '${text}', and printed: ${this.out}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async say(text: string) {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Closes its input. Resolves to its exit code. */
  async end(): Promise<number> {
    await this.#input.close();
    return await this.ended();
  }

  /** Resolves to its exit code. */
  async ended(): Promise<number> {
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose]() {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.ended();
    await this.#input.close().catch(() => {});
  }
}
