import { replaceFile } from "../durable_file.ts";
import type { SessionState } from "../mailbox.ts";
import { stateDirectory } from "../state_directory.ts";

/** Least time between two writes of the file, in milliseconds. */
const INTERVAL = 500;

/** A session of which nothing was heard for so long, in milliseconds, may soon be forgotten by the server. */
const STALE = 12 * 60 * 60 * 1000;

/** What the file holds: the session, the number that its next request had, and how many lines were stored before it. */
interface Saved {
  id: string;
  next: number;
  line: number;
}

/**
 * How far an input was sent, by a name that its user gave it. The lines that may have been sent since it was written down
 * are sent again under the numbers that they had, so that the server stores none of them twice.
 */
export class Resume {
  readonly #path: string;
  readonly #saved: Saved | undefined;
  /** Numbers of the lines that are sent and not known to be stored. */
  readonly #open: number[] = [];
  #writtenAt = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, saved: Saved | undefined) {
    this.#path = path;
    this.#saved = saved;
  }

  /** @throws {Error} The file of that name can't be read, or nobody can tell what became of its first lines. */
  static async load(name: string): Promise<Resume> {
    if (!/^[\w.-]{1,64}$/.test(name) || name.startsWith(".")) {
      throw new Error(`Cannot use '${name}' as a name: expected 1 to 64 letters, digits, '.', '_' and '-'`);
    }
    const directory = stateDirectory("send");
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const path = `${directory}/${name}.json`;
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    const saved: Saved | undefined = text === undefined ? undefined : JSON.parse(text);
    if (saved?.next === 1) {
      // a server that has forgotten the session would take its first numbers for those of a new one
      const { mtime } = await Deno.stat(path);
      if (mtime !== null && Date.now() - mtime.getTime() > STALE) {
        throw new Error(
          `Cannot go on with '${name}': outcome unknown since ${mtime.toISOString()}; remove ${path}`,
        );
      }
    }
    return new Resume(path, saved);
  }

  /** Where the session goes on. */
  get state(): Omit<SessionState, "low"> | undefined {
    return this.#saved;
  }

  /** Lines that are stored already. */
  get line(): number {
    return this.#saved?.line ?? 0;
  }

  /** A line was sent with this number. */
  sent(number: number) {
    this.#open.push(number);
  }

  /** The oldest line that was open is stored; `line` are in all. */
  stored(state: SessionState, line: number) {
    this.#open.shift();
    if (performance.now() - this.#writtenAt < INTERVAL) return;
    this.#writtenAt = performance.now();
    this.#write({ id: state.id, next: this.#open[0] ?? state.next, line });
  }

  /** Writes down how far it came: before anything is sent, and at the end. */
  async save(state: SessionState, line: number) {
    this.#write({ id: state.id, next: this.#open[0] ?? state.next, line });
    await this.#writing;
  }

  #write(saved: Saved) {
    this.#writing = this.#writing.then(async () => {
      await replaceFile(this.#path, `${JSON.stringify(saved)}\n`);
    });
  }
}
