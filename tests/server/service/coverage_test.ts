/** What an account covers: the mailbox of its name too, or the forum alone. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectOriginalMailbox } from "../../../client/original_mailbox.ts";
import { connectMailbox, type Mailbox } from "../../../client/mailbox.ts";
import { RefusedError } from "../../../client/session/errors.ts";
import type { Server } from "../../../server/server.ts";
import { transcript, withServer } from "../serve.ts";
import { makeAccount } from "../../simulation/account.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

interface World {
  server: Server;
  /** Connects without a log-in, or with one, for which an account is made where there is none. */
  connect(name?: string): Promise<Mailbox>;
  /** What was told about the accounts that were made. */
  made: string[];
  /** Gives a control command, and returns the fields of its answer, or its error. */
  fields(command: string): Promise<string[]>;
  /** The same in one text. */
  admin(command: string): Promise<string>;
  /** Sends and receives as {@linkcode transcript} does. */
  wire(text: string): Promise<void>;
}

async function withWorld(use: (world: World) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-coverage-" });
  try {
    await Deno.writeTextFile(`${directory}/secret`, SECRET);
    await withServer({ secretFile: `${directory}/secret` }, async (server, log) => {
      const { port } = server.addresses[0]!, made: string[] = [];
      const serverKey = /key is (\S+)/.exec(log.join(""))![1]!;
      await using administrator = await connectOriginalMailbox({ port });
      const fields = (command: string) =>
        administrator.control(new TextEncoder().encode(SECRET), command).catch((error) => [error.message]);
      await use({
        server,
        made,
        connect: (name) =>
          connectMailbox({
            port,
            ...name === undefined ? {} : {
              serverKey,
              as: {
                name,
                password: "secret",
                make: true,
                made: ({ mailbox }) => void made.push(`${name}: ${mailbox ? "forum, mailbox" : "forum"}`),
              },
            },
          }),
        fields,
        admin: async (command) => (await fields(command)).join(", "),
        wire: (text) => transcript(server, text),
      });
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function next(mailbox: Mailbox, id: string): Promise<string | undefined> {
  for await (const message of mailbox.messages(id, { wait: 0 })) {
    await message.ack();
    return `${message.sender}: ${message.text}`;
  }
}

/** Numbers, texts and reasons of the dead letters. */
async function dead({ fields }: World): Promise<{ id: string; text: string; reason: string }[]> {
  return (await fields("dead")).map((row) => {
    const [id = "", , , , , reason = "", , ...text] = row.split(",");
    return { id, reason, text: text.join(",") };
  });
}

const NOT_CONFIRMED =
  "the account covers the forum alone, until an administrator runs 'wirepost account confirm";

// accounts.md 1.2, 2.7
Deno.test("whoever registers a name does not take its mail, and the mailbox stays anybody's", () =>
  withWorld(async ({ connect, made, wire }) => {
    await wire("eve > F, carol, eve, for carol");
    await using mallory = await connect("carol");
    assertEquals(made, ["carol: forum"]);
    await assertRejects(() => next(mallory, "carol"), RefusedError, NOT_CONFIRMED);
    await assertRejects(() => mallory.stat("carol"), RefusedError, NOT_CONFIRMED);
    await assertRejects(() => mallory.send("bob", "carol", "posing"), RefusedError, NOT_CONFIRMED);
    await wire(`
      carol > F, bob, carol, I write as ever
      carol > R, carol
      carol < N, TIME, eve, for carol
      bob > R, bob
      bob < N, TIME, carol, I write as ever
    `);
    // nor is it covered once it is empty
    await using again = await connect("carol");
    await assertRejects(() => again.stat("carol"), RefusedError, NOT_CONFIRMED);
    assertEquals(made, ["carol: forum"]);
  }));

// accounts.md 1.2
Deno.test("an account covers a mailbox that is empty, and says so", () =>
  withWorld(async ({ connect, made, wire, admin }) => {
    await wire(`
      eve > F, dora, eve, read before
      eve > R, dora
      eve < N, TIME, eve, read before
    `);
    await using dora = await connect("dora");
    assertEquals([made, await admin("account, list")], [
      ["dora: forum, mailbox"],
      "dora mailbox at:this-machine",
    ]);
    await wire(`
      eve > F, dora, eve, new
      eve > R, dora
      eve < X
    `);
    assertEquals(await next(dora, "dora"), "eve: new");
  }));

// accounts.md 1.3
Deno.test("a mailbox with a delayed or leased message, or with somebody who waits, is not covered", () =>
  withWorld(async ({ connect, made, admin }) => {
    await using nobody = await connect();
    await nobody.send("delayed", "eve", "later", { delay: 86_400_000 });
    await nobody.send("leased", "eve", "being read");
    const leased = nobody.messages("leased");
    const message = (await leased.next()).value!;
    const waiting = nobody.messages("waited");
    const waited = waiting.next();
    waited.catch(() => {});
    // the server has that by now
    await nobody.stat("");
    for (const name of ["delayed", "leased", "waited", "none"]) await (await connect(name)).close();
    assertEquals(made, ["delayed: forum", "leased: forum", "waited: forum", "none: forum, mailbox"]);
    assertEquals(
      await admin("account, list"),
      "delayed at:this-machine, leased at:this-machine, none mailbox at:this-machine, waited at:this-machine",
    );
    // who waits goes on
    await nobody.send("waited", "eve", "here it is");
    assertEquals((await waited).value!.text, "here it is");
    await message.ack();
    await Promise.all([leased.return(), waiting.return()]);
  }));

// accounts.md 3.1
Deno.test("a confirmed account gets what comes from then on, and nothing of what was there before", () =>
  withWorld(async (world) => {
    const { connect, admin, wire } = world;
    await using nobody = await connect();
    await nobody.send("carol", "eve", "ready");
    await nobody.send("carol", "eve", "delayed", { delay: 86_400_000 });
    await nobody.send("carol", "eve", "expires, but not yet", { ttl: 86_400_000 });
    await using carol = await connect("carol");
    const waiting = nobody.messages("carol", { count: 2 }), first = (await waiting.next()).value!;
    assertEquals(first.text, "ready");
    assertEquals(await admin("account, confirm, carol"), "carol, 2");
    assertEquals(await admin("account, list"), "carol mailbox");
    // again, nothing is to be done
    assertEquals(await admin("account, confirm, carol"), "carol, 0");
    assertEquals(await next(carol, "carol"), undefined);
    assertEquals(await dead(world), [
      { id: "2", reason: "before the account", text: "delayed" },
      { id: "3", reason: "before the account", text: "expires, but not yet" },
    ]);
    // a lease that ran then runs on; what comes back of it is set apart too
    await first.release();
    assertEquals((await dead(world))[0], { id: "1", reason: "before the account", text: "ready" });
    assertEquals(await next(carol, "carol"), undefined);
    await wire(`
      eve > F, carol, eve, after
      eve > F, bob, carol, forged
      eve > R, carol
      eve < X
      bob > R, bob
      bob < X
    `);
    assertEquals(await next(carol, "carol"), "eve: after");
    const { dead: ofCarol, messages } = await carol.stat("carol");
    assertEquals([ofCarol, messages], [0, 0]);
    await assertRejects(() => next(nobody, "carol"), RefusedError, "only its owner may");
    await waiting.return();
  }));

// accounts.md 3.4
Deno.test("what was set apart is given out by the administrator alone, by its number", () =>
  withWorld(async (world) => {
    const { connect, admin } = world;
    await using nobody = await connect();
    for (const text of ["one", "two"]) await nobody.send("carol", "eve", text);
    await nobody.send("bob", "eve", "not apart");
    for await (const message of nobody.messages("bob", { count: 1 })) await message.fail({ attempts: 1 });
    const add = `account, add, carol, ${makeAccount({ name: "carol", password: "secret" }).verifier}`;
    assertEquals(await admin(add), "carol, 2");
    // all others: one done, none without room, the last one
    const [one, two, other] = await dead(world);
    assertEquals(other!.text, "not apart");
    assertEquals(await admin("requeue-all"), `1, 0, ${other!.id}`);
    assertEquals((await dead(world)).map(({ text }) => text), ["one", "two"]);
    assertEquals(await admin(`requeue, ${two!.id}`), "1");
    assertEquals(await admin("count, carol"), "1");
    assertEquals(await admin(`delete, ${one!.id}`), "1");
    assertEquals(await dead(world), []);
  }));

// accounts.md 3.2
Deno.test("a dead letter from before the account is not given to it with others", () =>
  withWorld(async (world) => {
    const { connect, made, admin } = world;
    await using nobody = await connect();
    await nobody.send("carol", "eve", "never read");
    for await (const message of nobody.messages("carol", { count: 1 })) await message.fail({ attempts: 1 });
    // the mailbox is empty
    await using carol = await connect("carol");
    assertEquals(made, ["carol: forum, mailbox"]);
    assertEquals(await admin("requeue-all"), "0, 0, 0");
    assertEquals(await next(carol, "carol"), undefined);
    assertEquals((await dead(world)).map(({ reason }) => reason), ["before the account"]);
    // a message of its own that dies is as any other
    await carol.send("carol", "carol", "mine");
    for await (const message of carol.messages("carol", { count: 1 })) await message.fail({ attempts: 1 });
    const [requeued] = (await admin("requeue-all")).split(", ");
    assertEquals([requeued, await next(carol, "carol")], ["1", "carol: mine"]);
  }));

// accounts.md 2.1
Deno.test("whoever waits for a mailbox is told when an account begins to cover it", () =>
  withWorld(async ({ connect, admin }) => {
    await using nobody = await connect();
    const waiting = (async () => {
      for await (const { text } of nobody.messages("carol")) return text;
    })();
    waiting.catch(() => {});
    await nobody.stat("");
    await using carol = await connect("carol");
    assertEquals(await admin("account, confirm, carol"), "carol, 0");
    await assertRejects(() => waiting, RefusedError, "only its owner may");
    await carol.send("carol", "carol", "mine");
    assertEquals(await next(carol, "carol"), "carol: mine");
  }));

Deno.test("confirm says what it can't do", () =>
  withWorld(async ({ admin }) => {
    assertEquals(await admin("account, confirm, nobody"), "no account has this name");
    assert(
      (await admin("account, what")).startsWith("neither list, add, confirm, set-password, role, remove"),
    );
  }));
