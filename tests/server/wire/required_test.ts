/** A server that lets nobody in without a log-in (accounts.md 2.8, channels.md 9.10): each wire, and each way to come. */

import { assertEquals, assertRejects } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { connectMailbox, KnownServers, type Mailbox } from "../../../client/mailbox.ts";
import { LoginError, RefusedError } from "../../../client/session/errors.ts";
import { LOGIN_TEXTS } from "../../../protocol/login.ts";
import { temporaryDirectory } from "../../program.ts";
import { PASSWORD, withProtected } from "../protected.ts";
import { transcript } from "../serve.ts";
import { converse, type Writes } from "./hub/conversation.ts";

const REQUIRED = { auth: "required" } as const;
const { closed, usage, wrong } = LOGIN_TEXTS;

const rows: Readonly<Record<string, string>> = {
  "channels, no account": `
    Eve > eve
    Eve < ${closed}
    Eve > /create tea
    Eve < ${closed}
    Eve > /list
    Eve < ${closed}
    Eve > hello
    Eve < ${closed}
    Eve > /wirepost\\n1
    Eve < STX wirepost 1 eve
    Eve > /who
    Eve < ${closed}
    Eve > /login eve ${PASSWORD}
    Eve < ${wrong}
    Eve close
  `,
  "channels: right, wrong and absent password, and other's name": `
    Alice > alice
    Alice < ${closed}
    Alice > /login alice wrong
    Alice < ${wrong}
    Alice > /login alice
    Alice < ${usage}
    Alice > /create tea
    Alice < ${closed}
    Alice > /login alice ${PASSWORD}
    Alice < Logged in as alice
    Alice > /create tea
    Alice > /list
    Alice < tea
    Bob > alice
    Bob < ${closed}
    Bob > /login bob ${PASSWORD}
    Bob < Logged in as bob
    Bob > /join tea
    Alice < bob has joined
    Bob > hello
    Alice < [bob] hello
  `,
  "room: no account, right, wrong and absent password": `
    a enter
    a < ${closed}
    b enter
    b < ${closed}
    a > /login alice ${PASSWORD}
    a < Logged in as alice
    b > hello
    b < ${closed}
    b > /login bob wrong
    b < ${wrong}
    b > /login bob
    b < ${usage}
    c enter
    c < ${closed}
    c close
    b > /login bob ${PASSWORD}
    b < Logged in as bob
    a < [bob] entered room
    b > hello
    a < \\r<bob> hello
    a > hello
    b < \\r<alice> hello
    b close
    a < Client bob is offline
  `,
};

for (const writes of ["a message a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    Deno.test(`with --auth required, ${writes}, ${row}`, () =>
      withProtected(({ server }) => converse(server, conversation, writes), REQUIRED));
  }
}

Deno.test("with --auth required the original wire of the mailbox puts and takes nothing", async () => {
  await withProtected(async ({ server, control }) => {
    await transcript(
      server,
      `
      eve > F, bob, eve, hello
      eve > for, hello
      eve > R, eve
      eve < X
      eve > req
      eve < xxx
      eve > R, bob
      eve < X
      `,
    );
    assertEquals(await control("count"), ["0"]);
    const refused = (await control("status")).concat(await control("status, 20")).find((field) =>
      field.startsWith("refused no log-in")
    );
    assertEquals(refused, "refused no log-in 6");
  }, REQUIRED);
});

Deno.test("with --auth required a session of the mailbox does nothing before its log-in but ask what runs", async () => {
  await using directory = await temporaryDirectory();
  const knownServers = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ port }) => {
    const server = { port: port("mailbox"), knownServers };
    const as = (name: string, password = PASSWORD) => connectMailbox({ ...server, as: { name, password } });
    const next = async (mailbox: Mailbox, id: string) => {
      for await (const message of mailbox.messages(id, { wait: 0 })) {
        await message.ack();
        return `${message.sender}: ${message.text}`;
      }
    };
    await using nobody = await connectMailbox({ port: server.port });
    for (
      const use of [
        () => nobody.send("bob", "eve", "hello"),
        () => nobody.send("", "", "hello"),
        () => nobody.stat("eve"),
        () => next(nobody, "eve"),
        () => next(nobody, ""),
      ]
    ) {
      const error = await assertRejects(use, RefusedError, "nobody is let in without a log-in");
      assertEquals(error.reason, "log in first");
    }
    assertEquals((await nobody.info("eve")).isLoginRequired, true);
    await assertRejects(() => as("alice", "wrong"), LoginError);
    await assertRejects(() => as("eve"), LoginError);
    await using alice = await as("alice");
    await using bob = await as("bob");
    await alice.send("bob", "alice", "hello");
    await assertRejects(() => alice.send("bob", "eve", "hello"), RefusedError, "not your name");
    await assertRejects(() => next(alice, "bob"), RefusedError);
    assertEquals(await next(bob, "bob"), "alice: hello");
    await alice.send("", "", "for anybody");
    assertEquals(await next(bob, ""), ": for anybody");
  }, REQUIRED);
});

Deno.test("with --auth required the forum is for accounts, as always", async () => {
  await using directory = await temporaryDirectory();
  const knownServers = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ port }) => {
    const server = { port: port("forum"), knownServers };
    await assertRejects(
      () => connectForum({ ...server, as: { name: "alice", password: "wrong" } }),
      LoginError,
    );
    await using forum = await connectForum({ ...server, as: { name: "alice", password: PASSWORD } });
    await forum.create("tea");
  }, REQUIRED);
});
