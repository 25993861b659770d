import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { FIRST_SESSION, follow, putLine, Script } from "../../simulation/script.ts";
import { ClosedError } from "../../../client/session/errors.ts";

// session.md 4.3
Deno.test("Session begins with a datagram without requests, and repeats it each second", async () => {
  const script = new Script();
  const put = script.put("hello");
  assertEquals(await script.sent(), ["hello 1"]);
  assertEquals(await script.sent(999), []);
  assertEquals(await script.sent(1), ["hello 1"]);
  assertEquals(await script.sent(1000), ["hello 1"]);
  script.challenge();
  assertEquals(await script.sent(), [`1 ${putLine(1, "hello")}`]);
  script.answer("ok,1");
  await script.sent();
  assertEquals(put.state, "done");
});

Deno.test("requests of one turn share a datagram, and low rises with the answers", async () => {
  const script = await new Script().open();
  const puts = ["a", "b", "c"].map((text) => script.put(text));
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")} | ${putLine(2, "b")} | ${putLine(3, "c")}`]);
  script.answer("ok,1-2");
  await script.sent();
  assertEquals(puts.map(({ state }) => state), ["done", "done", "open"]);
  script.put("d");
  assertEquals(await script.sent(), [`3 ${putLine(4, "d")}`]);
  script.answer("ok,4", "ok,3");
  assertEquals(await script.sent(5000), []);
  assertEquals(puts[2]!.state, "done");
  assertEquals(script.client.state, { id: FIRST_SESSION, startTime: "000000000001", next: 5, low: 5 });
});

// session.md 8.12
Deno.test("a server that has done less than before its restart does not know the session", async () => {
  const script = await new Script().open();
  const [first, second] = ["a", "b", "c"].map((text) => script.put(text));
  await script.sent();
  // the answer to the first two is lost
  script.done = 3;
  script.answer("ok,3");
  await script.sent();
  script.challenge("00000002");
  await script.sent();
  script.done = 2;
  script.answer("ok,1-2");
  await script.sent();
  assertEquals([first!.state, second!.state], ["failed", "failed"]);
  assertEquals(first!.error?.message, "The server does not know the session any more: outcome unknown");
});

// session.md 3.2
Deno.test("what the server has is not sent again, what is missing is", async () => {
  const script = await new Script().open();
  const first = script.put("a");
  await script.sent();
  const second = script.put("b");
  await script.sent();
  await script.clock.run(10);
  script.answer("have,2");
  const [, again] = await script.next();
  assertEquals(again, `1 ${putLine(1, "a")}`);
  script.answer("ok,1-2");
  await script.sent();
  assertEquals([first.state, second.state], ["done", "done"]);
});

// session.md 3.2
Deno.test("a request that the server has is repeated if the answer was lost", async () => {
  const script = await new Script().open();
  const puts = [script.put("a"), script.put("b")];
  await script.sent();
  await script.clock.run(10);
  script.answer("have,2");
  script.answer("ok,1");
  assertEquals((await script.next())[1], `2 ${putLine(2, "b")}`);
  script.answer("ok,2");
  await script.sent();
  assertEquals(puts.map(({ state }) => state), ["done", "done"]);
});

// session.md 4.4
Deno.test("after a new start ID everything open is repeated, and the old one is ignored", async () => {
  const script = await new Script().open();
  const puts = [script.put("a"), script.put("b"), script.put("c")];
  const lease = follow(script.client.lease("bob", { wait: 60_000 }));
  await script.sent();
  script.answer("have,2", "pending,2");
  await script.clock.run(10);
  script.challenge("00000002", "2222222222222222");
  const all = `1 lease,2,bob,1,30000,59990 | ${putLine(1, "a")} | ${putLine(2, "b")} | ${putLine(3, "c")}`;
  assertEquals(await script.sent(), [all]);
  script.startId = "00000001";
  script.answer("ok,1-3", "none,2");
  assertEquals(await script.sent(), []);
  assertEquals([lease.state, ...puts.map(({ state }) => state)], ["open", "open", "open", "open"]);
  script.startId = "00000002";
  // the first was performed before the restart
  script.answer("ok,1", "none,2");
  script.answer("ok,2-3");
  await script.sent();
  assertEquals([lease.state, ...puts.map(({ state }) => state)], ["done", "done", "done", "done"]);
});

