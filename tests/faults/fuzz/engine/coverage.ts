/** Which blocks of the program were run, as the inspector of V8 counts them. */

import { Session } from "node:inspector";

/** A block with its count, as V8 gives it: where it has the count of the block around it, it is not listed. */
interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

interface ScriptCoverage {
  url: string;
  functions: { ranges: Range[] }[];
}

/** How often a block was run, roughly: 1, 2, 3, 4 to 7, 8 to 15, 16 to 127, more. */
function bucketOf(count: number): number {
  return count < 4 ? count : count < 8 ? 4 : count < 16 ? 5 : count < 128 ? 6 : 7;
}

const ROOT = new URL("../../../../", import.meta.url).href;

export class Coverage implements Disposable {
  readonly #session = new Session();
  readonly #covers: readonly string[];
  /** Of each function, which of its characters were run. */
  readonly #run = new Map<string, Uint8Array>();
  readonly #buckets = new Set<string>();
  readonly #reached = new Set<string>();
  readonly #known = new Set<string>();

  private constructor(covers: readonly string[]) {
    this.#covers = covers.map((path) => ROOT + path);
    this.#session.connect();
  }

  /** Begins to count in the files with these paths, or beginnings of paths. */
  static async start(covers: readonly string[]): Promise<Coverage> {
    const coverage = new Coverage(covers);
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /** How many blocks were reached, of those that are known: V8 lists those of functions that were called. */
  get blocks(): { reached: number; known: number } {
    return { reached: this.#reached.size, known: this.#known.size };
  }

  /**
   * Whether something was run since the last call that was not run before.
   *
   * @param counts Whether it is new too that something is run more often.
   */
  async isNew(counts: boolean): Promise<boolean> {
    const { result } = await this.#post("Profiler.takePreciseCoverage") as { result: ScriptCoverage[] };
    let isNew = false;
    for (const { url, functions } of result) {
      if (!this.#covers.some((path) => url.startsWith(path))) continue;
      for (const { ranges } of functions) if (this.#add(url, ranges, counts)) isNew = true;
    }
    return isNew;
  }

  #add(url: string, ranges: readonly Range[], counts: boolean): boolean {
    const { startOffset: start, endOffset: end, count } = ranges[0]!;
    if (count === 0) return false;
    const key = `${url} ${start} ${end}`, now = new Uint8Array(end - start);
    let isNew = false;
    for (const { startOffset, endOffset, count } of ranges) {
      now.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
      const block = `${url} ${startOffset} ${endOffset}`;
      this.#known.add(block);
      if (count === 0) continue;
      this.#reached.add(block);
      if (counts && !this.#buckets.has(`${block} ${bucketOf(count)}`)) {
        this.#buckets.add(`${block} ${bucketOf(count)}`);
        isNew = true;
      }
    }
    const before = this.#run.get(key);
    if (before === undefined) {
      this.#run.set(key, now);
      return true;
    }
    for (let i = 0; i < now.length; i++) {
      if (now[i]! > before[i]!) before[i] = 1, isNew = true;
    }
    return isNew;
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, result) => error ? reject(error) : resolve(result));
    });
  }

  [Symbol.dispose]() {
    this.#session.disconnect();
  }
}
