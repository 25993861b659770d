/**
 * A receiver that is killed while it works: prints the ID and the text of each message that it is given, then
 * acknowledges one after the other and prints its ID again. What one that is killed was given comes again soon: its
 * leases are short.
 *
 *     receiver.ts PORT MAILBOX
 *
 * @module
 */

import { MailboxSession } from "../../../client/mailbox/mailbox_session.ts";
import { PATIENCE_MS } from "../../patience.ts";

/**
 * Messages that it is given at a time, and milliseconds for which it has them: a message whose lease runs out five times, on
 * a machine that does other things, is a dead letter.
 */
const MAX = 8, DURATION = 8000;

const [port, mailbox = ""] = Deno.args;
const server: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: Number(port) };
const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
const session = new MailboxSession({
  monotonicClock: () => performance.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  timeout: PATIENCE_MS,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  send: async (datagram) => void await socket.send(datagram, server),
});
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));

async function read(): Promise<never> {
  for (;;) session.received((await socket.receive())[0]);
}

async function receive(): Promise<never> {
  for (;;) {
    const lease = await session.lease(mailbox, { max: MAX, duration: DURATION, wait: 60_000 });
    if (lease === undefined) continue;
    print(lease.messages.map(({ id, text }) => `given ${id} ${text}\n`).join(""));
    for (const { id } of lease.messages) {
      if ((await lease.ack([id])).length === 0) print(`acknowledged ${id}\n`);
      else print(`lost ${id}\n`);
    }
  }
}

await Promise.all([read(), receive()]);
