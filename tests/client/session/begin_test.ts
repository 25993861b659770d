/** How a session begins, and how one goes on as another. */

import { assertEquals } from "@std/assert";
import type { SessionState } from "../../../client/session/identity.ts";
import { FIRST_SESSION, follow, putLine, Script } from "../../simulation/script.ts";

Deno.test("a session that has sent no number for a second begins anew before its first one", async () => {
  const script = await new Script().open();
  assertEquals(await script.heard(1001), []);
  const { session } = script;
  const put = script.put("a");
  assertEquals(await script.heard(), ["hello 1"]);
  assertEquals(script.session === session, false);
  script.challenge("00000001", "2222222222222222", "0000000003ea");
  assertEquals(await script.heard(), [`1 ${putLine(1, "a")}`]);
  script.say("ok,1");
  await script.heard();
  assertEquals([put.state, script.client.state.born], ["done", "0000000003ea"]);
});

Deno.test("a session that has a lease acknowledges it, however late", async () => {
  const script = await new Script().open();
  const leasing = follow(script.client.lease("bob", { wait: 60_000 }));
  const [, tag] = /lease,(\d+),/.exec((await script.heard())[0]!)!;
  script.say(`pending,${tag}`);
  await script.heard(4000);
  script.say(`msg,${tag},1,1,0123456789abcdef,7,1,0,alice,1,x`);
  await script.heard(2000);
  const ack = follow(leasing.value!.ack([7]));
  assertEquals(await script.heard(), ["1 ack,1,0123456789abcdef,7"]);
  script.say("ok,1");
  await script.heard();
  assertEquals(ack.state, "done");
});

Deno.test("of two answers to its first datagram, a session keeps the beginning that came first", async () => {
  const script = new Script();
  script.put("a");
  await script.heard(1000);
  script.challenge("00000001", "1111111111111111", "000000000001");
  assertEquals(await script.heard(), [`1 ${putLine(1, "a")}`]);
  script.challenge("00000001", "1111111111111111", "000000000002");
  assertEquals(await script.heard(), []);
  assertEquals(script.client.state.born, "000000000001");
  // a server that was started anew
  script.challenge("00000002", "3333333333333333", "000000000009");
  script.cookie = "0000000000013333333333333333";
  assertEquals(await script.heard(), [`1 ${putLine(1, "a")}`]);
});

Deno.test("the first number waits until somebody has taken note of the session", async () => {
  const begun: SessionState[] = [];
  let noted = () => {};
  const script = new Script(undefined, (state) => {
    begun.push(state);
    return new Promise((resolve) => noted = resolve);
  });
  const put = script.put("a");
  script.put("b");
  assertEquals(await script.heard(), ["hello 1"]);
  script.challenge();
  assertEquals(await script.heard(500), []);
  assertEquals(begun, [{ id: FIRST_SESSION, born: "000000000001", next: 3, low: 1 }]);
  noted();
  assertEquals(await script.heard(), [`1 ${putLine(1, "a")} | ${putLine(2, "b")}`]);
  script.say("ok,1-2");
  await script.heard();
  assertEquals(put.state, "done");
});

Deno.test("a session that goes on as another one says when that began, and does not begin anew by itself", async () => {
  const born = "0000000000aa";
  const script = new Script({ id: FIRST_SESSION, born, next: 1 });
  const stat = follow(script.client.stat());
  assertEquals(await script.heard(), ["hello 1"]);
  script.challenge("00000001", "1111111111111111", born);
  const [, tag] = /stat,(\d+),/.exec((await script.heard(5000))[0]!)!;
  // lines that were sent by the one before may be stored
  script.say("unknown");
  await script.heard();
  assertEquals([stat.state, stat.error?.name, tag !== undefined], ["failed", "OutcomeUnknownError", true]);
});

Deno.test("the number that the next request gets counts those that wait for theirs", async () => {
  const script = new Script();
  const numbers = ["a", "b", "c"].map((text) => {
    const { next } = script.client.state;
    script.put(text);
    return next;
  });
  assertEquals(numbers, [1, 2, 3]);
  await script.heard();
  script.challenge();
  assertEquals(await script.heard(), [
    `1 ${["a", "b", "c"].map((text, i) => putLine(i + 1, text)).join(" | ")}`,
  ]);
});
