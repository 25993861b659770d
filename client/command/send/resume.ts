import { directoryOf, replaceFile } from "../../file/durable_file.ts";
import type { SessionResume, SessionState } from "../../mailbox.ts";
import { stateFile } from "../../file/state_file.ts";

/** Least time between two writes of the file, in milliseconds. */
const INTERVAL = 500;

/** A sealed session of which nothing was heard for so long, in milliseconds, may soon be forgotten by the server. */
const STALE = 12 * 60 * 60 * 1000;

/** What the file holds: the session, the number that its next request had, and how many lines were stored before it. */
interface Saved {
  id: string;
  /** When the session began. `""` where nothing was sent in it; it is not there under a seal, nor in older files. */
  born?: string;
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
  readonly #isSealed: boolean;
  /** The first number of each line that is given to the session and not known to be stored. */
  #open: number[] = [];
  /** Lines that are known to be stored. */
  #line: number;
  #writtenAt = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, saved: Saved | undefined, isSealed: boolean) {
    this.#path = path;
    this.#saved = saved;
    this.#isSealed = isSealed;
    this.#line = saved?.line ?? 0;
  }

  /** @throws {Error} The file of that name can't be read, or nobody can tell what became of its first lines. */
  static async load(name: string, isSealed: boolean): Promise<Resume> {
    if (!/^[\w.-]{1,64}$/.test(name) || name.startsWith(".")) {
      throw new Error(`Cannot use '${name}' as a name: expected 1 to 64 letters, digits, '.', '_' and '-'`);
    }
    const path = stateFile(`send/${name}.json`);
    await Deno.mkdir(directoryOf(path), { recursive: true, mode: 0o700 });
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    const saved: Saved | undefined = text === undefined ? undefined : JSON.parse(text);
    if (isSealed && saved?.next === 1) {
      // a server that has forgotten a sealed session takes its first numbers for those of a new one
      const { mtime } = await Deno.stat(path);
      if (mtime !== null && Date.now() - mtime.getTime() > STALE) {
        throw new Error(
          `Cannot go on with '${name}': outcome unknown since ${mtime.toISOString()}; remove ${path}`,
        );
      }
    }
    return new Resume(path, saved, isSealed);
  }

  /** Where the session goes on. */
  get state(): SessionResume | undefined {
    // without a beginning nothing can have been sent, so that another session will do
    return this.#saved?.born === "" ? undefined : this.#saved;
  }

  /** Lines that are stored already. */
  get line(): number {
    return this.#saved?.line ?? 0;
  }

  /** A session begins: it is written down before the first line is sent in it. */
  async began(state: SessionState): Promise<void> {
    // what waits has other numbers where it waited in one before
    const first = this.#open[0] ?? 1;
    this.#open = this.#open.map((number) => number - first + 1);
    await this.save({ ...state, next: 1 }, this.#line);
  }

  /** A line is given to the session, to be sent with this number. */
  sent(number: number) {
    this.#open.push(number);
  }

  /** The oldest line that was open is stored; `line` are in all. */
  stored(state: SessionState, line: number) {
    this.#open.shift();
    this.#line = line;
    if (performance.now() - this.#writtenAt < INTERVAL) return;
    this.#writtenAt = performance.now();
    this.#write(state, line);
  }

  /** Writes down how far it came: before anything is sent, and at the end. */
  async save(state: SessionState, line: number) {
    this.#line = line;
    this.#write(state, line);
    await this.#writing;
  }

  #write({ id, born, next }: SessionState, line: number) {
    const saved: Saved = { id, ...this.#isSealed ? {} : { born }, next: this.#open[0] ?? next, line };
    this.#writing = this.#writing.then(async () => {
      await replaceFile(this.#path, `${JSON.stringify(saved)}\n`);
    });
  }
}
