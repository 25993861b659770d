import { assert, assertEquals } from "@std/assert";
import { HandshakeFlood } from "./handshake_flood.ts";
import { SealedWorld } from "../sealed_world.ts";

async function took(world: SealedWorld, work: Promise<unknown>): Promise<number> {
  const began = world.clock.now();
  await world.soon(work);
  return world.clock.now() - began;
}

// seal.md 2.8, 2.9
Deno.test("a flood of handshakes from 300 addresses costs a tenth of the time, and keeps nobody out", async () => {
  await using world = await SealedWorld.make();
  const before = world.client();
  await world.soon(before.login());
  const flood = new HandshakeFlood(world, 300, 80), began = world.clock.now();
  await world.clock.run(5000);
  // a client that is logged in works undisturbed
  for (let i = 0; i < 10; i++) assert(await took(world, before.put(`${i}`)) < 20);
  // and a new one is served after one handshake of each other network
  const login = await took(world, world.client({ hostname: "10.0.0.3" }).login());
  assert(login < 3000, `${login}`);
  const { made, asked } = flood, passed = world.clock.now() - began;
  assert(made <= 32 + passed / 5, `${made} in ${passed} ms`);
  const dropped = world.server.dropped.get("sealed too many handshakes");
  assert(asked > 10 * made && dropped! > asked / 4, `${made} of ${asked}, ${dropped} dropped`);
  flood.stop();
  await world.clock.run(12_000);
  assert(await took(world, world.client({ hostname: "10.0.0.4" }).login()) < 20);
  assertEquals(world.texts().length, 10);
});

// seal.md 2.9
Deno.test("one address that begins handshakes without end does not delay those of others", async () => {
  await using world = await SealedWorld.make();
  new HandshakeFlood(world, 1, 1);
  await world.clock.run(2000);
  const logins = Array.from({ length: 20 }, (_, i) => world.client({ hostname: `10.0.1.${i}` }).login());
  assert(await took(world, Promise.all(logins)) < 1000);
});

Deno.test("a class that logs in at the same moment from one address is let in at once", async () => {
  await using world = await SealedWorld.make();
  const logins = Array.from({ length: 100 }, () => world.client().login());
  const all = await took(world, Promise.all(logins));
  assert(all < 1000, `${all}`);
});
