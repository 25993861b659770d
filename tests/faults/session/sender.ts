/**
 * A sender that is killed while it works: puts numbered messages without an end, and prints the number of each that the
 * server has on disk.
 *
 *     sender.ts PORT MAILBOX NAME
 *
 * @module
 */

import { connectMailbox } from "../../../client/mailbox.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** Messages on their way at a time. */
const WINDOW = 32;

const [port, mailbox = "", name = ""] = Deno.args;
const connection = await connectMailbox({ port: Number(port), timeout: PATIENCE_MS });
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));

let next = 0;
async function send() {
  for (;;) {
    const n = next++;
    await connection.send(mailbox, name, `${name} ${n}`);
    print(`acknowledged ${n}\n`);
  }
}

await Promise.all(Array.from({ length: WINDOW }, send));
