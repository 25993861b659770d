import { assertEquals, assertRejects } from "@std/assert";
import { follow, putLine, Script } from "../../simulation/script.ts";

const TOKEN = "0123456789abcdef", OTHER_TOKEN = "fedcba9876543210";

/** The line of the `i`th of `k` messages under a tag. */
function msg(t: number, i: number, k: number, text: string, token = TOKEN, length = text.length): string {
  return `msg,${t},${i},${k},${token},${40 + i},1,1700000000000,alice,${length},${text}`;
}

/** A client that has asked for a lease, under tag 2. */
async function asked(options: { max?: number; wait?: number; signal?: AbortSignal } = {}) {
  const script = await new Script().open();
  const lease = follow(script.client.lease("bob", options));
  assertEquals(await script.heard(), [`1 lease,2,bob,${options.max ?? 1},30000,${options.wait ?? 0}`]);
  return { script, lease };
}

Deno.test("lease() gives the messages, and undefined where there are none", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.say(msg(2, 2, 2, "b, with commas"), msg(2, 1, 2, "a"));
  await script.heard();
  assertEquals(lease.value?.messages, [
    { id: 41, attempt: 1, time: 1_700_000_000_000, sender: "alice", text: "a" },
    { id: 42, attempt: 1, time: 1_700_000_000_000, sender: "alice", text: "b, with commas" },
  ]);
  const none = follow(script.client.lease("bob"));
  await script.heard();
  script.say("none,3");
  await script.heard();
  assertEquals(none, { state: "done", value: undefined });
});

Deno.test("a lease that waits is refreshed every 5 s, with what is left of the wait", async () => {
  const { script, lease } = await asked({ wait: 12_000 });
  script.say("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,7000"]);
  script.say("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,2000"]);
  script.say("pending,2");
  // the end of the wait was lost on its way
  const [wait, again] = await script.next();
  assertEquals([wait < 2500, again], [true, "1 lease,2,bob,1,30000,0"]);
  script.say("none,2");
  await script.heard();
  assertEquals(lease, { state: "done", value: undefined });
  assertEquals(await script.heard(60_000), []);
});

Deno.test("a lease that waits gets the message when it comes, and holds up nothing", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.say("pending,2");
  const put = script.put("a");
  assertEquals(await script.heard(), [`1 ${putLine(1, "a")}`]);
  script.say("ok,1");
  await script.heard(1000);
  assertEquals([put.state, lease.state], ["done", "open"]);
  script.say(msg(2, 1, 1, "hello"));
  await script.heard();
  assertEquals(lease.value?.messages[0]?.text, "hello");
});

Deno.test("a lease whose refresh is not answered is asked for again", async () => {
  const { script } = await asked({ wait: 60_000 });
  script.say("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,55000"]);
  const [wait, again] = await script.next();
  assertEquals([wait < 100, /^1 lease,2,bob,1,30000,549\d\d$/.test(again)], [true, true]);
});

Deno.test("a text that comes in pieces is put together, in whatever order they come", async () => {
  const { script, lease } = await asked();
  // Ω has two bytes
  script.say("piece,2,1,6,ΩΩ");
  script.say(msg(2, 1, 1, "ab", TOKEN, 12), "piece,2,1,10,yz");
  script.say("piece,2,1,10,yz");
  await script.heard();
  assertEquals(lease.state, "open");
  script.say("piece,2,1,2,Ω..");
  await script.heard();
  assertEquals(lease.value?.messages[0]?.text, "abΩ..ΩΩyz");
});

Deno.test("pieces that were lost are asked for, with those that came kept", async () => {
  const { script, lease } = await asked();
  script.say(msg(2, 1, 1, "ab", TOKEN, 6));
  const [wait, again] = await script.next();
  assertEquals([wait < 100, again], [true, "1 lease,2,bob,1,30000,0"]);
  script.say("piece,2,1,4,ef");
  await script.heard();
  script.say("piece,2,1,2,cd");
  await script.heard();
  assertEquals(lease.value?.messages[0]?.text, "abcdef");
});

Deno.test("a lease that does not come in whole within 4 s is given up, and another is asked for", async () => {
  const { script, lease } = await asked();
  script.say(msg(2, 1, 1, "ab", TOKEN, 6));
  let heard: string[] = [];
  for (let i = 0; i < 41; i++) {
    heard = await script.heard(100);
    script.say(msg(2, 1, 1, "ab", TOKEN, 6));
  }
  const [, datagram] = heard.length > 0 ? [0, heard[0]] : await script.next();
  assertEquals(datagram, "1 cancel,2 | lease,3,bob,1,30000,0");
  script.say("none,2", msg(3, 1, 1, "whole"));
  await script.heard();
  assertEquals(lease.value?.messages[0]?.text, "whole");
});

Deno.test("messages of two leases under one tag are not mixed", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.say(msg(2, 1, 2, "a"));
  script.say(msg(2, 2, 2, "b", OTHER_TOKEN));
  assertEquals(await script.heard(), ["1 cancel,2 | lease,3,bob,2,30000,0"]);
  script.say("none,2", msg(3, 1, 1, "a", OTHER_TOKEN));
  await script.heard();
  assertEquals(lease.value?.messages.map(({ text }) => text), ["a"]);
});

Deno.test("the server is told that the messages came, until it answers", async () => {
  const { script } = await asked();
  script.say(msg(2, 1, 1, "a"));
  assertEquals(await script.next(), [100, "1 got,2"]);
  const [wait, again] = await script.next();
  assertEquals([wait < 100, again], [true, "1 got,2"]);
  script.say("got,2");
  script.say(msg(2, 1, 1, "a"));
  assertEquals(await script.heard(60_000), []);
});

