/** Puts that find no room, are withdrawn, or go in parts. session.md sections 2, 3 and 5. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { putLine, Script } from "../../simulation/script.ts";
import { FullError, RefusedError } from "../../../client/session/errors.ts";

// session.md 3.5
Deno.test("a put that finds no room is repeated alone, less and less often, and later ones wait", async () => {
  const script = await new Script().open();
  const puts = [script.put("a"), script.put("b"), script.put("c")];
  await script.sent();
  script.answer("ok,1", "full,2,messages");
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    const [wait, again] = await script.next();
    assertEquals(again, `2 ${putLine(2, "b")}`);
    waits.push(wait);
    script.answer("full,2,messages");
    // a late copy of the answer
    script.answer("full,2,messages");
  }
  assertEquals(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
  await script.next();
  script.answer("ok,2");
  assertEquals(await script.sent(), [`3 ${putLine(3, "c")}`]);
  script.answer("ok,3");
  await script.sent();
  assertEquals(puts.map(({ state }) => state), ["done", "done", "done"]);
});

// session.md 3.5
Deno.test("a put that cannot be written to disk is repeated in the same way", async () => {
  const script = await new Script().open();
  const put = script.put("a", { wait: 150 });
  await script.sent();
  script.answer("storage,1");
  assertEquals(await script.next(), [100, `1 ${putLine(1, "a")}`]);
  script.answer("storage,1");
  assertEquals(await script.next(), [50, "1 skip,1"]);
  script.answer("bad,1,withdrawn");
  await script.sent();
  assertEquals([put.error?.name, put.error?.limit], ["FullError", "storage"]);
});

// session.md 2.7, 5.9
Deno.test("a refused put can be withdrawn, and later ones go on", async () => {
  const script = await new Script().open();
  const withdrawing = new AbortController();
  const put = script.put("a", { signal: withdrawing.signal }), next = script.put("b");
  await script.sent();
  script.answer("full,1,messages");
  assertEquals(await script.sent(50), []);
  withdrawing.abort();
  assertEquals(await script.sent(), ["1 skip,1"]);
  script.answer("bad,1,withdrawn");
  assertEquals(await script.sent(), [`2 ${putLine(2, "b")}`]);
  script.answer("ok,2");
  await script.sent();
  assert(put.error instanceof FullError);
  assertEquals([put.error.message, put.error.limit], [
    "Cannot put the message: withdrawn while the server refused it: messages",
    "messages",
  ]);
  assertEquals(next.state, "done");
});

// session.md 5.9
Deno.test("a put that was dropped after a refused one is withdrawn when its turn comes", async () => {
  const script = await new Script().open();
  const withdrawing = new AbortController();
  script.put("a");
  const put = script.put("b", { signal: withdrawing.signal });
  await script.sent();
  script.answer("full,1,messages");
  withdrawing.abort();
  assertEquals(await script.next(), [100, `1 ${putLine(1, "a")}`]);
  script.answer("ok,1");
  assertEquals(await script.sent(), ["2 skip,2"]);
  script.answer("bad,2,withdrawn");
  await script.sent();
  assertEquals(put.error?.name, "FullError");
});

Deno.test("a put that is withdrawn in flight is stored if the server has room", async () => {
  const script = await new Script().open();
  const withdrawing = new AbortController();
  const put = script.put("a", { signal: withdrawing.signal });
  await script.sent();
  withdrawing.abort();
  script.answer("ok,1");
  await script.sent();
  assertEquals(put.state, "done");
});

// session.md 2.7
Deno.test("a put that was stored before the withdrawal arrived is reported as stored", async () => {
  const script = await new Script().open();
  const withdrawing = new AbortController();
  const put = script.put("a", { signal: withdrawing.signal });
  await script.sent();
  script.answer("full,1,messages");
  withdrawing.abort();
  assertEquals(await script.sent(), ["1 skip,1"]);
  script.answer("ok,1");
  await script.sent();
  assertEquals(put.state, "done");
});

Deno.test("a put that is withdrawn before it was sent takes no number", async () => {
  const script = new Script();
  const withdrawing = new AbortController();
  const put = script.put("a", { signal: withdrawing.signal });
  script.put("b");
  withdrawing.abort();
  assertEquals(await script.sent(), ["hello 1"]);
  assertEquals([put.error?.name, put.error?.limit], ["FullError", ""]);
  script.challenge();
  assertEquals(await script.sent(), [`1 ${putLine(1, "b")}`]);
  await assertRejects(
    () => script.client.put({ receiver: "bob", sender: "alice", text: "c", signal: AbortSignal.abort() }),
    FullError,
    "it was withdrawn",
  );
});

// session.md 3.4
Deno.test("a request that can never be performed is reported", async () => {
  const script = await new Script().open();
  const put = script.put("a"), next = script.put("b");
  await script.sent();
  script.answer("bad,1,too long", "ok,2");
  await script.sent();
  assert(put.error instanceof RefusedError);
  assertEquals(put.error.message, "The server refuses it: too long");
  assertEquals(next.state, "done");
});

// session.md 2.4
Deno.test("a text that does not fit into one datagram is sent in parts, cut between characters", async () => {
  const script = await new Script().open();
  const text = `a${"Ω".repeat(1000)}b😀${"✓".repeat(200)}`;
  const put = script.put(text), next = script.put("next");
  const lines = (await script.sent()).flatMap((datagram) => datagram.slice(2).split(" | "));
  assertEquals(lines.map((line) => /^\w+,\d+/.exec(line)![0]), ["part,1", "part,2", "put,3", "put,4"]);
  assertEquals(
    lines.slice(0, 3).map((line) => line.replace(/^part,\d,|^put,3,bob,alice,,,/, "")).join(""),
    text,
  );
  script.answer("have,1-2");
  script.answer("ok,1-4");
  await script.sent();
  assertEquals([put.state, next.state], ["done", "done"]);
});

// session.md 3.2
Deno.test("parts that arrived are not repeated until all of their text has, and end with it", async () => {
  const script = await new Script().open();
  const put = script.put("x".repeat(3000));
  assertEquals((await script.sent()).length, 3);
  await script.clock.run(10);
  script.answer("have,1-2");
  // the put itself was lost
  const [, again] = await script.next();
  assertEquals(again.slice(0, 8), "1 put,3,");
  await script.clock.run(10);
  script.answer("have,3");
  // the server has everything, so the answer was lost, or the server has dropped it
  const repeated = (await script.sent(1000)).map((datagram) => datagram.slice(2, 8));
  assertEquals(repeated.slice(0, 3), ["part,1", "part,2", "put,3,"]);
  assertEquals(put.state, "open");
  // the answer to the last one is the answer to all
  script.answer("ok,3");
  assertEquals(await script.sent(20_000), []);
  assertEquals([put.state, script.client.state.low], ["done", 4]);
});

// session.md 3.5
Deno.test("a text in parts that finds no room is repeated as a whole, and withdrawn by its last number", async () => {
  const script = await new Script().open();
  const put = script.put("x".repeat(2000), { wait: 150 }), next = script.put("next");
  const kinds = (datagrams: string[]) =>
    datagrams.map((text) => text.replace(/xx+/, "").replace(/^\d+ /, ""));
  assertEquals(kinds(await script.sent()), ["part,1,", "put,2,bob,alice,,,", putLine(3, "next")]);
  script.answer("full,2,bytes");
  assertEquals(kinds(await script.sent(100)), ["part,1,", "put,2,bob,alice,,,"]);
  script.answer("have,1");
  script.answer("full,2,bytes");
  assertEquals(kinds(await script.sent(50)), ["part,1, | skip,2"]);
  script.answer("bad,2,parts without a put", "ok,1");
  assertEquals(kinds(await script.sent()), [putLine(3, "next")]);
  script.answer("ok,3");
  await script.sent();
  assertEquals([put.error?.name, next.state], ["FullError", "done"]);
});
