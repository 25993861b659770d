/** A file goes up to the forum and comes down again: `forum.ts PORT CHECKOUT KEY`. */

import { carryOut, type Figures, ProcessorTime } from "./loop.ts";

const [port = "", checkout = "", serverKey = ""] = Deno.args;
const { connectForum }: typeof import("../../../client/forum.ts") = await import(
  new URL("client/forum.ts", `file://${checkout}/`).href
);
const as = { name: "bench", password: "of bench", make: true };
const forum = await connectForum({ hostname: "127.0.0.1", port: Number(port), serverKey, as });
const thread = "files", name = "file";

/** MiB a second of one transfer. */
async function timed({ mib, pid }: Transfer, transfer: () => Promise<unknown>): Promise<Figures> {
  const processor = new ProcessorTime(pid), begin = performance.now();
  await transfer();
  return { rate: mib / (performance.now() - begin) * 1000, ...processor.each(mib) };
}

interface Transfer {
  path: string;
  mib: number;
  pid: number;
}

/** A file whose content is there already would not be sent. */
async function withThread<Value>(work: () => Promise<Value>): Promise<Value> {
  await forum.create(thread);
  try {
    return await work();
  } finally {
    await forum.remove(thread);
  }
}

/** @param isPlain Whether the content travels in the clear. */
const up = (isPlain: boolean) => (transfer: Transfer) =>
  withThread(() => timed(transfer, () => forum.upload(thread, name, transfer.path, { isPlain })));

const down = (isPlain: boolean) => (transfer: Transfer) =>
  withThread(async () => {
    await forum.upload(thread, name, transfer.path, { isPlain });
    const saved = `${transfer.path}.saved`, options = { force: true, isPlain };
    const figures = await timed(transfer, () => forum.download(thread, name, saved, options));
    await Deno.remove(saved);
    return figures;
  });

await carryOut({ up: up(false), down: down(false), "plain-up": up(true), "plain-down": down(true) });
await forum.close(0);
