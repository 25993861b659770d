import type { ForumCommand } from "../../../protocol/forum/forum_text.ts";
import type { Forum } from "../../forum.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { escapeControls } from "../../terminal/output.ts";
import { CommandFailedError, printResults, type ResultOptions } from "./commands.ts";
import type { ServerOptions } from "./login.ts";
import { ShellCompletion } from "./shell_completion.ts";
import { isPaged, pageResults } from "./paged_results.ts";
import { addressText } from "./shell_login.ts";
import { parseTyped, SHELL_HELP } from "./typed_command.ts";

/** What the shell needs beside the forum. */
interface ShellOptions extends Omit<ResultOptions, "json"> {
  /** The user's name, which is the prompt. */
  name: string;
  server: ServerOptions;
  /** Finds the command line of the pager. */
  pager?: () => Promise<string | undefined>;
  /** Called when another program gets the terminal, and with it Ctrl-C, and when it has ended. */
  onLent?: (isLent: boolean) => void;
}

/** The forum's prompt on a terminal, for users who do not know the original. */
export class ForumShell {
  readonly #editor: LineEditor;
  readonly #forum: Forum;
  readonly #options: ShellOptions;
  readonly #completion: ShellCompletion;

  constructor(editor: LineEditor, forum: Forum, options: ShellOptions) {
    this.#editor = editor;
    this.#forum = forum;
    this.#options = options;
    this.#completion = new ShellCompletion(forum);
  }

  /** Carries out the commands that are typed, until the user leaves. */
  async run() {
    const editor = this.#editor, { name, server } = this.#options;
    editor.clearHistory();
    editor.complete = this.#completion.complete;
    await editor.notify(`Welcome to the forum at ${addressText(server)}. 'help' shows the commands.`);
    for (let isLast = false; !isLast;) {
      editor.prompt = `${name}> `;
      const line = await editor.read({ hold: true });
      if (line === undefined) return;
      isLast = "error" in line
        ? await this.#fail(`The line is ${line.error}`)
        : await this.#perform(line.text);
    }
  }

  /** Carries out a line. Returns whether it is the last. */
  async #perform(line: string): Promise<boolean> {
    const typed = parseTyped(line);
    if ("blank" in typed) return false;
    if ("error" in typed) return await this.#fail(typed.error);
    if ("help" in typed) {
      await this.#editor.print(SHELL_HELP);
      return false;
    }
    try {
      await this.#carryOut(typed.command);
    } catch (error) {
      if (!(error instanceof CommandFailedError)) throw error;
      await this.#fail(error.message);
    }
    this.#completion.reset();
    return typed.command.kind === "XIT";
  }

  async #fail(text: string): Promise<false> {
    await this.#editor.notify(escapeControls(text));
    return false;
  }

  async #carryOut(command: ForumCommand) {
    const editor = this.#editor, forum = this.#forum, options = { ...this.#options, json: false };
    if (isPaged(command)) {
      editor.lend();
      return await pageResults(editor, forum, command, options);
    }
    // so that Ctrl-C is a key here, as at the prompt
    editor.resume();
    await printResults(forum, command, options, (line) => editor.print(escapeControls(line)));
  }
}
