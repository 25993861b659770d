import { type Line, LineDecoder } from "../../protocol/line.ts";

const buffer = new Uint8Array(65_536);
let reading: Promise<Uint8Array | null> | undefined;

/**
 * What standard input holds next, good until the next call; null at its end. A read can't be taken back: whoever asks
 * first after one that nobody waited for any longer gets what it brought, so nothing typed is lost between a secret
 * and the line behind it.
 */
export async function readInput(): Promise<Uint8Array | null> {
  const mine = reading ??= Deno.stdin.read(buffer).then((length) =>
    length === null ? null : buffer.subarray(0, length)
  );
  try {
    return await mine;
  } finally {
    if (reading === mine) reading = undefined;
  }
}

/** Lines of standard input, each as soon as it is there, in memory for one line of `max` bytes. */
export async function* readLines(max: number): AsyncGenerator<Line> {
  const decoder = new LineDecoder(max);
  for (let bytes = await readInput(); bytes !== null; bytes = await readInput()) yield* decoder.decode(bytes);
  yield* decoder.end();
}
