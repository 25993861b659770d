/** Administrators by the role of their account (admin.md section 8). */

import { assertEquals, assertRejects } from "@std/assert";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { connectAdministrator, NO_SECRET, RefusedCommandError } from "../../../client/original_mailbox.ts";
import { LoginError } from "../../../client/session/errors.ts";
import { newVerifier } from "../../../client/command/account/store.ts";
import { proof } from "../../../protocol/admin.ts";
import { Peer, temporaryDirectory } from "../../program.ts";
import { PASSWORD, withProtected } from "../protected.ts";
import { Networks } from "../../../server/quota/address.ts";

/** A server, its administrator by the secret, and log-ins as administrators. */
async function withRoles(
  use: (
    control: (command: string) => Promise<string[]>,
    as: (name: string, password?: string) => ReturnType<typeof connectAdministrator>,
    port: number,
  ) => Promise<void>,
  options: Parameters<typeof withProtected>[1] = {},
) {
  await using directory = await temporaryDirectory();
  const knownServers = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(({ control, port }) => {
    const as = (name: string, password = PASSWORD) =>
      connectAdministrator({ port: port("mailbox"), knownServers, as: { name, password }, timeout: 30_000 });
    return use(control, as, port("mailbox"));
  }, options);
}

// seal.md 4.11
Deno.test("an account with the role admin is an administrator under its seal, and one with the role user is none", async () => {
  await withRoles(async (control, as, port) => {
    await using bob = await as("bob");
    const refused = await assertRejects(() => bob.control(NO_SECRET, "count"), RefusedCommandError);
    assertEquals(refused.message, "the account is no administrator's");
    assertEquals(await control("account, role, bob, admin"), ["bob"]);
    assertEquals(await control("account, list"), [
      "alice mailbox",
      "bob mailbox admin",
      "carla at:this-machine",
    ]);
    // the same seal, whose account has another role now
    assertEquals(await bob.control(NO_SECRET, "count"), ["1"]);
    assertEquals(await bob.control(NO_SECRET, "clear, carla"), ["1"]);
    assertEquals(await control("count"), ["0"]);
    await bob.control(NO_SECRET, `account, add, dora, ${await newVerifier(PASSWORD)}`);
    assertEquals(await bob.control(NO_SECRET, "account, role, alice, admin"), ["alice"]);
    await using alice = await as("alice");
    assertEquals(await alice.control(NO_SECRET, "account, role, bob, user"), ["bob"]);
    await assertRejects(() => bob.control(NO_SECRET, "count"), RefusedCommandError);
    // without a seal the empty secret proves nothing
    using eve = new Peer(port);
    await eve.send("A, challenge   ");
    const nonce = (await eve.receive()).replace("A, ok, ", "");
    await eve.send(`A, ${nonce}, ${proof(NO_SECRET, nonce, "stop")}, stop`);
    assertEquals(await eve.receive(), "A, error, wrong proof");
    await assertRejects(() => as("alice", "wrong"), LoginError);
    await assertRejects(() => as("eve"), LoginError);
  });
});

Deno.test("an administrator by account needs no address that the original wire answers, and no secret", async () => {
  await withRoles(async (control, as) => {
    await control("account, role, bob, admin");
    await using bob = await as("bob");
    const seen: string[] = [], ended = new AbortController();
    const begun = Promise.withResolvers<void>();
    const watching = (async () => {
      const filter = { services: [], peers: [], names: [], texts: false };
      for await (
        const { events } of bob.watch(NO_SECRET, filter, { signal: ended.signal, onBegin: begun.resolve })
      ) {
        seen.push(...events.map(({ what }) => what));
        if (seen.some((what) => what.includes("count"))) ended.abort();
      }
    })();
    await begun.promise;
    // what the administrator is sent is no event: it would never end
    await control("count");
    await watching;
    assertEquals(seen.length < 20, true, seen.join("\n"));
  }, { originalFrom: new Networks(["127.0.0.0/8"]) });
});

Deno.test("an administrator whose account ends, or has another password, is answered no more", async () => {
  await withRoles(async (control, as) => {
    await control("account, role, bob, admin");
    await using bob = await as("bob");
    assertEquals(await bob.control(NO_SECRET, "count, bob"), ["0"]);
    await control(`account, set-password, bob, ${await newVerifier("another")}`);
    await assertRejects(() => bob.control(NO_SECRET, "count, bob"), LoginError);
    // the role is the account's, not the password's
    await using again = await as("bob", "another");
    assertEquals(await again.control(NO_SECRET, "count, bob"), ["0"]);
    await control("account, remove, bob");
    await control(`account, add, bob, ${await newVerifier(PASSWORD)}`);
    await using other = await as("bob");
    await assertRejects(() => other.control(NO_SECRET, "count, bob"), RefusedCommandError);
  });
});

Deno.test("a session of an administrator's account is a session as any other", async () => {
  await using directory = await temporaryDirectory();
  const knownServers = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ control, port }) => {
    await control("account, role, alice, admin");
    const as = { name: "alice", password: PASSWORD };
    await using alice = await connectMailbox({ port: port("mailbox"), knownServers, as });
    await alice.send("carla", "alice", "hello");
    await assertRejects(() => alice.stat("bob"), Error, "only its owner may");
  });
});
