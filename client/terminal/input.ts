import { type Line, LineDecoder } from "../../protocol/line.ts";

const LF = 0x0a, CR = 0x0d;

const buffer = new Uint8Array(65_536);
/** A read that is under way, or whose bytes nobody has taken. */
let reading: Promise<Uint8Array | null> | undefined;
/** What was taken and given back. */
const unread: Uint8Array[] = [];

/**
 * What standard input holds next, good until the next call; null at its end. One call at a time.
 *
 * A read can't be taken back: where `signal` is aborted before it brings anything, what it brings is the next caller's,
 * so that nothing typed is lost between a secret and the line behind it. The caller who left gets null.
 */
export async function readInput(signal?: AbortSignal): Promise<Uint8Array | null> {
  if (signal?.aborted) return null;
  const given = unread.shift();
  if (given !== undefined) return given;
  const mine = reading ??= Deno.stdin.read(buffer).then((length) =>
    length === null ? null : buffer.subarray(0, length)
  );
  if (signal !== undefined) {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const leaving = () => leave();
    signal.addEventListener("abort", leaving);
    await Promise.race([mine.catch(() => {}), left]);
    signal.removeEventListener("abort", leaving);
    if (signal.aborted) return null;
  }
  try {
    return await mine;
  } finally {
    reading = undefined;
  }
}

/** Gives back what was read and is for the next caller. */
export function unreadInput(bytes: Uint8Array) {
  unread.unshift(bytes);
}

/** Lines of standard input, each as soon as it is there, in memory for one line of `max` bytes. */
export async function* readLines(max: number): AsyncGenerator<Line> {
  const decoder = new LineDecoder(max), isTerminal = Deno.stdin.isTerminal();
  for (let bytes = await readInput(); bytes !== null; bytes = await readInput()) {
    if (isTerminal) endLines(bytes);
    yield* decoder.decode(bytes);
  }
  yield* decoder.end();
}

/** What was typed while a terminal was raw has CR where a line ends, also where it is read later. */
function endLines(bytes: Uint8Array) {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) bytes[at] = LF;
  }
}