// session.md 4.3
Deno.test("a client with another address repeats what is open with the new cookie, once", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  script.challenge("00000001", "2222222222222222");
  script.challenge("00000001", "2222222222222222");
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
});

// session.md 8.12
Deno.test("an unknown session with open ordered requests ends, and reports which were sent", async () => {
  const script = await new Script().open();
  // more than may be open at a time, so that the last is not sent
  const puts = Array.from({ length: 1100 }, (_, i) => script.put(`${i}`));
  await script.sent();
  script.answer("ok,1-5");
  script.answer("unknown");
  assertEquals(
    await script.sent(60_000).then((heard) => heard.filter((text) => text.includes("hello"))),
    [],
  );
  assertEquals(puts[4]!.state, "done");
  assertEquals([puts[5]!.error?.name, puts[5]!.error?.sent], ["OutcomeUnknownError", true]);
  assertEquals([puts[1099]!.error?.name, puts[1099]!.error?.sent], ["OutcomeUnknownError", false]);
  await assertRejects(() => script.client.lease("bob"), Error, "does not know the session any more");
});

// session.md 8.13
Deno.test("an unknown session with nothing open begins anew", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  script.answer("ok,1");
  const lease = follow(script.client.lease("bob"));
  assertEquals(await script.sent(), ["2 lease,2,bob,1,30000,0"]);
  script.answer("unknown");
  script.answer("unknown");
  assertEquals(await script.sent(), ["hello 1"]);
  assert(script.session !== FIRST_SESSION);
  script.challenge();
  assertEquals(await script.sent(), ["1 lease,3,bob,1,30000,0"]);
  script.put("b");
  assertEquals(await script.sent(), [`1 ${putLine(1, "b")}`]);
  script.answer("none,3", "ok,1");
  await script.sent();
  assertEquals(lease.state, "done");
});

// session.md 3.13, 4.4
Deno.test("datagrams that are no answer to this session are ignored", async () => {
  const script = await new Script().open();
  const put = script.put("a");
  await script.sent();
  const encoder = new TextEncoder();
  for (
    const text of [
      "",
      "N, 2026-01-31T12:00:00.000Z, alice, ok,1",
      `P1> ${FIRST_SESSION} 00000001 - 1\nok,1`,
      `P1< ${"B".repeat(22)} 00000001 - 1\nok,1`,
      `P1< ${FIRST_SESSION} - - 1\nok,1`,
      `P1< ${FIRST_SESSION} 00000001 - 1\nok,1\nwhat`,
    ]
  ) script.client.received(encoder.encode(text));
  script.answer("ok,0", "ok,2-999999999", "have,7", "lost,9,1", "bad,9,x", "full,9,x", "storage,9", "none,9");
  await script.sent();
  assertEquals(put.state, "open");
});

Deno.test("datagrams are sent one after another", async () => {
  const script = await new Script().open();
  let sending = 0, most = 0;
  script.sending = async () => {
    most = Math.max(most, ++sending);
    await new Promise<void>((resolve) => script.clock.setTimer(1, resolve));
    sending--;
  };
  for (let i = 0; i < 200; i++) script.put(`${i}`);
  await script.clock.run(3);
  script.put("x");
  assertEquals((await script.sent(20)).length, 5);
  assertEquals(most, 1);
});

Deno.test("ready() resolves when there is room for more", async () => {
  const script = await new Script().open();
  const settled: (Error | undefined)[] = [];
  const post = (i: number) =>
    script.client.post({ receiver: "bob", sender: "alice", text: `${i}` }, (error) => settled.push(error));
  let posted = 0;
  while (post(posted++));
  assertLessOrEqual(posted, 5000);
  const ready = follow(script.client.ordered.ready());
  let acknowledged = 0;
  while (ready.state === "open") {
    const heard = await script.sent(), { low } = script.client.state;
    const last = Number(/put,(\d+),[^|]*$/.exec(heard.at(-1)!)![1]);
    assertLess(last - low, 1024);
    script.answer(`ok,${low}-${last}`);
    acknowledged = last;
  }
  assertLessOrEqual(posted - acknowledged, 2048);
  assertEquals(settled.every((error) => error === undefined), true);
});

