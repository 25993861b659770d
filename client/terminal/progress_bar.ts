import { format as formatBytes } from "@std/fmt/bytes";
import { widthOfText } from "./line_editor/graphemes.ts";
import { Progress } from "./progress.ts";

/** Milliseconds over which the rate is measured, and between two points that it is measured at. */
const WINDOW_MS = 5000, MIN_POINT_MS = 100;

/** Characters of the bar. */
const WIDTH = 24;

/** How many of a file's bytes are checked, or transferred. */
interface FileProgress {
  step: "hash" | "transfer";
  done: number;
  size: number;
}

/** The progress of a file as one line: bar, bytes, rate, and time left. */
export class ProgressText {
  readonly #name: string;
  readonly #monotonicClock: () => number;
  #step: FileProgress["step"] | undefined;
  /** What was done when, the oldest first. */
  #points: { time: number; done: number }[] = [];

  /**
   * @param name What the line begins with.
   * @param monotonicClock Milliseconds of a monotonic clock.
   */
  constructor(name: string, monotonicClock: () => number) {
    this.#name = name;
    this.#monotonicClock = monotonicClock;
  }

  /** Measures the rate from here too. */
  add({ step, done }: FileProgress) {
    const time = this.#monotonicClock(), last = this.#points.at(-1);
    // a transfer that goes on from another offset did not get there at that rate
    if (step !== this.#step || last !== undefined && done < last.done) this.#points = [];
    else if (last !== undefined && time - last.time < MIN_POINT_MS && this.#points.length > 1) {
      this.#points.pop();
    }
    this.#step = step;
    this.#points.push({ time, done });
    while (this.#points.length > 2 && time - this.#points[1]!.time >= WINDOW_MS) this.#points.shift();
  }

  /** The longest form of the line that fits into `columns` columns. */
  text({ step, done, size }: FileProgress, columns = Infinity): string {
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
    return forms.find((form) => widthOfText(form) <= columns) ?? percent;
  }

  /** Bytes a second. */
  #rate(): number {
    const first = this.#points[0], last = this.#points.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < MIN_POINT_MS) return 0;
    return 1000 * (last.done - first.done) / (last.time - first.time);
  }
}

/** The line on standard error, if that is a terminal. */
export class ProgressBar {
  readonly #text: ProgressText;
  readonly #progress = new Progress();

  /** @param name What the line begins with. */
  constructor(name: string) {
    this.#text = new ProgressText(name, () => performance.now());
  }

  /** For `onProgress` of a transfer. */
  show = (progress: FileProgress) => {
    this.#text.add(progress);
    // a closed standard error is no reason to end the transfer
    this.#progress.show((columns) => this.#text.text(progress, columns)).catch(() => {});
  };

  /** Erases the line. */
  async clear() {
    await this.#progress.clear();
  }
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
