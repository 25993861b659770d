import type { Mailbox, SessionResume, SessionState } from "../../mailbox.ts";
import { isCount, type LineResume, ResumeFile } from "./resume_file.ts";

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
 * Remembers in a file how far an input was sent in a session. Lines that may have been sent after the file was written are
 * sent again with the same numbers, so that the server stores none of them twice.
 */
export class Resume {
  readonly #file: ResumeFile;
  readonly #saved: Saved | undefined;
  readonly #isSealed: boolean;
  /** The request number of each line that was sent and is not known to be stored. */
  #unconfirmed: number[] = [];
  /** Lines that are known to be stored. */
  #line: number;

  private constructor(file: ResumeFile, saved: Saved | undefined, isSealed: boolean) {
    this.#file = file;
    this.#saved = saved;
    this.#isSealed = isSealed;
    this.#line = saved?.line ?? 0;
  }

  /** @throws {Error} The file of that name can't be read, or it is unknown if its first lines are stored. */
  static async load(name: string, isSealed: boolean): Promise<Resume> {
    const file = await ResumeFile.open(name), saved = decode(file);
    // if the server has forgotten a sealed session, its first numbers look like those of a new one
    if (isSealed && saved?.next === 1) await file.checkAge(STALE_MS);
    return new Resume(file, saved, isSealed);
  }

  /** The session to continue. */
  get state(): SessionResume | undefined {
    // nothing was sent in a session that did not begin: a new one does as well
    return this.#saved?.startTime === "" ? undefined : this.#saved;
  }

  /** A session begins. Resolves when that is in the file; only then a line is sent in it. */
  async began(state: SessionState): Promise<void> {
    // lines that were sent in the session before get new numbers
    const first = this.#unconfirmed[0] ?? 1;
    this.#unconfirmed = this.#unconfirmed.map((number) => number - first + 1);
    await this.#save({ ...state, next: 1 }, this.#line);
  }

  /** How the lines are sent on in the session of this mailbox. */
  in(mailbox: Pick<Mailbox, "state">): LineResume {
    const line = this.#saved?.line ?? 0;
    return {
      line,
      begin: () => this.#save(mailbox.state, line),
      post: (act) => {
        // reading the state makes the server keep the session
        const { next } = mailbox.state, hasRoom = act({});
        this.#unconfirmed.push(next);
        return hasRoom;
      },
      stored: (line) => {
        this.#unconfirmed.shift();
        this.#line = line;
        this.#file.writeSometimes(() => this.#content(mailbox.state, line));
      },
      end: (line) => this.#save(mailbox.state, line),
    };
  }

  async #save(state: SessionState, line: number) {
    this.#line = line;
    await this.#file.write(this.#content(state, line));
  }

  #content({ id, startTime, next }: SessionState, line: number) {
    // in the file, the start time is called `born`
    const born = this.#isSealed ? {} : { born: startTime };
    return { id, ...born, next: this.#unconfirmed[0] ?? next, line };
  }
}

function decode(file: ResumeFile): Saved | undefined {
  if (file.content === undefined) return undefined;
  const { id, born, next, line, isOpen } = file.content;
  if (isOpen !== undefined) {
    throw new Error(`Cannot resume '${file.name}' in a session: its first lines were sent over HTTP`);
  }
  if (typeof id !== "string" || !/^[\w-]{22}$/.test(id)) throw file.damaged();
  if (!isCount(next) || next < 1 || !isCount(line)) throw file.damaged();
  if (born === undefined) return { id, next, line };
  if (typeof born !== "string" || !/^([0-9a-f]{12})?$/.test(born)) throw file.damaged();
  return { id, startTime: born, next, line };
}
