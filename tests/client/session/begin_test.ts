/** How a session begins, and how a later one resumes it. */

import { assertEquals } from "@std/assert";
import type { SessionState } from "../../../client/session/identity.ts";
import { FIRST_SESSION, follow, putLine, Script } from "../../simulation/script.ts";

// session.md 8.11
Deno.test("a session that sent no number within a second begins anew before its first one", async () => {
  const script = await new Script().open();
  assertEquals(await script.sent(1001), []);
  const { session } = script;
  const put = script.put("a");
  assertEquals(await script.sent(), ["hello 1"]);
  assertEquals(script.session === session, false);
  script.challenge("00000001", "2222222222222222", "0000000003ea");
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
  script.answer("ok,1");
  await script.sent();
  assertEquals([put.state, script.client.state.startTime], ["done", "0000000003ea"]);
});

// session.md 8.11
Deno.test("a session with a lease acknowledges it, even late", async () => {
  const script = await new Script().open();
  const leasing = follow(script.client.lease("bob", { wait: 60_000 }));
  const [, tag] = /lease,(\d+),/.exec((await script.sent())[0]!)!;
  script.answer(`pending,${tag}`);
  await script.sent(4000);
  script.answer(`msg,${tag},1,1,0123456789abcdef,7,1,0,alice,1,x`);
  await script.sent(2000);
  const ack = follow(leasing.value!.ack([7]));
  assertEquals(await script.sent(), ["1 ack,1,0123456789abcdef,7"]);
  script.answer("ok,1");
  await script.sent();
  assertEquals(ack.state, "done");
});

// session.md 4.9
Deno.test("if two answers to its first datagram begin a session, the first one counts", async () => {
  const script = new Script();
  script.put("a");
  await script.sent(1000);
  script.challenge("00000001", "1111111111111111", "000000000001");
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
  script.challenge("00000001", "1111111111111111", "000000000002");
  assertEquals(await script.sent(), []);
  assertEquals(script.client.state.startTime, "000000000001");
  // the server was restarted
  script.challenge("00000002", "3333333333333333", "000000000009");
  script.cookie = "0000000000013333333333333333";
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
});

// session.md 8.17
Deno.test("the first number waits for onBegin", async () => {
  const begun: SessionState[] = [];
  let noted = () => {};
  const script = new Script(undefined, (state) => {
    begun.push(state);
    return new Promise((resolve) => noted = resolve);
  });
  const put = script.put("a");
  script.put("b");
  assertEquals(await script.sent(), ["hello 1"]);
  script.challenge();
  assertEquals(await script.sent(500), []);
  assertEquals(begun, [{ id: FIRST_SESSION, startTime: "000000000001", next: 3, low: 1 }]);
  noted();
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")} | ${putLine(2, "b")}`]);
  script.answer("ok,1-2");
  await script.sent();
  assertEquals(put.state, "done");
});

// session.md 8.16
Deno.test("a resumed session sends when it began, and does not begin anew by itself", async () => {
  const startTime = "0000000000aa";
  const script = new Script({ id: FIRST_SESSION, startTime, next: 1 });
  const stat = follow(script.client.stat());
  assertEquals(await script.sent(), ["hello 1"]);
  script.challenge("00000001", "1111111111111111", startTime);
  const [, tag] = /stat,(\d+),/.exec((await script.sent(5000))[0]!)!;
  // the earlier session may have sent messages that are stored
  script.answer("unknown");
  await script.sent();
  assertEquals([stat.state, stat.error?.name, tag !== undefined], ["failed", "OutcomeUnknownError", true]);
});

Deno.test("state.next counts the requests that have no number yet", async () => {
  const script = new Script();
  const numbers = ["a", "b", "c"].map((text) => {
    const { next } = script.client.state;
    script.put(text);
    return next;
  });
  assertEquals(numbers, [1, 2, 3]);
  await script.sent();
  script.challenge();
  assertEquals(await script.sent(), [
    `1 ${["a", "b", "c"].map((text, i) => putLine(i + 1, text)).join(" | ")}`,
  ]);
});
