/**
 * A chat on a terminal, on either wire: lines that are for the client itself, and a connection that is made again when the
 * server has ended it (channels.md 8.13 and 8.14).
 *
 * @module
 */

import { CLOSE_TIMEOUT_MS, ServerCertificateError } from "../../channels.ts";
import type { Completion } from "../../terminal/line_editor/completion.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { openLineEditor } from "../../terminal/line_editor/open_line_editor.ts";
import { escapeControls, write } from "../../terminal/output.ts";
import type { Display } from "./display.ts";
import { RECENT_MESSAGES, type Talk } from "./talk.ts";
import { isLogin } from "../../../protocol/channels/login.ts";
import { rethrowLogin, within } from "../live_chat.ts";
import { nearest } from "../nearest.ts";

/** Wait before a connection is made again, in milliseconds: doubled each time. */
const MIN_BACKOFF_MS = 500, MAX_BACKOFF_MS = 5000;

/** A connection that lasted for less, in milliseconds, counts as an attempt that failed. */
const SHORT_CONNECTION_MS = 1000;

/** How often the time before the prompt is compared with the clock, in milliseconds. */
const CLOCK_INTERVAL_MS = 1000;

/** How long to wait for the answer to a command, in milliseconds. */
const ANSWER_TIMEOUT_MS = 2000;

/** Most messages of `/history`: as many as a server keeps by default. */
const MAX_HISTORY_MESSAGES = 1000;

export interface TerminalChatOptions {
  talk: Talk;
  display: Display;
  /** Stands before a new line. */
  prompt: string;
  /** Says that there is no connection. */
  reportConnecting(error: Error): Promise<void>;
  connected?: string | undefined;
  /** Printed when the server has ended the connection. */
  disconnected: string;
}

/** What `/help` says, with what the wire's own commands do. */
const LOCAL_HELP = [
  ["/who", "who is here"],
  ["/history [COUNT]", `what was said last (${RECENT_MESSAGES})`],
  ["/clear", "clear the screen"],
  ["/quit", "leave, as Ctrl-D does"],
  ["/help", "this list"],
  ["//…", "say a line that begins with /"],
] as const;

const LOCAL_COMMANDS = ["/who", "/history", "/clear", "/quit", "/help"];

/**
 * Connects, and sends and shows messages until the user leaves.
 *
 * @returns The exit code: 0; 1 if there was no server, or something was not sent.
 */
export async function runTerminalChat(options: TerminalChatOptions): Promise<number> {
  const { talk, display, prompt, connected } = options;
  try {
    await talk.connect();
  } catch (error) {
    rethrowLogin(error);
    await options.reportConnecting(error as Error);
    return 1;
  }
  if (connected !== undefined) await write(`${connected}\n`);
  // however it ends, what was shown is remembered
  const onUnload = () => talk.close();
  globalThis.addEventListener("unload", onUnload);
  try {
    await using editor = openLineEditor({ prompt: `${display.now}${prompt}` });
    using _ = showTime(editor, () => `${display.now}${prompt}`);
    return await chat(options, editor);
  } finally {
    globalThis.removeEventListener("unload", onUnload);
    talk.close();
  }
}

