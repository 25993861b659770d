import { assert, assertEquals } from "@std/assert";
import { MAX_SESSION_DATAGRAM_BYTES } from "../../../protocol/session.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

const NAME = "n".repeat(64);

// seal.md 1.3
Deno.test("no sealed datagram is too long, whatever a session puts, leases, acknowledges and loses", async () => {
  const conditions = { loss: 0.1, repeated: 0.1, reordered: 0, late: 0, delay: [1, 20] as [number, number] };
  await using world = await SealedWorld.make({ conditions });
  const client = world.client({ as: { name: NAME, make: true } });
  await world.soon(client.login());
  const { session } = client;
  // every length around those at which a text is cut, of characters of one byte and of three
  const texts = Array.from({ length: 300 }, (_, i) => (i % 2 ? "✓" : "x").repeat(i % 2 ? 300 + i : 900 + i));
  texts.push("x".repeat(65_000), "✓".repeat(21_666));
  for (let i = 0; i < 100; i++) texts.push(`${i}`);
  await world.soon(
    Promise.all(texts.map((text) => session.put({ receiver: NAME, sender: NAME, text }))),
    300_000,
  );
  let received = 0;
  for (;;) {
    const lease = await world.soon(session.lease(NAME, { max: 64, duration: 1000 }), 300_000);
    if (lease === undefined) break;
    for (const { text } of lease.messages) assertEquals(text, texts[received++]);
    const ids = lease.messages.map(({ id }) => id);
    await world.soon(lease.ack());
    // again, so that all of them are named in the answer too
    assertEquals(await world.soon(lease.ack(ids)), ids);
  }
  assertEquals(received, texts.length);
  await world.soon(session.stat());
  const longest = (toServer: boolean) =>
    Math.max(
      ...world.passed.filter(({ to }) => (to === SERVER) === toServer).map(({ datagram }) => datagram.length),
    );
  for (const direction of [true, false]) {
    const bytes = longest(direction);
    assert(
      bytes <= MAX_SESSION_DATAGRAM_BYTES && bytes > MAX_SESSION_DATAGRAM_BYTES - 40,
      `${direction} ${bytes}`,
    );
  }
});
