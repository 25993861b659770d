/**
 * Reads what strace has recorded of a server: the calls that change files, and the datagrams that were sent.
 *
 * strace serialises the threads that it follows: what one thread did because another had done something stands behind it.
 *
 * @module
 */

/** A system call, from the line on which it began to that on which it ended. */
export interface Call {
  name: string;
  /** The ID of the thread that made it. */
  thread: string;
  /** Arguments as strace writes them. */
  args: string;
  /** What it returned; undefined if the process ended before. */
  result: number | undefined;
  began: number;
  ended: number;
  /** When it began, in milliseconds since 1970. */
  time: number;
}

const CALLS = [
  ...["openat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "lseek", "fcntl", "dup"],
  ...["fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate", "copy_file_range", "sendfile"],
  ...["rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "link", "linkat"],
  ...["sendto", "sendmsg", "sendmmsg"],
];

/** A line has all that was written: also a whole segment at once. */
const LONGEST_WRITE = 64 * 1024 ** 2;

/** How a program is started so that its calls are recorded in a file. */
export function recorded(path: string): string[] {
  const options = ["-f", "--seccomp-bpf", "-y", "-xx", "-ttt", "-s", `${LONGEST_WRITE}`];
  return ["strace", ...options, "-e", `trace=${CALLS.join(",")}`, "-e", "signal=none", "-o", path];
}

/** Calls in the order in which they ended; those that never did, at the end. */
export async function readCalls(path: string): Promise<Call[]> {
  const calls: Call[] = [], open = new Map<string, Call>();
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    const match = /^(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)/.exec(line.slice(0, 80));
    if (match === null) continue;
    const [head, thread = "", time, name = ""] = match;
    const isResumed = head.includes("<... "), rest = line.slice(head.length);
    const isUnfinished = rest.endsWith("<unfinished ...>");
    if (!isResumed && !rest.startsWith("(")) continue;
    const call = isResumed ? open.get(thread) : {
      name,
      thread,
      args: "",
      result: undefined,
      began: number,
      ended: Infinity,
      time: Number(time) * 1000,
    };
    if (call === undefined) continue;
    if (isUnfinished) {
      call.args = rest.slice(1, -"<unfinished ...>".length).trimEnd();
      open.set(thread, call);
      continue;
    }
    open.delete(thread);
    const end = rest.lastIndexOf(") = ");
    if (end < 0) continue;
    call.args += isResumed ? rest.slice(" resumed>".length, end) : rest.slice(1, end);
    // the process may have been killed within a call
    const result = rest.slice(end + 4);
    call.result = result.startsWith("?") ? undefined : Number.parseInt(result, 10);
    call.ended = number;
    calls.push(call);
  }
  return [...calls, ...open.values()];
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await Deno.open(path);
  const decoder = new TextDecoder("latin1");
  let parts: string[] = [];
  for await (const bytes of file.readable) {
    for (let from = 0; from < bytes.length;) {
      const end = bytes.indexOf(10, from);
      parts.push(decoder.decode(bytes.subarray(from, end < 0 ? bytes.length : end)));
      if (end < 0) break;
      yield parts.join("");
      parts = [];
      from = end + 1;
    }
  }
}

/** The bytes of strings as strace writes them with `-xx`, and the rest between them. */
export function stringsOf(args: string): { strings: string[]; rest: string } {
  const parts = args.split('"');
  return {
    strings: parts.filter((_, i) => i % 2 === 1),
    rest: parts.filter((_, i) => i % 2 === 0).join('""'),
  };
}

export function bytesOf(string: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(string.replaceAll("\\x", "")) as Uint8Array<ArrayBuffer>;
}

export function textOf(string: string): string {
  return new TextDecoder().decode(bytesOf(string));
}

/** A descriptor at the beginning of the arguments, and the path that strace shows with it. */
export function descriptorOf(args: string): { fd: number; path: string } {
  const [, fd, path = ""] = /^(\d+)(?:<([^>]*)>)?/.exec(args) ?? [];
  return { fd: Number(fd), path: textOf(path) };
}