Deno.test("messages that are acknowledged at once need no word that they came", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.say(msg(2, 1, 2, "a"), msg(2, 2, 2, "b"));
  await script.heard();
  const ack = follow(lease.value!.ack());
  assertEquals(await script.heard(), [`1 ack,1,${TOKEN},41 42`]);
  script.say("ok,1");
  await script.heard();
  assertEquals(ack.value, []);
  assertEquals(await script.heard(60_000), []);
});

Deno.test("ack(), back() and fail() name the messages that were lost", async () => {
  const { script, lease } = await asked({ max: 3 });
  script.say(msg(2, 1, 3, "a"), msg(2, 2, 3, "b"), msg(2, 3, 3, "c"));
  await script.heard();
  const ack = follow(lease.value!.ack([41])), back = follow(lease.value!.back([42]));
  const fail = follow(lease.value!.fail({ delay: 1000, attempts: 5, reason: "exit 3" }, [43]));
  assertEquals(await script.heard(), [
    `1 ack,1,${TOKEN},41 | back,2,${TOKEN},42 | fail,3,${TOKEN},1000,5,exit 3,43`,
  ]);
  script.say("lost,1,41", "ok,2", "lost,3,43");
  await script.heard();
  assertEquals([ack.value, back.value, fail.value], [[41], [], [43]]);
});

Deno.test("fail() refuses what the wire does not allow", async () => {
  const { script, lease } = await asked();
  script.say(msg(2, 1, 1, "a"));
  await script.heard();
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

Deno.test("extend() prolongs the lease", async () => {
  const { script, lease } = await asked();
  script.say(msg(2, 1, 1, "a"));
  await script.heard();
  const extend = follow(lease.value!.extend(60_000));
  assertEquals(await script.heard(), [`1 extend,1,${TOKEN},60000`]);
  script.say("ok,1");
  await script.heard();
  assertEquals(extend.value, true);
  await assertRejects(() => lease.value!.extend(1), RangeError, "Cannot lease for 1 ms");
});

Deno.test("a wait that is not wanted any more is cancelled, until the server answers", async () => {
  const waiting = new AbortController();
  const { script, lease } = await asked({ wait: 60_000, signal: waiting.signal });
  script.say("pending,2");
  await script.heard();
  waiting.abort(new Error("enough"));
  assertEquals(await script.heard(), ["1 cancel,2"]);
  assertEquals(lease.error?.message, "enough");
  // what was given meanwhile goes back
  script.say(msg(2, 1, 1, "a"));
  assertEquals((await script.next())[1], "1 cancel,2");
  script.say("none,2");
  assertEquals(await script.heard(60_000), []);
  await assertRejects(() => script.client.lease("bob", { signal: waiting.signal }), Error, "enough");
});

Deno.test("a wait ends with the server, and goes on with the next one", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.say("pending,2");
  script.say("ending");
  const [wait, again] = await script.next();
  assertEquals([wait < 100, /^1 lease,2,/.test(again)], [true, true]);
  script.challenge("00000002", "2222222222222222");
  assertEquals(/^1 lease,2,/.test((await script.heard())[0]!), true);
  script.say(msg(2, 1, 1, "a"));
  await script.heard();
  assertEquals(lease.state, "done");
});

Deno.test("a lease that had come in part before the server was started anew comes in whole after it", async () => {
  const { script, lease } = await asked({ max: 2 });
  script.say(msg(2, 1, 2, "a"));
  script.challenge("00000002", "2222222222222222");
  assertEquals(await script.heard(), ["1 lease,2,bob,2,30000,0"]);
  script.say(msg(2, 2, 2, "b"));
  await script.heard();
  assertEquals(lease.value?.messages.map(({ text }) => text), ["a", "b"]);
});

Deno.test("many waits at a time are answered each by itself", async () => {
  const script = await new Script().open();
  const leases = ["bob", "carol", "bob"].map((id) => follow(script.client.lease(id, { wait: 1000 })));
  assertEquals(await script.heard(), [
    "1 lease,2,bob,1,30000,1000 | lease,3,carol,1,30000,1000 | lease,4,bob,1,30000,1000",
  ]);
  script.say("pending,2", "pending,3", "pending,4");
  script.say(msg(3, 1, 1, "to carol"));
  await script.heard();
  assertEquals(leases.map(({ state }) => state), ["open", "done", "open"]);
});

Deno.test("the server is told at once that messages came that were waited for", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.say("pending,2");
  await script.heard(1000);
  script.say(msg(2, 1, 1, "a"));
  assertEquals(await script.next(), [1, "1 got,2"]);
  script.say("got,2");
  assertEquals(lease.state, "done");
});

Deno.test("messages that were waited for and are acknowledged at once need no word that they came", async () => {
  const { script, lease } = await asked({ wait: 60_000 });
  script.say("pending,2");
  await script.heard(1000);
  script.say(msg(2, 1, 1, "a"));
  await script.heard();
  lease.value!.ack();
  assertEquals(await script.heard(20), [`1 ack,1,${TOKEN},41`]);
});

Deno.test("a client that is asked whether it still waits says so at once, and not to a late answer", async () => {
  const { script } = await asked({ wait: 60_000 });
  script.say("pending,2");
  script.say("pending,2");
  assertEquals(await script.heard(1500), []);
  script.say("pending,2");
  assertEquals(await script.heard(), ["1 lease,2,bob,1,30000,58500"]);
  script.say("pending,2");
  script.say("pending,2");
  assertEquals(await script.next(), [5000, "1 lease,2,bob,1,30000,53500"]);
});
