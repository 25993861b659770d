import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";
import { type Mailbox, OutcomeUnknownError, type SendOptions, SessionEndError } from "../../mailbox.ts";
import { readLines } from "../../terminal/input.ts";
import { report, writeError } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import type { LineResume } from "./resume_file.ts";

/** Where the lines go, and how. */
export interface LineTarget {
  /** A connection on any wire. */
  mailbox: Pick<Mailbox, "send" | "post" | "ready" | "close"> & AsyncDisposable;
  receiver: string;
  sender: string;
  options: SendOptions;
  /** How long to wait while the mailbox is full. */
  waitMs: number;
  /** Whether the server has no room for this client, or is silent; that time does not count as waiting for the mailbox. */
  isBusy: () => boolean;
  /** Why the server has refused a line for the time being, where it says that. */
  refusal?: () => string | undefined;
  resume: LineResume | undefined;
}

/** Sends the lines of standard input, many at a time and in order, and stops at the first that is not stored. */
export class LineSender {
  readonly #target: LineTarget;
  readonly #progress = new Progress();
  readonly #failure = Promise.withResolvers<never>();
  #error: Error | undefined;
  /** Lines that were read, and how many of them are stored. */
  #read = 0;
  #stored = 0;
  #allStored: PromiseWithResolvers<void> | undefined;

  constructor(target: LineTarget) {
    this.#target = target;
    this.#failure.promise.catch(() => {});
  }

  /** Sends all lines. Returns the exit code. */
  async send(): Promise<number> {
    const { mailbox, resume } = this.#target;
    const timer = this.#failWhenFull();
    try {
      await resume?.begin();
      await this.#sendAll(resume?.line ?? 0);
      await this.#waitUntilStored();
    } catch (error) {
      this.#error ??= error as Error;
    } finally {
      clearInterval(timer);
      // after a failure there is no wait for what is not stored yet
      await mailbox.close(this.#error === undefined ? undefined : 0).catch(() => {});
      await resume?.end(Math.max(this.#stored, resume.line));
      await this.#progress.clear();
    }
    return await this.#report();
  }

  async #sendAll(skip: number) {
    for await (const line of readLines(MAX_TEXT_BYTES)) {
      if (this.#read < skip) {
        this.#stored = ++this.#read;
        continue;
      }
      if ("error" in line) return await this.#refuse(`Cannot send a line that is ${line.error}`);
      await this.#sendOne(line.text);
      if (this.#error !== undefined) return;
      await this.#progress.show(() => `${this.#stored} messages stored`);
    }
  }

  async #sendOne(text: string) {
    const { mailbox, receiver, sender, options, resume } = this.#target;
    const post = (more: SendOptions = {}) =>
      mailbox.post(receiver, sender, text, (error) => this.#settle(error), { ...options, ...more });
    let hasRoom: boolean;
    try {
      hasRoom = resume === undefined ? post() : resume.post(post);
    } catch (error) {
      return await this.#refuse((error as Error).message);
    }
    this.#read++;
    if (!hasRoom) await Promise.race([mailbox.ready(), this.#failure.promise]);
  }

  /** Fails because of the next line, once the lines before it are stored. */
  async #refuse(why: string): Promise<never> {
    await this.#waitUntilStored();
    throw new Error(`line ${this.#read + 1}: ${why}`);
  }

  #settle(error: Error | undefined) {
    if (error !== undefined) return this.#fail(error);
    if (this.#error !== undefined) return;
    this.#stored++;
    this.#target.resume?.stored(this.#stored);
    if (this.#stored === this.#read) this.#allStored?.resolve();
  }

  #fail(error: Error) {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#failure.reject(error);
  }

  async #waitUntilStored() {
    while (this.#stored < this.#read) {
      this.#allStored = Promise.withResolvers();
      await Promise.race([this.#allStored.promise, this.#failure.promise]);
    }
  }

  /** Fails if nothing was stored for as long as a full mailbox is waited for. Returns the timer. */
  #failWhenFull() {
    const { waitMs, isBusy, refusal } = this.#target;
    let stored = 0, since = performance.now();
    return setInterval(() => {
      if (this.#stored > stored || this.#stored === this.#read || isBusy()) {
        stored = this.#stored;
        since = performance.now();
      } else if (performance.now() - since > waitMs) {
        const code = refusal?.(), why = code === undefined ? "" : `: ${code}`;
        const line = `line ${this.#stored + 1}`;
        this.#fail(new Error(`${line}: there was no room for it within ${waitMs / 1000} s${why}`));
      }
    }, Math.min(200, waitMs));
  }

  /** Reports how it ended. Returns the exit code. */
  async #report(): Promise<number> {
    const messages = this.#stored === 1 ? "1 message" : `${this.#stored} messages`;
    if (this.#error === undefined) {
      if (Deno.stderr.isTerminal()) await writeError(`${messages} stored\n`);
      return 0;
    }
    await report("send", this.#error.message);
    const isUnknown = this.#read > this.#stored && this.#error instanceof SessionEndError && this.#error.sent;
    const unknown = isUnknown ? `; unknown for lines ${this.#stored + 1} to ${this.#read}` : "";
    // the server may have forgotten the session, or its state may be older than this session
    const isLost = this.#stored > 0 && this.#error instanceof OutcomeUnknownError;
    const lost = isLost ? "; if an older copy of the server's data was put back, it lacks some of them" : "";
    await report("send", `${messages} from the beginning of the input stored${unknown}${lost}`);
    return 1;
  }
}
