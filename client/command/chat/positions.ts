import { directoryOf } from "../../file/durable_file.ts";
import { stateFile } from "../../file/state_file.ts";

/** Which message of a channel was shown last. */
export interface Position {
  history: string;
  number: number;
}

/** Channels that are remembered: those that were entered last. */
const MAX_LINES = 1000;

/** The positions in one server's channels, for one name. A line of the file is `SERVER HISTORY NUMBER CHANNEL NAME`. */
export class Positions {
  readonly #path: string | undefined;
  readonly #server: string;
  readonly #name: string;
  readonly #positions = new Map<string, Position>();

  /**
   * Reads the file. If that fails, nothing is remembered, and nothing will be written.
   *
   * @param server `HOST:PORT`.
   */
  constructor(server: string, name: string, path = ownFile()) {
    this.#server = server;
    this.#name = name;
    this.#path = path;
    for (const line of this.#lines()) {
      const [, server, history = "", number, channel = "", name] = LINE.exec(line) ?? [];
      if (server === this.#server && name === this.#name) {
        this.#positions.set(channel, { history, number: Number(number) });
      }
    }
  }

  get(channel: string): Position | undefined {
    return this.#positions.get(channel);
  }

  set(channel: string, position: Position) {
    this.#positions.delete(channel);
    this.#positions.set(channel, position);
    // those that were entered longest ago
    if (this.#positions.size > MAX_LINES) this.#positions.delete(this.#positions.keys().next().value!);
  }

  /** Writes them, and leaves what other clients have written meanwhile. It does not wait: the program may be ending. */
  save() {
    if (this.#path === undefined || this.#positions.size === 0) return;
    const own = (line: string) => {
      const [, server, , , channel = "", name] = LINE.exec(line) ?? [];
      return server === undefined ||
        server === this.#server && name === this.#name && this.#positions.has(channel);
    };
    const lines = this.#lines().filter((line) => !own(line));
    for (const [channel, { history, number }] of this.#positions) {
      lines.push(`${this.#server} ${history} ${number} ${channel} ${this.#name}`);
    }
    try {
      Deno.mkdirSync(directoryOf(this.#path) || ".", { recursive: true, mode: 0o700 });
      const fresh = `${this.#path}.${crypto.randomUUID()}`;
      Deno.writeTextFileSync(fresh, `${lines.slice(-MAX_LINES).join("\n")}\n`, { mode: 0o600 });
      Deno.renameSync(fresh, this.#path);
    } catch {
      // the next time more is shown than is new
    }
  }

  #lines(): string[] {
    try {
      return this.#path === undefined ? [] : Deno.readTextFileSync(this.#path).split("\n");
    } catch {
      return [];
    }
  }
}

const LINE = /^([^ ]+) ([A-Za-z0-9]{1,16}) (\d{1,16}) ([^ ]+) (.*)$/;

function ownFile(): string | undefined {
  try {
    return stateFile("chat-positions");
  } catch {
    return undefined;
  }
}
