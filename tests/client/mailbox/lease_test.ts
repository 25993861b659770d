import { assertEquals, assertRejects } from "@std/assert";
import { follow, putLine, Script } from "../../simulation/script.ts";

const TOKEN = "0123456789abcdef", OTHER_TOKEN = "fedcba9876543210";

/** The line of the `i`th of `k` messages under a tag. */
function msg(t: number, i: number, k: number, text: string, token = TOKEN, length = text.length): string {
  return `msg,${t},${i},${k},${token},${40 + i},1,1700000000000,alice,${length},${text}`;
}

/** A client that has requested a lease, with tag 2. */
async function asked(options: { max?: number; wait?: number; signal?: AbortSignal } = {}) {
  const script = await new Script().open();
  const lease = follow(script.client.lease("bob", options));
  assertEquals(await script.sent(), [`1 lease,2,bob,${options.max ?? 1},30000,${options.wait ?? 0}`]);
  return { script, lease };
}

Deno.test("lease() returns the messages, or undefined if there are none", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.answer(msg(2, 2, 2, "b, with commas"), msg(2, 1, 2, "a"));
  await script.sent();
  assertEquals(lease.value?.messages, [
    { id: 41, attempt: 1, time: 1_700_000_000_000, sender: "alice", text: "a" },
    { id: 42, attempt: 1, time: 1_700_000_000_000, sender: "alice", text: "b, with commas" },
  ]);
  const none = follow(script.client.lease("bob"));
  await script.sent();
  script.answer("none,3");
  await script.sent();
  assertEquals(none, { state: "done", value: undefined });
});

// session.md 7.2
Deno.test("a waiting lease is refreshed every 5 s, with the rest of the wait", async () => {
  const { script, lease } = await asked({ wait: 12_000 });
  script.answer("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,7000"]);
  script.answer("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,2000"]);
  script.answer("pending,2");
  // the answer at the end of the wait was lost
  const [wait, again] = await script.next();
  assertEquals([wait < 2500, again], [true, "1 lease,2,bob,1,30000,0"]);
  script.answer("none,2");
  await script.sent();
  assertEquals(lease, { state: "done", value: undefined });
  assertEquals(await script.sent(60_000), []);
});

// session.md 7.1
Deno.test("a waiting lease gets the message when it comes, and delays nothing else", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  const put = script.put("a");
  assertEquals(await script.sent(), [`1 ${putLine(1, "a")}`]);
  script.answer("ok,1");
  await script.sent(1000);
  assertEquals([put.state, lease.state], ["done", "open"]);
  script.answer(msg(2, 1, 1, "hello"));
  await script.sent();
  assertEquals(lease.value?.messages[0]?.text, "hello");
});

Deno.test("a refresh of a lease that is not answered is repeated", async () => {
  const { script } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,55000"]);
  const [wait, again] = await script.next();
  assertEquals([wait < 100, /^1 lease,2,bob,1,30000,549\d\d$/.test(again)], [true, true]);
});

// session.md 3.8
Deno.test("pieces of a text are joined, in any order", async () => {
  const { script, lease } = await asked();
  // Ω has two bytes
  script.answer("piece,2,1,6,ΩΩ");
  script.answer(msg(2, 1, 1, "ab", TOKEN, 12), "piece,2,1,10,yz");
  script.answer("piece,2,1,10,yz");
  await script.sent();
  assertEquals(lease.state, "open");
  script.answer("piece,2,1,2,Ω..");
  await script.sent();
  assertEquals(lease.value?.messages[0]?.text, "abΩ..ΩΩyz");
});

Deno.test("lost pieces are requested again, and the others are kept", async () => {
  const { script, lease } = await asked();
  script.answer(msg(2, 1, 1, "ab", TOKEN, 6));
  const [wait, again] = await script.next();
  assertEquals([wait < 100, again], [true, "1 lease,2,bob,1,30000,0"]);
  script.answer("piece,2,1,4,ef");
  await script.sent();
  script.answer("piece,2,1,2,cd");
  await script.sent();
  assertEquals(lease.value?.messages[0]?.text, "abcdef");
});

