import { directoryOf, replaceFile } from "../../file/durable_file.ts";
import type { SessionResume, SessionState } from "../../mailbox.ts";
import { stateFile } from "../../file/state_file.ts";

/** Least time between two writes of the file. */
const INTERVAL_MS = 500;

/** A server may soon forget a sealed session that was not used for so long. */
const STALE_MS = 12 * 60 * 60 * 1000;

/** The content of the file: the session, the number of its next request, and how many lines were stored before it. */
interface Saved {
  id: string;
  /** When the session began; `""` if nothing was sent in it. Missing under a seal, and in older files. */
  startTime?: string;
  next: number;
  line: number;
}

/**
 * Remembers in a file how far an input was sent. Lines that may have been sent after the file was written are sent again
 * with the same numbers, so that the server stores none of them twice.
 */
export class Resume {
  readonly #path: string;
  readonly #saved: Saved | undefined;
  readonly #isSealed: boolean;
  /** The request number of each line that was sent and is not known to be stored. */
  #unconfirmed: number[] = [];
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

  /** @throws {Error} The file of that name can't be read, or it is unknown if its first lines are stored. */
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
    const saved = text === undefined ? undefined : decode(text);
    if (saved === "damaged") {
      throw new Error(`Cannot resume '${name}': ${path} is damaged; without it, all lines are sent again`);
    }
    if (isSealed && saved?.next === 1) {
      // if the server has forgotten a sealed session, its first numbers look like those of a new one
      const { mtime } = await Deno.stat(path);
      if (mtime !== null && Date.now() - mtime.getTime() > STALE_MS) {
        throw new Error(
          `Cannot resume '${name}': outcome unknown since ${mtime.toISOString()}; remove ${path}`,
        );
      }
    }
    return new Resume(path, saved, isSealed);
  }

  /** The session to continue. */
  get state(): SessionResume | undefined {
    // nothing was sent in a session that did not begin: a new one does as well
    return this.#saved?.startTime === "" ? undefined : this.#saved;
  }

  /** Lines that were stored before. */
  get line(): number {
    return this.#saved?.line ?? 0;
  }

  /** A session begins. Resolves when that is in the file; only then a line is sent in it. */
  async began(state: SessionState): Promise<void> {
    // lines that were sent in the session before get new numbers
    const first = this.#unconfirmed[0] ?? 1;
    this.#unconfirmed = this.#unconfirmed.map((number) => number - first + 1);
    await this.save({ ...state, next: 1 }, this.#line);
  }

  /** A line is sent with this request number. */
  sent(number: number) {
    this.#unconfirmed.push(number);
  }

  /** The oldest unconfirmed line is stored, as line number `line`. */
  stored(state: SessionState, line: number) {
    this.#unconfirmed.shift();
    this.#line = line;
    if (performance.now() - this.#writtenAt < INTERVAL_MS) return;
    this.#writtenAt = performance.now();
    this.#write(state, line);
  }

  /** Writes the file: before anything is sent, and at the end. */
  async save(state: SessionState, line: number) {
    this.#line = line;
    this.#write(state, line);
    await this.#writing;
  }

  #write({ id, startTime, next }: SessionState, line: number) {
    // in the file, the start time is called `born`
    const born = this.#isSealed ? {} : { born: startTime };
    const saved = JSON.stringify({ id, ...born, next: this.#unconfirmed[0] ?? next, line });
    this.#writing = this.#writing.then(() => replaceFile(this.#path, `${saved}\n`));
  }
}

/** What is in the file; a disk may have damaged it, or somebody changed it. */
function decode(text: string): Saved | "damaged" {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "damaged";
  }
  if (typeof value !== "object" || value === null) return "damaged";
  const { id, born, next, line } = value as Partial<Record<string, unknown>>;
  if (typeof id !== "string" || !/^[\w-]{22}$/.test(id)) return "damaged";
  if (!isCount(next) || next < 1 || !isCount(line)) return "damaged";
  if (born === undefined) return { id, next, line };
  return typeof born === "string" && /^([0-9a-f]{12})?$/.test(born)
    ? { id, startTime: born, next, line }
    : "damaged";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
