import { directoryOf, replaceFile } from "../../file/durable_file.ts";
import { stateFile } from "../../file/state_file.ts";
import type { SendOptions } from "../../mailbox.ts";

/** Least time between two writes of the file while lines are stored. */
const INTERVAL_MS = 500;

/** How far an input was sent, as it is sent further. */
export interface LineResume {
  /** Lines that were stored before. */
  readonly line: number;
  /** Resolves when what is about to be sent is in the file. */
  begin(): Promise<void>;
  /**
   * Posts the next line by calling `act`, and returns what that does.
   *
   * @param act `more` are further options of the line. If it throws, the line is not sent.
   */
  post(act: (more: SendOptions & { key?: string }) => boolean): boolean;
  /** The line with this number is stored, and with it all before. */
  stored(line: number): void;
  /** The end, after so many lines were stored. */
  end(line: number): Promise<void>;
}

/** The file in which `send --resume NAME` remembers how far it came. */
export class ResumeFile {
  readonly name: string;
  readonly path: string;
  /** What was in it; undefined if there was none. */
  readonly content: Readonly<Record<string, unknown>> | undefined;
  #writtenAt = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(name: string, path: string, text: string | undefined) {
    this.name = name;
    this.path = path;
    this.content = text === undefined ? undefined : this.#parse(text);
  }

  /** @throws {Error} There can't be a file of that name, or it can't be read. */
  static async open(name: string): Promise<ResumeFile> {
    if (!/^[\w.-]{1,64}$/.test(name) || name.startsWith(".")) {
      throw new Error(`Cannot use '${name}' as a name: expected 1 to 64 letters, digits, '.', '_' and '-'`);
    }
    const path = stateFile(`send/${name}.json`);
    await Deno.mkdir(directoryOf(path), { recursive: true, mode: 0o700 });
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    return new ResumeFile(name, path, text);
  }

  /** A disk may have damaged it, or somebody changed it. */
  #parse(text: string): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw this.damaged();
    }
    if (typeof value !== "object" || value === null) throw this.damaged();
    return value as Record<string, unknown>;
  }

  damaged(): Error {
    return new Error(
      `Cannot resume '${this.name}': ${this.path} is damaged; without it, all lines are sent again`,
    );
  }

  /** @throws {Error} It was written longer ago than that: nobody knows what became of the lines behind. */
  async checkAge(ageMsMax: number) {
    const { mtime } = await Deno.stat(this.path);
    if (mtime === null || Date.now() - mtime.getTime() <= ageMsMax) return;
    throw new Error(
      `Cannot resume '${this.name}': outcome unknown since ${mtime.toISOString()}; remove ${this.path}`,
    );
  }

  async write(content: Readonly<Record<string, unknown>>): Promise<void> {
    this.#writing = this.#writing.then(() => replaceFile(this.path, `${JSON.stringify(content)}\n`));
    await this.#writing;
  }

  /** Writes it, unless it was written just before. */
  writeSometimes(content: () => Readonly<Record<string, unknown>>) {
    if (performance.now() - this.#writtenAt < INTERVAL_MS) return;
    this.#writtenAt = performance.now();
    // what fails here fails at the end too
    this.write(content()).catch(() => {});
  }
}

/** Whether it is a number of lines or of a request, as a file has them. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
