import type { Completion } from "../../terminal/line_editor/completion.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";

/** Messages that are shown of a channel in which one was never before, and of `/history`. */
export const RECENT_MESSAGES = 20;

/** A conversation with a server on one of the two wires, over one connection after another. */
export interface Talk {
  /** Commands that the wire knows, with their `/`. */
  readonly commands: readonly string[];
  /** What they do, for `/help`: the form of each, and what it is for. */
  readonly help: readonly (readonly [string, string])[];
  /** What is said when there is a connection again. */
  readonly reconnected: string;
  /** Lines that wait to be sent. */
  readonly unsent: number;

  /**
   * Connects.
   *
   * @throws {Error} The server can't be reached.
   */
  connect(): Promise<void>;

  /**
   * Takes up the conversation where it was on the connection before. `ended` resolves when the connection has ended and
   * all that came is shown; `answered` to whether the server has sent anything, as soon as that is known.
   */
  begin(editor: LineEditor): { answered: Promise<boolean>; ended: Promise<void> };

  /** Says something, later if it is not connected. `text` may begin with `/`. */
  say(text: string): Promise<void>;
  /** Sends a line with one of the wire's commands. */
  command(line: string): Promise<void>;
  /** Shows who is there. */
  who(): Promise<void>;
  /** Shows the last messages. */
  history(count: number): Promise<void>;
  /** Completes a line that begins with none of the local commands. */
  complete(line: string, cursor: number): Promise<Completion | undefined>;

  /** Ends this side; the server may still send. */
  finish(): Promise<void>;
  /** Closes the connection at once. */
  close(): void;
}
