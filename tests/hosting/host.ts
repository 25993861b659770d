/**
 * A process that runs the program once for each connection that it gets, one after the other: the same command lines,
 * directory, environment, streams, exit code and signals as in a process of its own, without the time that a process
 * takes to start.
 *
 * It says its port, and then `idle` each time it can run the next, on standard output. It ends with its standard input.
 *
 * @module
 */

import { readInput } from "../../client/terminal/input.ts";
import { main } from "../../main.ts";
import "./fast_passwords.ts";
import { type CommandLine, Frames } from "./frames.ts";

const HOME = Deno.cwd();
const { stdin, stdout } = Deno;

/** Standard input of one run: what has come of it, and nobody has read. */
class Input {
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
    // the test has gone, and with it whoever would end this process
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
  // until then the test may end this process
  await receiving;
  connection.close();
  // a server that could not end cleanly may still hold something
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
