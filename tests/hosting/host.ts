/**
 * A kept process. It runs the program once for each connection that it gets, one after the other, as a process of its
 * own would: with the test's arguments, directory, environment, standard streams, exit code and signals, but without the
 * time that a process takes to start. For that, it replaces `Deno.stdin`, `Deno.stdout` and `Deno.stderr`.
 *
 * For the pool (`pool.ts`), which starts it, it writes a line with its port to standard output, and then the line `idle`
 * each time a run is over. It ends when its standard input ends, so none is left behind when the pool is gone.
 *
 * @module
 */

import { readInput } from "../../client/terminal/input.ts";
import { main } from "../../main.ts";
import "./fast_passwords.ts";
import { type CommandLine, Frames } from "./frames.ts";

const HOME = Deno.cwd();
const { stdin, stdout } = Deno;

/** Standard input of one run. */
class Input {
  /** What has come and was not read yet. */
  readonly #chunks: Uint8Array[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  add(bytes: Uint8Array) {
    this.#chunks.push(bytes);
    this.#wake?.();
  }

  end() {
    this.#isOver = true;
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#isOver) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks[0]!, count = Math.min(buffer.length, chunk.length);
    buffer.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks[0] = chunk.subarray(count);
    else this.#chunks.shift();
    return count;
  }

  isTerminal() {
    return false;
  }
}

function output(frames: Frames, kind: "o" | "r") {
  return {
    isTerminal: () => false,
    async write(bytes: Uint8Array): Promise<number> {
      await frames.send(kind, bytes);
      return bytes.length;
    },
  };
}

function setEnvironment(env: Record<string, string>) {
  for (const name of Object.keys(Deno.env.toObject())) if (!(name in env)) Deno.env.delete(name);
  for (const [name, value] of Object.entries(env)) {
    if (Deno.env.get(name) !== value) Deno.env.set(name, value);
  }
}

async function run(connection: Deno.Conn): Promise<void> {
  const frames = new Frames(connection);
  const start = await frames.receive();
  if (start === undefined) return connection.close();
  const { args, cwd, env }: CommandLine = JSON.parse(new TextDecoder().decode(start.content));
  const input = new Input();
  let isOver = false;
  const receiving = (async () => {
    for (let frame; (frame = await frames.receive()) !== undefined;) {
      if (frame.kind === "i") input.add(frame.content);
      else input.end();
    }
    // the test is gone, and nobody else ends a run that has no end of its own, such as a server
    if (!isOver) Deno.exit(1);
  })();
  Object.assign(Deno, { stdin: input, stdout: output(frames, "o"), stderr: output(frames, "r") });
  Deno.chdir(cwd);
  setEnvironment(env);
  const code = await main(args);
  isOver = true;
  // what was not read is not for the next run
  input.end();
  while (await readInput() !== null);
  Deno.chdir(HOME);
  await frames.send("x", `${code}`);
  // until the test closes the connection it may still send a signal, which must not hit the next run
  await receiving;
  connection.close();
  // a server that failed may still hold files or ports
  if (args[0] === "serve" && code === 1) Deno.exit(1);
  await say("idle");
}

async function say(line: string) {
  await stdout.write(new TextEncoder().encode(`${line}\n`));
}

async function endWithInput() {
  const buffer = new Uint8Array(1);
  while (await stdin.read(buffer) !== null);
  Deno.exit(0);
}

endWithInput();
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
await say(`${listener.addr.port}`);
for await (const connection of listener) await run(connection);
