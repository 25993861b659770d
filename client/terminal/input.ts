import { type Line, LineDecoder } from "../../protocol/line.ts";

/** Lines of standard input, each as soon as it is there, in memory for one line of `max` bytes. */
export async function* readLines(max: number): AsyncGenerator<Line> {
  const decoder = new LineDecoder(max);
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await Deno.stdin.read(buffer);
    if (length === null) break;
    yield* decoder.decode(buffer.subarray(0, length));
  }
  yield* decoder.end();
}
