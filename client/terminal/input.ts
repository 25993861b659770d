import { type Line, LineDecoder } from "../../protocol/syntax/line.ts";

const LF = 0x0a, CR = 0x0d;

const buffer = new Uint8Array(65_536);
/** A read in progress, or one whose bytes nobody has taken yet. */
let reading: Promise<Uint8Array | null> | undefined;
/** Bytes that were returned by {@linkcode unreadInput}. */
const unread: Uint8Array[] = [];

/**
 * The next bytes of standard input, valid until the next call; null at its end. One call at a time.
 *
 * A read can't be cancelled: if `signal` is aborted first, the caller gets null and the next caller gets the bytes. So
 * nothing typed is lost between a secret and the line behind it.
 */
export async function readInput(signal?: AbortSignal): Promise<Uint8Array | null> {
  if (signal?.aborted) return null;
  const returned = unread.shift();
  if (returned !== undefined) return returned;
  const current = reading ??= Deno.stdin.read(buffer).then((length) =>
    length === null ? null : buffer.subarray(0, length)
  );
  if (signal !== undefined) {
    const aborted = Promise.withResolvers<void>(), abort = () => aborted.resolve();
    signal.addEventListener("abort", abort);
    await Promise.race([current.catch(() => {}), aborted.promise]);
    signal.removeEventListener("abort", abort);
    if (signal.aborted) return null;
  }
  try {
    return await current;
  } finally {
    reading = undefined;
  }
}

/** Returns bytes to the input: the next caller reads them. */
export function unreadInput(bytes: Uint8Array) {
  unread.unshift(bytes);
}

/** Lines of standard input, each as soon as it is complete. A line has at most `max` bytes. */
export async function* readLines(max: number): AsyncGenerator<Line> {
  const decoder = new LineDecoder(max), isTerminal = Deno.stdin.isTerminal();
  for (let bytes = await readInput(); bytes !== null; bytes = await readInput()) {
    if (isTerminal) endLines(bytes);
    yield* decoder.decode(bytes);
  }
  yield* decoder.end();
}

/** Turns CR into LF: what was typed while the terminal was raw ends its lines with CR. */
function endLines(bytes: Uint8Array) {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) bytes[at] = LF;
  }
}
