/** Wirepost through the library of a checkout: `library.ts PORT CHECKOUT`. */

import type { Mailbox } from "../../../client/mailbox.ts";
import { carryOut, type Figures } from "./loop.ts";
import { InFlight, measurements, type Queue } from "./queue.ts";

const [port = "", checkout = ""] = Deno.args;
const { connectMailbox }: typeof import("../../../client/mailbox.ts") = await import(
  new URL("client/mailbox.ts", `file://${checkout}/`).href
);
const server = { hostname: "127.0.0.1", port: Number(port) };

class MailboxQueue implements Queue {
  readonly #name: string;
  readonly #sender: Mailbox;
  readonly #receiver: Mailbox;

  constructor(name: string, sender: Mailbox, receiver: Mailbox) {
    this.#name = name;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  put(text: string): Promise<void> {
    return this.#sender.send(this.#name, "bench", text);
  }

  async receive(inFlight: number, received: (text: string) => boolean, acknowledged: () => void) {
    if (inFlight === 1) {
      // what everybody writes
      for await (const message of this.#receiver.messages(this.#name)) {
        const more = received(message.text);
        if (await message.ack()) acknowledged();
        if (!more) break;
      }
      return;
    }
    const acks = new InFlight(inFlight);
    for await (const message of this.#receiver.messages(this.#name)) {
      const more = received(message.text);
      acks.add(message.ack().then((was) => was && acknowledged()));
      await acks.room();
      if (!more) break;
    }
    await acks.none();
  }
}

const sender = await connectMailbox(server), receiver = await connectMailbox(server);
/** Receives whatever comes, until the time is over. */
async function receiveFor(
  { queue, inFlight, ms }: { queue: string; inFlight: number; ms: number },
): Promise<Figures> {
  const acks = new InFlight(inFlight), begin = performance.now();
  let acknowledged = 0;
  for await (const message of receiver.messages(queue, { signal: AbortSignal.timeout(ms) })) {
    acks.add(message.ack().then(() => acknowledged++));
    await acks.room();
  }
  await acks.none();
  return { rate: acknowledged / (performance.now() - begin) * 1000 };
}

await carryOut({
  ...measurements((name) => Promise.resolve(new MailboxQueue(name, sender, receiver))),
  receiveFor,
});
await Promise.all([sender.close(0), receiver.close(0)]);
