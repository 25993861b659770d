/**
 * The loop of the library that receives messages one by one, with and without awaiting each acknowledgement, and the
 * same beside Redis Streams: XREADGROUP of one and XACK, each on the disk.
 *
 * @module
 */

import { connectMailbox } from "../../client/mailbox.ts";

const TEXT = "a message of forty bytes or so, this is it";

/** Receives and acknowledges `count` messages in `for await`. Returns how many a second. */
export async function receiveLoop(
  server: { hostname: string; port: number },
  count: number,
  awaited: boolean,
): Promise<number> {
  const id = `loop-${crypto.randomUUID()}`;
  await using sender = await connectMailbox(server);
  for (let i = 1; i < count; i++) if (!sender.post(id, "bench", TEXT, () => {})) await sender.ready();
  await sender.send(id, "bench", TEXT);
  const receiver = await connectMailbox(server);
  const begin = performance.now(), acks: Promise<boolean>[] = [];
  for await (const message of receiver.messages(id, { count })) {
    const ack = message.ack();
    if (awaited) await ack;
    else acks.push(ack);
  }
  // each is on the disk
  await Promise.all(acks);
  const rate = count / (performance.now() - begin) * 1000;
  await receiver.close();
  return rate;
}

/** Reads and acknowledges `count` entries of a Redis stream, one after the other. Returns how many a second. */
export async function redisStream(port: number, count: number): Promise<number> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536), decoder = new TextDecoder();
  /** Sends a command, and gives its answer: all of these come in one read on loopback. */
  const ask = async (...args: string[]) => {
    const command = args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("");
    await connection.write(new TextEncoder().encode(`*${args.length}\r\n${command}`));
    return decoder.decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  };
  try {
    const stream = `stream-${crypto.randomUUID()}`;
    await ask("XGROUP", "CREATE", stream, "group", "0", "MKSTREAM");
    for (let i = 0; i < count; i++) await ask("XADD", stream, "*", "text", TEXT);
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      const read = await ask("XREADGROUP", "GROUP", "group", "me", "COUNT", "1", "STREAMS", stream, ">");
      const entry = /\d{13}-\d+/.exec(read)?.[0];
      if (entry === undefined) throw new Error(`Cannot read entry ${i}: ${read}`);
      await ask("XACK", stream, "group", entry);
    }
    return count / (performance.now() - begin) * 1000;
  } finally {
    connection.close();
  }
}