Deno.test("close() waits for open requests, and then refuses new ones", async () => {
  const script = await new Script().open();
  const put = script.put("a");
  const closing = follow(script.client.close());
  await script.sent();
  assertThrows(
    () => script.client.post({ receiver: "bob", sender: "alice", text: "b" }, () => {}),
    ClosedError,
    "The session is closed: nothing was sent",
  );
  assertEquals(closing.state, "open");
  script.answer("ok,1");
  await script.sent();
  assertEquals([put.state, closing.state], ["done", "done"]);
  assertEquals(await script.sent(60_000), []);
});

Deno.test("close() gives up after its limit, and reports what was sent", async () => {
  const script = await new Script().open();
  const put = script.put("a"), lease = follow(script.client.lease("bob", { wait: 60_000 }));
  const closing = follow(script.client.close(1000));
  await script.sent(999);
  assertEquals([put.state, lease.error?.name, closing.state], ["open", "ClosedError", "open"]);
  await script.sent(1);
  assertEquals([put.error?.name, put.error?.sent, closing.state], ["ClosedError", true, "done"]);
});

// session.md 8.15
Deno.test("a session can be resumed later, with the same numbers", async () => {
  const script = await new Script().open();
  script.put("a");
  script.put("b");
  await script.sent();
  script.answer("ok,1");
  const { id, low } = script.client.state;
  assertEquals(low, 2);

  const later = await new Script({ id, next: low }).open("hello 2");
  const put = later.put("b");
  assertEquals(await later.sent(), [`2 ${putLine(2, "b")}`]);
  later.answer("ok,2");
  await later.sent();
  assertEquals(put.state, "done");
  assertEquals(later.session, id);
});

Deno.test("stat() returns counts by their names", async () => {
  const script = await new Script().open();
  const stat = follow(script.client.stat("bob"));
  assertEquals(await script.sent(), ["1 stat,2,bob"]);
  script.answer("stat,2,messages 3,bytes 42");
  await script.sent();
  assertEquals(stat.value, { messages: 3, bytes: 42 });
});

Deno.test("what the wire cannot carry is refused before it is sent", async () => {
  const { client } = new Script();
  const put = (fields: Record<string, unknown>) =>
    client.put({ receiver: "bob", sender: "alice", text: "", ...fields });
  await assertRejects(() => put({ receiver: "b,b" }), TypeError, "Cannot use 'b,b' as an ID");
  await assertRejects(() => put({ sender: "admin" }), TypeError, "the name is the administrator's");
  await assertRejects(() => put({ receiver: "" }), TypeError, "Cannot put into the shared queue as 'alice'");
  await assertRejects(() => put({ text: "a\nb" }), TypeError, "control characters");
  await assertRejects(() => put({ text: "Ω".repeat(32_501) }), RangeError, "at most 65000 fit");
  await assertRejects(() => put({ delay: 0.5 }), RangeError, "Cannot use 0.5 as a time");
  await assertRejects(() => put({ ttl: -1 }), RangeError, "Cannot use -1 as a time");
  await assertRejects(() => client.lease("bob", { max: 65 }), RangeError, "1 to 64");
  await assertRejects(() => client.lease("bob", { duration: 999 }), RangeError, "expected 1000 to 86400000");
  await assertRejects(() => client.lease(" bob"), TypeError, "as an ID");
});

// session.md 8.4
Deno.test("a session that ends with every outcome known sends bye once, unless it is kept", async () => {
  for (const isKept of [false, true]) {
    const script = await new Script().open();
    const put = script.put("a");
    assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
    if (isKept) script.client.keep();
    const closed = follow(script.client.close());
    assertEquals(await script.sent(), []);
    script.answer("ok,1");
    assertEquals(await script.sent(5000), isKept ? [] : ["2 bye"]);
    assertEquals([put.state, closed.state], ["done", "done"]);
  }
});

Deno.test("a session without ordered requests sends no bye", async () => {
  const script = await new Script().open();
  const closed = follow(script.client.close());
  assertEquals(await script.sent(5000), []);
  assertEquals(closed.state, "done");
});
