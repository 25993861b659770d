import { connectRoom, type LoginOptions, type Room } from "../../room.ts";
import { escapeControls } from "../../terminal/output.ts";
import type { Completion } from "../../terminal/line_editor/completion.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import type { Display } from "./display.ts";
import { Outbox } from "./outbox.ts";
import { Seen } from "./seen.ts";
import type { Talk } from "./talk.ts";
import type { StreamServer } from "./tls_option.ts";
import { completeWord, showSeenLines, showSeenMembers } from "./texts.ts";

/** The room on a terminal: its server can be asked nothing, so what was seen has to do (channels.md 8.14). */
export class RoomTalk implements Talk {
  readonly commands = [];
  readonly help = [];
  readonly reconnected = "reconnected; what was said meanwhile is not known";
  readonly #server: StreamServer;
  readonly #display: Display;
  readonly #as: LoginOptions | undefined;
  readonly #seen = new Seen();
  readonly #outbox = new Outbox();
  #editor: LineEditor | undefined;
  #room: Room | undefined;
  #isConnected = false;
  /** Lines that were too long to be shown. */
  #dropped = 0;

  /** @param as An account to log in to. */
  constructor(server: StreamServer, display: Display, as?: LoginOptions) {
    this.#as = as;
    this.#server = server;
    this.#display = display;
  }

  get unsent(): number {
    return this.#outbox.size;
  }

  get dropped(): number {
    return this.#dropped + (this.#room?.dropped ?? 0);
  }

  async connect() {
    this.#dropped += this.#room?.dropped ?? 0;
    this.#room = await connectRoom({
      ...this.#server,
      ...this.#as === undefined ? {} : { as: this.#as },
      keepReturn: true,
    });
  }

  begin(editor: LineEditor): { answered: Promise<boolean>; ended: Promise<void> } {
    this.#editor = editor;
    this.#isConnected = true;
    // who is there now is not known any more
    this.#seen.forgetNames();
    for (const text of this.#outbox.takeAll()) void this.#send(text);
    const { promise: answered, resolve } = Promise.withResolvers<boolean>();
    const ended = this.#receive(this.#room!, () => resolve(true)).finally(() => {
      this.#isConnected = false;
      resolve(false);
    });
    ended.catch(() => {});
    return { answered, ended };
  }

  async #receive(room: Room, onAnswer: () => void) {
    try {
      for await (const line of room) {
        if (this.#editor!.interrupted.aborted) return;
        onAnswer();
        const shown = this.#show(line);
        this.#seen.line(shown);
        await this.#editor!.print(shown);
      }
    } catch (error) {
      // a connection that breaks counts as ended by the server
      if (error instanceof Deno.errors.BrokenPipe) throw error;
    } finally {
      room.close();
    }
  }

  #show(line: string): string {
    const text = line.replace(/^\r/, "");
    const [, name, said = ""] = /^<(.*?)> (.*)$/.exec(text) ?? [];
    if (name !== undefined) {
      this.#seen.spoke(name);
      return this.#display.message(name, said, ["<", "> "]);
    }
    const [, come] = /^\[(.*)\] entered room$/.exec(text) ?? [];
    if (come !== undefined) {
      this.#seen.came(nameOf(come));
      return this.#display.event("[", come, "] entered room", nameOf(come));
    }
    const [, gone] = /^Client (.*) is offline$/.exec(text) ?? [];
    if (gone !== undefined) {
      this.#seen.left(nameOf(gone));
      return this.#display.event("Client ", gone, " is offline", nameOf(gone));
    }
    return escapeControls(text);
  }

  async say(text: string) {
    this.#seen.line(this.#display.message("You", text, ["<", "> "]));
    if (this.#isConnected) await this.#send(text);
    else if (!this.#outbox.wait(text)) {
      await this.#editor!.notify(this.#display.notice("not sent: too many lines wait for the server"));
    }
  }

  /** Resolves as fast as the server reads; a broken connection is noticed while receiving. */
  #send(text: string): Promise<void> {
    return this.#room!.send(text).catch(() => {});
  }

  async command() {}

  who(): Promise<void> {
    return showSeenMembers(this.#editor!, this.#display, this.#seen);
  }

  history(count: number): Promise<void> {
    return showSeenLines(this.#editor!, this.#display, this.#seen, count);
  }

  complete(line: string, cursor: number): Promise<Completion | undefined> {
    return Promise.resolve(completeWord(line.slice(0, cursor), this.#seen.names.map(([name]) => name)));
  }

  async finish() {
    await this.#room?.finish();
  }

  close() {
    this.#room?.close();
  }
}

/** The name under which somebody speaks: the room writes a client's address in three ways (room.md 1). */
function nameOf(written: string): string {
  const [, v4, v4Port] = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(written) ?? [];
  if (v4 !== undefined) return `('${v4}', ${v4Port})`;
  const [, v6, v6Port] = /^\[([0-9A-Fa-f:.]+)\]:(\d+)$/.exec(written) ?? [];
  if (v6 !== undefined) return `('${v6}', ${v6Port}, 0, 0)`;
  const [, host = "", port] = /^\(([0-9A-Fa-f:.]+), (\d+)\)$/.exec(written) ?? [];
  if (port === undefined) return written;
  return host.includes(":") ? `('${host}', ${port}, 0, 0)` : `('${host}', ${port})`;
}
