/** Showing a mailbox through a session: session.md 2.11 to 2.15. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connectMailbox,
  type Mailbox,
  RefusedError,
  type SeenMessage,
  SHARED_QUEUE,
} from "../../../../client/mailbox.ts";
import { PeekQuery } from "../../../../client/mailbox/peek_query.ts";
import { decodeMailboxAnswer, type MailboxAnswer } from "../../../../protocol/session/mailbox_requests.ts";
import { Peeks } from "../../../../server/wire/session/mailbox/peeks.ts";
import { withServer } from "../../serve.ts";

function withMailbox(use: (mailbox: Mailbox, port: number) => Promise<void>): Promise<void> {
  return withServer({}, async (server) => {
    const { port } = server.addresses[0]!;
    await using mailbox = await connectMailbox({ port });
    await use(mailbox, port);
  });
}

const peek = (mailbox: Mailbox, id = "bob") => Array.fromAsync(mailbox.peek(id));
const shown = (messages: SeenMessage[]) =>
  messages.map(({ state, attempts, sender, text }) => `${state} ${attempts} ${sender} ${text}`);

// session.md 2.11, 2.13
Deno.test("a mailbox is shown with the state of each message, and nothing of it changes", () =>
  withMailbox(async (mailbox) => {
    for (const text of ["failed", "leased", "ready"]) await mailbox.send("bob", "alice", text);
    await mailbox.send("bob", "carol", "later", { delay: 60_000 });
    for await (const message of mailbox.messages("bob", { count: 2, prefetch: 1 })) {
      if (message.text === "failed") await message.fail({ delay: 60_000, reason: "not today" });
    }
    const before = await mailbox.stat("bob"), first = await peek(mailbox);
    assertEquals(shown(first), [
      "delayed 1 alice failed",
      "leased 0 alice leased",
      "ready 0 alice ready",
      "delayed 0 carol later",
    ]);
    assertEquals(await peek(mailbox), first);
    assertEquals(await mailbox.stat("bob"), before);
    assertEquals(first.map(({ id }) => id), first.map(({ id }) => id).toSorted((a, b) => a - b));
  }));

// session.md 2.12
Deno.test("a mailbox of many pages is shown whole and in order; an empty one shows nothing", () =>
  withMailbox(async (mailbox) => {
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`);
    await Promise.all(texts.map((text) => mailbox.send("bob", "alice", text)));
    assertEquals((await peek(mailbox)).map(({ text }) => text), texts);
    assertEquals(await peek(mailbox, "nobody"), []);
    await mailbox.send(SHARED_QUEUE, "", "for anybody");
    assertEquals(shown(await peek(mailbox, SHARED_QUEUE)), ["ready 0  for anybody"]);
  }));

// session.md 2.13
Deno.test("of a long text the beginning is shown, cut between characters, with the length of the whole", () =>
  withMailbox(async (mailbox) => {
    const texts = ["x", "Ω".repeat(30_000), "a" + "😀".repeat(100), "y"];
    for (const text of texts) await mailbox.send("bob", "alice", text);
    const seen = await peek(mailbox);
    assertEquals(seen.map(({ bytes }) => bytes), [1, 60_000, 401, 1]);
    assertEquals(seen.map(({ text }) => text), ["x", "Ω".repeat(64), "a" + "😀".repeat(31), "y"]);
  }));

// session.md 2.11, accounts.md 2.1
Deno.test("the mailbox of an account is shown to its owner alone", () =>
  withMailbox(async (mailbox, port) => {
    const as = { name: "bob", password: "secret of bob", make: true, made: () => {} };
    await using bob = await connectMailbox({ port, as });
    await mailbox.send("bob", "alice", "for bob alone");
    assertEquals(shown(await peek(bob)), ["ready 0 alice for bob alone"]);
    const error = await assertRejects(() => peek(mailbox), RefusedError);
    assertEquals(error.reason, "denied");
  }));

// session.md 2.15
Deno.test("one page of a session is looked up at a time, 12 of a network, and 16 in all; then others have their turn", () => {
  const asked: (() => void)[] = [];
  const peeks = new Peeks({
    peek(_: string, __: number, ___: number, done: (page: unknown) => void) {
      asked.push(() => done({ messages: [], more: false }));
      return true;
    },
    refuseRead: () => undefined,
  } as never);
  const client = (_: unknown, i: number) => ({
    account: "",
    network: i < 14 ? "192.0.2.1" : `192.0.2.${i}`,
    lines: [] as string[],
    send(line: string) {
      this.lines.push(line);
    },
  });
  const clients = Array.from({ length: 19 }, client);
  const request = (i: number) =>
    peeks.request(clients[i] as never, { kind: "peek", t: 7, mailbox: "bob", after: 5 });
  request(0);
  request(0);
  assertEquals(asked.length, 1);
  for (let i = 1; i < 14; i++) request(i);
  assertEquals(asked.length, 12);
  for (let i = 14; i < 19; i++) request(i);
  assertEquals(asked.length, 16);
  asked[0]!();
  assertEquals(clients[0]!.lines, ["last,7,5"]);
  request(18);
  assertEquals(asked.length, 17);
});

// session.md 2.12
Deno.test("what is lost of a page is asked for again, from the last message without a gap", () => {
  const query = new PeekQuery("bob", 0);
  const take = (line: string) => query.take(decodeMailboxAnswer(line.split(",")[0]!, line) as MailboxAnswer);
  assertEquals(query.line(1), "peek,1,bob,0");
  assertEquals(take("seen,1,0,3,ready,0,0,alice,3,one"), undefined);
  assertEquals(take("seen,1,5,9,ready,0,0,alice,5,three"), undefined);
  assertEquals(take("more,1,9"), undefined);
  assertEquals(query.line(1), "peek,1,bob,3");
  // the lost one is gone meanwhile: the answer goes round it
  const { messages, next } = take("seen,1,3,9,ready,0,0,alice,5,three")!;
  assertEquals([messages.map(({ text }) => text), next], [["one", "three"], 9]);
});

Deno.test("a server that shows what can't be is not believed, and a page from it ends", () => {
  const wrong = (...lines: string[]) => {
    const query = new PeekQuery("bob", 4);
    assertThrows(
      () => lines.map((line) => query.take(decodeMailboxAnswer(line.split(",")[0]!, line)!)),
      Error,
      "Cannot read on",
    );
  };
  wrong("more,1,4");
  wrong("seen,1,9,9,ready,0,0,alice,3,one");
  wrong(...Array.from({ length: 1100 }, (_, i) => `seen,1,${i + 4},${i + 5},ready,0,0,a,1,x`));
});
