/**
 * A real terminal: a tmux server of its own, used in control mode, which reports each output when it comes.
 *
 * @module
 */

import { runCommand, temporaryDirectory } from "../program.ts";
import { PATIENCE_MS } from "../patience.ts";

const encoder = new TextEncoder();

/** What `%output` escapes: `\033` and `\134`. */
const OCTAL = /\\([0-7]{3})/g;
// deno-lint-ignore no-control-regex -- the sequences that a terminal obeys
const SEQUENCES = /\x1b(?:\[[0-9;?]*[A-Za-z]|\(B)/g;

export class Terminal implements AsyncDisposable {
  /** All that was written to it, sequences too. */
  written = "";
  /** All that was shown since the last {@linkcode shows} took effect, without colours. */
  #shown = "";
  #wake: (() => void) | undefined;
  #over = false;
  readonly #directory: AsyncDisposable & { path: string };
  readonly #tmux: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;

  private constructor(directory: AsyncDisposable & { path: string }, tmux: Deno.ChildProcess) {
    this.#directory = directory;
    this.#tmux = tmux;
    this.#keys = tmux.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Opens one of this size in which `command` runs, a shell's command line. */
  static async open(command: string, { columns, rows } = { columns: 100, rows: 30 }): Promise<Terminal> {
    const directory = await temporaryDirectory();
    const tmux = new Deno.Command("tmux", {
      args: [
        ...["-u", "-S", `${directory.path}/socket`, "-f", "/dev/null", "-C"],
        ...["new-session", "-x", `${columns}`, "-y", `${rows}`, command],
      ],
      // in colour, also if NO_COLOR is set where the tests run
      env: { TERM: "xterm-256color", NO_COLOR: "", TMUX: "", SHELL: "/bin/sh" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    return new Terminal(directory, tmux);
  }

  async #read() {
    let rest = "";
    for await (const text of this.#tmux.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const output = /^%output %\d+ (.*)$/s.exec(line)?.[1] ?? "";
        const written = output.replace(OCTAL, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
        this.written += written;
        this.#shown += written.replace(SEQUENCES, "");
      }
      this.#wake?.();
    }
    this.#over = true;
    this.#wake?.();
  }

  /** Types this text and the key, as tmux calls it: `Enter`, `C-d`. */
  async type(text: string, key = "Enter") {
    const literal = text === "" ? "" : `send-keys -l -- '${text.replaceAll("'", `'\\''`)}'\n`;
    await this.#keys.write(encoder.encode(`${literal}send-keys ${key}\n`));
  }

  /** Pastes this text as a terminal does: marked as pasted if the program asked for that, unless `plain`. */
  async paste(text: string, plain = false) {
    await Deno.writeTextFile(`${this.#directory.path}/paste`, text);
    await this.#keys.write(
      encoder.encode(`load-buffer ${this.#directory.path}/paste\npaste-buffer ${plain ? "" : "-p"}\n`),
    );
  }

  /** Sets its width in columns. */
  async resize(columns: number) {
    await this.#keys.write(encoder.encode(`resize-window -x ${columns}\n`));
  }

  /** What is on the screen and above it, `|` at the cursor. */
  async screen(): Promise<string> {
    const tmux = async (...args: string[]) =>
      (await runCommand(["tmux", "-u", "-S", `${this.#directory.path}/socket`, ...args])).out;
    const cursor = await tmux("display-message", "-p", "#{cursor_x} #{cursor_y} #{history_size}");
    const [column = 0, line = 0, above = 0] = cursor.split(" ").map(Number), row = above + line;
    const rows = (await tmux("capture-pane", "-p", "-N", "-S", "-")).split("\n");
    return rows.map((text, i) => {
      // by columns, which are characters if all are narrow
      return i === row
        ? `${text.slice(0, column).padEnd(column)}|${text.slice(column).trimEnd()}`
        : text.trimEnd();
    }).join("\n").trimEnd();
  }

  /**
   * Waits until this is on the screen, as {@linkcode screen} has it.
   *
   * @throws {Error} It does not come.
   */
  async holds(text: string) {
    let patient = true, screen = "";
    const timer = setTimeout(() => {
      patient = false;
      this.#wake?.();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        screen = await this.screen();
        if (screen.includes(text)) return;
        if (!patient || this.#over) throw new Error(`Terminal shows\n${screen}\nand not\n${text}`);
        await promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits until the text is shown, and forgets what was shown up to its end. Gives what came before it.
   *
   * @throws {Error} It does not come.
   */
  async shows(text: string): Promise<string> {
    let patient = true;
    const timer = setTimeout(() => {
      patient = false;
      this.#wake?.();
    }, PATIENCE_MS);
    try {
      return await this.#shows(text, () => patient);
    } finally {
      clearTimeout(timer);
    }
  }

  async #shows(text: string, patient: () => boolean): Promise<string> {
    for (;;) {
      const at = this.#shown.indexOf(text);
      if (at >= 0) {
        const before = this.#shown.slice(0, at);
        this.#shown = this.#shown.slice(at + text.length);
        return before;
      }
      if (this.#over || !patient()) {
        throw new Error(`Terminal did not show '${text}', but ${JSON.stringify(this.#shown)}`);
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Ends everything in it. */
  async [Symbol.asyncDispose]() {
    await this.#keys.write(encoder.encode("kill-server\n")).catch(() => {});
    await this.#keys.close().catch(() => {});
    await this.#tmux.status;
    await this.#reading;
    await this.#directory[Symbol.asyncDispose]();
  }
}
