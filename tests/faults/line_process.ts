/**
 * A process that answers questions in JSON, one a line: what a question may break breaks that process.
 *
 * @module
 */

import { FROM_SOURCE } from "../program.ts";

export class LineProcess<Question, Answer> implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;
  readonly #err: Promise<string>;

  /** @param script It calls {@linkcode answerLines}. */
  constructor(script: URL) {
    this.#child = new Deno.Command(FROM_SOURCE[0]!, {
      args: [...FROM_SOURCE.slice(1, -1), script.pathname],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
    this.#err = new Response(this.#child.stderr).text();
  }

  /** @throws {Error} The process has ended; the message is what it wrote to standard error. */
  async ask(question: Question): Promise<Answer> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`)).catch(() => {});
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The process has ended: ${await this.#err}`);
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose]() {
    await this.#writer.close().catch(() => {});
    // it may still write what nobody asks for
    while (!(await this.#lines.next()).done);
    await this.#child.status;
    await this.#err;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Answers each line of standard input with one of standard output, until it ends. */
export async function answerLines<Question, Answer>(answer: (question: Question) => Promise<Answer>) {
  for await (const line of linesOf(Deno.stdin.readable)) {
    const bytes = new TextEncoder().encode(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}
