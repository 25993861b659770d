/** Sessions whose server is silent, or has no room for them. session.md sections 3, 8 and 9. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FIRST_SESSION, follow, putLine, Script } from "../../simulation/script.ts";

// session.md 9.3
Deno.test("a session whose server is silent for ten seconds ends, and reports what was sent", async () => {
  const script = await new Script().open();
  const puts = Array.from({ length: 1100 }, (_, i) => script.put(`${i}`));
  await script.sent(9900);
  assertEquals(puts[0]!.state, "open");
  await script.sent(100);
  // a later session can resume there
  assertEquals(script.client.state.low, 1);
  assertEquals([puts[0]!.error?.name, puts[0]!.error?.sent], ["ServerTimeoutError", true]);
  assertEquals([puts[1099]!.error?.name, puts[1099]!.error?.sent], ["ServerTimeoutError", false]);
  await assertRejects(() => script.client.stat(), Error, "No answer from the server within 10 s");
});

Deno.test("a session that expects no answer does not notice that the server is silent", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  script.answer("ok,1");
  assertEquals(await script.sent(3_600_000), []);
  const put = script.put("b");
  assertEquals(await script.sent(), [`2 ${putLine(2, "b")}`]);
  script.answer("ok,2");
  await script.sent();
  assertEquals(put.state, "done");
});

// session.md 8.14
Deno.test("a session that was silent for half a day begins anew", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  script.answer("ok,1");
  await script.sent(13 * 3_600_000);
  script.put("b");
  assertEquals(await script.sent(), ["hello 1"]);
  assert(script.session !== FIRST_SESSION);
});

// session.md 3.9, 3.10
Deno.test("a busy server is asked again after 1 s, doubled, and given up after 60 s", async () => {
  const script = new Script();
  const put = script.put("a");
  await script.sent();
  script.challenge();
  await script.sent();
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    script.answer("busy");
    script.answer("busy");
    const [wait, again] = await script.next();
    assertEquals(again, `1 ${putLine(1, "a")}`);
    waits.push(wait);
  }
  assertEquals(waits, [1000, 2000, 4000, 8000, 16_000, 29_000]);
  assertEquals(script.busy, [true]);
  script.answer("busy");
  await script.sent();
  assertEquals([put.state, put.error?.name, put.error?.sent], ["failed", "BusyError", false]);
  assertEquals(
    put.error?.message,
    "Cannot be served by the server: it has had no room for one more client for 60 s",
  );
});

Deno.test("a server that has room again is used as before", async () => {
  const script = new Script();
  const put = script.put("a");
  await script.sent();
  script.challenge();
  await script.sent();
  script.answer("busy");
  assertEquals((await script.next())[0], 1000);
  script.answer("ok,1");
  await script.sent();
  assertEquals([put.state, script.busy], ["done", [true, false]]);
});

// session.md 3.10
Deno.test("a lease that is answered with busy is given up after 60 s, and the session goes on", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  script.answer("ok,1");
  const lease = follow(script.client.lease("bob", { wait: 600_000 }));
  await script.sent();
  for (let i = 0; i < 6; i++) {
    script.answer("busy");
    await script.next();
  }
  script.answer("busy");
  await script.sent();
  assertEquals([lease.state, lease.error?.name, script.busy], ["failed", "BusyError", [true]]);
  const put = script.put("b");
  assertEquals(await script.sent(), [`2 ${putLine(2, "b")}`]);
  script.answer("ok,2");
  await script.sent();
  assertEquals(put.state, "done");
});

Deno.test("a server without room for a lease delays nothing else", async () => {
  const script = await new Script().open();
  const lease = follow(script.client.lease("bob"));
  await script.sent();
  script.answer("busy");
  script.put("a");
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
  script.answer("ok,1");
  assertEquals(await script.next(), [1000, "2 lease,2,bob,1,30000,0"]);
  script.answer("none,2");
  await script.sent();
  assertEquals(lease, { state: "done", value: undefined });
});

// session.md 9.3
Deno.test("time in which the client was stopped does not count as the server's silence", async () => {
  const script = await new Script().open();
  const put = script.put("a");
  await script.sent(1000);
  script.clock.stop(60_000);
  assertEquals((await script.sent(8000)).at(-1), `1 ${putLine(1, "a")}`);
  assertEquals(put.state, "open");
  script.answer("ok,1");
  await script.sent();
  assertEquals(put.state, "done");
  const later = script.put("b");
  await script.sent(5000);
  script.clock.stop(60_000);
  await script.sent(4000);
  assertEquals(later.state, "open");
  await script.sent(2000);
  assertEquals([later.state, later.error?.name], ["failed", "ServerTimeoutError"]);
});

// session.md 9.4
Deno.test("time in which the client was stopped does not count where a server makes no progress", async () => {
  const script = await new Script().open();
  const put = script.put("a");
  for (let i = 0; i < 59; i++) {
    await script.sent(1000);
    script.answer("have,1");
    if (i % 10 === 9) script.clock.stop(30_000);
  }
  assertEquals(put.state, "open");
  for (let i = 0; i < 3; i++) {
    await script.sent(1000);
    script.answer("have,1");
  }
  await script.sent();
  assertEquals(put.error?.message, "Cannot go on: the server answers, but makes no progress for 60 s");
});
