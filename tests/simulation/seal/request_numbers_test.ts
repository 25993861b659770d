/** How a client uses request numbers, as its datagrams on a bad network show. */

import { assert, assertEquals } from "@std/assert";
import { PERFECT } from "../network.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

const PUTS = 2500;

// session.md 5.3, 5.8
Deno.test("a client has at most 1,024 open requests, and each number stands for one request until its answer", async () => {
  await using world = await SealedWorld.make({
    conditions: { ...PERFECT, loss: 0.01, delay: [50, 60] },
  });
  const session = world.anonymous("10.0.0.2");
  const texts = Array.from({ length: PUTS }, (_, i) => `${i}`);
  await world.soon(Promise.all(texts.map((text) => session.put({ receiver: "bob", sender: "carol", text }))));
  const requests = new Map<number, string>();
  let done = 0, maxOpen = 0;
  for (const { datagram, to } of world.passed) {
    const [header = "", ...lines] = new TextDecoder().decode(datagram).split("\n");
    const last = Number(header.split(" ").at(-1));
    // what the server has sent: the client can't know more
    if (to !== SERVER) done = Math.max(done, last);
    else assert(last <= done + 1, `low ${last}, but only ${done} are done`);
    for (const line of to === SERVER ? lines : []) {
      const [kind, number] = line.split(",");
      if (kind !== "put") continue;
      const n = Number(number);
      assertEquals(line, requests.get(n) ?? line);
      requests.set(n, line);
      maxOpen = Math.max(maxOpen, n - last + 1);
    }
  }
  assertEquals(requests.size, PUTS);
  assertEquals(maxOpen, 1024);
  assertEquals(world.texts(), texts);
});