Deno.test("a lease that is not complete within 4 s is cancelled, and another one is requested", async () => {
  const { script, lease } = await asked();
  script.answer(msg(2, 1, 1, "ab", TOKEN, 6));
  let heard: string[] = [];
  for (let i = 0; i < 41; i++) {
    heard = await script.sent(100);
    script.answer(msg(2, 1, 1, "ab", TOKEN, 6));
  }
  const [, datagram] = heard.length > 0 ? [0, heard[0]] : await script.next();
  assertEquals(datagram, "1 cancel,2 | lease,3,bob,1,30000,0");
  script.answer("none,2", msg(3, 1, 1, "whole"));
  await script.sent();
  assertEquals(lease.value?.messages[0]?.text, "whole");
});

// session.md 3.8
Deno.test("messages of two leases under one tag are not mixed", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.answer(msg(2, 1, 2, "a"));
  script.answer(msg(2, 2, 2, "b", OTHER_TOKEN));
  assertEquals(await script.sent(), ["1 cancel,2 | lease,3,bob,2,30000,0"]);
  script.answer("none,2", msg(3, 1, 1, "a", OTHER_TOKEN));
  await script.sent();
  assertEquals(lease.value?.messages.map(({ text }) => text), ["a"]);
});

// session.md 6.5
Deno.test("the client confirms that the messages came, until the server answers", async () => {
  const { script } = await asked();
  script.answer(msg(2, 1, 1, "a"));
  assertEquals(await script.next(), [100, "1 got,2"]);
  const [wait, again] = await script.next();
  assertEquals([wait < 100, again], [true, "1 got,2"]);
  script.answer("got,2");
  script.answer(msg(2, 1, 1, "a"));
  assertEquals(await script.sent(60_000), []);
});

// session.md 6.4
Deno.test("messages that are acknowledged at once are not confirmed", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.answer(msg(2, 1, 2, "a"), msg(2, 2, 2, "b"));
  await script.sent();
  const ack = follow(lease.value!.ack());
  assertEquals(await script.sent(), [`1 ack,1,${TOKEN},41 42`]);
  script.answer("ok,1");
  await script.sent();
  assertEquals(ack.value, []);
  assertEquals(await script.sent(60_000), []);
});

Deno.test("ack(), back() and fail() return the messages that were lost", async () => {
  const { script, lease } = await asked({ max: 3 });
  script.answer(msg(2, 1, 3, "a"), msg(2, 2, 3, "b"), msg(2, 3, 3, "c"));
  await script.sent();
  const ack = follow(lease.value!.ack([41])), back = follow(lease.value!.release([42]));
  const fail = follow(lease.value!.fail({ delay: 1000, attempts: 5, reason: "exit 3" }, [43]));
  assertEquals(await script.sent(), [
    `1 ack,1,${TOKEN},41 | back,2,${TOKEN},42 | fail,3,${TOKEN},1000,5,exit 3,43`,
  ]);
  script.answer("lost,1,41", "ok,2", "lost,3,43");
  await script.sent();
  assertEquals([ack.value, back.value, fail.value], [[41], [], [43]]);
});

Deno.test("fail() refuses what the wire does not allow", async () => {
  const { script, lease } = await asked();
  script.answer(msg(2, 1, 1, "a"));
  await script.sent();
  const good = { delay: 0, attempts: 5, reason: "exit 3" };
  for (
    const wrong of [
      { delay: -1 },
      { delay: 86_400_001 },
      { delay: 0.5 },
      { attempts: 0 },
      { attempts: 1001 },
      { reason: "" },
      { reason: "a, b" },
      { reason: "a\nb" },
      { reason: "x".repeat(65) },
    ]
  ) {
    await assertRejects(() => lease.value!.fail({ ...good, ...wrong }), RangeError, "Cannot give back after");
  }
});

