/**
 * Programs whose wall clock can be set while they run, by libfaketime. Their monotonic clock stays as it is.
 *
 * @module
 */

import { runCommand } from "../../program.ts";

export class FakeClock {
  readonly #file: string;
  readonly #library: string;

  private constructor(file: string, library: string) {
    this.#file = file;
    this.#library = library;
  }

  /** @param file Where the shift of the clock is written; undefined if libfaketime is not installed. */
  static async create(file: string): Promise<FakeClock | undefined> {
    const command = ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"];
    const { code, out } = await runCommand(command).catch(() => ({ code: 1, out: "" }));
    if (code !== 0) return undefined;
    const clock = new FakeClock(file, out.trim());
    await clock.set(0);
    return clock;
  }

  /** Sets the clock of the programs to so many seconds after the real one. */
  async set(seconds: number) {
    const shift = `${seconds < 0 ? "" : "+"}${seconds}s\n`;
    await Deno.writeTextFile(`${this.#file}.new`, shift);
    await Deno.rename(`${this.#file}.new`, this.#file);
  }

  /** How a program is started under this clock. */
  command(program: readonly string[]): string[] {
    const settings = {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    };
    return ["env", ...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ...program];
  }
}
