import { assertEquals, assertRejects } from "@std/assert";
import type { MailboxSession } from "../../../client/mailbox/mailbox_session.ts";
import { FullError } from "../../../client/session/errors.ts";
import { makeAccount } from "../account.ts";
import { SealedWorld } from "../sealed_world.ts";

/** The limit that a put of this session is refused by. */
async function limitFor(world: SealedWorld, session: MailboxSession, sender: string): Promise<string> {
  const put = session.put({ receiver: "bob", sender, text: "no", wait: 1000 });
  return (await assertRejects(() => world.soon(put), FullError) as FullError).limit;
}

// mailbox.md 5.2
Deno.test("an account that fills its share is refused, and leaves the rest to others at the same address", async () => {
  await using world = await SealedWorld.make({ limits: { messages: 8 } });
  const carol = { name: "carol", password: "endor" };
  await world.soon(world.server.accounts.add(carol.name, makeAccount(carol).verifier));
  const alice = world.client(), other = world.client({ as: carol });
  await world.soon(Promise.all([alice.login(), other.login()]));
  await world.soon(Promise.all(["1", "2"].map(alice.put)));
  assertEquals(await limitFor(world, alice.session, "alice"), "2 messages of one user");
  await world.soon(Promise.all(["4", "5"].map(other.put)));
  assertEquals(await limitFor(world, other.session, "carol"), "2 messages of one user");
  world.server.ask({ kind: "take", mailbox: "bob" });
  await world.soon(alice.put("6"));
  assertEquals(world.texts(), ["2", "4", "5", "6"]);
});

// mailbox.md 5.2
Deno.test("sessions of one network without an account have one share together", async () => {
  await using world = await SealedWorld.make({ limits: { messages: 8 } });
  const first = world.anonymous("2001:db8::1"), second = world.anonymous("2001:db8::2");
  const other = world.anonymous("10.0.0.9");
  const put = (session: MailboxSession, text: string) =>
    world.soon(session.put({ receiver: "bob", sender: "a", text }));
  await put(first, "1");
  await put(second, "2");
  assertEquals(await limitFor(world, first, "a"), "2 messages of one address");
  assertEquals(await limitFor(world, second, "a"), "2 messages of one address");
  await put(other, "3");
  await put(other, "4");
  assertEquals(await limitFor(world, other, "a"), "2 messages of one address");
  assertEquals(world.texts(), ["1", "2", "3", "4"]);
});