Deno.test("extend() extends the lease", async () => {
  const { script, lease } = await asked();
  script.answer(msg(2, 1, 1, "a"));
  await script.sent();
  const extend = follow(lease.value!.extend(60_000));
  assertEquals(await script.sent(), [`1 extend,1,${TOKEN},60000`]);
  script.answer("ok,1");
  await script.sent();
  assertEquals(extend.value, true);
  await assertRejects(() => lease.value!.extend(1), RangeError, "Cannot lease for 1 ms");
});

// session.md 9.6
Deno.test("an aborted wait is cancelled, until the server answers", async () => {
  const waiting = new AbortController();
  const { script, lease } = await asked({ wait: 60_000, signal: waiting.signal });
  script.answer("pending,2");
  await script.sent();
  waiting.abort(new Error("enough"));
  assertEquals(await script.sent(), ["1 cancel,2"]);
  assertEquals(lease.error?.message, "enough");
  // what the server gave since is returned
  script.answer(msg(2, 1, 1, "a"));
  assertEquals((await script.next())[1], "1 cancel,2");
  script.answer("none,2");
  assertEquals(await script.sent(60_000), []);
  await assertRejects(() => script.client.lease("bob", { signal: waiting.signal }), Error, "enough");
});

Deno.test("a wait ends with the server, and goes on with the next one", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  script.answer("ending");
  const [wait, again] = await script.next();
  assertEquals([wait < 100, /^1 lease,2,/.test(again)], [true, true]);
  script.challenge("00000002", "2222222222222222");
  assertEquals(/^1 lease,2,/.test((await script.sent())[0]!), true);
  script.answer(msg(2, 1, 1, "a"));
  await script.sent();
  assertEquals(lease.state, "done");
});

Deno.test("a lease that came in part before the server's restart is completed after it", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.answer(msg(2, 1, 2, "a"));
  script.challenge("00000002", "2222222222222222");
  assertEquals(await script.sent(), ["1 lease,2,bob,2,30000,0"]);
  script.answer(msg(2, 2, 2, "b"));
  await script.sent();
  assertEquals(lease.value?.messages.map(({ text }) => text), ["a", "b"]);
});

Deno.test("concurrent waits are answered independently", async () => {
  const script = await new Script().open();
  const leases = ["bob", "carol", "bob"].map((id) => follow(script.client.lease(id, { wait: 1000 })));
  assertEquals(await script.sent(), [
    "1 lease,2,bob,1,30000,1000 | lease,3,carol,1,30000,1000 | lease,4,bob,1,30000,1000",
  ]);
  script.answer("pending,2", "pending,3", "pending,4");
  script.answer(msg(3, 1, 1, "to carol"));
  await script.sent();
  assertEquals(leases.map(({ state }) => state), ["open", "done", "open"]);
});

// session.md 6.5
Deno.test("messages that were waited for are confirmed at once", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  await script.sent(1000);
  script.answer(msg(2, 1, 1, "a"));
  assertEquals(await script.next(), [1, "1 got,2"]);
  script.answer("got,2");
  assertEquals(lease.state, "done");
});

Deno.test("messages that were waited for are not confirmed if they are acknowledged at once", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  await script.sent(1000);
  script.answer(msg(2, 1, 1, "a"));
  await script.sent();
  lease.value!.ack();
  assertEquals(await script.sent(20), [`1 ack,1,${TOKEN},41`]);
});

// session.md 7.5
Deno.test("a client that is asked whether it still waits answers at once, but not to a late answer", async () => {
  const { script } = await asked({ wait: 60_000 });
  script.answer("pending,2");
  script.answer("pending,2");
  assertEquals(await script.sent(1500), []);
  script.answer("pending,2");
  assertEquals(await script.sent(), ["1 lease,2,bob,1,30000,58500"]);
  script.answer("pending,2");
  script.answer("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,53500"]);
});
