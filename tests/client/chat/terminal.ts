/** A chat on a terminal in memory. */

import { ChannelsTalk } from "../../../client/command/chat/channels_talk.ts";
import { Display } from "../../../client/command/chat/display.ts";
import { Positions } from "../../../client/command/chat/positions.ts";
import { RoomTalk } from "../../../client/command/chat/room_talk.ts";
import type { Talk } from "../../../client/command/chat/talk.ts";
import { chat } from "../../../client/command/chat/terminal_chat.ts";
import { TerminalEditor } from "../../../client/terminal/line_editor/terminal_editor.ts";
import type { TlsOptions } from "../../../client/stream/connection.ts";
import { VirtualTty } from "../terminal/virtual_tty.ts";

export interface ChatOptions {
  /** A channel to begin in. */
  channel?: string;
  /** The file of what was shown last; none by default. */
  positions?: string;
  isRinging?: boolean;
  tls?: TlsOptions;
  size?: [columns: number, rows: number];
}

/** Somebody who chats. */
export class Chatter implements AsyncDisposable {
  readonly tty: VirtualTty;
  readonly #talk: Talk;
  readonly #code: Promise<number>;
  #isOver = false;

  private constructor(talk: Talk, display: Display, prompt: string, [columns, rows]: [number, number]) {
    this.#talk = talk;
    this.tty = new VirtualTty(columns, rows);
    const editor = new TerminalEditor(this.tty, prompt, 1000);
    this.#code = chat({ talk, display, disconnected: "Server has disconnected" }, editor)
      .finally(() => this.#isOver = true);
  }

  static async #open(talk: Talk, display: Display, prompt: string, options: ChatOptions) {
    await talk.connect();
    return new Chatter(talk, display, prompt, options.size ?? [100, 100]);
  }

  /** In the channels. */
  static channels(name: string, port: number, options: ChatOptions = {}): Promise<Chatter> {
    const display = new Display({ hasColour: true, hasTimes: false });
    const { channel, positions: path = "/dev/null/none", isRinging = false, tls } = options;
    const server = { hostname: "127.0.0.1", port, ...tls === undefined ? {} : { tls } };
    const positions = new Positions(`127.0.0.1:${port}`, name, path);
    const talk = new ChannelsTalk({ name, server, channel, display, positions, isRinging });
    return Chatter.#open(talk, display, "[Me] ", options);
  }

  /** In the room. */
  static room(port: number): Promise<Chatter> {
    const display = new Display({ hasColour: false, hasTimes: false });
    return Chatter.#open(new RoomTalk({ hostname: "127.0.0.1", port }, display), display, "<You> ", {});
  }

  /** Types a line. */
  type(line: string) {
    this.tty.type(`${line}\r`);
  }

  /** Waits until this is on the screen. */
  sees(...lines: string[]): Promise<void> {
    return this.tty.contains(lines.join("\n"));
  }

  /** Leaves, and gives the exit code. */
  async leave(): Promise<number> {
    this.type("/quit");
    return await this.#code;
  }

  async [Symbol.asyncDispose]() {
    if (!this.#isOver) this.tty.type("\x03");
    await this.#code;
    this.#talk.close();
  }
}
