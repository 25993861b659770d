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

/** Makes an account as a client does. */
async function makeAt(world: SealedWorld, name: string, hostname: string) {
  const client = world.client({ as: { name, password: "endor", make: true }, hostname });
  await world.soon(client.login());
  return client;
}

// mailbox.md 5.2, 5.4, accounts.md 1.9
Deno.test("accounts that were made at one address have one share together, until they are confirmed", async () => {
  await using world = await SealedWorld.make({ limits: { messages: 16 } });
  const [dora, eve, fay] = [
    await makeAt(world, "dora", "10.0.0.7"),
    await makeAt(world, "eve", "10.0.0.7"),
    await makeAt(world, "fay", "10.0.0.8"),
  ];
  await world.soon(Promise.all([dora.put("1"), dora.put("2"), eve.put("3"), eve.put("4")]));
  const full = "4 messages of one address";
  assertEquals(
    [await limitFor(world, dora.session, "dora"), await limitFor(world, eve.session, "eve")],
    [full, full],
  );
  await world.soon(Promise.all([
    fay.put("5"),
    world.soon(
      world.anonymous("10.0.0.7").put({
        receiver: "bob",
        sender: "a",
        text: "6",
      }),
    ),
  ]));
  world.server.kill();
  await world.server.start();
  assertEquals(await limitFor(world, eve.session, "eve"), full);
  await world.soon(world.server.accounts.administer("confirm", "eve", ""));
  await world.soon(eve.put("7"));
  assertEquals(await limitFor(world, dora.session, "dora"), full);
  world.server.kill();
  await world.server.start();
  await world.soon(eve.put("8"));
  assertEquals(world.texts(), ["1", "2", "3", "4", "5", "6", "7", "8"]);
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
