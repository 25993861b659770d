/**
 * What `chat` and `room` have in common: somebody writes, others answer, until one of the two leaves.
 *
 * @module
 */

import { MAX_TIMER } from "../stream/connection.ts";
import { CLOSE_TIMEOUT_MS, type StreamClient } from "../stream/stream_client.ts";
import type { LineEditor } from "../terminal/line_editor.ts";
import { openLineEditor } from "../terminal/open_line_editor.ts";
import { escapeControls, write, writeError } from "../terminal/output.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

/** Milliseconds to wait for answers after the end of a pipe. */
const LINGER = 1000;

/** Options of every command that talks live. */
export const CONVERSATION_OPTIONS: Readonly<Record<string, Option>> = {
  linger: { value: "DURATION", help: "How long to wait for answers after the end of a pipe (1s)" },
};

export const CONVERSATION_ABOUT: readonly string[] = [
  "In a terminal: the arrows, Home, End and Ctrl-A, E, U, W, K, Y edit the line, up and down bring back earlier ones,\n" +
  "and Ctrl-D or Ctrl-C leaves. Otherwise each line of standard input is sent, messages and prompts go to standard\n" +
  "output as the original client wrote them, with a CR where one is written over the other, and after the end of the\n" +
  "input answers are waited for: --linger 0s leaves when the server has answered.",
  "Control characters in messages are shown as ^X.",
];

/** Where the server is, as the words of the command line say. */
export interface Server {
  hostname: string;
  port: number;
}

/** @throws {UsageError} They don't say it. */
export function readServer(
  host: string | undefined,
  port: string | undefined,
  more: readonly string[],
): Server {
  if (host === undefined) throw new UsageError("Missing HOST: the name or address of the server");
  if (port === undefined) throw new UsageError("Missing PORT: the port of the server");
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) {
    throw new UsageError(`Cannot read port '${port}': expected a number from 1 to 65535`);
  }
  return { hostname: host.replace(/^\[(.*)\]$/, "$1"), port: number };
}

/** What one of the two commands says. */
export interface Words {
  /** What stands before a new line on a terminal. */
  prompt: string;
  /** Said where there is no way to the server. */
  unable: string;
  /** Said where there is one. */
  connected?: string;
  /** Said where the server has gone. */
  disconnected: string;
  /** What is written before a message, and before the last text, where that is to stand over the prompt of a pipe. */
  live: { beforeMessage: string; beforeLast: string };
  /** A message as it is shown. */
  show(message: string, isTerminal: boolean): string;
}

/** Somebody who can be talked to. */
interface Speaker extends StreamClient {
  send(text: string): Promise<void>;
}

/**
 * Connects and talks until the end.
 *
 * @returns The exit code: 0 where we left, 1 where the server did, or a line of a pipe could not be sent.
 */
export async function converse(
  args: Arguments,
  connect: () => Promise<Speaker>,
  words: Words,
): Promise<number> {
  const linger = args.duration("linger") ?? LINGER;
  let speaker: Speaker;
  try {
    speaker = await connect();
  } catch {
    await write(`${words.unable}\n`);
    return 1;
  }
  if (words.connected !== undefined) await write(`${words.connected}\n`);
  const { prompt, live } = words;
  await using editor = openLineEditor({ prompt, original: { notices: "stderr", live } });
  return await new Talk(speaker, editor, words).run(linger);
}

class Talk {
  readonly #speaker: Speaker;
  readonly #editor: LineEditor;
  readonly #words: Words;
  #failed = false;
  /** Whether the connection has ended, and whether it was we who ended it. */
  #over = false;
  #left = false;

  constructor(speaker: Speaker, editor: LineEditor, words: Words) {
    this.#speaker = speaker;
    this.#editor = editor;
    this.#words = words;
  }

  async run(linger: number): Promise<number> {
    const speaker = this.#speaker, editor = this.#editor;
    editor.interrupted.addEventListener("abort", () => this.#leave(() => speaker.close()));
    const receiving = this.#receive();
    // it is awaited in the end
    receiving.catch(() => {});
    await this.#send();
    if (editor.isTerminal) await editor.close();
    else await within(linger, receiving);
    await this.#leave(async () => {
      // a server that reads nothing would keep us from saying so; what has come is not for anybody else to take
      await within(CLOSE_TIMEOUT_MS, speaker.finish().then(() => receiving));
      speaker.close();
    });
    await receiving;
    if (speaker.dropped > 0) await writeError(`Lines that were too long to be shown: ${speaker.dropped}\n`);
    if (!this.#left) await this.#editor.print(this.#words.disconnected);
    return this.#left && !this.#failed ? 0 : 1;
  }

  /** Ends it, unless the server has done so before. */
  async #leave(end: () => void | Promise<void>) {
    if (this.#over) return;
    this.#left = true;
    await end();
  }

  async #receive() {
    try {
      for await (const message of this.#speaker) {
        if (this.#editor.interrupted.aborted) break;
        await this.#editor.print(this.#words.show(message, this.#editor.isTerminal));
      }
    } catch (error) {
      // a connection that breaks is one that the server has left; our reader's absence is another matter
      if (error instanceof Deno.errors.BrokenPipe) throw error;
    } finally {
      this.#over = true;
      this.#speaker.close();
      // nobody waits for a line any more
      await this.#editor.close();
    }
  }

  async #send() {
    for await (const line of this.#editor) {
      try {
        if ("error" in line) throw new RangeError(`Cannot send a line that is ${line.error}`);
        await this.#speaker.send(line.text);
      } catch (error) {
        // what broke is seen where messages are received
        if (!(error instanceof RangeError)) return;
        await this.#tell(error.message);
      }
    }
  }

  /** One line that can't be sent ends nothing, but a script learns of it. */
  async #tell(text: string) {
    if (!this.#editor.isTerminal) this.#failed = true;
    await this.#editor.notify(escapeControls(text));
  }
}

/** Waits for what happens, and no longer than so many milliseconds. */
async function within(ms: number, happens: Promise<void>) {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.min(ms, MAX_TIMER));
  await Promise.race([happens.catch(() => {}), late.promise]);
  clearTimeout(timer);
}
