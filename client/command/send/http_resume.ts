import { isCount, type LineResume, ResumeFile } from "./resume_file.ts";

/** A server remembers a key for 24 hours (http.md 8.3): after so long it may have forgotten it soon. */
const STALE_MS = 23 * 60 * 60 * 1000;

/**
 * Remembers in a file how far an input was sent over HTTP. Each line is sent with a key that is made of the file's ID and
 * the line's number, so that the server stores none twice that may have been sent after the file was written.
 */
export class HttpResume implements LineResume {
  readonly line: number;
  readonly #file: ResumeFile;
  readonly #id: string;
  /** Lines that were posted, with those before. */
  #posted: number;

  private constructor(file: ResumeFile, id: string, line: number) {
    this.#file = file;
    this.#id = id;
    this.line = this.#posted = line;
  }

  /** @throws {Error} The file of that name can't be read, or it is unknown what became of its lines. */
  static async load(name: string): Promise<HttpResume> {
    const file = await ResumeFile.open(name);
    if (file.content === undefined) return new HttpResume(file, newId(), 0);
    const { id, line, isOpen, next } = file.content;
    if (next !== undefined) {
      throw new Error(`Cannot resume '${name}' over HTTP: its first lines were sent in a session`);
    }
    if (typeof id !== "string" || !/^[\w-]{22}$/.test(id)) throw file.damaged();
    if (!isCount(line) || typeof isOpen !== "boolean") throw file.damaged();
    if (isOpen) await file.checkAge(STALE_MS);
    return new HttpResume(file, id, line);
  }

  async begin(): Promise<void> {
    await this.#file.write(this.#content(this.line, true));
  }

  post(act: (more: { key: string }) => boolean): boolean {
    const hasRoom = act({ key: `${this.#id}-${this.#posted + 1}` });
    this.#posted++;
    return hasRoom;
  }

  stored(line: number) {
    this.#file.writeSometimes(() => this.#content(line, true));
  }

  async end(line: number): Promise<void> {
    await this.#file.write(this.#content(line, line < this.#posted));
  }

  /** @param isOpen Whether lines behind may be stored. */
  #content(line: number, isOpen: boolean) {
    return { id: this.#id, line, isOpen };
  }
}

function newId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
}
