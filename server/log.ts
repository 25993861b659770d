/** Bytes of log that may wait to be written; what comes beyond is left out, and how many lines that were is said. */
const PENDING_BYTES = 1024 * 1024;

const encoder = new TextEncoder();

/** Writes lines one after the other, and never makes the caller wait for a terminal or a pipe that is stuck. */
export class Log {
  readonly #write: (bytes: Uint8Array) => Promise<unknown>;
  #pending = "";
  #omitted = 0;
  #writing: Promise<void> | undefined;

  /** @param write Takes all of the bytes. */
  constructor(write: (bytes: Uint8Array) => Promise<unknown>) {
    this.#write = write;
  }

  /** Adds a line. Control characters in it are shown, not obeyed, whoever's text it carries. */
  line(text: string) {
    if (this.#pending.length + text.length > PENDING_BYTES) {
      this.#omitted++;
      return;
    }
    const shown = text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
    this.#pending += `${shown}\n`;
    this.#writing ??= this.#drain();
  }

  /** Resolves when all is written. */
  async flush() {
    await this.#writing;
  }

  async #drain() {
    while (this.#pending !== "") {
      const text = this.#pending;
      const omitted = this.#omitted;
      this.#pending = "";
      this.#omitted = 0;
      try {
        await this.#write(encoder.encode(omitted > 0 ? `${text}(${omitted} lines left out)\n` : text));
      } catch {
        // nobody reads the log any more; the service goes on
      }
    }
    this.#writing = undefined;
  }
}
