/**
 * A user that is killed while it works: posts numbered messages without an end, one after the other, and prints the
 * number of each that the server has on disk.
 *
 *     poster.ts PORT KEY NAME TITLE
 *
 * @module
 */

import { connectForum } from "../../../client/forum.ts";

const [port, serverKey = "", name = "", title = ""] = Deno.args;
await using forum = await connectForum({
  port: Number(port),
  serverKey,
  as: { name, password: `of ${name}`, make: true },
});
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));

for (let n = 0;; n++) {
  await forum.post(title, `${name} ${n}`);
  print(`acknowledged ${n}\n`);
}
