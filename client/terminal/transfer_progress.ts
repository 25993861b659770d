import { format as formatBytes } from "@std/fmt/bytes";
import type { TransferProgress } from "../transfer/transfer.ts";
import { clusters, columnsOf } from "./graphemes.ts";
import { Progress } from "./progress.ts";

/** Milliseconds over which the rate is measured. */
const WINDOW = 5000;

/** Least milliseconds between two points that the rate is measured at. */
const GRAIN = 100;

/** Characters of the bar. */
const WIDTH = 24;

/** How far a file is, as one line: bar, bytes, rate, and time left. */
export class ProgressText {
  readonly #name: string;
  readonly #now: () => number;
  #step: TransferProgress["step"] | undefined;
  /** What was done when, the earliest first. */
  #points: { time: number; done: number }[] = [];

  /**
   * @param name What the line begins with.
   * @param now Milliseconds that never go back.
   */
  constructor(name: string, now: () => number) {
    this.#name = name;
    this.#now = now;
  }

  /** Takes note of how far it is. */
  add({ step, done }: TransferProgress) {
    const time = this.#now(), last = this.#points.at(-1);
    // a transfer that goes on elsewhere has not run at that rate
    if (step !== this.#step || last !== undefined && done < last.done) this.#points = [];
    else if (last !== undefined && time - last.time < GRAIN && this.#points.length > 1) this.#points.pop();
    this.#step = step;
    this.#points.push({ time, done });
    while (this.#points.length > 2 && time - this.#points[1]!.time >= WINDOW) this.#points.shift();
  }

  /** The line, as much of it as so many columns hold. */
  text({ step, done, size }: TransferProgress, columns = Infinity): string {
    const part = size === 0 ? 1 : done / size;
    const filled = Math.floor(part * WIDTH);
    const bar = "#".repeat(filled) + " ".repeat(WIDTH - filled);
    const rate = this.#rate();
    const left = rate > 0 ? ` ${bytes(rate)}/s ${duration((size - done) / rate)} left` : "";
    const what = step === "hash" ? "checking " : "";
    const percent = `${Math.floor(100 * part)} %`, begin = `${what}${this.#name}`;
    const forms = [
      `${begin} [${bar}] ${percent} of ${bytes(size)}${left}`,
      `${begin} ${percent} of ${bytes(size)}${left}`,
      `${begin} ${percent}`,
    ];
    return forms.find((form) => widthOf(form) <= columns) ?? percent;
  }

  /** Bytes a second. */
  #rate(): number {
    const first = this.#points[0], last = this.#points.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < GRAIN) return 0;
    return 1000 * (last.done - first.done) / (last.time - first.time);
  }
}

/** The line on standard error, where that is a terminal. */
export class ProgressBar {
  readonly #meter: ProgressText;
  readonly #progress = new Progress();

  /** @param name What the line begins with. */
  constructor(name: string) {
    this.#meter = new ProgressText(name, () => performance.now());
  }

  /** For `onProgress` of a transfer. */
  show = (progress: TransferProgress) => {
    this.#meter.add(progress);
    // what can't be shown is no reason to end the transfer
    this.#progress.show((columns) => this.#meter.text(progress, columns)).catch(() => {});
  };

  /** Takes the line away. */
  async clear() {
    await this.#progress.clear();
  }
}

function widthOf(text: string): number {
  let width = 0;
  for (const cluster of clusters(text)) width += columnsOf(cluster);
  return width;
}

function bytes(count: number): string {
  return formatBytes(count, { binary: true }).replace("kiB", "KiB");
}

/** `7 s`, `3 min 05 s`, `2 h 03 min`. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds), pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor(whole % 3600 / 60))} min`;
}
