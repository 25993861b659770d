/** Subscriptions of those who watch, as watch.md sections 1, 3 and 4 say. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { decodeEvents, encodeWatch, type WatchFilter } from "../../../protocol/watch.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { Watch } from "../../../server/report/watch.ts";
import { Watchers } from "../../../server/wire/admin/watchers.ts";

const NOTHING: WatchFilter = { services: [], peers: [], names: [], texts: false };

/** Watchers whose clock stands until it is moved, and what each address was sent. */
function setUp() {
  const state = { now: 0, tick: () => {}, sent: new Map<string, string[]>() };
  const metrics = new Metrics(), log: string[] = [];
  const monotonicClock = () => state.now;
  const watch = new Watch({ wallClock: () => 0, monotonicClock });
  const watchers = new Watchers({
    watch,
    metrics,
    log: { info: ({ peer, what }) => void log.push(`${peer} ${what}`) },
    monotonicClock,
    random: (bytes) => new Uint8Array(bytes),
    setTimer(_, callback) {
      state.tick = callback;
      return () => state.tick = () => {};
    },
  });
  const order = async (address: string, command: string) => {
    const send = (text: string) => {
      const texts = state.sent.get(address) ?? [];
      state.sent.set(address, texts);
      texts.push(text);
    };
    return await watchers.command.run(command.split(", ").slice(1), { address, send });
  };
  return { state, watch, watchers, metrics, log, order, tap: watch.tap("mailbox") };
}

const PEER = { hostname: "127.0.0.1", port: 1 };

// watch.md 1.2, 1.3
Deno.test("a subscription ends by itself unless it is prolonged, and costs nothing then", async () => {
  const { state, watch, tap, log, order } = setUp();
  assertEquals(await order("a", "watch, 0"), ["00000000", "1", "0"]);
  assertEquals([watch.isOn, tap.isOn], [false, false]);
  assertEquals(await order("a", "watch, 10"), ["00000000", "1", "0"]);
  assertEquals([watch.isOn, tap.isOn], [true, true]);
  state.now = 9999;
  state.tick();
  await order("a", "watch, 10, texts");
  state.now = 19_998;
  state.tick();
  assertEquals(tap.isOn, true);
  state.now = 19_999;
  state.tick();
  assertEquals(tap.isOn, false);
  assertEquals(log, [
    "a an administrator watches, without texts",
    "a an administrator watches, with texts from now on",
    "a an administrator watches no longer",
  ]);
});

// watch.md section 4
Deno.test("at most four watch", async () => {
  const { order } = setUp();
  for (const address of ["a", "b", "c", "d"]) await order(address, "watch, 10");
  await assertRejects(() => order("e", "watch, 10"), RangeError, "4 watch already");
  await order("a", "watch, 10");
  await order("b", "watch, 0");
  await order("e", "watch, 10");
});

// watch.md 3.2
Deno.test("what is too much at once is not even described, and is counted", async () => {
  const { state, tap, metrics, order } = setUp();
  await order("a", "watch, 60");
  await order("b", "watch, 60, service=room");
  let described = 0;
  const see = () =>
    tap.see("in", PEER, () => {
      described++;
      return { what: "x" };
    });
  for (let i = 0; i < 5000; i++) see();
  assertEquals(described, 1000);
  assertEquals(await order("a", "watch, 60"), ["00000000", "1", "4000"]);
  assertEquals(await order("b", "watch, 60, service=room"), ["00000000", "1", "0"]);
  // one more each millisecond
  state.now = 100;
  for (let i = 0; i < 5000; i++) see();
  assertEquals(described, 1100);
  assertEquals(metrics.get("watch dropped"), 8900);
});

// watch.md 2.1, 3.2, 3.4
Deno.test("what waits for a watcher is bounded, is sent in pieces and is numbered without a gap", async () => {
  const { state, tap, metrics, order } = setUp();
  await order("a", "watch, 60, texts");
  const text = "x".repeat(1000);
  for (let i = 0; i < 500; i++) tap.see("in", PEER, () => ({ what: `${i}`, text }));
  let next = 1, count = 0;
  for (let ticks = 0; ticks < 40; ticks++) {
    state.now += 25;
    state.tick();
    const datagrams = state.sent.get("a")?.splice(0) ?? [];
    assert(datagrams.length <= 16);
    for (const datagram of datagrams) {
      assert(utf8Length(`A, ${datagram}`) <= 1200);
      const { first, events } = decodeEvents(datagram)!;
      assertEquals(first, next);
      next += events.length;
      count += events.length;
    }
  }
  const [, , dropped = ""] = await order("a", encodeWatch(60, { ...NOTHING, texts: true }));
  assertEquals(count + Number(dropped), 500);
  assert(count > 200 && count < 300, `${count} of 500 were kept`);
  assertEquals([metrics.get("watch events"), metrics.get("watch dropped")], [count, 500 - count]);
});

// watch.md 3.1
Deno.test("a description that fails costs nobody anything", async () => {
  const { state, tap, order } = setUp();
  await order("a", "watch, 60");
  tap.see("in", PEER, () => {
    throw new TypeError("a mistake");
  });
  state.tick();
  const { events } = decodeEvents(state.sent.get("a")![0]!)!;
  assertEquals(events.map(({ what }) => what), ["something that could not be described"]);
});

// watch.md 2.6
Deno.test("a server that stops sends what waits, and says so", async () => {
  const { state, tap, watchers, order } = setUp();
  await order("a", "watch, 60");
  tap.see("in", PEER, () => ({ what: "x" }));
  watchers.close();
  const sent = state.sent.get("a")!.map((datagram) => decodeEvents(datagram)!);
  assertEquals(sent.map(({ first, events }) => [first, events.length]), [[1, 1], [2, 0]]);
  assertEquals(tap.isOn, false);
});
