import { setImmediate } from "node:timers";
import { RateLimit } from "../../quota/rate_limit.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { History, StoreChannel } from "./history.ts";

/** When what the store has refused is written again, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Microseconds that the store takes, about: for a write, a channel in it, and a message. Where a write has many messages,
 * more of them are said than are kept for long: so it counts for more, up to what makes one write a second.
 */
const WRITE_US = 100, CHANNEL_US = 15, MESSAGE_US = 5, MANY_MESSAGES = 100, WRITE_US_MAX = 20_000;

/**
 * The part of the thread's time that writing may take for long, so that it slows nobody who is sent messages; and how much
 * time it has at once, in microseconds, after it was quiet for a while.
 */
const TIME_SHARE = 0.02, TIME_BURST_US = 20_000;

/** The key of the only limit. */
const WRITES = "";

/**
 * Writes the history to the store: what was said in a turn of the event loop goes there at its end, and what is said
 * until the store has that goes next (channels.md 5.8).
 */
export class HistoryWriter {
  readonly #history: History;
  readonly #keep: StoreChannel;
  readonly #setTimer: Environment["setTimer"];
  readonly #limit: RateLimit;
  /** Cancels the timer that the next write waits for. */
  #cancel: (() => void) | undefined;
  #isScheduled = false;
  #writing: Promise<boolean> | undefined;
  /** Channels and messages of this write. */
  #channels = 0;
  #messages = 0;
  #isClosed = false;

  constructor(
    history: History,
    keep: StoreChannel,
    { setTimer, monotonicClock }: Pick<Environment, "setTimer" | "monotonicClock">,
  ) {
    this.#history = history;
    this.#setTimer = setTimer;
    this.#limit = new RateLimit({
      burst: TIME_BURST_US,
      intervalMs: 1 / (1000 * TIME_SHARE),
      monotonicClock,
    });
    this.#keep = (change) => {
      this.#channels++;
      if (change.kind === "channel") this.#messages += change.messages.length;
      return keep(change);
    };
    history.onChange = () => this.#schedule();
    if (!history.isStored) this.#schedule();
  }

  #spend() {
    const messages = MESSAGE_US * this.#messages * (1 + this.#messages / MANY_MESSAGES);
    this.#limit.take(WRITES, Math.min(WRITE_US_MAX, WRITE_US + CHANNEL_US * this.#channels + messages));
    this.#channels = this.#messages = 0;
  }

  #schedule(waitMs = this.#limit.waitMs(WRITES)) {
    if (this.#isScheduled || this.#writing !== undefined || this.#isClosed) return;
    this.#isScheduled = true;
    const write = () => {
      this.#isScheduled = false;
      this.#cancel = undefined;
      if (!this.#isClosed) void this.#write();
    };
    if (waitMs > 0) this.#cancel = this.#setTimer(waitMs, write);
    else setImmediate(write);
  }

  async #write() {
    this.#writing = this.#history.write(this.#keep);
    const isKept = await this.#writing;
    this.#writing = undefined;
    this.#spend();
    if (!isKept) this.#schedule(RETRY_MS);
    else if (!this.#history.isStored) this.#schedule();
  }

  /** Writes what is left. */
  async close() {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#writing;
    while (!this.#history.isStored && await this.#history.write(this.#keep));
  }
}
