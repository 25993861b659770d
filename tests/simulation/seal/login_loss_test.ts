import { assert } from "@std/assert";
import { SealedWorld, SERVER } from "../sealed_world.ts";

interface Measured {
  /** Milliseconds of a log-in: the median, and what one of twenty takes longer than. */
  median: number;
  p95: number;
  /** Datagrams that a client sends for it. */
  datagrams: number;
}

/** 200 log-ins, one after the other, each over an address that the server does not know. */
async function logIns(loss: number, delay: [number, number]): Promise<Measured> {
  const conditions = { loss, repeated: 0, reordered: 0, late: 0, delay };
  await using world = await SealedWorld.make({ conditions });
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const client = world.client({ hostname: `10.1.0.${i}` }), began = world.clock.now();
    await world.soon(client.login());
    times.push(world.clock.now() - began);
    client.kill();
  }
  times.sort((a, b) => a - b);
  const sent = world.passed.filter(({ to }) => to === SERVER).length;
  return { median: times[100]!, p95: times[190]!, datagrams: sent / 200 };
}

// seal.md 2.11, 2.12
Deno.test("with a fifth of the datagrams lost, half of all log-ins take under half a second, and 19 of 20 under two", async () => {
  const { median, p95, datagrams } = await logIns(0.2, [1, 20]);
  assert(median < 500 && p95 < 2000, `${median}, ${p95}`);
  // without second copies it takes 6.3
  assert(datagrams < 8, `${datagrams}`);
});

Deno.test("without loss, a log-in takes four round trips and nothing is sent twice", async () => {
  const { p95, datagrams } = await logIns(0, [100, 110]);
  assert(p95 < 4 * 220 + 20, `${p95}`);
  assert(datagrams === 4, `${datagrams}`);
});

Deno.test("over a path that takes longer than the first wait, a log-in takes four round trips too", async () => {
  const { p95, datagrams } = await logIns(0, [400, 410]);
  assert(p95 < 4 * 820 + 20, `${p95}`);
  assert(datagrams < 12, `${datagrams}`);
});
