/**
 * Carries the calls of a recording out on a simulated disk, one after the other, so that the power can be cut between any
 * two of them and within each.
 *
 * @module
 */

import type { Disk } from "./disk.ts";
import { bytesOf, type Call, descriptorOf, stringsOf, textOf } from "./trace.ts";

/** Something that happens at a line of the recording. */
export interface Step {
  line: number;
  time: number;
  /** What a call of this kind does: `sync` has returned, so that what was written before is durable. */
  kind: "began" | "over" | "synced" | "sent";
  /** The file that a sync is of. */
  path?: string;
  /** The datagram that is sent. */
  text?: string;
  /** @param isLost Whether a sync failed: what it was to write is dropped. */
  run(isLost?: boolean): void;
}

/** An open file: where the next write without an offset goes. */
interface Descriptor {
  path: string;
  position: number;
  isAppending: boolean;
}

const SHARED_MEMORY = /-shm$/;

/** The steps of a recording, in their order. They have to be run in this order, each once. */
export function stepsOf(calls: readonly Call[], directory: string, disk: Disk): Step[] {
  const replay = new Replay(directory, disk);
  const steps = calls.flatMap((call) => replay.stepsOf(call));
  return steps.sort((a, b) => a.line - b.line);
}

class Replay {
  readonly #disk: Disk;
  readonly #prefix: string;
  readonly #root: string;
  readonly #open = new Map<number, Descriptor>();

  constructor(directory: string, disk: Disk) {
    this.#root = directory;
    this.#prefix = `${directory}/`;
    this.#disk = disk;
  }

  /** The path within the directory; undefined if it is elsewhere, or no matter. */
  #within(path: string): string | undefined {
    if (path === this.#root) return "";
    if (!path.startsWith(this.#prefix) || SHARED_MEMORY.test(path)) return undefined;
    return path.slice(this.#prefix.length);
  }

  stepsOf(call: Call): Step[] {
    const { name, args, result } = call;
    // a call that failed has changed nothing; one that never returned may have done all of it
    if (result !== undefined && result < 0) return [];
    if (name.startsWith("send") && name !== "sendfile") return this.#sent(call);
    const { strings, rest } = stringsOf(args);
    const step = (issue: () => { isOver: boolean } | undefined, end = () => {}): Step[] => {
      let issued: { isOver: boolean } | undefined;
      const { time } = call;
      const over = () => {
        if (issued) issued.isOver = true;
        end();
      };
      return [
        { line: call.began, time, kind: "began", run: () => void (issued = issue()) },
        { line: call.ended, time, kind: "over", run: over },
      ];
    };
    const file = name.endsWith("at") || strings.length > 0 && !/^\d/.test(args)
      ? undefined
      : this.#within(descriptorOf(args).path);
    const named = file === undefined && !name.includes("write") && name !== "sendfile"
      ? strings.map((path) => this.#within(textOf(path)))
      : [];
    if (file === undefined && named.every((path) => path === undefined)) return [];
    const [path, to] = named, { fd } = descriptorOf(args);
    const numbers = [...rest.replace(/<[^>]*>/g, "").matchAll(/, (\d+)(?=,|$)/g)].map(([, n]) => Number(n));
    switch (name) {
      case "openat":
        // another call may have had this descriptor, and closed it, while this one ran
        return step(() => this.#opened(path!, args), () => {
          if (result === undefined) return;
          this.#open.set(result, { path: path!, position: 0, isAppending: args.includes("O_APPEND") });
        });
      case "lseek":
        return step(() => {
          const descriptor = this.#open.get(fd);
          if (descriptor !== undefined) descriptor.position = result ?? 0;
          return undefined;
        });
      case "dup":
      case "fcntl":
        return step(() => undefined, () => {
          const descriptor = this.#open.get(fd);
          // both have one position
          if (descriptor !== undefined && (name === "dup" || rest.includes("F_DUPFD"))) {
            this.#open.set(result!, descriptor);
          }
        });
      case "write":
        return step(() => this.#written(fd, file!, bytesOf(strings[0] ?? ""), undefined, result));
      case "pwrite64":
        return step(() => this.#written(fd, file!, bytesOf(strings[0] ?? ""), numbers.at(-1), result));
      case "writev":
      case "pwritev":
      case "pwritev2": {
        const bytes = bytesOf(strings.join(""));
        const offset = name === "writev" ? undefined : Number(/\], \d+, (\d+)/.exec(rest)?.[1]);
        return step(() => this.#written(fd, file!, bytes, offset, result));
      }
      case "fsync":
      case "fdatasync":
        return this.#synced(call, file!);
      case "ftruncate":
        return step(() => this.#disk.truncate(file!, numbers[0]!));
      case "fallocate": {
        const [offset = 0, length = 0] = numbers.slice(-2);
        return step(() => {
          const size = Math.max(this.#disk.sizeOf(file!), offset + length);
          return this.#disk.truncate(file!, size);
        });
      }
      case "mkdir":
      case "mkdirat":
        return path === "" ? [] : step(() => this.#disk.create(path!, "directory"));
      case "unlink":
      case "unlinkat":
      case "rmdir":
        return step(() => this.#disk.remove(path!));
      case "rename":
      case "renameat":
      case "renameat2":
        return step(() => this.#disk.rename(path!, to!));
      default:
        throw new Error(`The recording has a call that is not known here: ${name}(${args.slice(0, 200)})`);
    }
  }

  #opened(path: string, args: string): { isOver: boolean } | undefined {
    if (!this.#disk.has(path)) return args.includes("O_CREAT") ? this.#disk.create(path) : undefined;
    return args.includes("O_TRUNC") ? this.#disk.truncate(path, 0) : undefined;
  }

  #written(fd: number, path: string, all: Uint8Array, at: number | undefined, result: number | undefined) {
    const bytes = all.subarray(0, result ?? all.length), descriptor = this.#open.get(fd);
    if (at !== undefined) return this.#disk.write(path, at, bytes);
    if (descriptor === undefined) throw new Error(`The recording has no opening of '${path}'`);
    const offset = descriptor.isAppending ? this.#disk.sizeOf(path) : descriptor.position;
    descriptor.position = offset + bytes.length;
    return this.#disk.write(path, offset, bytes);
  }

  #synced({ began, ended, time, result }: Call, path: string): Step[] {
    let end = (_isLost?: boolean) => {};
    const steps: Step[] = [
      { line: began, time, kind: "began", path, run: () => void (end = this.#disk.sync(path)) },
    ];
    if (result === 0) {
      steps.push({ line: ended, time, kind: "synced", path, run: (isLost) => end(isLost) });
    }
    return steps;
  }

  #sent({ args, began, time }: Call): Step[] {
    const text = stringsOf(args).strings.map(textOf).join("\n");
    return [{ line: began, time, kind: "sent", text, run: () => {} }];
  }
}
