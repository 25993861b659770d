/**
 * What `chat` and `room` share, and how they work in a pipe: as the original clients. On a terminal it is
 * `chat/terminal_chat.ts`.
 *
 * @module
 */

import { CLOSE_TIMEOUT_MS, LoginRefusedError, type StreamClient } from "../channels.ts";
import type { LineEditor } from "../terminal/line_editor/line_editor.ts";
import { openLineEditor } from "../terminal/line_editor/open_line_editor.ts";
import { escapeControls, report, write, writeError } from "../terminal/output.ts";
import type { Address } from "../../protocol/syntax/address.ts";
import { TLS_OPTIONS } from "./chat/tls_option.ts";
import { LOGIN_OPTIONS } from "./options/password.ts";
import { SELF_OPTION } from "./options/self.ts";
import { SERVER_OPTION } from "./options/server_option.ts";
import { type Arguments, MAX_TIMER_MS, type Option, UsageError } from "./command.ts";

/** How long to wait for answers after the end of a pipe. */
const LINGER_MS = 1000;

export const LIVE_CHAT_OPTIONS: Readonly<Record<string, Option>> = {
  ...SELF_OPTION,
  ...SERVER_OPTION,
  ...TLS_OPTIONS,
  "password-file": LOGIN_OPTIONS["password-file"]!,
  timestamps: { help: "Show times, on a terminal" },
  linger: { value: "DURATION", help: "How long to wait for answers after the end of a pipe (1s)" },
};

export const LIVE_CHAT_ABOUT: readonly string[] = [
  "On a terminal /help lists what else can be typed, Tab completes names and commands, Up and Down bring back earlier\n" +
  "lines, Ctrl-R searches them, and Ctrl-D or Ctrl-C leaves. If the server goes away, it connects again when it is back.",
  "Otherwise each line of standard input is sent, messages and prompts go to standard output as the original client\n" +
  "wrote them, with a CR if one is written over the other, and after the end of the input it waits for answers:\n" +
  "--linger 0s leaves when the server has answered.",
  "Control characters in messages are shown as ^X.",
];

/** Whether somebody types and reads. Otherwise everything is as an original client has it. */
export function isTyped(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/**
 * The originals' arguments.
 *
 * @throws {UsageError} They are not one HOST and one PORT.
 */
export function readServer(
  args: Arguments,
  host: string,
  port: string | undefined,
  more: readonly string[],
): Address {
  if (args.flag("server")) throw new UsageError("--server and HOST PORT exclude each other");
  if (port === undefined) throw new UsageError("Missing PORT: the port of the server");
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) {
    throw new UsageError(`Cannot read port '${port}': expected a number from 1 to 65535`);
  }
  return { hostname: host.replace(/^\[(.*)\]$/, "$1"), port: number };
}

/** The texts of one of the two commands. */
interface ChatTexts {
  /** Stands before a new line on a terminal. */
  prompt: string;
  cannotConnect: string;
  connected?: string;
  /** Printed if the server has ended the connection. */
  disconnected: string;
  /** Written before each message, and before the last text, if the prompts of a pipe are written too. */
  live: { beforeMessage: string; beforeLast: string };
  /** A message as it is shown. */
  show(message: string): string;
}

interface ChatClient extends StreamClient {
  send(text: string): Promise<void>;
}

/**
 * Connects, and sends and shows messages until the end, as an original client does without a terminal.
 *
 * @returns The exit code: 0 if this side left; 1 if the server did, or a line of a pipe could not be sent.
 */
export async function runLiveChat(
  args: Arguments,
  connect: () => Promise<ChatClient>,
  texts: ChatTexts,
): Promise<number> {
  const lingerMs = args.duration("linger") ?? LINGER_MS;
  let client: ChatClient;
  try {
    client = await connect();
  } catch (error) {
    rethrowLogin(error);
    await reportConnecting(args, error as Error, texts.cannotConnect);
    return 1;
  }
  if (texts.connected !== undefined) await write(`${texts.connected}\n`);
  const { prompt, live } = texts;
  await using editor = openLineEditor({ prompt, original: { notices: "stderr", live } });
  return await new LiveChat(client, editor, texts).run(lingerMs);
}