/** Keeps the time before the prompt right, until it is disposed of: what is typed has its time then, too. */
function showTime(editor: LineEditor, prompt: () => string): Disposable {
  const timer = setInterval(() => {
    if (editor.prompt !== prompt()) editor.prompt = prompt();
  }, CLOCK_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The same with an editor and a connection that are there. */
export function chat(
  options: Pick<TerminalChatOptions, "talk" | "display" | "disconnected">,
  editor: LineEditor,
): Promise<number> {
  return new TerminalChat(options, editor).run();
}

class TerminalChat {
  readonly #options: Pick<TerminalChatOptions, "talk" | "display" | "disconnected">;
  readonly #editor: LineEditor;
  readonly #leaving = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(
    options: Pick<TerminalChatOptions, "talk" | "display" | "disconnected">,
    editor: LineEditor,
  ) {
    this.#options = options;
    this.#editor = editor;
  }

  async run(): Promise<number> {
    const { talk } = this.#options, editor = this.#editor;
    editor.complete = (line, cursor) => this.#complete(line, cursor);
    editor.interrupted.addEventListener("abort", () => {
      this.#leaving.abort();
      talk.close();
    });
    const connected = this.#stayConnected();
    // a reader of the output that is gone ends it all
    connected.catch(() => editor.close());
    for await (const line of editor) {
      if ("error" in line) await this.#notice(`not sent: the line is ${line.error}`);
      else if (!await this.#handle(line.text)) break;
    }
    this.#leaving.abort();
    await editor.close();
    // what was said last arrives, and so does the answer; a server that reads nothing keeps nobody from leaving
    await within(CLOSE_TIMEOUT_MS, talk.finish().then(() => this.#ended));
    talk.close();
    await connected;
    if (talk.unsent === 0) return 0;
    await editor.print(this.#options.display.notice(`lines that were not sent: ${talk.unsent}`));
    return 1;
  }

  /** Connects again and again, until the user leaves. */
  async #stayConnected() {
    const { talk, disconnected, display } = this.#options, { signal } = this.#leaving;
    let backoffMs = MIN_BACKOFF_MS, isLost = false;
    for (let isFirst = true; isFirst || await this.#reconnect(backoffMs); isFirst = false) {
      const { answered, ended } = talk.begin(this.#editor);
      this.#ended = ended;
      // a server that closes at once, such as one that is full, is not there again
      if (isLost && await isUp(answered, ended)) {
        isLost = false;
        backoffMs = MIN_BACKOFF_MS / 2;
        await this.#editor.print(display.notice(talk.reconnected));
      }
      await ended;
      if (signal.aborted) return;
      if (!isLost) {
        await this.#editor.print(`${disconnected}\n${display.notice("connecting again; Ctrl-C leaves")}`);
      } else backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
      isLost = true;
    }
  }

  /** Connects after a while, which grows with each attempt. Returns whether it did: not if the user leaves. */
  async #reconnect(backoffMs: number): Promise<boolean> {
    const { signal } = this.#leaving;
    for (let ms = backoffMs;; ms = Math.min(2 * ms, MAX_BACKOFF_MS)) {
      await pause(ms, signal);
      if (signal.aborted) return false;
      try {
        await this.#options.talk.connect();
        // the user may have left meanwhile
        return !this.#leaving.signal.aborted;
      } catch (error) {
        // a password that is not right any more is not tried again and again
        rethrowLogin(error);
        // nor a certificate that is not the right one; anything else is
        if (!(error instanceof ServerCertificateError)) continue;
        await this.#notice(escapeControls(error.message));
        return false;
      }
    }
  }

  /** Sends a line, or does what it says. Returns false if the user leaves. */
  async #handle(line: string): Promise<boolean> {
    const { talk } = this.#options, [word = "", argument = ""] = line.split(/\s+/, 2);
    // what is typed is shown
    if (isLogin(line.replace(/^\/\//, "/"))) {
      await this.#notice("not sent: to log in, leave and begin with --as NAME, which asks for the password");
    } else if (!line.startsWith("/") || line.startsWith("//")) await talk.say(line.replace(/^\/\//, "/"));
    else if (talk.commands.includes(word)) await within(ANSWER_TIMEOUT_MS, talk.command(line));
    else {
      switch (word) {
        case "/quit":
          return false;
        case "/help":
          await this.#help();
          break;
        case "/clear":
          await this.#editor.clear();
          break;
        case "/who":
          await within(ANSWER_TIMEOUT_MS, talk.who());
          break;
        case "/history":
          await this.#history(argument);
          break;
        default:
          await this.#unknown(word);
      }
    }
    return true;
  }

  /** The commands of the wire, and those for the client itself. */
  get #commands(): string[] {
    return [...this.#options.talk.commands, ...LOCAL_COMMANDS];
  }

  async #unknown(word: string) {
    const near = nearest(word.slice(1), this.#commands.map((command) => command.slice(1)));
    const hint = near === undefined ? "/help lists them;" : `did you mean /${near}?`;
    await this.#notice(`no such command: ${word} (${hint} /${word} says it)`);
  }

  async #history(argument: string) {
    const count = argument === "" ? RECENT_MESSAGES : /^\d{1,9}$/.test(argument) ? Number(argument) : 0;
    if (count < 1) return await this.#notice(`not a number of messages: ${argument}`);
    await within(ANSWER_TIMEOUT_MS, this.#options.talk.history(Math.min(count, MAX_HISTORY_MESSAGES)));
  }

  async #help() {
    const { talk } = this.#options;
    const lines = [...talk.help, ...LOCAL_HELP];
    const width = Math.max(...lines.map(([form]) => form.length));
    await this.#editor.print(lines.map(([form, what]) => `  ${form.padEnd(width)}  ${what}`).join("\n"));
  }

  async #complete(line: string, cursor: number): Promise<Completion | undefined> {
    const { talk } = this.#options, [word] = /^\/\S*/.exec(line.slice(0, cursor)) ?? [];
    if (word?.length !== cursor) return await talk.complete(line, cursor);
    const commands = this.#commands.filter((command) => command.startsWith(word));
    return { from: 0, candidates: commands.map((command) => `${command} `) };
  }

  async #notice(text: string) {
    await this.#editor.notify(this.#options.display.notice(text));
  }
}

/** Whether a connection is one that stays: the server has answered, or not closed for a while. */
async function isUp(answered: Promise<boolean>, ended: Promise<void>): Promise<boolean> {
  const lasting = Promise.withResolvers<boolean>();
  const timer = setTimeout(lasting.resolve, SHORT_CONNECTION_MS, true);
  try {
    return await Promise.race([answered, lasting.promise, ended.then(() => false)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, unless the user leaves. */
async function pause(ms: number, signal: AbortSignal) {
  const left = Promise.withResolvers<void>(), leave = () => left.resolve();
  if (signal.aborted) return;
  signal.addEventListener("abort", leave);
  await within(ms, left.promise);
  signal.removeEventListener("abort", leave);
}