/** Says that there is no connection as the original does; and with TLS, why, because it may be the certificate. */
export async function reportConnecting(args: Arguments, error: Error, text: string) {
  await write(`${text}\n`);
  if (args.flag("tls")) await report(args.command, escapeControls(error.message));
}

class LiveChat {
  readonly #client: ChatClient;
  readonly #editor: LineEditor;
  readonly #texts: ChatTexts;
  #hasFailed = false;
  /** Whether the connection has ended, and whether this side has ended it. */
  #hasEnded = false;
  #hasLeft = false;
  /** Milliseconds that printing took; since when something is printed that is not counted yet. */
  #printedMs = 0;
  #printingSince: number | undefined;

  constructor(client: ChatClient, editor: LineEditor, texts: ChatTexts) {
    this.#client = client;
    this.#editor = editor;
    this.#texts = texts;
  }

  async run(lingerMs: number): Promise<number> {
    const client = this.#client, editor = this.#editor;
    const receiving = this.#receive();
    // it is awaited in the end
    receiving.catch(() => {});
    await this.#send();
    await within(lingerMs, receiving);
    await this.#leave(async () => {
      // a server that reads nothing must not keep this side from leaving
      await this.#within(CLOSE_TIMEOUT_MS, client.finish().then(() => receiving));
      client.close();
    });
    await receiving;
    if (client.dropped > 0) await writeError(`Lines that were too long to be shown: ${client.dropped}\n`);
    if (!this.#hasLeft) await editor.print(this.#texts.disconnected);
    return this.#hasLeft && !this.#hasFailed ? 0 : 1;
  }

  /** Milliseconds that have gone into printing. */
  #printingMs(): number {
    const now = performance.now(), since = this.#printingSince;
    if (since !== undefined) {
      this.#printedMs += now - since;
      this.#printingSince = now;
    }
    return this.#printedMs;
  }

  /** Waits for the event as {@linkcode within}, but leaves out what printing takes, and time in which nothing ran. */
  async #within(ms: number, event: Promise<void>) {
    for (let leftMs = ms; leftMs > 0 && !this.#hasEnded;) {
      const printedMs = this.#printingMs(), dueAt = performance.now() + leftMs;
      await within(leftMs, event);
      leftMs = Math.floor(this.#printingMs() - printedMs + Math.max(0, performance.now() - dueAt));
    }
  }

  /** Ends the connection, unless the server has ended it. */
  async #leave(end: () => void | Promise<void>) {
    if (this.#hasEnded) return;
    this.#hasLeft = true;
    await end();
  }

  async #receive() {
    const client = this.#client, editor = this.#editor;
    try {
      for await (const message of client) {
        this.#printingSince = performance.now();
        await editor.print(this.#texts.show(message));
        this.#printingMs();
        this.#printingSince = undefined;
      }
    } catch (error) {
      // a connection that breaks counts as ended by the server; a reader of our output that is gone does not
      if (error instanceof Deno.errors.BrokenPipe) throw error;
    } finally {
      this.#hasEnded = true;
      client.close();
      // it waits for no more lines
      await editor.close();
    }
  }

  async #send() {
    for await (const line of this.#editor) {
      try {
        if ("error" in line) throw new RangeError(`Cannot send a line that is ${line.error}`);
        await this.#client.send(line.text);
      } catch (error) {
        // a broken connection is noticed while receiving
        if (!(error instanceof RangeError)) return;
        // a line that cannot be sent ends nothing, but is an error of a script
        this.#hasFailed = true;
        await this.#editor.notify(escapeControls(error.message));
      }
    }
  }
}

/** Throws it again if it concerns the log-in, and not the connection. */
export function rethrowLogin(error: unknown) {
  // the password may be too long for a frame
  if (error instanceof LoginRefusedError || error instanceof RangeError) throw error;
}

/** Waits until the event has come or failed, but no longer than `ms` milliseconds. */
export async function within(ms: number, event: Promise<void>) {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.min(ms, MAX_TIMER_MS));
  await Promise.race([event.catch(() => {}), late.promise]);
  clearTimeout(timer);
}
